// What Overhear and people say of an exchange.

import { html, useState } from "../lib/dom.js";
import { post } from "../lib/api.js";
import { visible } from "../lib/format.js";
import { Fault } from "./common.js";

export function Notes({ exchange, reload }) {
  const [error, setError] = useState(null);
  const [busy, setBusy] = useState(false);
  const { annotations, notes } = exchange;
  const say = async (what) => {
    setBusy(true);
    try {
      await post(`exchanges/${encodeURIComponent(exchange.id)}/annotations`, what);
      setError(null);
      reload();
      return true;
    } catch (fault) {
      setError(fault);
      return false;
    } finally {
      setBusy(false);
    }
  };
  return html`
    ${error && html`<${Fault} error=${error} />`}
    <div class="notes-page">
      <section class="panel" aria-label="Yours">
        <header><h2 class="grow">Yours</h2>
          <button aria-pressed=${annotations.pinned ? "true" : "false"} disabled=${busy} onClick=${() => say({ pin: !annotations.pinned })}>${annotations.pinned ? "Pinned" : "Pin"}</button></header>
        <div class="body">
          <p class="dim">${annotations.pinned ? "It stays, whatever its age and the capture's size." : "Pinned, it stays whatever its age and the capture's size."}</p>
          <h3>Tags</h3>
          <div class="tag-list">
            ${annotations.tags.map((tag) => html`<span class="badge tagged"><a href=${`/exchanges?q=${encodeURIComponent(`tag:${tag}`)}`}>#${visible(tag)}</a><button class="plain" aria-label=${`Remove the tag ${tag}`} disabled=${busy} onClick=${() => say({ tag, remove: true })}>×</button></span>`)}
            <${Field} label="Add a tag" placeholder="a word" busy=${busy} add=${(tag) => say({ tag })} />
          </div>
          <h3 class="under">Notes</h3>
          ${annotations.notes.map((note) => html`<div class="note"><p class="grow">${visible(note)}</p><button class="plain" aria-label="Remove the note" disabled=${busy} onClick=${() => say({ note, remove: true })}>×</button></div>`)}
          <${Field} label="Add a note" placeholder="a sentence to remember" long busy=${busy} add=${(note) => say({ note })} />
        </div>
      </section>
      <section class="panel" aria-label="Overhear's">
        <header><h2>Overhear's</h2><span class="dim">what could not be read, was cut or replaced</span></header>
        <div class="body">${notes.length === 0 ? html`<p class="dim">Nothing: all of it was read.</p>` : html`<ul class="own-notes">${notes.map((note) => html`<li>${visible(note)}</li>`)}</ul>`}</div>
      </section>
    </div>`;
}

function Field({ label, placeholder, long, busy, add }) {
  const [text, setText] = useState("");
  const send = async (event) => {
    event.preventDefault();
    if (text.trim() && (await add(text.trim()))) setText("");
  };
  const keys = (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send(event);
  };
  const input = long
    ? html`<textarea rows="2" aria-label=${label} placeholder=${placeholder} value=${text} onInput=${(event) => setText(event.target.value)} onKeyDown=${keys}></textarea>`
    : html`<input aria-label=${label} placeholder=${placeholder} autocomplete="off" value=${text} onInput=${(event) => setText(event.target.value)} />`;
  return html`<form class=${long ? "say long" : "say"} onSubmit=${send}>${input}<button disabled=${busy || !text.trim()}>Add</button></form>`;
}
