// System prompts and sets of tools: which app sent which, and when they changed.

import { classes, html, useEffect, useMemo, useState } from "../lib/dom.js";
import { get, useAnswer } from "../lib/api.js";
import { bytes, count, fullTime, grouped, time, visible } from "../lib/format.js";
import { summary } from "../lib/difference.js";
import { useKeys } from "../lib/keys.js";
import { go, path, setParams } from "../lib/route.js";
import { Copy, Fault, Loaded } from "../parts/common.js";
import { Difference, Near } from "../parts/difference.js";
import { Search } from "../parts/search.js";

const KINDS = [["", "All"], ["system", "System prompts"], ["tools", "Tools"]];

/** Characters of a prompt that come into the page together. */
const CHUNK_CHARS = 12_000;

/** A longer line is cut for the page: no browser breaks a line of megabytes in time. */
const LINE_CHARS = 20_000;

/** So many of the latest changes are shown whole. */
const OPEN_CHANGES = 4;

/** Texts of an edition that are listed. */
const VARIANTS_MAX = 200;

export function Prompts({ rest, params }) {
  if (rest[0] === "changes") return html`<${Listed} params=${params} tab="changes" />`;
  if (rest.length) return html`<${One} key=${rest[0]} id=${rest[0]} />`;
  return html`<${Listed} params=${params} tab="prompts" />`;
}

function Listed({ params, tab }) {
  const { q = "", kind = "" } = params;
  const here = (name) => path(...(name === "changes" ? ["prompts", "changes"] : ["prompts"]), { q, kind });
  return html`
    <${Search} q=${q} placeholder="Filter: app:claude since:7d model:opus …" />
    <div class="tabs prompt-tabs">
      <span role="tablist" class="grow">${[["prompts", "Prompts"], ["changes", "Changes"]].map(([name, label]) => html`<a role="tab" href=${here(name)} aria-selected=${tab === name ? "true" : "false"} aria-current=${tab === name ? "true" : null}>${label}</a>`)}</span>
      <span class="chips" role="group" aria-label="Kind">
        ${KINDS.map(([name, label]) => html`<button aria-pressed=${kind === name ? "true" : "false"} onClick=${() => setParams({ kind: name })}>${label}</button>`)}
      </span>
    </div>
    <${tab === "changes" ? Changes : List} key=${`${tab} ${q} ${kind}`} q=${q} kind=${kind} />`;
}

/** A list that is read page by page. */
function usePages(what, params) {
  const [state, setState] = useState({ items: null, next: null, error: null, loading: true });
  const load = async (after) => {
    setState((had) => ({ ...had, loading: true }));
    try {
      const page = await get(what, { ...params, after });
      setState((had) => ({ items: after ? [...had.items, ...page.items] : page.items, next: page.next, error: null, loading: false }));
    } catch (error) {
      setState((had) => ({ ...had, error, loading: false }));
    }
  };
  useEffect(() => void load(null), []);
  return { ...state, more: () => load(state.next) };
}

function More({ pages }) {
  return pages.next && html`<div class="more"><button disabled=${pages.loading} onClick=${pages.more}>${pages.loading ? "Loading…" : "Older"}</button></div>`;
}

function List({ q, kind }) {
  const pages = usePages("prompts", { q, kind });
  const [chosen, setChosen] = useState(-1);
  const apps = useMemo(() => byApp(pages.items ?? []), [pages.items]);
  const newest = apps.flatMap(([, families]) => families.map((family) => family[0]));
  useEffect(() => document.querySelector('[aria-selected="true"].row')?.scrollIntoView({ block: "nearest" }), [chosen]);
  useKeys([
    { keys: ["j", "ArrowDown"], says: "next", run: () => setChosen((at) => Math.min(at + 1, newest.length - 1)) },
    { keys: ["k", "ArrowUp"], says: "before", run: () => setChosen((at) => Math.max(at - 1, 0)) },
    { keys: ["Enter", "o"], says: "open", run: () => newest[chosen] && go(path("prompts", newest[chosen].id)) },
  ]);
  if (pages.error) return html`<${Fault} error=${pages.error} />`;
  if (!pages.items) return html`<p class="dim" role="status">Loading…</p>`;
  if (!pages.items.length) return html`<div class="empty"><h2>No ${kind === "tools" ? "tools" : "prompt"} fits</h2><p>${q || kind ? html`<a href="/prompts">Show all</a>` : "What apps send as system prompt or as tools is listed here, once they did."}</p></div>`;
  return html`
    <div class="rows prompts" role="table" aria-label="Prompts">
      <div class="head" role="row"><span role="columnheader">Prompt</span><span role="columnheader">Kind</span><span role="columnheader">Begins</span><span role="columnheader">Versions</span>
        <span class="seen" role="columnheader">First and last seen</span><span class="number" role="columnheader">Times</span><span class="number" role="columnheader">Tokens</span><span class="number size" role="columnheader">Size</span></div>
      ${apps.map(([app, families]) => html`
        <div class="prompt-app" role="row"><span role="cell">${app || "unknown app"}</span><span class="dim" role="cell">${[families.length, families.length === 1 ? "prompt" : "prompts"].join(" ")}</span></div>
        ${families.map((family) => html`<${Family} family=${family} key=${app + family[0].id} isChosen=${family[0] === newest[chosen]} />`)}`)}
    </div>
    <${More} pages=${pages} />`;
}

