// The list of exchanges, live; or, with words in the query, the lines that have them.

import { classes, html, useCallback, useEffect, useMemo, useRef, useState } from "../lib/dom.js";
import { get, inWords, useAnswer } from "../lib/api.js";
import { count, dollars, duration, fullTime, time, visible } from "../lib/format.js";
import { useKeys } from "../lib/keys.js";
import { follow, joined } from "../lib/live.js";
import { cameBack, go, path, setParams } from "../lib/route.js";
import { wasHeard } from "../parts/arrival.js";
import { Fault, Since, StateBadge } from "../parts/common.js";
import { setLiveState } from "../parts/live-state.js";
import { Search, hasWords, withFilter } from "../parts/search.js";

/** Rows kept while new ones come: the list is paged, not endless. */
const ROWS_MAX = 5000;

export function Exchanges({ params }) {
  const q = params.q ?? "";
  const status = useAnswer(q ? null : "status");
  if (!q && status.data && !status.data.arrived && !wasHeard()) {
    // Nothing was captured yet: say how to.
    go("/start", { replace: true });
    return null;
  }
  return html`
    <${Search} q=${q} placeholder="Search words, or filter: app:claude model:opus since:2h cost:0.1 …" />
    ${hasWords(q) ? html`<${Hits} q=${q} />` : html`<${List} key=${q} q=${q} />`}`;
}

const SORTS = { cost: "cost", duration: "duration", "first-token": "first-token", tokens: "tokens" };

/** What each query showed when it was left. */
const left = new Map();

/** The first page read anew: rows that came meanwhile stay above it, older pages below. */
function renewed(had, items, isLast) {
  const ids = new Set(items.map((row) => row.id));
  const others = had.filter((row) => !ids.has(row.id));
  const [first, last] = [items[0], items.at(-1)];
  const newer = others.filter((row) => first && row.started_at > first.started_at);
  const goesOnBelow = !isLast && had.some((row) => ids.has(row.id));
  const older = goesOnBelow ? others.filter((row) => row.started_at < last.started_at) : [];
  return { rows: [...newer, ...items, ...older], hasOlder: older.length > 0 };
}

function List({ q }) {
  const [before] = useState(() => (cameBack() ? left.get(q) : null));
  const [rows, setRows] = useState(before?.rows ?? []);
  const [next, setNext] = useState(before?.next ?? null);
  const [error, setError] = useState(null);
  const [loading, setLoading] = useState(!before);
  const [underWay, setUnderWay] = useState([]);
  const [chosenId, setChosenId] = useState(before?.chosenId ?? null);
  const isSorted = /(^|\s)sort:(?!newest)/.test(q);
  const chosen = rows.findIndex((row) => row.id === chosenId);
  const shown = useRef();
  shown.current = { rows, next, chosenId };

  const load = useCallback(async (after) => {
    setLoading(true);
    try {
      const page = await get("exchanges", { q, after });
      const had = shown.current;
      if (after) {
        const known = new Set(had.rows.map((row) => row.id));
        setRows([...had.rows, ...page.items.filter((row) => !known.has(row.id))]);
        setNext(page.next);
      } else {
        const { rows, hasOlder } = isSorted ? { rows: page.items } : renewed(had.rows, page.items, page.next == null);
        setRows(rows);
        setNext(hasOlder ? had.next : page.next);
      }
      setError(null);
    } catch (fault) {
      setError(inWords(fault));
    }
    setLoading(false);
  }, [q]);

  useEffect(() => {
    if (before) scrollTo(0, before.scroll);
    const keep = () => left.set(q, { ...shown.current, scroll: scrollY });
    // Before a click takes the list away the page still stands where it stood.
    addEventListener("click", keep, { capture: true });
    addEventListener("keydown", keep, { capture: true });
    addEventListener("popstate", keep, { capture: true });
    return () => {
      removeEventListener("click", keep, { capture: true });
      removeEventListener("keydown", keep, { capture: true });
      removeEventListener("popstate", keep, { capture: true });
    };
  }, []);
  useEffect(() => {
    // A sorted list stays as it is while it is read.
    if (isSorted) {
      if (!before) load(null);
      return undefined;
    }
    load(null);
    return follow(q, {
      state: setLiveState,
      // What was written between the list's answer and the first event is in neither.
      hello: () => load(null),
      asked: (asked) => setUnderWay((had) => [asked, ...had.filter((old) => old.id !== asked.id)]),
      grown: ({ id, said }) => setUnderWay((had) => had.map((asked) => (asked.id === id ? { ...asked, said: joined(asked.said, said) } : asked))),
      ended: ({ id }) => setTimeout(() => setUnderWay((had) => had.filter((asked) => asked.id !== id)), 1500),
      exchange: (row) => {
        setUnderWay((had) => had.filter((asked) => asked.id !== row.id));
        setRows((had) => [{ ...row, isNew: true }, ...had.filter((old) => old.id !== row.id)].slice(0, ROWS_MAX));
      },
    });
  }, [q, load, isSorted]);

  useEffect(() => () => setLiveState("off"), []);
  const choose = (step) => {
    const row = rows[Math.max(0, Math.min(rows.length - 1, chosen + step))];
    if (row) setChosenId(row.id);
  };
  useChosen(chosen);
  useKeys([
    { keys: ["j", "ArrowDown"], says: "next", run: () => choose(1) },
    { keys: ["k", "ArrowUp"], says: "before", run: () => choose(-1) },
    { keys: ["Enter", "o"], says: "open", run: () => rows[chosen] && go(path("exchanges", rows[chosen].id)) },
    { keys: ["c"], says: "its conversation", run: () => rows[chosen]?.thread && go(path("threads", rows[chosen].thread, { at: rows[chosen].id })) },
  ]);

  if (error) return html`<${Fault} error=${error} />`;
  if (!loading && !rows.length && !underWay.length) {
    return html`<div class="empty"><h2>No exchange fits</h2><p>${q ? html`<a href="/exchanges">Show all</a>` : html`What is no call of a model is left out: <a href=${path("exchanges", { q: "is:any" })}>show it too</a>.`}</p></div>`;
  }
  const sorted = (key) => new RegExp(`(^|\\s)sort:${key}(\\s|$)`).test(q);
  const heading = (label, key, kind) => html`
    <span class=${kind} role="columnheader"><button aria-pressed=${sorted(key)} title=${sorted(key) ? "newest first again" : "the most first"}
      onClick=${() => setParams({ q: withFilter(q, "sort", sorted(key) ? null : SORTS[key]) })}>${label}${sorted(key) ? " ↓" : ""}</button></span>`;
  return html`
    <${Chips} q=${q} rows=${rows} />
    <div class="rows" role="table" aria-label="Exchanges">
      <div class="head" role="row">
        <span role="columnheader">Time</span><span role="columnheader">App</span><span role="columnheader">Model</span>
        <span role="columnheader">Asked</span><span role="columnheader">State</span>${heading("Tokens", "tokens", "number")}
        ${heading("Cost", "cost", "number")}${heading("1st token", "first-token", "number wide")}${heading("Took", "duration", "number wide")}
      </div>
      ${underWay.filter((asked) => !rows.some((row) => row.id === asked.id)).map((asked) => html`<${UnderWay} key=${asked.id} asked=${asked} />`)}
      ${rows.map((row, at) => html`<${Row} key=${row.id} row=${row} isChosen=${at === chosen} goesOn=${!isSorted && goesOn(row, rows[at + 1])} />`)}
    </div>
    ${next && html`<div class="more"><button disabled=${loading} onClick=${() => load(next)}>${loading ? "Loading…" : "Older"}</button></div>`}`;
}

