// A text of any length: folded after a screen, whole in chunks that the browser draws when they
// are seen; as Markdown, as JSON or as it was written.

import { createContext, html, useContext, useEffect, useMemo, useState } from "../lib/dom.js";
import { bytes, grouped, visible } from "../lib/format.js";
import { Code, Markdown, isReadable } from "./markdown.js";

/** So much of a text is shown before it is unfolded. */
const LINES_MAX = 40;
const CHARS_MAX = 6000;
/** Longer JSON is not set in lines. */
const JSON_CHARS_MAX = 1_000_000;
/** Lines and characters of a chunk. */
const CHUNK_LINES = 200;
const CHUNK_CHARS = 16_000;

/** What is looked for in the texts below, in lower case; "" if nothing is. */
export const Sought = createContext("");

let written = localStorage.getItem("as-written") === "yes";
const listeners = new Set();

/** Whether texts are shown as they were written, and how to change that. */
export function useAsWritten() {
  const [is, set] = useState(written);
  useEffect(() => {
    listeners.add(set);
    set(written);
    return () => listeners.delete(set);
  }, []);
  return [is, () => {
    written = !written;
    localStorage.setItem("as-written", written ? "yes" : "no");
    for (const listener of listeners) listener(written);
  }];
}

/** The button for it. */
export function AsWritten() {
  const [is, toggle] = useAsWritten();
  return html`<button aria-pressed=${is} onClick=${toggle} title="Show texts to the letter, not as Markdown or JSON">As written</button>`;
}

/** The beginning of a text of which more than a screen is left; null if it is short. */
export function beginning(text, lines = LINES_MAX, chars = CHARS_MAX) {
  let end = -1;
  for (let line = 0; line < lines; line += 1) {
    end = text.indexOf("\n", end + 1);
    if (end < 0 || end > chars) break;
  }
  if (end < 0 && text.length <= chars) return null;
  let at = end < 0 || end > chars ? chars : end;
  // Not inside a character of two units.
  if (/[\uD800-\uDBFF]/.test(text[at - 1] ?? "")) at -= 1;
  // A few lines more are not worth a button.
  return text.length - at < 400 ? null : text.slice(0, at);
}

/** A text in pieces of whole lines, where they are not too long for that. */
export function chunks(text) {
  const pieces = [];
  let from = 0;
  while (from < text.length) {
    let at = from;
    for (let line = 0; line < CHUNK_LINES && at - from < CHUNK_CHARS; line += 1) {
      const next = text.indexOf("\n", at);
      if (next < 0 || next - from > 2 * CHUNK_CHARS) {
        at = next < 0 && text.length - from <= 2 * CHUNK_CHARS ? text.length : from + CHUNK_CHARS;
        if (/[\uD800-\uDBFF]/.test(text[at - 1] ?? "")) at += 1;
        break;
      }
      at = next + 1;
    }
    pieces.push(text.slice(from, at));
    from = at;
  }
  return pieces;
}

/** The value of a text that is JSON of several things; undefined if it is not. */
export function parsed(text) {
  if (text.length > JSON_CHARS_MAX || !/^\s*[[{]/.test(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const lineCount = (text) => {
  let count = 1;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) count += 1;
  return count;
};

/** How much a text is: in lines, but of long lines in characters. */
function sizeOf(text) {
  const lines = lineCount(text);
  return text.length / lines > 400 ? `${grouped(text.length)} characters` : `${grouped(lines)} lines`;
}

/**
 * A text. `kind` is "markdown" or "plain"; `lines` says after how many it is folded; `cut` how
 * many bytes it has if not all of it is here, and `whole()` then gets all.
 */
export function Words({ text, kind = "plain", lines, cut, whole }) {
  const [asWritten] = useAsWritten();
  const sought = useContext(Sought);
  const [isOpen, setOpen] = useState(null);
  const [all, setAll] = useState(null);
  const [fault, setFault] = useState(null);
  const had = all ?? text;
  const value = useMemo(() => (asWritten ? undefined : parsed(had)), [had, asWritten]);
  const shownText = useMemo(() => (value === undefined ? had : JSON.stringify(value, null, 2)), [had, value]);
  const start = useMemo(() => beginning(shownText, lines, lines ? lines * 150 : undefined), [shownText, lines]);
  const isCut = cut && all == null;
  const hasIt = sought && start != null && shownText.toLowerCase().indexOf(sought, Math.max(0, start.length - sought.length)) >= 0;
  const open = isOpen ?? Boolean(hasIt);
  const body = start == null || open ? shownText : start;
  const unfold = async () => {
    if (isCut && whole) {
      try {
        setAll(await whole());
      } catch (error) {
        setFault(error.message);
        return;
      }
    }
    setOpen(true);
  };
  const isFolded = (start != null && !open) || isCut;
  return html`
    <div class="words-of">
      ${value !== undefined ? html`<${Json} text=${body} />`
        : kind === "markdown" && !asWritten && isReadable(body) ? html`<${Markdown} text=${body} />` : html`<${Plain} text=${body} />`}
      ${isFolded && html`<button class="unfold" onClick=${unfold}>Show all ${isCut ? bytes(cut) : sizeOf(shownText)}</button>`}
      ${!isFolded && start != null && html`<button class="unfold" onClick=${() => setOpen(false)}>Fold</button>`}
      ${fault && html`<span class="bad"> ${fault}</span>`}
    </div>`;
}

const Json = ({ text }) => (text.length > 50_000 ? html`<${Plain} text=${text} />` : html`<${Code} text=${text} language="json" />`);

/** A text to the letter. */
export function Plain({ text }) {
  if (text.length <= 2 * CHUNK_CHARS) return html`<pre class="plain-text">${visible(text)}</pre>`;
  return html`<div class="chunks">${chunks(text).map((piece) => html`<pre class="plain-text chunk" style=${{ containIntrinsicHeight: `auto ${Math.max(1, lineCount(piece)) * 19}px` }}>${visible(piece)}</pre>`)}</div>`;
}
