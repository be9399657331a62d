// A turn of a conversation: what was new in its prompt, then its answer.

import { Component, classes, html, useEffect, useRef, useState } from "../lib/dom.js";
import { count, dollars, duration, fullTime, grouped, percent, time, visible } from "../lib/format.js";
import { path } from "../lib/route.js";
import { Fault, StateBadge } from "./common.js";
import { Choice } from "./conversation.js";
import { Message, nearby } from "./message.js";
import { pairs } from "./pairs.js";
import { useTurns } from "./turns.js";

/** A component that is drawn again only when one of its properties changed. */
const memo = (Inner) => class extends Component {
  shouldComponentUpdate(next) {
    return Object.keys({ ...next, ...this.props }).some((name) => next[name] !== this.props[name]);
  }

  render(props) {
    return html`<${Inner} ...${props} />`;
  }
};

/**
 * A turn. `next` are the ids of those that continue it, whose results of tools are shown beside
 * their calls here; `before` is what it continues, beside whose calls its own results stand.
 */
export const Turn = memo(({ turn, number, next, before, changed, turns, isHere }) => {
  const place = useRef();
  const [near, setNear] = useState(false);
  useEffect(() => (near ? undefined : nearby(place.current, () => setNear(true))), [near]);
  const [said, beforeSaid, ...nextSaid] = useTurns(turns, near, turn.id, before, ...(next ? next.split(" ") : []));
  const fault = turns.faults.get(turn.id);
  const height = 130 + Math.min(2600, (turn.usage.output ?? 100) * 0.6);
  return html`
    <article ref=${place} class=${classes("turn", { here: isHere })} id=${`turn-${turn.id}`} data-turn=${turn.id} aria-label=${`Turn ${number}`}
      style=${said ? { containIntrinsicHeight: `auto ${height}px` } : { minHeight: `${height}px` }}>
      ${near && html`<${Line} turn=${turn} number=${number} changed=${changed} />`}
      ${fault ? html`<${Fault} error=${fault} />` : said && html`<${SaidIn} said=${said} nextSaid=${nextSaid} beforeSaid=${beforeSaid} />`}
    </article>`;
});

/** The numbers of a turn. */
function Line({ turn, number, changed }) {
  const { usage } = turn;
  const tokens = usage.input == null && usage.output == null ? null : `${count(usage.input) || "–"} → ${count(usage.output) || "–"}`;
  const share = usage.input && usage.input_cached != null ? usage.input_cached / usage.input : null;
  const fact = (text, title) => text && html`<span class="fact" title=${title}>${text}</span>`;
  return html`
    <header class="line">
      <a class="no" href=${path("exchanges", turn.id)} title="this exchange: raw bytes, timing, cost">${number}</a>
      ${fact(time(turn.started_at), fullTime(turn.started_at))}
      <span class="fact mono model" title=${turn.provider}>${turn.model ?? turn.operation ?? turn.path}</span>
      ${turn.operation && !/^(chat|messages|generate|responses|completion)$/.test(turn.operation) && html`<span class="badge">${turn.operation.replaceAll("_", " ")}</span>`}
      ${fact(tokens && `${usage.source === "estimated" ? "≈ " : ""}${tokens}`, `tokens: ${grouped(usage.input) || "?"} in, ${grouped(usage.output) || "?"} out`)}
      ${share != null && fact(`${percent(share)} cached`, `${grouped(usage.input_cached)} tokens from the cache`)}
      ${fact(dollars(turn.cost_usd), turn.cost_source)}
      ${fact(turn.first_token_ms != null && `first token ${duration(turn.first_token_ms)}`)}
      ${fact(duration(turn.duration_ms), "to the end of the answer")}
      <${StateBadge} row=${turn} />
      ${changed && html`<a class="badge warn" href=${path("diff", turn.id)} title="see what changed">${changed} changed</a>`}
      <span class="grow"></span>
      <span class="links"><a href=${path("exchanges", turn.id)}>exchange</a>${turn.parent && html` <a href=${path("diff", turn.id)}>what changed</a>`}</span>
    </header>`;
}

function SaidIn({ said, nextSaid, beforeSaid }) {
  const exchange = { id: said.id };
  const here = [...said.messages, ...said.choices, ...nextSaid.flatMap((said) => said?.messages ?? [])];
  const tools = pairs(here);
  // Results whose calls stand in the turn before are shown there.
  const above = beforeSaid ? pairs([...beforeSaid.messages, ...beforeSaid.choices, ...said.messages]).paired : new Set();
  const hidden = { results: tools.results, paired: new Set([...tools.paired, ...above]) };
  const shownAbove = said.messages.flatMap((message) => message.parts).filter((part) => above.has(part)).length;
  const messages = said.messages.filter((message) => !message.is_repeated);
  return html`
    ${shownAbove > 0 && html`<p class="above dim">${shownAbove === 1 ? "1 result" : `${shownAbove} results`} of tools, shown with the calls above</p>`}
    ${messages.map((message) => html`<${Message} key=${message.index} role=${message.role} parts=${message.parts} from=${{ id: said.id, list: "messages", index: message.index }} tools=${hidden} />`)}
    ${said.choices.map((choice, at) => html`<${Choice} key=${`answer-${at}`} choice=${choice} at=${at} of=${said.choices.length} exchange=${exchange} tools=${hidden} />`)}
    ${said.error && html`<div class="fault"><strong>${visible(said.error.type)}</strong> ${visible(said.error.message)}</div>`}
    ${!messages.length && !said.choices.length && !said.error && html`<p class="dim none">no new words</p>`}
    ${said.notes.length > 0 && html`<details class="notes-of"><summary class="dim">${said.notes.length === 1 ? "1 note" : `${said.notes.length} notes`} on how it was read</summary><ul>${said.notes.map((note) => html`<li>${visible(note)}</li>`)}</ul></details>`}`;
}