/** Prompts by app, and inside by what followed what, the newest first. */
function byApp(items) {
  const apps = new Map();
  for (const item of items) {
    if (!apps.has(item.app)) apps.set(item.app, new Map());
    const families = apps.get(item.app);
    const key = item.kind + item.family;
    families.set(key, [...(families.get(key) ?? []), item]);
  }
  return [...apps].map(([app, families]) => [app, [...families.values()].map((family) => family.sort((a, b) => (a.first < b.first ? 1 : -1)))]);
}

const KIND = { system: "system", tools: "tools" };

function versions({ versions: all }) {
  return all.length > 1 ? `${all[0]} … ${all.at(-1)}` : all[0] ?? "";
}

function seen({ first, last }) {
  return first === last || time(first) === time(last) ? time(first) : `${time(first)} – ${time(last)}`;
}

function Family({ family, isChosen }) {
  const [newest] = family;
  return html`
    <a class="row" role="row" href=${path("prompts", newest.id)} aria-selected=${isChosen ? "true" : null} data-prompt=${newest.id}>
      <span class="mono" role="cell">${newest.id}</span>
      <span class=${classes("kind", newest.kind)} role="cell">${KIND[newest.kind]}</span>
      <span class="words" role="cell" title=${newest.begins}>${visible(newest.begins)}</span>
      <span class="dim" role="cell" title=${newest.versions.join(", ")}>${versions(newest)}</span>
      <span class="seen dim number" style="text-align:left" role="cell" title=${`${fullTime(newest.first)} – ${fullTime(newest.last)}`}>${seen(newest)}</span>
      <span class="number" role="cell" title=${`in ${grouped(newest.exchanges)} exchanges, ${newest.texts} different ${newest.texts === 1 ? "text" : "texts"}`}>${count(newest.exchanges)}×</span>
      <span class="number dim" role="cell" title="tokens, by our count">${count(newest.tokens)}</span>
      <span class="number dim size" role="cell">${bytes(newest.bytes)}</span>
    </a>
    ${family.length > 1 && html`<div class="row older" role="row"><span role="cell"></span><span class="editions dim" role="cell">${family.length} editions:
      ${family.map((edition, at) => html`<span class="nowrap"><a class="mono" href=${path("prompts", edition.id)}>${edition.id}</a> ${versions(edition)}${family[at + 1] && html` · <a href=${path("diff", family[at + 1].id, edition.id)}>what changed</a>`}</span>`)}</span></div>`}`;
}

function Changes({ q, kind }) {
  const pages = usePages("prompts/changes", { q, kind, limit: 30 });
  if (pages.error) return html`<${Fault} error=${pages.error} />`;
  if (!pages.items) return html`<p class="dim" role="status">Comparing…</p>`;
  if (!pages.items.length) return html`<div class="empty"><h2>No prompt changed for good</h2><p>What moves from turn to turn, such as the date, is no change.</p></div>`;
  return html`
    ${pages.items.map((change, at) => html`<${Change} change=${change} isFirst=${at < OPEN_CHANGES} key=${change.old.id + change.new.id} />`)}
    <${More} pages=${pages} />`;
}

