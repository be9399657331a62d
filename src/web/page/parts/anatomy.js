// What a prompt is made of, and how that grew over a conversation.

import { html, useMemo, useState } from "../lib/dom.js";
import { useAnswer } from "../lib/api.js";
import { count, dollars, fullTime, grouped, percent, visible } from "../lib/format.js";
import { go, path } from "../lib/route.js";
import { Legend, Plot } from "./chart.js";
import { Loaded } from "./common.js";

/** Tools shown before all are asked for. */
const TOOLS_SHOWN = 12;

/** The sections of a prompt in their order, and what one of each is called. */
const SECTIONS = [
  ["system", "System prompt", "text"],
  ["tools", "Tools", "tool"],
  ["user", "User", "part"],
  ["assistant", "Assistant", "part"],
  ["reasoning", "Reasoning", "part"],
  ["tool_calls", "Tool calls", "call"],
  ["tool_results", "Tool results", "result"],
  ["retrieved", "Retrieved", "document"],
  ["images", "Images", "image"],
  ["kept", "Kept by the provider", ""],
];

const LABELS = new Map(SECTIONS.map(([name, label]) => [name, label]));
const UNITS = new Map(SECTIONS.map(([name, , unit]) => [name, unit]));
const colour = (section) => `--section-${section}`;
const label = (section) => LABELS.get(section) ?? section;
const things = (number, thing) => (thing ? `${grouped(number)} ${thing}${number === 1 ? "" : "s"}` : "");

/** The prompt of an exchange, taken apart. */
export function Anatomy({ exchange }) {
  const answer = useAnswer(`exchanges/${encodeURIComponent(exchange.id)}/anatomy`);
  return html`<${Loaded} answer=${answer}>${(anatomy) => html`<${Parts} anatomy=${anatomy} />`}</${Loaded}>`;
}

function Parts({ anatomy }) {
  const { sections, tools, total, counted } = anatomy;
  if (!sections.length) {
    return html`<div class="empty"><h2>No prompt to take apart</h2><p>No dialect reads a prompt in this exchange.</p></div>`;
  }
  const says = sections.map((share) => `${label(share.section)} ${percent(share.share)}`).join(", ");
  return html`
    <div class="plot-head"><h2>${grouped(total)} tokens</h2>
      <span class="dim">${counted ? "as the provider counted; how they are shared out is estimated" : "estimated: the provider sent no count"} (${anatomy.tokenizer})</span></div>
    <div class="anatomy-turn">
      <span class="dim">by part</span>
      <div class="shares" role="img" aria-label=${says}>
        ${sections.filter((share) => share.tokens > 0).map((share) => html`<span data-section=${share.section} style=${`--swatch: var(${colour(share.section)}); flex: ${share.share} 1 0`} title=${`${label(share.section)}: ${grouped(share.tokens)} tokens, ${percent(share.share)}`}></span>`)}
      </div>
      <span class="number"><strong>${grouped(total)}</strong></span>
      <${Turn} anatomy=${anatomy} />
    </div>
    <div class="anatomy-tables">
      <${Sections} sections=${sections} />
      ${tools.length > 0 && html`<${Tools} tools=${tools} />`}
    </div>
    ${anatomy.uncounted_files > 0 && html`<p class="dim small">Not in these parts: ${things(anatomy.uncounted_files, "file")} or sounds, which nobody can count from outside.</p>`}`;
}

