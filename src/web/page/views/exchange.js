// One exchange: what was asked and answered, and how.

import { html, useEffect, useRef } from "../lib/dom.js";
import { useAnswer } from "../lib/api.js";
import { count, dollars, duration, fullTime, threadName } from "../lib/format.js";
import { useKeys } from "../lib/keys.js";
import { go, path } from "../lib/route.js";
import { Loaded, StateBadge } from "../parts/common.js";
import { Actions } from "../parts/actions.js";
import { Anatomy } from "../parts/anatomy.js";
import { Conversation } from "../parts/conversation.js";
import { Notes } from "../parts/notes.js";
import { Raw } from "../parts/raw.js";
import { Timing } from "../parts/timing.js";
import { UnderWay } from "../parts/under-way.js";
import { Usage } from "../parts/usage.js";

const TABS = [
  ["conversation", "Conversation", Conversation],
  ["raw", "Raw", Raw],
  ["timing", "Timing", Timing],
  ["usage", "Tokens and cost", Usage],
  ["anatomy", "Anatomy", Anatomy],
  ["notes", "Notes", Notes],
];

export function Exchange({ id, tab, params }) {
  // A link from what is under way asks for it once it is stored.
  const isUnderWay = Boolean(params.live);
  const answer = useAnswer(isUnderWay ? null : `exchanges/${encodeURIComponent(id)}`);
  const shown = TABS.find(([name]) => name === tab) ?? TABS[0];
  const step = (by) => {
    const next = TABS[(TABS.indexOf(shown) + by + TABS.length) % TABS.length];
    go(path("exchanges", id, ...(next === TABS[0] ? [] : [next[0]])), { replace: true });
  };
  const tabs = useRef();
  useEffect(() => {
    // On a phone the row of tabs is wider than the screen.
    tabs.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [shown, answer.data != null]);
  useKeys([
    { keys: ["]", "l"], says: "next tab", run: () => step(1) },
    { keys: ["[", "h"], says: "tab before", run: () => step(-1) },
    { keys: ["c"], says: "its conversation", run: () => answer.data?.thread && go(path("threads", answer.data.thread, { at: answer.data.id })) },
    { keys: ["d"], says: "what changed since the turn before", run: () => go(path("diff", id)) },
  ]);
  if (isUnderWay) return html`<${UnderWay} id=${id} stored=${() => go(path("exchanges", id), { replace: true })} />`;
  return html`<${Loaded} answer=${answer}>${(exchange) => html`
    <${Head} exchange=${exchange} reload=${answer.reload} />
    <div class="tabs" role="tablist" ref=${tabs}>
      ${TABS.map(([name, label]) => html`<a role="tab" href=${path("exchanges", id, ...(name === "conversation" ? [] : [name]))}
        aria-selected=${shown[0] === name} aria-current=${shown[0] === name ? "true" : null}>${label}</a>`)}
    </div>
    <${shown[2]} exchange=${exchange} params=${params} reload=${answer.reload} />`}</${Loaded}>`;
}

function Head({ exchange, reload }) {
  const { app, usage, reply, request } = exchange;
  const model = request.model ?? reply?.model ?? exchange.operation;
  const fact = (name, value, title) => value && html`<div title=${title}><dt>${name}</dt><dd>${value}</dd></div>`;
  return html`
    <div class="toolbar">
      <h1 class="grow">${app.user_agent?.split(/[ /]/)[0] ?? app.process ?? "Exchange"} <span class="dim">→</span> <span class="mono">${model}</span></h1>
      <${Actions} exchange=${exchange} reload=${reload} />
    </div>
    <dl class="facts panel-facts">
      ${fact("state", html`<${StateBadge} row=${{ ...exchange, error_type: exchange.error?.type }} />`)}
      ${fact("began", fullTime(exchange.started_at))}
      ${fact("took", duration(exchange.duration_ms))}
      ${fact("first token", duration(exchange.first_token_ms))}
      ${fact("tokens", usage && `${count(usage.input) || "–"} → ${count(usage.output) || "–"}${usage.source === "estimated" ? " (estimated)" : ""}`)}
      ${fact("cost", dollars(exchange.cost_usd) || "unknown", exchange.cost_source)}
      ${fact("at", exchange.provider ?? exchange.origin, `${exchange.method} ${exchange.origin}${exchange.path}`)}
      ${exchange.thread && fact("conversation", html`<a href=${path("threads", exchange.thread, { at: exchange.id })}>${threadName(exchange.thread)}</a>`)}
      ${exchange.parent && fact("turn before", html`<a href=${path("exchanges", exchange.parent)}>${exchange.parent.slice(-8)}</a> · ${html`<a href=${path("diff", exchange.id)}>what changed</a>`}`)}
      ${fact("id", html`<span class="mono" title=${exchange.id}>${exchange.id.slice(-8)}</span>`)}
    </dl>
    ${exchange.error && html`<div class="fault"><strong>${exchange.error.type}</strong> ${exchange.error.message}</div>`}`;
}
