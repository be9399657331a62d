// The field above lists: one language with the command line, kept in the address.

import { html, useEffect, useRef, useState } from "../lib/dom.js";
import { useKeys } from "../lib/keys.js";
import { setParams } from "../lib/route.js";

/** So long after the last key the query is asked. */
const PAUSE_MS = 160;

const WORD = /\S*"(?:[^"\\]|\\.)*"?|\/(?:[^/\\]|\\.)*\/?|\S+/g;
const FILTER = /^[a-z-]+:(?!\/\/)/;

/** Whether a query looks for words, and does not only filter. */
export const hasWords = (q) => (q.match(WORD) ?? []).some((word) => !FILTER.test(word));

/** The query with a filter set to a value, or without it: withFilter(q, "app", "claude"). */
export function withFilter(q, name, value) {
  const others = (q.match(WORD) ?? []).filter((word) => !word.startsWith(`${name}:`));
  if (value != null) others.push(`${name}:${/[\s"]/.test(value) ? JSON.stringify(value) : value}`);
  return others.join(" ");
}

/** The search field; what is typed goes into the address. */
export function Search({ q, placeholder, children }) {
  const [typed, setTyped] = useState(q);
  const field = useRef();
  const timer = useRef();
  const sent = useRef(q);
  useEffect(() => {
    // A link or the browser's history changed it, not the keys.
    if (q !== sent.current) setTyped(q);
    sent.current = q;
  }, [q]);
  const ask = (value, options) => {
    clearTimeout(timer.current);
    sent.current = value.trim();
    setParams({ q: value.trim() }, options);
  };
  const type = (event) => {
    const { value } = event.target;
    setTyped(value);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => ask(value, { replace: true }), PAUSE_MS);
  };
  useEffect(() => () => clearTimeout(timer.current), []);
  useKeys([{ keys: ["/"], says: "search", run: () => { field.current.focus(); field.current.select(); } }]);
  return html`
    <form class="search" role="search" onSubmit=${(event) => { event.preventDefault(); ask(typed); field.current.blur(); }}>
      <input ref=${field} type="search" aria-label="Search and filter" autocomplete="off" autocapitalize="off" spellcheck=${false}
        placeholder=${placeholder} value=${typed} onInput=${type} />
      ${children}
    </form>`;
}
