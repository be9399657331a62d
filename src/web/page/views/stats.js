// Sums: what it costs, how fast it is, what failed, over time and by app, model or provider.

import { html, useMemo, useState } from "../lib/dom.js";
import { useAnswer } from "../lib/api.js";
import { count, dollars, duration, grouped, percent, visible } from "../lib/format.js";
import { go, path, setParams } from "../lib/route.js";
import { Legend, Plot } from "../parts/chart.js";
import { Loaded } from "../parts/common.js";
import { Search, hasWords, withFilter } from "../parts/search.js";

const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

const BYS = [["model", "Model"], ["app", "App"], ["provider", "Provider"]];
const SPANS = [["", "auto"], ["minute", "minutes"], ["hour", "hours"], ["day", "days"], ["month", "months"]];
const RANGES = [["24h", "24 h"], ["7d", "7 d"], ["30d", "30 d"], [null, "All"]];

/** A rate, in tokens a second. */
const speed = (rate) => (rate == null ? "" : rate === 0 ? "0" : `${rate < 10 ? rate.toFixed(1) : count(Math.round(rate))} tok/s`);
/** A time; of an axis that begins with none. */
const took = (ms) => (ms === 0 ? "0" : duration(ms));
const dash = (text) => text || "–";
const tokensOf = (stats) => stats.input + stats.output;

/**
 * What can be plotted: by its name in the address. `cell` takes the value of a key in a bucket
 * (stacked bars); `spread` the field of a bucket whose halves are lines.
 */
const MEASURES = {
  cost: { label: "Cost", big: (total) => cost(total), small: (total) => unknown(total), cell: (cell) => cell.cost_usd, format: dollars, total: "all" },
  exchanges: { label: "Calls", big: (total) => grouped(total.exchanges), small: (total) => (total.interrupted ? `${grouped(total.interrupted)} interrupted` : ""), cell: (cell) => cell.exchanges, format: grouped, total: "all" },
  tokens: { label: "Tokens", big: (total) => count(tokensOf(total)), small: (total) => `${count(total.input)} in → ${count(total.output)} out`, cell: (cell) => cell.input + cell.output, format: count, total: "all" },
  cache: { label: "Input from cache", big: (total) => dash(percent(total.cache_share)), small: (total) => `${count(total.cache_read)} of ${count(total.input)}`, share: true, format: percent },
  errors: { label: "Errors", big: (total) => grouped(total.failed), small: (total) => (total.exchanges ? `${percent(total.failed / total.exchanges)} of calls` : ""), cell: (cell) => cell.failed, format: grouped, total: "all", filter: "is:failed" },
  "first-token": { label: "First token", spread: "first_token_ms", big: (total) => dash(duration(total.first_token_ms?.p50)), small: (total) => tail(total.first_token_ms, duration), format: took },
  duration: { label: "Duration", spread: "duration_ms", big: (total) => dash(duration(total.duration_ms?.p50)), small: (total) => tail(total.duration_ms, duration), format: took },
  speed: { label: "Speed", spread: "tokens_per_second", big: (total) => dash(speed(total.tokens_per_second?.p50)), small: (total) => tail(total.tokens_per_second, (rate) => count(Math.round(rate))), format: speed },
};

const tail = (spread, format) => (spread ? `median; p95 ${format(spread.p95)}` : "none was measured");
const unknown = (total) => (total.cost_unknown ? `${grouped(total.cost_unknown)} of unknown cost` : "");

/** A sum of money: ≈ if some of it is of estimated tokens, ? if nothing is known. */
function cost(stats) {
  if (stats.cost_usd == null) return stats.cost_unknown ? "?" : "–";
  return `${stats.cost_estimated_usd > 0 ? "≈" : ""}${dollars(stats.cost_usd)}`;
}