/** What is new in this turn, and what came from a cache: lines below that of the parts. */
function Turn({ anatomy }) {
  const { history, new: fresh, cached, total } = anatomy;
  const whole = Math.max(total, 1);
  const line = (name, tokens, swatch, from, title) => html`
    <span class="dim">${name}</span>
    <span class="shares thin" aria-hidden="true" title=${title}><span class="rest" style=${`flex: ${from} 1 0; min-width: 0`}></span><span style=${`--swatch: var(${swatch}); flex: ${tokens} 1 0`}></span><span class="rest" style=${`flex: ${Math.max(0, whole - tokens - from)} 1 0; min-width: 0`}></span></span>
    <span class="number"><strong>${grouped(tokens)}</strong> <span class="dim">${percent(tokens / whole)}</span></span>`;
  // System text and tools stand before the messages.
  const before = Math.max(0, whole - (history ?? 0) - (fresh ?? 0));
  return html`
    ${history > 0 && line("sent before", history, "--section-reasoning", before, "messages that the turn before had already")}
    ${fresh != null && line("new in this turn", fresh, "--accent", before + (history ?? 0), "messages that are new in this turn")}
    ${cached > 0 && line("read from cache", Math.min(cached, whole), "--series-1", 0, "as the provider counted; a cache holds the beginning of a prompt")}`;
}

function Sections({ sections }) {
  return html`<table class="plain" aria-label="Parts of the prompt">
    <thead><tr><th scope="col">Part</th><th class="number" scope="col">Tokens</th><th class="number" scope="col">Share</th><th class="number" scope="col">Made of</th></tr></thead>
    <tbody>${sections.map((share) => html`<tr data-section=${share.section}>
      <td class="name"><span class="swatch" style=${`--swatch: var(${colour(share.section)})`}></span>${label(share.section)}</td>
      <td class="number">${grouped(share.tokens)}</td><td class="number">${percent(share.share)}</td><td class="number dim">${share.count > 0 ? things(share.count, UNITS.get(share.section)) : ""}</td></tr>`)}</tbody></table>`;
}

function Tools({ tools }) {
  const [all, setAll] = useState(false);
  const shown = all ? tools : tools.slice(0, TOOLS_SHOWN);
  const largest = Math.max(1, tools[0].tokens);
  return html`<div><table class="plain" aria-label="Tools by size">
    <thead><tr><th scope="col">${things(tools.length, "tool")}, the largest first</th><th class="number" scope="col">Tokens</th><th class="number" scope="col">Share</th><th aria-hidden="true"></th></tr></thead>
    <tbody>${shown.map((tool) => html`<tr><td class="name mono">${visible(tool.name)}</td><td class="number">${grouped(tool.tokens)}</td><td class="number">${percent(tool.share)}</td>
      <td class="meters" aria-hidden="true"><span class="meter" style=${`width: ${(tool.tokens / largest) * 100}%`}></span></td></tr>`)}</tbody></table>
    ${tools.length > shown.length && html`<div class="more"><button onClick=${() => setAll(true)}>All ${tools.length} tools</button></div>`}</div>`;
}

/** How the prompt of a conversation grew, turn by turn. */
export function ThreadAnatomy({ name }) {
  const answer = useAnswer(`threads/${encodeURIComponent(name)}/anatomy`);
  return html`<${Loaded} answer=${answer}>${(growth) => html`<${Growth} growth=${growth} />`}</${Loaded}>`;
}

function Growth({ growth }) {
  const { turns, left_out: leftOut } = growth;
  const drawn = useMemo(() => series(turns), [turns]);
  const names = useMemo(() => ({
    labels: turns.map((turn) => String(turn.turn + 1)),
    titles: turns.map((turn) => `turn ${turn.turn + 1}, ${fullTime(turn.started_at)}`),
  }), [turns]);
  if (!drawn.length) {
    return html`<div class="empty"><h2>Nothing counted yet</h2><p>No turn of this conversation has a prompt that a dialect reads.</p></div>`;
  }
  const note = (at) => [
    turns[at].new != null ? `${grouped(turns[at].new)} new` : null,
    turns[at].cached ? `${grouped(turns[at].cached)} from cache` : null,
    turns[at].cost_usd ? dollars(turns[at].cost_usd) : null,
    "click to open",
  ].filter(Boolean).join(" · ");
  return html`
    <p data-growth>${said(turns)}</p>
    <section class="panel"><div class="body">
      <div class="plot-head"><h2>Prompt by turn</h2><span class="dim">tokens</span><span class="spring"></span><${Legend} entries=${drawn} /></div>
      <${Plot} kind="bar" labels=${names.labels} titles=${names.titles} series=${drawn} format=${count} total="prompt" note=${note}
        pick=${(at) => go(path("exchanges", turns[at].id, "anatomy"))} label=${`Tokens of the prompt by turn. ${said(turns)}`} />
    </div></section>
    ${leftOut > 0 && html`<p class="dim small">${things(leftOut, "turn")} of ${turns.length + leftOut} left out, evenly: taking them all apart would take too long.</p>`}
    <${Turns} turns=${turns} />`;
}