function Change({ change, isFirst }) {
  const { old, new: now, difference } = change;
  const [isOpen, setOpen] = useState(isFirst);
  const section = now.kind === "tools" ? "tools" : "system";
  const [from, to] = [versions(old), versions(now)];
  return html`
    <article class="panel change" data-change-of=${now.id}>
      <header class="change-head">
        <strong>${visible(now.app || "unknown app")}</strong><span>${from === to ? to : `${from || "?"} → ${to || "?"}`}</span>
        <span class=${classes("kind", now.kind)}>${KIND[now.kind]}</span>
        <span class="dim" title=${fullTime(change.at)}>${time(change.at)}</span>
        <span class="mono"><a href=${path("prompts", old.id)}>${old.id}</a> → <a href=${path("prompts", now.id)}>${now.id}</a></span>
        <span class="grow"></span><a href=${path("diff", old.id, now.id)}>Compare whole</a>
      </header>
      <details open=${isOpen} onToggle=${(event) => setOpen(event.currentTarget.open)}>
        <summary>${summary(section, difference) || "only what moves differs"}</summary>
        ${isOpen && html`<${Difference} difference=${difference} sections=${[section]} mode="inline" />`}
      </details>
    </article>`;
}

function One({ id }) {
  const answer = useAnswer(`prompts/${encodeURIComponent(id)}`);
  useKeys([{ keys: ["d"], says: "what changed since the edition before", run: () => {
    const own = ownOf(answer.data);
    if (own?.follows) go(path("diff", own.follows, answer.data.id));
  } }]);
  return html`<${Loaded} answer=${answer}>${(prompt) => html`<${Shown} prompt=${prompt} />`}</${Loaded}>`;
}

/** The edition that a text is one of. */
const ownOf = (prompt) => prompt?.editions.find((edition) => edition.variants.some((text) => text.id === prompt.id));

function Shown({ prompt }) {
  const own = ownOf(prompt);
  const text = own?.variants.find((variant) => variant.id === prompt.id);
  const isTools = prompt.kind === "tools";
  const fact = (name, value, title) => value && html`<div title=${title}><dt>${name}</dt><dd>${value}</dd></div>`;
  const moves = prompt.pieces.some((piece) => !piece.lasts);
  const whole = () => (isTools ? JSON.stringify(prompt.tools, null, 2) : prompt.pieces.map((piece) => piece.text).join(""));
  return html`
    <div class="toolbar prompt-head">
      <h1 class="grow">${isTools ? "Tools" : "System prompt"} <span class="mono">${prompt.id}</span>${own && html` <span class="dim">of</span> ${visible(own.app || "an unknown app")}`}</h1>
      ${own?.follows && html`<a class="button" href=${path("diff", own.follows, prompt.id)} title="Since the edition before (d)">What changed</a>`}
      <a class="button" href=${path("exchanges", { q: `prompt:${prompt.id}` })}>Exchanges with it</a>
      <${Copy} text=${whole} />
    </div>
    <dl class="facts panel-facts">
      ${fact("size", bytes(prompt.bytes))}
      ${fact("tokens", count(prompt.tokens), `${grouped(prompt.tokens)} by our count`)}
      ${isTools && fact("tools", String(prompt.tools.length))}
      ${fact("sent", text && `${grouped(text.exchanges)}×`, "this text, letter by letter")}
      ${fact("first", text && time(text.first), fullTime(text?.first))}
      ${fact("last", text && time(text.last), fullTime(text?.last))}
      ${fact("versions", own && versions(own), own?.versions.join(", "))}
    </dl>
    <div class="prompt-one">
      <section class="panel" aria-label="Text">
        ${moves && html`<header><span class="moves-key"><i></i>moves from turn to turn</span></header>`}
        ${isTools ? html`<${ToolSet} tools=${prompt.tools} />` : html`<${PromptText} pieces=${prompt.pieces} />`}
      </section>
      <aside aria-label="Editions"><${Timeline} prompt=${prompt} /></aside>
    </div>`;
}

function ToolSet({ tools }) {
  return html`<div class="section">${tools.map((tool) => html`<${Tool} tool=${tool} />`)}</div>`;
}

function Tool({ tool }) {
  const [isOpen, setOpen] = useState(false);
  const first = (tool.description ?? "").split("\n").find((line) => line.trim()) ?? "";
  return html`
    <details class="item" onToggle=${(event) => setOpen(event.currentTarget.open)}>
      <summary><strong class="mono">${visible(tool.name)}</strong><span class="dim cut">${visible(first.slice(0, 300))}</span></summary>
      ${isOpen && html`<${PromptText} pieces=${[{ lasts: true, text: [tool.description, JSON.stringify(tool.schema, null, 2)].filter(Boolean).join("\n\n") }]} />`}
    </details>`;
}

