// The conversations, that which went on last first.

import { classes, html, useCallback, useEffect, useRef, useState } from "../lib/dom.js";
import { get } from "../lib/api.js";
import { count, dollars, duration, fullTime, grouped, time } from "../lib/format.js";
import { useKeys } from "../lib/keys.js";
import { follow } from "../lib/live.js";
import { go, path } from "../lib/route.js";
import { Fault } from "../parts/common.js";
import { setLiveState } from "../parts/live-state.js";
import { Search, hasWords } from "../parts/search.js";

/** The list is read again at most so often while exchanges come. */
const RELOAD_MS = 2000;

export function Threads({ params }) {
  const q = params.q ?? "";
  return html`
    <${Search} q=${q} placeholder="Filter conversations: app:claude model:opus since:2h cost:0.1 state:failed …" />
    ${hasWords(q)
      ? html`<div class="empty"><h2>Words are looked for in exchanges</h2><p>This list takes filters. <a href=${path("exchanges", { q })}>Search the exchanges for them</a></p></div>`
      : html`<${List} key=${q} q=${q} />`}`;
}

function List({ q }) {
  const [rows, setRows] = useState([]);
  const [next, setNext] = useState(null);
  const [error, setError] = useState(null);
  const [loading, setLoading] = useState(true);
  const [chosen, setChosen] = useState(-1);
  const timer = useRef(null);

  const load = useCallback(async (after) => {
    setLoading(true);
    try {
      const page = await get("threads", { q, after });
      setRows((had) => {
        if (after) return [...had, ...page.items.filter((row) => !had.some((old) => old.thread === row.thread))];
        // What was paged in stays below what is new.
        const isHere = new Set(page.items.map((row) => row.thread));
        const oldest = page.items.at(-1);
        return page.next ? [...page.items, ...had.slice(page.items.length).filter((row) => !isHere.has(row.thread) && oldest && row.ended_at <= oldest.ended_at)] : page.items;
      });
      setNext((had) => (after || !had ? page.next : had));
      setError(null);
    } catch (fault) {
      setError(fault);
    }
    setLoading(false);
  }, [q]);

  useEffect(() => {
    load(null);
    const soon = () => {
      timer.current ??= setTimeout(() => { timer.current = null; load(null); }, RELOAD_MS);
    };
    const end = follow(q, { state: setLiveState, missed: () => load(null), exchange: soon });
    return () => {
      end();
      clearTimeout(timer.current);
      timer.current = null;
      setLiveState("off");
    };
  }, [q, load]);

  useEffect(() => {
    document.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" });
  }, [chosen]);
  useKeys([
    { keys: ["j", "ArrowDown"], says: "next", run: () => setChosen((at) => Math.min(at + 1, rows.length - 1)) },
    { keys: ["k", "ArrowUp"], says: "before", run: () => setChosen((at) => Math.max(at - 1, 0)) },
    { keys: ["Enter", "o"], says: "open", run: () => rows[chosen] && go(path("threads", rows[chosen].thread)) },
  ]);

  if (error) return html`<${Fault} error=${error} />`;
  if (!loading && !rows.length) {
    return html`<div class="empty"><h2>No conversation fits</h2><p>${q ? html`<a href="/threads">Show all</a>` : html`Exchanges that are no conversation stand among <a href="/exchanges">all exchanges</a>.`}</p></div>`;
  }
  return html`
    <div class="rows threads" role="table" aria-label="Conversations">
      <div class="head" role="row">
        <span role="columnheader">Last</span><span role="columnheader">App</span><span role="columnheader">Model</span><span role="columnheader">Began with</span>
        <span class="number" role="columnheader">turns</span><span class="number" role="columnheader">tokens</span><span class="number" role="columnheader">cost</span><span class="number wide" role="columnheader">span</span>
      </div>
      ${rows.map((row, at) => html`<${ThreadRow} key=${row.thread} row=${row} isChosen=${at === chosen} />`)}
    </div>
    ${next && html`<div class="more"><button disabled=${loading} onClick=${() => load(next)}>${loading ? "Loading…" : "Older"}</button></div>`}`;
}

/** So much of the cost is known. */
export const costOf = (row) => (row.cost_usd == null ? "" : `${row.cost_unknown ? "≥ " : ""}${dollars(row.cost_usd)}`);

function ThreadRow({ row, isChosen }) {
  const tokens = row.input == null && row.output == null ? "" : `${count(row.input) || "–"} → ${count(row.output) || "–"}`;
  const [model, ...others] = row.models;
  const span = new Date(row.ended_at) - new Date(row.started_at);
  return html`
    <a class="row" role="row" href=${path("threads", row.thread)} aria-selected=${isChosen ? "true" : null} data-thread=${row.thread}>
      <span class="when dim number nowrap" style="text-align:left" role="cell" title=${`${fullTime(row.started_at)} – ${fullTime(row.ended_at)}`}>${time(row.ended_at)}</span>
      <span class="app" role="cell" title=${row.app.user_agent ?? row.app.process}>${row.app.name || row.app.process || "–"}</span>
      <span class="model" role="cell" title=${row.models.join(", ")}>${model ?? html`<span class="dim">–</span>`}${others.length > 0 && html`<span class="dim"> +${others.length}</span>`}</span>
      <span class="words" role="cell" title=${row.first_words}><span class="said">${row.first_words ?? html`<span class="none">no words</span>`}</span>${row.below > 0 && html`<span class="badge">${row.below} ${row.below === 1 ? "sub-agent" : "sub-agents"}</span>`}${row.failed > 0 && html`<span class="badge bad">${row.failed} failed</span>`}</span>
      <span class="turns number" role="cell" title=${`${grouped(row.exchanges)} exchanges in all`}>${grouped(row.turns)}</span>
      <span class="tokens number dim" role="cell" title=${tokens && `${grouped(row.input)} in, ${grouped(row.output)} out`}>${tokens}</span>
      <span class=${classes("cost number")} role="cell" title=${row.cost_unknown ? `the cost of ${row.cost_unknown} is not known` : null}>${costOf(row)}</span>
      <span class="took number dim wide" role="cell">${duration(Math.max(0, span))}</span>
    </a>`;
}