export function Stats({ params }) {
  const q = params.q ?? "";
  const by = BYS.some(([name]) => name === params.by) ? params.by : "model";
  const span = SPANS.some(([name]) => name === params.span) ? params.span : "";
  // A filter is a word until its colon is typed: what was counted stays meanwhile.
  const isTyped = hasWords(q);
  const answer = useAnswer(isTyped ? null : "stats", { q, by, span, zone: ZONE });
  return html`
    <${Search} q=${q} placeholder="Filter: app:claude model:opus provider:anthropic since:7d …" />
    ${isTyped && html`<p class="search-note" role="status">Sums take filters, such as app:claude, and no words. <a href=${path("exchanges", { q })}>Search for the words</a></p>`}
    <div class="toolbar stats-bar">
      <${Choice} label="Time" options=${RANGES} isOn=${(range) => (/(?:^|\s)since:(\S+)/.exec(q)?.[1] ?? null) === range}
        choose=${(range) => setParams({ q: withFilter(withFilter(q, "until", null), "since", range) })} />
      <${Choice} label="By" options=${BYS} isOn=${(name) => name === by} choose=${(name) => setParams({ by: name === "model" ? null : name })} />
      <label class="dim">bars of <select aria-label="Time that a bar has" value=${span} onChange=${(event) => setParams({ span: event.target.value })}>
        ${SPANS.map(([name, label]) => html`<option value=${name} selected=${name === span}>${label}</option>`)}</select></label>
    </div>
    ${(answer.data || !isTyped) && html`<${Loaded} answer=${answer}>${(plot) => html`<${Shown} plot=${plot} q=${q} by=${by} of=${measured(params.of, plot)} sort=${params.sort} />`}</${Loaded}>`}`;
}

/** What is plotted: as asked for, else cost, if any is known. */
const measured = (of, plot) => (MEASURES[of] ? of : plot.total.cost_usd ? "cost" : "exchanges");

/** Buttons of which one is on. */
function Choice({ label, options, isOn, choose }) {
  return html`<div class="choice" role="group" aria-label=${label}>
    ${options.map(([value, name]) => html`<button aria-pressed=${isOn(value) ? "true" : "false"} onClick=${() => choose(value)}>${name}</button>`)}</div>`;
}

function Shown({ plot, q, by, of, sort }) {
  if (!plot.total.exchanges) {
    return html`<div class="empty"><h2>${q ? "Nothing fits" : "Nothing counted yet"}</h2>
      <p>${q ? html`No call of a model fits. <a href="/stats">Count all</a>` : html`As soon as a tool asks a model, its calls, tokens and cost are summed up here. <a href="/start">How to lead a tool here</a>`}</p></div>`;
  }
  return html`
    <div class="tiles" role="group" aria-label="What is plotted">
      ${Object.entries(MEASURES).map(([name, measure]) => html`
        <button class="tile" data-measure=${name} aria-pressed=${name === of ? "true" : "false"} onClick=${() => setParams({ of: name })}>
          <span class="name">${measure.label}</span><strong>${measure.big(plot.total)}</strong><span class="dim">${measure.small(plot.total) || "\u00a0"}</span>
        </button>`)}
    </div>
    <section class="panel"><div class="body"><${OverTime} plot=${plot} q=${q} by=${by} of=${of} /></div></section>
    <${Rows} plot=${plot} q=${q} by=${by} sort=${sort} />`;
}

const color = (at) => (at < 8 ? `--series-${at + 1}` : "--series-other");

/** The name of a key. */
const named = (key, by) => (key == null ? `no ${by}` : visible(key));

/** The list of what a key did, or what all did. */
function listOf(q, by, key, more = {}) {
  let query = key == null ? q : withFilter(q, by, key);
  for (const [name, value] of Object.entries(more)) query = withFilter(query, name, value);
  return query.trim();
}