/** The tokens of each section in each turn; sections that are nowhere are left out. */
function series(turns) {
  const of = (turn, section) => turn.sections.find((share) => share.section === section)?.tokens ?? 0;
  return SECTIONS.map(([section, name]) => ({ section, label: name, colour: colour(section), values: turns.map((turn) => of(turn, section)) }))
    .filter((one) => one.values.some((tokens) => tokens > 0));
}

/** Which part grew most, as a sentence. */
export function said(turns) {
  const first = turns[0];
  const largest = turns.reduce((most, turn) => (turn.total > most.total ? turn : most), first);
  const last = turns.at(-1);
  if (turns.length < 2) return `One turn of ${grouped(first.total)} tokens.`;
  const cut = last.total < largest.total * 0.7 ? ` It was cut since, to ${count(last.total)}.` : "";
  const [most] = series([first, largest])
    .map(({ label: name, values: [was, is] }) => ({ name, by: is - was }))
    .sort((a, b) => b.by - a.by);
  if (largest === first || !most || most.by <= 0) return `Over ${things(last.turn + 1, "turn")} the prompt did not grow beyond its first ${count(first.total)} tokens.${cut}`;
  // How a count is shared out is estimated anew each turn: a part may seem to grow by more than all.
  const share = most.by / Math.max(1, largest.total - first.total);
  return `The prompt grew from ${count(first.total)} to ${count(largest.total)} tokens by turn ${largest.turn + 1}, most of all in “${most.name}”: by ${count(most.by)}${share <= 1 ? `, ${percent(share)} of the growth` : ""}.${cut}`;
}

/** Turns shown before all are asked for. */
const TURNS_SHOWN = 50;

const tokensOf = (section) => (turn) => grouped(turn.sections.find((share) => share.section === section)?.tokens);

/** The columns of the table: heading and what is shown. */
const COLUMNS = [
  ["Tokens", (turn) => `${turn.counted ? "" : "≈"}${grouped(turn.total)}`],
  ["System", tokensOf("system")],
  ["Tools", tokensOf("tools")],
  ["Sent before", (turn) => grouped(turn.history)],
  ["New", (turn) => grouped(turn.new)],
  ["Cached", (turn) => grouped(turn.cached)],
  ["Cost", (turn) => dollars(turn.cost_usd)],
];

function Turns({ turns }) {
  const [all, setAll] = useState(false);
  const shown = all ? turns : turns.slice(-TURNS_SHOWN);
  // A column that says nothing is left out.
  const columns = COLUMNS.filter(([, show]) => turns.some((turn) => show(turn) !== ""));
  return html`
    ${turns.length > shown.length && html`<div class="more"><button onClick=${() => setAll(true)}>All ${turns.length} turns</button></div>`}
    <div class="scroll-x"><table class="plain sums" aria-label="Prompt by turn">
      <thead><tr><th scope="col">Turn</th>${columns.map(([heading]) => html`<th class="number" scope="col">${heading}</th>`)}</tr></thead>
      <tbody>${shown.map((turn) => html`<tr key=${turn.id}><th scope="row"><a href=${path("exchanges", turn.id, "anatomy")} title=${fullTime(turn.started_at)}>${turn.turn + 1}</a></th>
        ${columns.map(([, show]) => html`<td class="number">${show(turn)}</td>`)}</tr>`)}</tbody></table></div>`;
}
