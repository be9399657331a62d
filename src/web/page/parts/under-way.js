// An exchange that is not stored yet: its answer as it grows, until it is.

import { html, useEffect, useRef, useState } from "../lib/dom.js";
import { follow, joined } from "../lib/live.js";
import { Since } from "./common.js";
import { setLiveState } from "./live-state.js";

/** How long nothing may be heard of it before it is taken for stored. */
const PATIENCE_MS = 2500;

/** Follows the exchange `id`; calls `stored` once it is in the capture, or if nothing is heard of it. */
export function UnderWay({ id, stored }) {
  const [asked, setAsked] = useState(null);
  const isHeard = useRef(false);
  useEffect(() => {
    const timer = setTimeout(() => isHeard.current || stored(), PATIENCE_MS);
    const end = follow("is:any", {
      state: setLiveState,
      asked: (found) => {
        if (found.id !== id) return;
        isHeard.current = true;
        setAsked(found);
      },
      grown: (grown) => grown.id === id && setAsked((had) => had && { ...had, said: joined(had.said, grown.said) }),
      exchange: (row) => row.id === id && stored(),
    });
    return () => {
      clearTimeout(timer);
      end();
      setLiveState("off");
    };
  }, [id]);
  if (!asked) return html`<p class="dim" role="status">Loading…</p>`;
  return html`
    <div class="toolbar"><h1 class="grow">${asked.app || "An app"} <span class="dim">→</span> <span class="mono">${asked.model ?? asked.path}</span></h1>
      <span class="badge good">answering</span><span class="dim number"><${Since} at=${asked.started_at} /></span></div>
    ${asked.first_words && html`<section class="panel"><header><span class="role user">user</span></header><div class="body"><pre>${asked.first_words}</pre></div></section>`}
    <section class="panel" aria-live="off"><header><span class="role assistant">assistant</span></header>
      <div class="body">${asked.said.map((piece) => html`<pre class=${piece.kind === "reasoning" ? "dim" : null}>${piece.kind === "call" ? `→ ${piece.text}` : piece.text}</pre>`)}</div></section>`;
}