/** Whether a row asks in the words of the one below it: a turn of an agent that goes on by itself. */
const goesOn = (row, older) => Boolean(older && row.inherited > 0 && row.thread && row.thread === older.thread && row.first_words === older.first_words);

/** Filters for what is shown, to be switched by a click. */
function Chips({ q, rows }) {
  const names = (of) => [...new Set(rows.map(of).filter(Boolean))].slice(0, 4);
  const chips = [
    ["state", "failed", "failed"], ["is", "pinned", "pinned"], ["since", "1h", "last hour"], ["since", "1d", "last day"],
    ...names((row) => row.app.name).map((name) => ["app", name, name]),
    ...names((row) => row.model).map((name) => ["model", name, name]),
  ];
  const isOn = (name, value) => withFilter(withFilter(q, name, null), name, value).split(" ").sort().join() === q.split(" ").sort().join();
  return html`<div class="chips" role="group" aria-label="Filters">
    ${chips.map(([name, value, label]) => html`<button aria-pressed=${isOn(name, value)} class=${name}
      onClick=${() => setParams({ q: withFilter(q, name, isOn(name, value) ? null : value) })}>${label}</button>`)}
  </div>`;
}

/** Keeps the chosen row in sight. */
function useChosen(chosen) {
  useEffect(() => {
    document.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" });
  }, [chosen]);
}