function OverTime({ plot, q, by, of }) {
  const measure = MEASURES[of];
  const { keys, others, series } = plot;
  const drawn = useMemo(() => lines(plot, by, measure), [plot, by, of]);
  const times = useMemo(() => names(series, plot.span), [plot]);
  const pick = (at, nth) => {
    const { start, end } = series[at];
    const key = measure.cell && nth != null && nth < keys.length ? keys[nth] : null;
    const query = listOf(q, by, key, { since: start, until: end });
    go(path("exchanges", { q: measure.filter ? `${query} ${measure.filter}` : query }));
  };
  const entries = measure.cell
    ? drawn.map((one, at) => ({ ...one, href: at < keys.length && keys[at] != null ? path("stats", { q: withFilter(q, by, keys[at]), by, of }) : null, title: at < keys.length ? "only this" : null }))
    : drawn;
  const says = `${measure.label} over time${measure.cell ? `, by ${by}` : ""}; the table below has the numbers`;
  return html`
    <div class="plot-head"><h2>${measure.label}</h2><span class="dim">${measure.cell ? `by ${by}, ` : ""}per ${plot.span}</span><span class="spring"></span>
      ${(drawn.length > 1 || measure.cell) && html`<${Legend} entries=${entries} />`}</div>
    <${Plot} kind=${measure.cell ? "bar" : "line"} labels=${times.labels} titles=${times.titles} series=${drawn} format=${measure.format} total=${measure.total}
      most=${measure.share ? 1 : undefined} pick=${pick} label=${says}
      note=${(at) => `${grouped(series[at].total.exchanges)} calls · click to list`} />
    ${others > 0 && measure.cell && html`<p class="dim small">${grouped(others)} more ${by}s are drawn as one; the table has them all.</p>`}`;
}

/** What is drawn: a bar for each key, or two lines. */
function lines({ keys, others, series }, by, measure) {
  if (measure.spread) {
    const of = (half) => series.map((bucket) => bucket.total[measure.spread]?.[half] ?? null);
    return [
      { label: "median", values: of("p50"), colour: "--series-1" },
      { label: "p95", values: of("p95"), colour: "--series-3", dashed: true },
    ];
  }
  if (measure.share) {
    return [{ label: "input read from cache", values: series.map((bucket) => bucket.total.cache_share), colour: "--series-2", filled: true }];
  }
  const all = keys.map((key, at) => ({ label: named(key, by), colour: color(at) }));
  if (others > 0) all.push({ label: `${others} others`, colour: "--series-other" });
  return all.map((one, at) => ({ ...one, values: series.map((bucket) => measure.cell(bucket.rows[at])) }));
}

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hour12: false });
const DAY = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });
const WEEKDAY = new Intl.DateTimeFormat(undefined, { weekday: "short", month: "short", day: "numeric", year: "numeric" });
const MONTH = new Intl.DateTimeFormat(undefined, { month: "short", year: "numeric" });

/** The names of buckets, short and long. */
function names(series, span) {
  const starts = series.map((bucket) => new Date(bucket.start));
  const days = new Set(starts.map((start) => start.toDateString())).size;
  const short = { minute: (at) => CLOCK.format(at), hour: (at) => (days > 1 ? `${DAY.format(at)} ${CLOCK.format(at)}` : CLOCK.format(at)), day: (at) => DAY.format(at), month: (at) => MONTH.format(at) }[span];
  const long = { minute: (at) => `${WEEKDAY.format(at)}, ${CLOCK.format(at)}`, hour: (at, end) => `${WEEKDAY.format(at)}, ${CLOCK.format(at)}–${CLOCK.format(end)}`, day: (at) => WEEKDAY.format(at), month: (at) => MONTH.format(at) }[span];
  return { labels: starts.map(short), titles: starts.map((at, n) => long(at, new Date(series[n].end))) };
}

