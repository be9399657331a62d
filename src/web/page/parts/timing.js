// Where the time went.

import { html } from "../lib/dom.js";
import { useAnswer } from "../lib/api.js";
import { duration, grouped, percent } from "../lib/format.js";
import { Loaded } from "./common.js";

/** A rate over less time than this says nothing, in milliseconds. */
const STREAM_MS_MIN = 60;

export function Timing({ exchange }) {
  const answer = useAnswer(`exchanges/${exchange.id}/timing`);
  return html`<${Loaded} answer=${answer}>${(timing) => html`
    <p class="verdict" data-verdict>${verdict(timing)}</p>
    <${Phases} timing=${timing} />
    <${Stream} timing=${timing} />
    <${Usual} timing=${timing} />`}</${Loaded}>`;
}

/** The parts of an exchange's time, one behind the other: [name, from, to, what it is]. */
export function phases(timing) {
  const { connect_ms, sent_ms, first_byte_ms, first_token_ms, duration_ms } = timing;
  const all = [];
  const add = (name, from, to, says) => {
    if (from != null && to != null && to >= from) all.push({ name, from, to, says });
  };
  if (connect_ms != null) add("connecting", -connect_ms, 0, "the app's connection, ours to the origin, both TLS handshakes");
  const sent = Math.max(0, Math.min(sent_ms ?? 0, first_byte_ms ?? duration_ms ?? Infinity));
  add("sending", 0, sent, "the request, from its first byte to its last");
  add("waiting", sent, first_byte_ms ?? duration_ms, first_byte_ms == null ? "no byte of a reply came" : "until the reply's first byte");
  if (first_token_ms != null) {
    add("first token", first_byte_ms, first_token_ms, "from the reply's first byte to the first piece of answer or reasoning");
    add("streaming", first_token_ms, duration_ms, "from the first token to the reply's last byte");
  } else {
    add("receiving", first_byte_ms, duration_ms, "from the reply's first byte to its last");
  }
  return all;
}

/** One sentence or two: why it took as long as it did. */
export function verdict(timing) {
  const { duration_ms: whole, first_token_ms: token, first_byte_ms: byte, sent_ms: sent } = timing;
  if (whole == null) return byte == null ? "No reply came." : "The reply did not come to its end.";
  if (whole < 1) return `It took ${duration(whole)}.`;
  const begun = token ?? byte ?? whole;
  const shares = [
    [Math.min(sent ?? 0, begun), "sending the request"],
    [begun - Math.min(sent ?? 0, begun), token != null ? "waiting for the first token" : "waiting for the answer"],
    [whole - begun, token != null ? "the answer streaming" : "receiving the answer"],
  ].sort((a, b) => b[0] - a[0]);
  const [[most, words]] = shares;
  const rate = timing.tokens_per_second;
  const withRate = words === "the answer streaming" && rate && whole - begun >= STREAM_MS_MIN ? `, at ${rate.toFixed(rate < 10 ? 1 : 0)} tokens a second` : "";
  const sentences = [`${percent(most / whole)} of ${duration(whole)} was ${words}${withRate}.`];
  if (timing.stalls_total > 0) {
    const longest = timing.stalls.reduce((a, b) => (b.ms > a.ms ? b : a));
    sentences.push(timing.stalls_total === 1
      ? `One stall of ${duration(longest.ms)}, ${duration(longest.from_ms)} in.`
      : `${timing.stalls_total} stalls of ${duration(timing.stalled_ms)} in all; the longest, ${duration(longest.ms)}, began ${duration(longest.from_ms)} in.`);
  }
  const usual = timing.usual?.duration_ms;
  if (usual) {
    const times = whole / usual;
    sentences.push(times > 1.25 ? `That is ${times.toFixed(1)} times the usual ${duration(usual)} of ${timing.usual.model} here.`
      : times < 0.8 ? `That is less than the usual ${duration(usual)} of ${timing.usual.model} here.`
        : `That is usual for ${timing.usual.model} here.`);
  }
  return sentences.join(" ");
}

const share = (part) => (part < 0.001 ? "" : percent(part));

function Phases({ timing }) {
  const all = phases(timing);
  if (all.length === 0) return null;
  const from = Math.min(...all.map((phase) => phase.from));
  const to = Math.max(...all.map((phase) => phase.to));
  const scale = (ms) => ((ms - from) / Math.max(to - from, 0.001)) * 1000;
  return html`
    <section class="panel" aria-label="Phases">
      <header><h2>Phases</h2><span class="dim">${duration(to - from)} in all${from < 0 ? ", from the app's connection on" : ""}</span></header>
      <div class="body phases">
        ${all.map((phase) => html`
          <div class="phase" title=${phase.says} data-phase=${phase.name}>
            <span>${phase.name}</span>
            <svg viewBox="0 0 1000 14" preserveAspectRatio="none" role="img" aria-label=${`${phase.name}: ${duration(phase.to - phase.from)}`}>
              <rect class="track" x="0" y="6" width="1000" height="2" />
              <rect class=${`bar-${phase.name.replace(" ", "-")}`} x=${scale(phase.from)} y="0" width=${Math.max(3, scale(phase.to) - scale(phase.from))} height="14" rx="2" />
            </svg>
            <span class="number">${duration(phase.to - phase.from)}</span>
            <span class="number dim share">${share((phase.to - phase.from) / Math.max(to - from, 0.001))}</span>
          </div>`)}
      </div>
    </section>`;
}

