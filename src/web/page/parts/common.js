// Small parts that all views use.

import { Component, classes, html, useEffect, useState } from "../lib/dom.js";
import { duration } from "../lib/format.js";

/** What went wrong, and what to do. */
export function Fault({ error }) {
  const isLocked = error.status === 401;
  return html`<div class="fault" role="alert">
    <div>${isLocked ? "This browser has not been let in." : error.message}</div>
    ${isLocked
      ? html`<div class="hint">Open the link that <code>overhear</code> printed when it started; <code>overhear page</code> prints it again. Or paste its token:
          <form class="toolbar" onSubmit=${(event) => { event.preventDefault(); location.assign(withToken(event.target.token.value)); }}>
            <input name="token" aria-label="Token" autocomplete="off" spellcheck=${false} /><button>Let me in</button></form></div>`
      : error.hint && html`<div class="hint">${error.hint}</div>`}
  </div>`;
}

/** This address with a token, or the token of a whole link. */
function withToken(typed) {
  const token = typed.trim().split("token=").at(-1);
  const params = new URLSearchParams(location.search);
  params.set("token", token);
  return `${location.pathname}?${params}`;
}

/** Shows what an answer came to: its fault, a word while it is awaited, or `children(data)`. */
export function Loaded({ answer, children }) {
  if (answer.error) return html`<${Fault} error=${answer.error} />`;
  if (answer.data == null) return html`<p class="dim" role="status">Loading…</p>`;
  return children(answer.data);
}

/** A fault of a view shall not take the page down. */
export class Boundary extends Component {
  static getDerivedStateFromError(error) {
    return { error };
  }

  componentDidCatch(error) {
    console.error(error);
  }

  render({ children }, { error }) {
    return error ? html`<${Fault} error=${{ message: `the page failed: ${error.message}`, hint: "reload it; please report it" }} />` : children;
  }
}

const STATES = {
  complete: ["", "complete"],
  interrupted: ["warn", "interrupted"],
  failed: ["bad", "failed"],
  truncated: ["warn", "truncated"],
};

/** How an exchange ended: its status where that says more. */
export function StateBadge({ row }) {
  const [kind, word] = STATES[row.state] ?? ["", row.state];
  const text = row.state === "complete" ? String(row.status ?? "ok") : row.state === "failed" && row.status >= 400 ? `${row.status} failed` : word;
  return html`<span class=${classes("badge", kind)} title=${[word, row.error_type].filter(Boolean).join(": ")}>${text}</span>`;
}

/** A button that copies what `text()` gives, and says so. */
export function Copy({ text, label = "Copy", title }) {
  const [said, setSaid] = useState(null);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(await text());
      setSaid("Copied");
    } catch (error) {
      setSaid(`Not copied: ${error.message}`);
    }
    setTimeout(() => setSaid(null), 1600);
  };
  return html`<button onClick=${copy} title=${title} aria-live="polite">${said ?? label}</button>`;
}

/** How long ago, counting on. */
export function Since({ at }) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, []);
  return duration(Math.max(0, now - new Date(at)));
}
