// A plot: Chart.js in the colours of the page. It is loaded when the first one is drawn.

import { html, useEffect, useRef, useState } from "../lib/dom.js";
import { Fault } from "./common.js";

let loading = null;

/** Chart.js; the file is a script of old that puts its name into the global object. */
function library() {
  loading ??= import("../vendor/chart.js").then(() => globalThis.Chart);
  return loading;
}

/** The value of a colour of the style sheets: colour("--text-dim"). */
export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Counts up whenever the page turns dark or light. */
function useTheme() {
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const changed = () => setTurn((count) => count + 1);
    const system = matchMedia("(prefers-color-scheme: dark)");
    addEventListener("themechange", changed);
    system.addEventListener("change", changed);
    return () => {
      removeEventListener("themechange", changed);
      system.removeEventListener("change", changed);
    };
  }, []);
  return turn;
}

/** A number on the axis or in the box that follows the pointer. */
const plain = (value) => String(value);

/**
 * A plot over `labels`.
 *
 * `series`: [{ label, values, colour: "--name", dashed, filled }], values null where there are
 * none. `kind` is "bar" (stacked) or "line". `format` writes a value. `titles` are the longer
 * names of the labels. `pick(index, series | null)` is called for a click; a click beside the
 * bars picks no series. `total` says what the sum of a bar is called.
 */
export function Plot({ kind, labels, titles = labels, series, format = plain, pick, label, most, total, note }) {
  const canvas = useRef();
  const [error, setError] = useState(null);
  const theme = useTheme();
  const picked = useRef();
  picked.current = pick;
  useEffect(() => {
    let chart = null;
    let isGone = false;
    library().then((Chart) => {
      if (isGone || !canvas.current) return;
      chart = new Chart(canvas.current, config({ kind, labels, titles, series, format, most, total, note, picked }));
    }, setError);
    return () => {
      isGone = true;
      chart?.destroy();
    };
  }, [kind, labels, series, theme]);
  if (error) return html`<${Fault} error=${error} />`;
  return html`<div class="plot"><canvas ref=${canvas} role="img" aria-label=${label}></canvas></div>`;
}

/** A number of an axis without the zeros at its end: $8.00 is $8. */
const short = (text) => text.replace(/(\.\d*?)0+(?!\d)/, "$1").replace(/\.(?!\d)/, "");

function config({ kind, labels, titles, series, format, most, total, note, picked }) {
  const isBar = kind === "bar";
  const font = { family: getComputedStyle(document.body).fontFamily, size: 11.5 };
  const dim = colour("--text-dim");
  return {
    type: kind,
    data: {
      labels,
      datasets: series.map((one) => (isBar ? bars(one) : line(one))),
    },
    options: {
      animation: false,
      responsive: true,
      maintainAspectRatio: false,
      interaction: { mode: "index", intersect: false },
      onClick: (event, _, chart) => click(event, chart, picked.current),
      onHover: (event) => {
        event.native.target.style.cursor = picked.current ? "pointer" : "default";
      },
      scales: {
        x: {
          stacked: isBar,
          grid: { display: false },
          border: { color: colour("--line-strong") },
          ticks: { color: dim, font, maxRotation: 0, autoSkipPadding: 14 },
        },
        y: {
          stacked: isBar,
          beginAtZero: true,
          suggestedMax: most,
          border: { display: false },
          grid: { color: colour("--line"), drawTicks: false },
          ticks: { color: dim, font, padding: 8, maxTicksLimit: 6, callback: (value) => short(format(value)) },
        },
      },
      plugins: {
        legend: { display: false },
        tooltip: tooltip({ titles, format, total, note, font }),
      },
    },
  };
}

function bars({ label, values, colour: name }) {
  const fill = colour(name);
  // A thin line of the background holds the pieces of a bar apart.
  return { label, data: values, backgroundColor: fill, hoverBackgroundColor: fill, borderColor: colour("--bg"), borderWidth: { top: 1 }, borderSkipped: false, maxBarThickness: 42, categoryPercentage: 0.9, barPercentage: 0.92, minBarLength: 0 };
}

function line({ label, values, colour: name, dashed, filled }) {
  const stroke = colour(name);
  return { label, data: values, borderColor: stroke, backgroundColor: filled ? `${stroke}22` : stroke, fill: filled ? "origin" : false, borderWidth: 2, borderDash: dashed ? [5, 4] : [], pointRadius: values.length > 90 ? 0 : 2.5, pointHoverRadius: 4, pointBackgroundColor: stroke, pointBorderWidth: 0, spanGaps: true, tension: 0.15 };
}

function tooltip({ titles, format, total, note, font }) {
  const sum = (items) => items.reduce((all, item) => all + (item.parsed.y ?? 0), 0);
  return {
    backgroundColor: colour("--bg-raised"),
    borderColor: colour("--line-strong"),
    borderWidth: 1,
    titleColor: colour("--text"),
    bodyColor: colour("--text"),
    footerColor: colour("--text-dim"),
    titleFont: { ...font, weight: 600 },
    bodyFont: font,
    footerFont: { ...font, weight: 400 },
    padding: 9,
    boxPadding: 5,
    boxWidth: 9,
    boxHeight: 9,
    filter: (item) => item.raw != null && (total == null || item.raw !== 0),
    itemSort: (a, b) => (b.raw ?? 0) - (a.raw ?? 0),
    callbacks: {
      title: ([item]) => (item ? titles[item.dataIndex] : ""),
      label: (item) => ` ${item.dataset.label}: ${format(item.parsed.y)}`,
      labelColor: (item) => {
        const fill = item.chart.config.type === "bar" ? item.dataset.backgroundColor : item.dataset.borderColor;
        return { borderColor: fill, backgroundColor: fill };
      },
      footer: (items) => [
        total != null && items.length > 1 ? `${total}: ${format(sum(items))}` : null,
        items.length ? note?.(items[0].dataIndex) : null,
      ].filter(Boolean),
    },
  };
}

/** Tells which bar was clicked; beside the bars, only when. */
function click(event, chart, pick) {
  if (!pick) return;
  const [hit] = chart.getElementsAtEventForMode(event.native, "nearest", { intersect: true }, true);
  const [near] = chart.getElementsAtEventForMode(event.native, "index", { intersect: false }, true);
  if (hit) pick(hit.index, hit.datasetIndex);
  else if (near) pick(near.index, null);
}

/** What the colours mean; a name may be a link. */
export function Legend({ entries }) {
  return html`<ul class="legend">${entries.map(({ label, colour: name, href, title, dashed }) => html`
    <li><span class=${dashed ? "swatch dashed" : "swatch"} style=${`--swatch: var(${name})`}></span>${href ? html`<a href=${href} title=${title}>${label}</a>` : html`<span title=${title}>${label}</span>`}</li>`)}</ul>`;
}
