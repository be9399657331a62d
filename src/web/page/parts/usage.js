// Tokens, each counted once, and what they cost.

import { html } from "../lib/dom.js";
import { useAnswer } from "../lib/api.js";
import { dollars, grouped, percent, visible } from "../lib/format.js";
import { Copy, Loaded } from "./common.js";

/** Each bucket: its name, its words, the price it has unless it has its own. */
const INPUT = [
  ["input_uncached", "input", "input"],
  ["cache_read", "read from the cache", "input"],
  ["cache_write_5m", "written to the cache", "input"],
  ["cache_write_1h", "written to the cache for an hour", "input"],
  ["input_audio", "sound", "input"],
  ["input_image", "pictures", "input"],
];
const OUTPUT = [
  ["output_visible", "answer", "output"],
  ["reasoning", "reasoning", "output"],
  ["output_audio", "spoken answer", "output"],
  ["output_image", "pictures of the answer", "output"],
];
/** The field of a price where it is not called as its bucket. */
const RATE_OF = { input_uncached: "input", output_visible: "output" };

const SOURCES = {
  reported: "The provider, or a gateway before it, said so in its reply.",
  override: "By your own prices.",
  table: "By list prices at the date of the request; discounts and subscriptions are not known.",
  estimated: "By prices, for tokens that Overhear estimated: the provider sent no count.",
};

/** The buckets that have tokens, with price and cost where they are known. */
export function rows(buckets, rates) {
  return [["in", INPUT], ["out", OUTPUT]].flatMap(([side, all]) =>
    all.filter(([name]) => buckets[name] > 0).map(([name, words, other]) => {
      const rate = rates?.[RATE_OF[name] ?? name] ?? rates?.[other] ?? null;
      return { side, name, words, tokens: buckets[name], rate, cost: rate == null ? null : (buckets[name] * rate) / 1e6 };
    }));
}

export function Usage({ exchange }) {
  const answer = useAnswer(`exchanges/${exchange.id}/price`);
  const { usage } = exchange;
  if (!usage) return html`<div class="empty"><h2>No tokens were counted</h2><p>The provider sent no count, and there was nothing to estimate.</p></div>`;
  const isEstimated = usage.source === "estimated";
  return html`
    <${Loaded} answer=${answer}>${(price) => {
      const all = rows(usage.buckets, price.rates);
      const cached = usage.input && usage.input_cached != null ? usage.input_cached / usage.input : null;
      return html`
        <dl class="facts usage-facts">
          <div><dt>input</dt><dd>${grouped(usage.input) || "not counted"}</dd></div>
          <div><dt>output</dt><dd>${grouped(usage.output) || "not counted"}</dd></div>
          ${cached != null && html`<div><dt>from the cache</dt><dd>${percent(cached)} of the input</dd></div>`}
          <div><dt>cost</dt><dd data-cost>${dollars(price.cost_usd) || "unknown"}</dd></div>
          <div><dt>counted by</dt><dd>${isEstimated ? "Overhear, an estimate" : "the provider"}</dd></div>
        </dl>
        <p class="dim">${price.cost_usd == null ? `The cost is not known: ${price.unknown ?? "nothing says why"}.` : SOURCES[price.cost_source] ?? ""}</p>
        <${Bars} all=${all} usage=${usage} />
        <${Table} all=${all} price=${price} />
        <${RawUsage} raw=${usage.raw} />`;
    }}</${Loaded}>`;
}

function Bars({ all, usage }) {
  const total = Math.max(usage.input ?? 0, usage.output ?? 0);
  if (total === 0) return null;
  const bar = (side, label) => {
    const own = all.filter((row) => row.side === side);
    if (own.length === 0) return null;
    let x = 0;
    return html`<div class="usage-bar"><span class="dim">${label}</span>
      <svg viewBox="0 0 1000 18" preserveAspectRatio="none" role="img" aria-label=${`${label}: ${own.map((row) => `${grouped(row.tokens)} ${row.words}`).join(", ")}`}>
        ${own.map((row) => {
          const width = Math.max(2, (row.tokens / total) * 1000);
          const from = x;
          x += width;
          return html`<rect class=${`bucket-${row.name}`} x=${from} y="0" width=${width} height="18"><title>${`${row.words}: ${grouped(row.tokens)}`}</title></rect>`;
        })}
      </svg></div>`;
  };
  return html`<section class="panel"><div class="body usage-bars">${bar("in", "input")}${bar("out", "output")}</div></section>`;
}

function Table({ all, price }) {
  if (all.length === 0) return null;
  const total = all.reduce((sum, row) => sum + row.tokens, 0);
  const known = all.every((row) => row.cost != null);
  const cost = known ? all.reduce((sum, row) => sum + row.cost, 0) : null;
  const hasRates = price.rates != null;
  return html`
    <section class="panel" aria-label="Tokens by kind"><div class="scroll-x"><table class="plain usage-table">
      <thead><tr><th>tokens</th><th class="number">count</th><th class="number">share</th>${hasRates && html`<th class="number">per million</th><th class="number">cost</th>`}</tr></thead>
      <tbody>${all.map((row) => html`<tr data-bucket=${row.name}><td><i class=${`dot bucket-${row.name}`}></i>${row.words}</td><td class="number">${grouped(row.tokens)}</td><td class="number dim">${percent(row.tokens / total)}</td>
        ${hasRates && html`<td class="number">${dollars(row.rate) || "–"}</td><td class="number">${dollars(row.cost) || "–"}</td>`}</tr>`)}</tbody>
      ${hasRates && html`<tfoot><tr><td>by ${price.rates_source === "override" ? "your prices" : "list prices"} of ${visible(price.rates.model)}</td><td class="number">${grouped(total)}</td><td></td><td></td><td class="number">${dollars(cost) || "–"}</td></tr></tfoot>`}
    </table></div></section>`;
}

function RawUsage({ raw }) {
  if (raw == null) return null;
  const text = JSON.stringify(raw, null, 2);
  return html`<details class="panel folded"><summary>As the provider sent it</summary><div class="body"><${Copy} text=${() => text} /><pre>${visible(text)}</pre></div></details>`;
}
