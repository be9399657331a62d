// The bytes: heads, bodies and events, as they went over the wire.

import { classes, html, useEffect, useMemo, useState } from "../lib/dom.js";
import { address, get, useAnswer } from "../lib/api.js";
import { bytes, duration, grouped, visible } from "../lib/format.js";
import { inPieces, indented } from "../lib/json.js";
import { Copy, Fault, Loaded } from "./common.js";

/** Headers that are shown before the others are asked for. */
const HEADERS_SHOWN = 14;
/** Bytes of a body that are loaded at once to be indented; a longer one is shown as it was sent. */
const INDENTED_BYTES_MAX = 1 << 20;
/** Characters whose names of fields get a colour. */
const COLOURED_CHARS_MAX = 300_000;
/** So long after the last key the events are asked for. */
const PAUSE_MS = 200;

export function Raw({ exchange }) {
  const answer = useAnswer(`exchanges/${exchange.id}/raw`);
  return html`<${Loaded} answer=${answer}>${({ request, reply }) => html`
    <div class="raw-sides">
      <${Side} id=${exchange.id} which="request" title="Request" sent=${request} />
      <${Side} id=${exchange.id} which="reply" title="Reply" sent=${reply} />
    </div>
    <${Events} id=${exchange.id} />`}</${Loaded}>`;
}

function Side({ id, which, title, sent }) {
  if (!sent) {
    return html`<section class="panel" data-side=${which}><header><h2>${title}</h2></header><div class="body dim">${which === "reply" ? "No reply came." : "Its bytes are not kept apart."}</div></section>`;
  }
  const facts = [
    `${bytes(sent.wire_bytes)} on the wire`,
    sent.coding && `${sent.coding}: ${bytes(sent.body_bytes)} decoded`,
    sent.chunked && "chunked",
    sent.pieces > 1 && `came ${grouped(sent.pieces)} times in ${duration(sent.last_ms - sent.first_ms)}`,
    sent.rest_bytes > 0 && (sent.start ? `${bytes(sent.rest_bytes)} behind the head` : "messages, see below"),
  ].filter(Boolean);
  return html`
    <section class="panel raw-side" data-side=${which} aria-label=${title}>
      <header>
        <h2>${title}</h2>
        <span class="grow dim">${facts.join(" · ")}</span>
        <a class="button" download href=${address(`exchanges/${id}/raw/${which}`)} title="As they went over the wire; credentials replaced">Exact bytes</a>
        ${(sent.coding || sent.chunked) && html`<a class="button" download href=${address(`exchanges/${id}/raw/${which}`, { decoded: 1 })} title="Codings undone">Body</a>`}
      </header>
      <div class="body">
        ${sent.cut > 0 && html`<p class="warn">${bytes(sent.cut)} are missing: a limit left them out.</p>`}
        ${sent.notes.map((note) => html`<p class="warn">${note}</p>`)}
        ${sent.start && html`<pre class="start-line">${visible(sent.start)}</pre>`}
        <${Lines} lines=${sent.headers} label=${`Headers of the ${which}`} />
        ${sent.trailers.length > 0 && html`<h3 class="under">Behind the body</h3><${Lines} lines=${sent.trailers} label="Trailers" />`}
        <${Body} id=${id} which=${which} sent=${sent} />
      </div>
    </section>`;
}

function Lines({ lines, label }) {
  const [all, setAll] = useState(lines.length <= HEADERS_SHOWN + 3);
  const shown = all ? lines : lines.slice(0, HEADERS_SHOWN);
  if (lines.length === 0) return null;
  return html`
    <table class="plain headers" aria-label=${label}><tbody>
      ${shown.map((line) => html`<tr><th scope="row">${visible(line.name)}</th>
        <td><span class="value">${visible(line.value)}</span>${line.secret && html` <span class="badge warn" title="The credential itself is not kept; the same one has the same fingerprint in this capture">fingerprint</span>`}</td></tr>`)}
    </tbody></table>
    ${!all && html`<button class="plain" onClick=${() => setAll(true)}>${lines.length - shown.length} more headers</button>`}`;
}

function Body({ id, which, sent }) {
  const [pieces, setPieces] = useState([]);
  const [next, setNext] = useState(0);
  const [error, setError] = useState(null);
  const [asSent, setAsSent] = useState(false);
  const isSmall = sent.body_bytes <= INDENTED_BYTES_MAX;
  const load = async () => {
    try {
      let from = next;
      const had = [];
      do {
        const piece = await get(`exchanges/${id}/body/${which}`, { from });
        had.push(piece.text);
        from = piece.next;
      } while (isSmall && from != null);
      setPieces((old) => [...old, ...had]);
      setNext(from);
    } catch (fault) {
      setError(fault);
    }
  };
  useEffect(() => {
    if (sent.body_bytes > 0) load();
  }, []);
  const text = useMemo(() => pieces.join(""), [pieces]);
  const pretty = useMemo(() => (next == null && sent.text ? indented(text) : null), [text, next]);
  if (sent.body_bytes === 0 && sent.rest_bytes > 0) return null;
  if (sent.body_bytes === 0) return html`<p class="dim under">No body.</p>`;
  const shown = pretty != null && !asSent ? pretty : text;
  return html`
    <div class="body-head under">
      <h3 class="grow">Body <span class="dim">${bytes(sent.body_bytes)}${sent.content_type ? ` · ${sent.content_type}` : ""}${sent.text ? "" : " · no text: what is no UTF-8 shows as �"}</span></h3>
      ${pretty != null && html`<button aria-pressed=${asSent ? "true" : "false"} onClick=${() => setAsSent(!asSent)}>As sent</button>`}
      ${sent.text && next == null && html`<${Copy} text=${() => text} />`}
    </div>
    ${error && html`<${Fault} error=${error} />`}
    <${Text} text=${shown} coloured=${pretty != null && !asSent && shown.length <= COLOURED_CHARS_MAX} label=${`Body of the ${which}`} />
    ${next != null && pieces.length > 0 && html`<div class="more"><button onClick=${load}>More: ${bytes(next)} of ${bytes(sent.body_bytes)} shown</button></div>`}`;
}