function Stream({ timing }) {
  const { columns, events, stalls, output_tokens: tokens } = timing;
  const first = columns[0];
  const last = columns.at(-1);
  if (!first || last.to_ms - first.from_ms < STREAM_MS_MIN) {
    return events > 1 ? html`<section class="panel"><header><h2>Stream</h2></header><div class="body dim">${grouped(events)} events came at once: there is no speed to show.</div></section>` : null;
  }
  const span = last.to_ms - first.from_ms;
  const x = (ms) => ((ms - first.from_ms) / span) * 1000;
  // Providers do not say how many tokens an event has: each gets its share of the whole.
  const each = tokens ? tokens / events : 1;
  const rate = (column) => (column.events * each * 1000) / (column.to_ms - column.from_ms);
  const most = Math.max(...columns.map(rate));
  const unit = tokens ? "tokens a second" : "events a second";
  return html`
    <section class="panel" aria-label="Stream" data-stream>
      <header><h2>Stream</h2><span class="grow dim">${grouped(events)} events in ${duration(span)}${timing.median_gap_ms ? ` · ${duration(timing.median_gap_ms)} between two, mostly` : ""}</span>
        <span class="dim">${tokens ? "≈ " : ""}${unit}, at most ${Math.round(most)}</span></header>
      <div class="body">
        <svg class="stream" viewBox="0 0 1000 120" preserveAspectRatio="none" role="img" aria-label=${`${unit} over time, at most ${Math.round(most)}`}>
          ${stalls.map((stall) => html`<rect class="stall" x=${x(stall.from_ms)} y="0" width=${Math.max(2, x(stall.from_ms + stall.ms) - x(stall.from_ms))} height="120"><title>${`stall of ${duration(stall.ms)}, ${duration(stall.from_ms)} in, before event ${stall.event}`}</title></rect>`)}
          ${columns.map((column) => column.events > 0 && html`<rect class="column" x=${x(column.from_ms)} width=${Math.max(1, x(column.to_ms) - x(column.from_ms) - 0.6)} y=${120 - (rate(column) / most) * 116} height=${(rate(column) / most) * 116}><title>${`${duration(column.from_ms)}: ${grouped(column.events)} events, ${Math.round(rate(column))} ${unit}`}</title></rect>`)}
        </svg>
        <div class="axis dim number"><span>${duration(first.from_ms)}</span><span>${duration(first.from_ms + span / 2)}</span><span>${duration(last.to_ms)}</span></div>
        ${stalls.length > 0 && html`
          <h3 class="under">${timing.stalls_total === 1 ? "A stall" : `${grouped(timing.stalls_total)} stalls`} <span class="dim">nothing came for more than a second, or for ten times the usual</span></h3>
          <ul class="stalls">${stalls.map((stall) => html`<li><b class="number">${duration(stall.ms)}</b> <span class="dim">from ${duration(stall.from_ms)} on, before event ${grouped(stall.event)}</span></li>`)}</ul>`}
      </div>
    </section>`;
}

function Usual({ timing }) {
  const { usual } = timing;
  if (!usual) return null;
  const speed = (rate) => (rate == null ? "" : `${rate.toFixed(rate < 10 ? 1 : 0)}`);
  const rows = [
    ["to the first token", duration(timing.first_token_ms), duration(usual.first_token_ms)],
    ["whole", duration(timing.duration_ms), duration(usual.duration_ms)],
    ["tokens a second", speed(timing.tokens_per_second), speed(usual.tokens_per_second)],
  ].filter(([, own, others]) => own || others);
  return html`
    <section class="panel" aria-label="Compared"><header><h2>Compared</h2><span class="dim">with the ${grouped(usual.exchanges)} newest others of ${usual.model}</span></header>
      <div class="scroll-x"><table class="plain compared"><thead><tr><th></th><th class="number">this one</th><th class="number">median</th></tr></thead>
        <tbody>${rows.map(([name, own, others]) => html`<tr><td>${name}</td><td class="number">${own || "–"}</td><td class="number">${others || "–"}</td></tr>`)}</tbody></table></div></section>`;
}