/** A text in chunks that end with a line, each [{ lasts, text }]. */
export function chunksOf(pieces) {
  const chunks = [[]];
  let size = 0;
  for (const { lasts, text } of pieces) {
    let from = 0;
    while (from < text.length) {
      const room = Math.max(1, CHUNK_CHARS - size);
      let to = Math.min(text.length, from + room);
      if (to < text.length) {
        const end = text.indexOf("\n", to);
        to = end >= 0 && end - from < LINE_CHARS ? end + 1 : Math.min(text.length, from + LINE_CHARS);
        // A pair of surrogates stays together.
        if (/[\ud800-\udbff]/.test(text[to - 1])) to += 1;
      }
      chunks.at(-1).push({ lasts, text: text.slice(from, to) });
      size += to - from;
      from = to;
      if (size >= CHUNK_CHARS) {
        chunks.push([]);
        size = 0;
      }
    }
  }
  return chunks.filter((chunk) => chunk.length);
}

/** A prompt as it was written; what moves is marked. */
function PromptText({ pieces }) {
  const chunks = useMemo(() => chunksOf(pieces), [pieces]);
  return html`<div class="prompt-text" data-prompt-text>${chunks.map((chunk, at) => html`<${Near} key=${at} isFirst=${at === 0} height=${height(chunk)}>${() => html`<${Chunk} chunk=${chunk} />`}</${Near}>`)}</div>`;
}

function Chunk({ chunk }) {
  return chunk.map((piece) => (piece.lasts ? visible(piece.text) : html`<span class="moves" title="moves from turn to turn">${visible(piece.text)}</span>`));
}

/** So high is a chunk, about, before it is made. */
const height = (chunk) => Math.round((chunk.reduce((sum, piece) => sum + piece.text.length, 0) / 80) * 19);

/** Editions, the newest first. */
function Timeline({ prompt }) {
  const editions = [...prompt.editions].reverse();
  if (!editions.length) return html`<p class="dim">No call of a model sent it.</p>`;
  const apps = new Set(editions.map((edition) => edition.app));
  const own = ownOf(prompt);
  // What the links "what changed" compare already.
  const isNext = (edition) => own?.follows === edition.id || own?.variants.some((text) => text.id === edition.follows);
  return html`
    <h2>${editions.length === 1 ? "One edition" : `${editions.length} editions`}</h2>
    <ol class="timeline">
      ${editions.map((edition) => {
        const isOwn = edition.variants.some((text) => text.id === prompt.id);
        return html`
          <li class=${classes({ own: isOwn })} aria-current=${isOwn ? "true" : null}>
            <div class="names">${isOwn ? html`<span class="own-name mono">${prompt.id}</span>` : html`<a class="mono" href=${path("prompts", edition.id)}>${edition.id}</a>`}
              <span>${[apps.size > 1 && (edition.app || "unknown app"), versions(edition)].filter(Boolean).join(" ")}</span></div>
            <div class="dim" title=${`${fullTime(edition.first)} – ${fullTime(edition.last)}`}>${seen(edition)} · ${grouped(edition.exchanges)}× · ${bytes(edition.bytes)}</div>
            ${edition.follows && html`<div><a href=${path("diff", edition.follows, edition.id)}>what changed</a></div>`}
            ${!isOwn && !isNext(edition) && html`<div><a href=${path("diff", ...(edition.first < (own?.first ?? "") ? [edition.id, prompt.id] : [prompt.id, edition.id]))}>compare with ${prompt.id}</a></div>`}
            ${edition.variants.length > 1 && html`<${Variants} edition=${edition} shown=${prompt.id} />`}
          </li>`;
      })}
    </ol>`;
}

/** Texts of one edition: they differ in what moves. */
function Variants({ edition, shown }) {
  const texts = [...edition.variants].reverse().slice(0, VARIANTS_MAX);
  const left = edition.variants.length - texts.length;
  return html`
    <details class="variants">
      <summary>${grouped(edition.variants.length)} texts that differ in what moves</summary>
      <ul>${texts.map((text) => html`
        <li>${text.id === shown ? html`<strong class="mono">${text.id}</strong>` : html`<a class="mono" href=${path("prompts", text.id)}>${text.id}</a>`}
          <span class="dim nowrap" title=${fullTime(text.first)}>${time(text.first)}</span><span class="dim nowrap">${text.exchanges}×</span>
          ${text.id !== shown && html`<a href=${path("diff", shown, text.id)}>compare</a>`}</li>`)}
        ${left > 0 && html`<li class="dim">and ${grouped(left)} older ones</li>`}</ul>
    </details>`;
}