/** A long text, of which a browser lays out what is seen. */
function Text({ text, coloured, label }) {
  const pieces = useMemo(() => inPieces(visible(text)), [text]);
  return html`<div class="code-block" tabindex="0" role="region" aria-label=${label}>
    ${pieces.map((piece) => html`<pre>${coloured ? piece.split(/(?<=\n)/).map(coloredLine) : piece}</pre>`)}
  </div>`;
}

function coloredLine(line) {
  const found = /^(\s*)("(?:[^"\\]|\\.)*")(: [^]*)$/.exec(line);
  return found ? html`${found[1]}<span class="key">${found[2]}</span>${found[3]}` : line;
}

const FORMS = {
  sse: "Server-sent events",
  json: "JSON documents",
  event_stream: "Event stream messages",
  envelopes: "gRPC messages",
  web_socket: "WebSocket messages",
};

function Events({ id }) {
  const [find, setFind] = useState("");
  const [asked, setAsked] = useState("");
  const [items, setItems] = useState([]);
  const [page, setPage] = useState(null);
  const [error, setError] = useState(null);
  useEffect(() => {
    const timer = setTimeout(() => setAsked(find.trim()), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [find]);
  const load = async (after, signal) => {
    try {
      const page = await get(`exchanges/${id}/events`, { find: asked, after }, { signal });
      setItems((had) => (after == null ? page.items : [...had, ...page.items]));
      setPage(page);
    } catch (fault) {
      if (fault.name !== "AbortError") setError(fault);
    }
  };
  useEffect(() => {
    const abort = new AbortController();
    load(null, abort.signal);
    return () => abort.abort();
  }, [id, asked]);
  const most = useMemo(() => Math.max(1, ...items.map((item) => item.after_ms)), [items]);
  if (error) return html`<${Fault} error=${error} />`;
  if (!page || page.form === "whole") return null;
  const isSocket = page.form === "web_socket";
  return html`
    <section class="panel events" aria-label=${FORMS[page.form]} data-events>
      <header>
        <h2>${FORMS[page.form]}</h2><span class="grow dim">${grouped(page.total)}</span>
        <input type="search" placeholder="Only those with …" aria-label="Filter events" value=${find} onInput=${(event) => setFind(event.target.value)} />
      </header>
      ${items.length === 0 && html`<div class="body dim">${asked ? "No event has that." : "There are none."}</div>`}
      ${items.length > 0 && html`<div class="event-list" role="list">
        <div class="event-head" aria-hidden="true"><span class="number">#</span><span class="number">at</span><span>since the one before</span><span>event</span></div>
        ${items.map((item) => html`<${EventRow} key=${item.index} item=${item} most=${most} isSocket=${isSocket} />`)}
      </div>`}
      ${page.next != null && html`<div class="more"><button onClick=${() => load(page.next)}>More: ${grouped(items.length)} shown</button></div>`}
    </section>`;
}

function EventRow({ item, most, isSocket }) {
  const [open, setOpen] = useState(false);
  const share = item.after_ms <= 0 ? 0 : Math.max(0.02, item.after_ms / most);
  return html`
    <div class=${classes("event", { open })} role="listitem">
      <button class="event-line" aria-expanded=${open ? "true" : "false"} onClick=${() => setOpen(!open)}>
        <span class="dim number">${item.index}</span>
        <span class="number">${item.ms.toFixed(item.ms < 10_000 ? 1 : 0)} ms</span>
        <span class="gap"><i style=${{ width: `${share * 100}%` }} class=${item.after_ms > 1000 ? "long" : ""}></i><b>${item.after_ms >= 0.05 ? `+${duration(item.after_ms)}` : ""}</b></span>
        <span class="what">${isSocket && html`<span class=${classes("way", { sent: item.sent })} title=${item.sent ? "sent by the app" : "received"}>${item.sent ? "↑" : "↓"}</span>`}${item.name && html`<span class="name">${visible(item.name)}</span>`}<code>${visible(item.text.slice(0, 400))}</code></span>
      </button>
      ${open && html`<div class="event-text"><${Text} text=${indented(item.text) ?? item.text} coloured=${true} label=${`Event ${item.index}`} />
        ${item.cut && html`<p class="dim">Cut: it has ${bytes(item.bytes)}. The body has it whole.</p>`}</div>`}
    </div>`;
}
