// The page: the bar on top, the view that the address names, the keys that work everywhere.

import { html, render, useEffect, useRef, useState } from "./lib/dom.js";
import { go, useRoute } from "./lib/route.js";
import { allKeys, useKeys } from "./lib/keys.js";
import { useLiveState } from "./parts/live-state.js";
import { Boundary } from "./parts/common.js";
import { Exchanges } from "./views/exchanges.js";
import { Exchange } from "./views/exchange.js";
import { Threads } from "./views/threads.js";
import { Thread } from "./views/thread.js";
import { Diff } from "./views/diff.js";
import { Prompts } from "./views/prompts.js";
import { Stats } from "./views/stats.js";
import { Egress } from "./views/egress.js";
import { Start } from "./views/start.js";

const TABS = [
  ["exchanges", "Exchanges"],
  ["threads", "Threads"],
  ["prompts", "Prompts"],
  ["stats", "Stats"],
  ["egress", "Egress"],
];

/** The view of a route. */
function view({ view: name, rest, params }) {
  switch (name) {
    case "exchanges": return rest.length ? html`<${Exchange} key=${rest[0]} id=${rest[0]} tab=${rest[1]} params=${params} />` : html`<${Exchanges} params=${params} />`;
    case "threads": return rest.length ? html`<${Thread} key=${rest[0]} name=${rest[0]} tab=${rest[1]} params=${params} />` : html`<${Threads} params=${params} />`;
    case "diff": return html`<${Diff} a=${rest[0]} b=${rest[1]} params=${params} />`;
    case "prompts": return html`<${Prompts} rest=${rest} params=${params} />`;
    case "stats": return html`<${Stats} params=${params} />`;
    case "egress": return html`<${Egress} params=${params} />`;
    case "start": return html`<${Start} />`;
    default: return html`<div class="empty"><h2>There is no such view</h2><p><a href="/exchanges">All exchanges</a></p></div>`;
  }
}

function App() {
  const route = useRoute();
  const [help, setHelp] = useState(false);
  const live = useLiveState();
  useKeys([
    { keys: ["?"], says: "this list", run: () => setHelp(true) },
    { keys: ["e"], says: "exchanges", run: () => go("/exchanges") },
    { keys: ["t"], says: "threads", run: () => go("/threads") },
    { keys: ["p"], says: "prompts", run: () => go("/prompts") },
    { keys: ["s"], says: "stats", run: () => go("/stats") },
    { keys: ["g"], says: "egress", run: () => go("/egress") },
    { keys: ["Escape"], says: "back, or out of a field", run: (event) => {
      if (/^(INPUT|TEXTAREA)$/.test(event.target.tagName)) event.target.blur();
      else if (route.rest.length) history.back();
    } },
  ]);
  useEffect(() => {
    const name = TABS.find(([name]) => name === route.view)?.[1];
    // On a phone the row of views is wider than the screen.
    document.querySelector(".bar nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
    document.title = [route.rest[0]?.slice(-8), name, "Overhear"].filter(Boolean).join(" · ");
  }, [route]);
  return html`
    <header class="bar">
      <a class="brand" href="/exchanges" aria-label="Overhear"><img src="/page/icon.svg" alt="" /><span>Overhear</span></a>
      <nav aria-label="Views">
        ${TABS.map(([name, label]) => html`<a href=${`/${name}`} aria-current=${route.view === name ? "page" : null}>${label}</a>`)}
      </nav>
      <span class="spring"></span>
      ${live !== "off" && html`<span class=${`live ${live}`} title=${live === "open" ? "what comes appears at once" : "Overhear does not answer; trying again"}><span>${live === "open" ? "live" : "not connected"}</span></span>`}
      <button class="plain" title="Dark or light" aria-label="Dark or light" onClick=${switchTheme}>◐</button>
      <button class="plain" title="Keys (?)" aria-label="Keys" onClick=${() => setHelp(true)}>?</button>
    </header>
    <main><${Boundary} key=${route.view + route.rest.join("/")}>${view(route)}</${Boundary}></main>
    ${help && html`<${Help} close=${() => setHelp(false)} />`}`;
}

function switchTheme() {
  const root = document.documentElement;
  const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = isDark ? "light" : "dark";
  localStorage.setItem("theme", root.dataset.theme);
  dispatchEvent(new Event("themechange"));
}

const FILTERS = [
  ["words", "texts that have all of them, upper and lower case alike; \"a phrase\"; /…/ is a regular expression"],
  ["app:claude", "apps by user agent or process; also model: provider: host: dialect: operation:"],
  ["thread:NAME", "a conversation with its sub-agents; also id: tag: is:pinned"],
  ["prompt:@12", "with this system prompt or set of tools"],
  ["state:failed", "complete, interrupted, failed, truncated; status:429"],
  ["since:2h", "how long ago, a day or a time; until:2026-11-23"],
  ["cost:0.1", "at least so much; also tokens:10k duration:5s first-token:2s"],
  ["sort:cost", "also duration, first-token, tokens, oldest, newest"],
  ["role:user", "only what a role says, while words are looked for"],
  ["is:any", "also what is no call of a model"],
];

function Help({ close }) {
  const dialog = useRef();
  const [keys] = useState(allKeys);
  useEffect(() => dialog.current.showModal(), []);
  return html`
    <dialog ref=${dialog} onClose=${close} aria-label="Keys and filters" onClick=${(event) => event.target === dialog.current && dialog.current.close()}>
      <h1 tabindex="-1" autofocus>Keys</h1>
      <table class="plain"><tbody>${keys.map((key) => html`<tr><td class="nowrap">${key.keys.map((name) => html`<kbd>${name}</kbd> `)}</td><td>${key.says}</td></tr>`)}</tbody></table>
      <h1>Filters</h1>
      <table class="plain"><tbody>${FILTERS.map(([filter, says]) => html`<tr><td class="nowrap"><code>${filter}</code></td><td>${says}</td></tr>`)}</tbody></table>
      <p class="dim">Filters work as <code>overhear ls --where '…'</code> too.</p>
      <button onClick=${() => dialog.current.close()}>Close</button>
    </dialog>`;
}

render(html`<${App} />`, document.getElementById("app"));
