// Where each app went: every host, what of it was read, and why not the rest.

import { classes, html, useEffect, useMemo, useState } from "../lib/dom.js";
import { get } from "../lib/api.js";
import { bytes, fullTime, grouped, time, visible } from "../lib/format.js";
import { path, setParams } from "../lib/route.js";
import { Fault } from "../parts/common.js";
import { Search, withFilter } from "../parts/search.js";

/** Hosts asked for at once. */
const PAGE = 500;

/** Which hosts are shown. */
const SHOWN = [
  ["", "All hosts"],
  ["models", "Hosts of models", (item) => item.provider != null],
  ["unread", "Not read", (item) => item.read < item.flows],
];

/** Apps that are unfolded; of more, whoever wants them unfolds them. */
const OPEN_APPS = 4;

/** Hosts of an app that are shown before more are asked for. */
const HOSTS_SHOWN = 40;

/** Why connections were not read, in a word or two. */
const REASONS = {
  not_listed: ["", "not an LLM host"],
  excluded: ["", "excluded by you"],
  distrusted: ["bad", "certificate refused"],
  client_certificate: ["warn", "client certificate"],
  upstream_tls: ["warn", "TLS failed"],
  server_first: ["", "not HTTP"],
  not_http: ["", "not HTTP"],
  client_hello: ["warn", "ClientHello unread"],
};

/** What is said of a reason beside its badge; null where that says it all. */
const WORDS = {
  not_listed: null,
  excluded: null,
  client_certificate: "The host asks the app for a certificate of its own.",
  server_first: "The host speaks first.",
  not_http: "Neither TLS nor HTTP.",
};

const MODES = {
  intercept: ["good", "read"],
  clear: ["good", "read, clear text"],
  base_url: ["good", "read, base URL"],
  imported: ["good", "imported"],
  rewritten: ["good", "read, plain HTTP"],
};

export function Egress({ params }) {
  const q = params.q ?? "";
  const [items, setItems] = useState(null);
  const [next, setNext] = useState(null);
  const [error, setError] = useState(null);
  const load = async (after, signal) => {
    try {
      const page = await get("egress", { q, after, limit: PAGE }, { signal });
      setItems((had) => (after ? [...had, ...page.items] : page.items));
      setNext(page.next);
      setError(null);
    } catch (fault) {
      if (fault.name !== "AbortError") setError(fault);
    }
  };
  useEffect(() => {
    const abort = new AbortController();
    load(null, abort.signal);
    return () => abort.abort();
  }, [q]);
  return html`
    <${Search} q=${q} placeholder="A host or an app, or filter: app:claude host:anthropic.com provider:openai since:2h …" />
    <div class="toolbar"><div class="choice" role="group" aria-label="Which hosts">
      ${SHOWN.map(([name, label]) => html`<button aria-pressed=${(params.show ?? "") === name ? "true" : "false"} onClick=${() => setParams({ show: name })}>${label}</button>`)}</div></div>
    ${error ? html`<${Fault} error=${error} />` : items == null ? html`<p class="dim" role="status">Loading…</p>` : html`<${Shown} items=${items} q=${q} show=${params.show} />`}
    ${!error && next && html`<div class="more"><button onClick=${() => load(next)}>More</button></div>`}`;
}

function Shown({ items: all, q, show }) {
  const means = SHOWN.find(([name]) => name === show)?.[2];
  const items = useMemo(() => (means ? all.filter(means) : all), [all, means]);
  const apps = useMemo(() => byApp(items), [items]);
  if (all.length && !items.length) {
    return html`<div class="empty"><h2>${show === "unread" ? "Everything was read" : "No host that serves models"}</h2><p><a href=${path("egress", { q })}>Show all</a></p></div>`;
  }
  if (!items.length) {
    return html`<div class="empty"><h2>${q ? "Nobody went there" : "Nothing went out yet"}</h2>
      <p>${q ? html`<a href="/egress">Show all</a>` : html`Every host that an app speaks to through the proxy is listed here, read or not. <a href="/start">How to lead a tool here</a>`}</p></div>`;
  }
  const hosts = new Set(items.map((item) => item.origin)).size;
  const unread = new Set(items.filter((item) => item.provider && item.read < item.flows).map((item) => item.host));
  return html`
    <p class="dim" role="status">${things(apps.length, "app")} spoke to ${things(hosts, "host")}.${unread.size ? html` <span class="warn">Of hosts that serve models, ${[...unread].slice(0, 3).map(visible).join(", ")}${unread.size > 3 ? ` and ${unread.size - 3} more` : ""} ${unread.size === 1 ? "was" : "were"} not always read: the reasons are below.</span>` : ""}</p>
    ${apps.map((app, at) => html`<${App} key=${app.name} app=${app} isOpen=${at < OPEN_APPS || q !== ""} />`)}`;
}