/** The columns of the table: name, heading, value to sort by, what is shown. */
const COLUMNS = [
  ["calls", "Calls", (row) => row.exchanges, (row) => grouped(row.exchanges)],
  ["failed", "Failed", (row) => row.failed, (row) => (row.failed ? html`<span class="bad">${grouped(row.failed)}</span>` : "")],
  ["input", "In", (row) => row.input, (row) => count(row.input)],
  ["cache", "Cached", (row) => row.cache_share ?? -1, (row) => percent(row.cache_share)],
  ["output", "Out", (row) => row.output, (row) => count(row.output)],
  ["cost", "Cost", (row) => row.cost_usd ?? -1, (row) => html`<span title=${unknown(row) || null}>${cost(row)}${row.cost_unknown && row.cost_usd != null ? html`<span class="dim"> +${grouped(row.cost_unknown)}?</span>` : ""}</span>`],
  ["first-token", "1st token", (row) => row.first_token_ms?.p50 ?? -1, (row) => halves(row.first_token_ms, duration)],
  ["duration", "Took", (row) => row.duration_ms?.p50 ?? -1, (row) => halves(row.duration_ms, duration)],
  ["speed", "Tok/s", (row) => row.tokens_per_second?.p50 ?? -1, (row) => halves(row.tokens_per_second, (rate) => (rate < 10 ? rate.toFixed(1) : count(Math.round(rate))))],
];

const halves = (spread, format) => spread && html`<span title=${`of ${grouped(spread.count)}: half within ${format(spread.p50)}, 95 % within ${format(spread.p95)}`}>${format(spread.p50)} <span class="dim">/ ${format(spread.p95)}</span></span>`;

/** Rows shown before all are asked for. */
const ROWS_SHOWN = 100;

function Rows({ plot, q, by, sort = "cost" }) {
  const [all, setAll] = useState(false);
  const [name, isUp] = sort.startsWith("-") ? [sort.slice(1), true] : [sort, false];
  const column = COLUMNS.find(([column]) => column === name) ?? COLUMNS[5];
  const place = new Map(plot.keys.map((key, at) => [key, at]));
  const rows = useMemo(() => {
    const value = column[2];
    return [...plot.rows].sort((a, b) => (isUp ? value(a) - value(b) : value(b) - value(a)));
  }, [plot, column, isUp]);
  const next = (column) => (column === name && !isUp ? `-${column}` : column);
  const heading = ([column, label]) => html`
    <th class="number" scope="col" aria-sort=${column === name ? (isUp ? "ascending" : "descending") : null}>
      <button onClick=${() => setParams({ sort: next(column) === "cost" ? null : next(column) }, { replace: true })}>${label}${column === name ? (isUp ? " ↑" : " ↓") : ""}</button></th>`;
  const cells = (row) => COLUMNS.map(([, , , show]) => html`<td class="number">${show(row)}</td>`);
  return html`
    <div class="scroll-x"><table class="plain sums" aria-label=${`Sums by ${by}`}>
      <thead><tr><th scope="col">${BYS.find(([name]) => name === by)[1]}</th>${COLUMNS.map(heading)}</tr></thead>
      <tbody>${(all ? rows : rows.slice(0, ROWS_SHOWN)).map((row) => html`
        <tr key=${row.key} data-key=${row.key}><th scope="row"><span class="swatch" style=${`--swatch: var(${color(place.get(row.key) ?? 8)})`}></span>${row.key == null ? html`<span class="dim">${named(row.key, by)}</span>` : html`<a href=${path("exchanges", { q: listOf(q, by, row.key) })} title="list its exchanges">${named(row.key, by)}</a>`}</th>${cells(row)}</tr>`)}</tbody>
      ${rows.length > 1 && html`<tfoot><tr><th scope="row">All</th>${cells(plot.total)}</tr></tfoot>`}
    </table></div>
    ${rows.length > ROWS_SHOWN && !all && html`<div class="more"><button onClick=${() => setAll(true)}>All ${grouped(rows.length)} ${by}s</button></div>`}
    <p class="dim small">Two numbers are the median and p95: half of the calls are within the first, 95 % within the second. Times to the first token and tokens a second are of streams. The same as <code>overhear stats --by ${by}</code>.</p>`;
}