/** An exchange in a list. */
export function Row({ row, isChosen, goesOn }) {
  const { usage } = row;
  const tokens = usage.input == null && usage.output == null ? "" : `${count(usage.input) || "–"} → ${count(usage.output) || "–"}`;
  const isEstimated = usage.source === "estimated";
  const cached = usage.input_cached ? `, ${count(usage.input_cached)} from cache` : "";
  return html`
    <a class=${classes("row", { new: row.isNew })} role="row" href=${path("exchanges", row.id)} aria-selected=${isChosen ? "true" : null} data-id=${row.id}>
      <span class="when dim number nowrap" role="cell" title=${fullTime(row.started_at)}>${time(row.started_at)}</span>
      <span class="app" role="cell" title=${row.app.user_agent ?? row.app.process}>${visible(row.app.name || row.app.process || "–")}</span>
      <span class="model" role="cell" title=${[row.model, row.provider].filter(Boolean).join(" at ")}>${row.model ? visible(row.model) : html`<span class="dim">${row.operation ?? row.path}</span>`}</span>
      <span class="words" role="cell" title=${row.first_words}>${row.pinned && html`<span title="pinned">📌 </span>`}${row.tags.map((tag) => html`<span class="tag">#${tag} </span>`)}${goesOn ? html`<span class="none">↳ goes on, ${row.inherited ?? 0} messages before</span>` : row.first_words ? visible(row.first_words) : html`<span class="none">${row.method} ${row.path}</span>`}</span>
      <span class="state" role="cell"><${StateBadge} row=${row} /></span>
      <span class="tokens number dim" role="cell" title=${tokens && `${usage.input ?? "?"} in${cached}, ${usage.output ?? "?"} out${isEstimated ? ", estimated" : ""}`}>${isEstimated && tokens ? "≈" : ""}${tokens}</span>
      <span class="cost number" role="cell" title=${row.cost_source ?? (tokens && "its price is not known")}>${row.cost_usd == null && tokens ? html`<span class="dim">?</span>` : dollars(row.cost_usd)}</span>
      <span class="first-token number dim wide" role="cell">${duration(row.first_token_ms)}</span>
      <span class="took number dim wide" role="cell">${duration(row.duration_ms)}</span>
    </a>`;
}

/** An exchange whose answer is growing. */
function UnderWay({ asked }) {
  const line = useRef();
  useEffect(() => {
    if (line.current) line.current.scrollTop = line.current.scrollHeight;
  });
  return html`
    <a class="row under-way" role="row" href=${path("exchanges", asked.id, { live: 1 })} data-id=${asked.id}>
      <span class="when dim number" role="cell">${time(asked.started_at)}</span>
      <span class="app" role="cell">${asked.app || "–"}</span>
      <span class="model" role="cell">${asked.model ?? html`<span class="dim">${asked.path}</span>`}</span>
      <span class="words" role="cell">${asked.first_words ? visible(asked.first_words) : html`<span class="none">${asked.method} ${asked.path}</span>`}</span>
      <span class="state" role="cell"><span class="badge good">${asked.said.length ? "answering" : "waiting"}</span></span>
      <span class="tokens" role="cell"></span><span class="cost" role="cell"></span><span class="wide" role="cell"></span>
      <span class="took number dim wide" role="cell"><${Since} at=${asked.started_at} /></span>
      ${asked.said.length > 0 && html`<span class="said"><span ref=${line}>${asked.said.map((piece) => html`<span class=${piece.kind}>${piece.kind === "call" ? `→ ${piece.text} ` : piece.text}</span>`)}</span></span>`}
    </a>`;
}

/** The lines that have the words of a query. */
function Hits({ q }) {
  const [limit, setLimit] = useState(50);
  const [chosen, setChosen] = useState(-1);
  const answer = useAnswer("search", { q, limit });
  const items = useMemo(() => answer.data?.items ?? [], [answer.data]);
  const target = (hit) => path("exchanges", hit.exchange.id, { find: hit.pieces.filter((piece) => piece.hit)[0]?.text });
  useChosen(chosen);
  useKeys([
    { keys: ["j", "ArrowDown"], says: "next", run: () => setChosen((at) => Math.min(at + 1, items.length - 1)) },
    { keys: ["k", "ArrowUp"], says: "before", run: () => setChosen((at) => Math.max(at - 1, 0)) },
    { keys: ["Enter", "o"], says: "open", run: () => items[chosen] && go(target(items[chosen])) },
  ]);
  if (answer.error) return html`<${Fault} error=${answer.error} />`;
  if (!answer.data) return html`<p class="dim" role="status">Searching…</p>`;
  if (!items.length) return html`<div class="empty"><h2>Nobody said that</h2><p><a href="/exchanges">Show all</a></p></div>`;
  return html`
    <p class="dim" role="status">${items.length}${answer.data.next ? "+" : ""} ${items.length === 1 ? "line" : "lines"}, the latest first${answer.loading ? " …" : ""}</p>
    <div class="rows" role="list" aria-label="Lines found">
      ${items.map((hit, at) => html`
        <a class="hit" role="listitem" href=${target(hit)} aria-selected=${at === chosen ? "true" : null}>
          <div class="where"><span class=${`role ${hit.role}`}>${hit.role}</span><span>${hit.exchange.app.name}</span><span class="mono">${hit.exchange.model}</span>
            <span title=${fullTime(hit.exchange.started_at)}>${time(hit.exchange.started_at)}</span>${hit.count > 1 && html`<span>in ${hit.count} exchanges</span>`}</div>
          <div class="found">${hit.pieces.map((piece) => (piece.hit ? html`<mark>${visible(piece.text)}</mark>` : visible(piece.text)))}</div>
        </a>`)}
    </div>
    ${answer.data.next && html`<div class="more"><button onClick=${() => setLimit((had) => Math.min(1000, had * 4))}>More</button></div>`}`;
}
