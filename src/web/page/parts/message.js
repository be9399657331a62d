// A message and its parts, as people read them.

import { classes, html, useEffect, useRef, useState } from "../lib/dom.js";
import { get } from "../lib/api.js";
import { bytes, visible } from "../lib/format.js";
import { Copy } from "./common.js";
import { Words, useAsWritten } from "./words.js";

/** Lines of reasoning, and of what a tool gave, before they are unfolded. */
const REASONING_LINES = 6;
const RESULT_LINES = 14;

/** The colour and the word of a role. */
export function voice(role) {
  const name = role.toLowerCase();
  if (name === "system" || name === "developer") return "system";
  if (["assistant", "model", "ai", "bot", "chatbot"].includes(name)) return "assistant";
  if (name === "tool" || name === "function") return "tool";
  return "user";
}

/** All words of parts, for copying and for finding. */
export function words(parts) {
  return parts.map((part) => {
    switch (part.type) {
      case "tool_call": return `${part.name} ${typeof part.arguments === "string" ? part.arguments : JSON.stringify(part.arguments, null, 2)}`;
      case "tool_result": return words(part.parts);
      case "other": return JSON.stringify(part.value, null, 2);
      default: return part.text ?? part.transcript ?? "";
    }
  }).filter(Boolean).join("\n\n");
}

/**
 * A message. `from` is { id, list, index }: where it stands, to get all of a text that was cut.
 * `tools` are the pairs of calls and results around it.
 */
export function Message({ role, parts, from, tools, label, note }) {
  const shown = parts.map((part, at) => [part, at]).filter(([part]) => !tools?.paired.has(part));
  if (!shown.length && parts.length) return null;
  // A provider may carry results in messages of the user.
  const isResults = shown.length > 0 && shown.every(([part]) => part.type === "tool_result");
  const kind = isResults ? "tool" : voice(role);
  return html`
    <section class=${classes("message", kind)} data-role=${role}>
      <header><span class=${`role ${kind}`}>${label ?? (isResults ? "tool" : role)}</span>${note && html`<span class="dim">${note}</span>`}
        <span class="grow"></span><span class="quiet"><${Copy} text=${() => words(shown.map(([part]) => part))} title="Copy the words of this message" /></span></header>
      ${shown.length ? shown.map(([part, at]) => html`<${Part} key=${at} part=${part} role=${kind} from=${from && { ...from, path: [at] }} tools=${tools} />`) : html`<p class="dim none">nothing</p>`}
    </section>`;
}

/** A part of a message, of any type. */
export function Part({ part, role, from, tools }) {
  const whole = part.cut && from ? async () => textAt(await parts(from), from.path) : null;
  switch (part.type) {
    case "text":
      return html`<${Words} text=${part.text} kind=${role === "tool" ? "plain" : "markdown"} cut=${part.cut} whole=${whole} />`;
    case "reasoning": return html`<${Reasoning} part=${part} whole=${whole} />`;
    case "tool_call": return html`<${Call} part=${part} result=${tools?.results.get(part)} from=${from} />`;
    case "tool_result": return html`<div class="call"><${Result} part=${part} from=${from} name=${part.name} /></div>`;
    case "image": return html`<${Picture} part=${part} from=${from} />`;
    case "audio": return html`<div class="thing"><span class="badge">sound</span> ${facts(part.mime_type, bytes(part.bytes), part.id)}${part.transcript && html`<${Words} text=${part.transcript} />`}</div>`;
    case "file": return html`<div class="thing"><span class="badge">file</span> ${facts(part.name, part.mime_type, bytes(part.bytes), part.file_id)} ${part.url && html`<${Address} url=${part.url} />`}${part.text && html`<${Words} text=${part.text} lines=${RESULT_LINES} />`}</div>`;
    default: return html`<div class="thing"><span class="badge">${part.value?.type ?? part.type}</span><${Words} text=${JSON.stringify(part.value ?? part)} lines=${RESULT_LINES} /></div>`;
  }
}

const facts = (...all) => html`<span class="dim">${visible(all.filter(Boolean).join(" · "))}</span>`;

/** The parts of a whole message, from the API. */
async function parts({ id, list, index }) {
  return (await get(`exchanges/${id}/${list}/${index}`)).parts;
}

function textAt(parts, path) {
  let part = null;
  for (const at of path) {
    part = parts[at];
    parts = part?.parts ?? [];
  }
  return part?.text ?? words([part]);
}

function Reasoning({ part, whole }) {
  return html`<div class="reasoning-of"><span class="role reasoning">reasoning</span>
    ${part.text ? html`<${Words} text=${part.text} kind="markdown" lines=${REASONING_LINES} cut=${part.cut} whole=${whole} />`
      : html`<p class="dim">kept by the provider${part.signature ? `, ${bytes(part.signature.length)} of it sealed` : ""}</p>`}
  </div>`;
}