const things = (number, thing) => `${grouped(number)} ${thing}${number === 1 ? "" : "s"}`;

/** Hosts by app, in the order in which they came. */
function byApp(items) {
  const apps = new Map();
  for (const item of items) {
    const app = apps.get(item.app) ?? { name: item.app, items: [], flows: 0, read: 0, up: 0, down: 0, exchanges: 0 };
    app.items.push(item);
    app.flows += item.flows;
    app.read += item.read;
    app.up += item.bytes_up;
    app.down += item.bytes_down;
    app.exchanges += item.exchanges;
    apps.set(item.app, app);
  }
  return [...apps.values()];
}

function App({ app, isOpen }) {
  const [open, setOpen] = useState(isOpen);
  const [limit, setLimit] = useState(HOSTS_SHOWN);
  const unread = app.flows - app.read;
  return html`
    <details class="egress-app" data-app=${app.name} open=${open} onToggle=${(event) => setOpen(event.target.open)}>
      <summary><strong>${visible(app.name) || "an app that says no name"}</strong>
        <span class="dim">${things(app.items.length, "host")}</span>
        <span class="dim number">${things(app.flows, "connection")}${unread ? `, ${grouped(unread)} not read` : ""}</span>
        <span class="dim number nowrap">↑ ${bytes(app.up)} ↓ ${bytes(app.down)}</span></summary>
      ${open && html`<div role="table" aria-label=${`Hosts of ${app.name}`}>
        <div class="egress-head" role="row"><span role="columnheader">Host</span><span role="columnheader">Read?</span><span class="number" role="columnheader">Conns</span>
          <span class="number" role="columnheader">Sent</span><span class="number" role="columnheader">Received</span><span class="number" role="columnheader">Recorded</span><span class="number last" role="columnheader">Last</span></div>
        ${app.items.slice(0, limit).map((item) => html`<${Host} key=${item.origin} item=${item} />`)}
      </div>
      ${app.items.length > limit && html`<div class="more"><button onClick=${() => setLimit((had) => had * 5)}>${things(app.items.length - limit, "more host")}</button></div>`}`}
    </details>`;
}

function Host({ item }) {
  const list = path("exchanges", { q: `${withFilter(withFilter("", "app", item.app), "host", item.host)} is:any`.trim() });
  const shown = item.origin.replace(/^https:\/\//, "");
  return html`
    <div class="egress-row" role="row" data-origin=${item.origin}>
      <span class="host" role="cell"><span class="mono">${visible(shown) || "unknown"}</span>${item.provider && html`<span class="badge" title="serves models">${item.provider}</span>`}</span>
      <span class="why" role="cell">${item.ways.map((way) => html`<${Way} way=${way} isAlone=${item.ways.length === 1} />`)}</span>
      <span class="number" role="cell">${grouped(item.flows)}<span class="label"> conns</span></span>
      <span class="number dim" role="cell"><span class="label">↑ </span>${bytes(item.bytes_up)}</span>
      <span class="number dim" role="cell"><span class="label">↓ </span>${bytes(item.bytes_down)}</span>
      <span class=${classes("number", { nothing: !item.exchanges })} role="cell">${item.exchanges ? html`<a href=${list} title="requests that were recorded">${things(item.exchanges, "request")}</a>` : html`<span class="dim">–</span>`}</span>
      <span class="number dim last" role="cell" title=${`first ${fullTime(item.first)}, last ${fullTime(item.last)}`}>${time(item.last)}</span>
    </div>`;
}

/** What became of some connections, why, and what to do about it. */
function Way({ way, isAlone }) {
  const [kind, word] = way.words == null ? (MODES[way.mode] ?? ["good", "read"]) : (REASONS[way.reason] ?? ["", "not read"]);
  const words = way.words == null || WORDS[way.reason] === null ? null : (WORDS[way.reason] ?? sentence(way.words));
  const said = [words, way.hint && sentence(way.hint)].filter(Boolean).join(" ");
  return html`<div title=${way.words}><span class=${`badge ${kind}`}>${word}</span>${!isAlone && html` <span class="dim number">${grouped(way.flows)}×</span>`}
    ${said && html` <span class="hint">${marked(said)}</span>`}</div>`;
}

/** Words as a sentence. */
const sentence = (words) => `${words.charAt(0).toUpperCase()}${words.slice(1)}${/[.!?]$/.test(words) ? "" : "."}`;

/** Text in which what stands in backticks is code. */
const marked = (text) => visible(text).split("`").map((piece, at) => (at % 2 ? html`<code>${piece}</code>` : piece));