/** A call of a tool, and what came of it. */
function Call({ part, result, from }) {
  const [asWritten] = useAsWritten();
  const { arguments: given } = part;
  const isObject = given && typeof given === "object" && !Array.isArray(given);
  return html`
    <div class="call" data-call=${part.id}>
      <div class="call-head"><span class="role tool">call</span><span class="mono name">${part.name}</span><span class="grow"></span>${part.id && html`<span class="dim mono id" title=${part.id}>${part.id.slice(-8)}</span>`}</div>
      ${isObject && !asWritten
        ? html`<dl class="args">${Object.entries(given).map(([name, value]) => html`<${Argument} key=${name} name=${name} value=${value} />`)}</dl>`
        : html`<div class="args"><${Words} text=${typeof given === "string" ? given : JSON.stringify(given, null, 2) ?? ""} lines=${RESULT_LINES} cut=${part.cut} whole=${part.cut && from ? async () => JSON.stringify((await parts(from))[from.path[0]].arguments, null, 2) : null} /></div>`}
      ${result && html`<${Result} part=${result} from=${null} />`}
    </div>`;
}

function Argument({ name, value }) {
  const text = typeof value === "string" ? value : JSON.stringify(value, null, typeof value === "object" ? 2 : 0) ?? "";
  const isLong = text.length > 90 || text.includes("\n");
  return html`<div class=${classes({ long: isLong })}><dt>${visible(name)}</dt><dd>${isLong ? html`<${Words} text=${text} lines=${RESULT_LINES} />` : html`<code>${visible(text)}</code>`}</dd></div>`;
}

function Result({ part, from, name }) {
  return html`<div class=${classes("result", { bad: part.is_error })}>
    <div class="call-head"><span class="role tool">result</span>${name && html`<span class="mono name">${name}</span>`}${part.is_error && html`<span class="badge bad">error</span>`}</div>
    ${part.parts.length ? part.parts.map((inner, at) => (inner.type === "text"
      ? html`<${Words} key=${at} text=${inner.text} lines=${RESULT_LINES} cut=${inner.text.length > 20_000 ? part.cut : null}
          whole=${part.origin || from ? async () => { const place = part.origin ?? from; return textAt(await parts(place), [...place.path, at]); } : null} />`
      : html`<${Part} key=${at} part=${inner} role="tool" from=${part.origin ?? from} />`)) : html`<p class="dim none">nothing</p>`}
  </div>`;
}

function Address({ url }) {
  return /^https?:/i.test(url)
    ? html`<a href=${url} target="_blank" rel="noopener noreferrer">${visible(url)}</a>`
    : html`<code>${visible(url)}</code>`;
}

/** A picture: from the capture, never from another host. */
function Picture({ part, from }) {
  // Of another kind it is not asked for: an SVG is a document that could run scripts.
  const [failed, setFailed] = useState(part.mime_type != null && !/^(image\/)?(png|jpe?g|gif|webp)$/i.test(part.mime_type));
  const said = facts(part.mime_type, bytes(part.bytes), part.file_id);
  if (part.media == null || !from) return html`<div class="thing"><span class="badge">picture</span> ${said} ${part.url && html`<${Address} url=${part.url} />`}</div>`;
  const address = `/api/exchanges/${from.id}/media/${part.media}`;
  return html`<figure class="picture">
    ${failed ? html`<p class="dim">This picture cannot be shown: it is not a PNG, JPEG, GIF or WebP, or its bytes were not kept.</p>`
      : html`<a href=${address} target="_blank" rel="noopener"><img src=${address} loading="lazy" decoding="async" alt="a picture of the conversation" onError=${() => setFailed(true)} /></a>`}
    <figcaption>${said}</figcaption>
  </figure>`;
}

/** Draws its children once they come near the screen; before, a place of about their height. */
export function Lazy({ height, children, force, ...rest }) {
  const place = useRef();
  const [near, setNear] = useState(Boolean(force));
  useEffect(() => (near ? undefined : nearby(place.current, () => setNear(true))), [near]);
  return html`<div ref=${place} ...${rest} style=${near || force ? null : { height: `${height}px` }}>${(near || force) && children()}</div>`;
}

const waiting = new WeakMap();
const observer = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    observer.unobserve(entry.target);
    waiting.get(entry.target)?.();
  }
}, { rootMargin: "1400px 0px" });

/** Calls `then` once an element comes near the screen; gives a function that calls it off. */
export function nearby(element, then) {
  waiting.set(element, then);
  observer.observe(element);
  return () => observer.unobserve(element);
}

/** Says of each result of a tool where it stands, so that it can be shown beside its call. */
export function located(messages, id, list) {
  messages.forEach((message, at) => message.parts.forEach((part, path) => {
    if (part.type === "tool_result") part.origin = { id, list, index: message.index ?? at, path: [path] };
  }));
  return messages;
}
