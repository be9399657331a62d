// What changed between two prompts: a turn and the one before, or any two.

import { html, useEffect, useRef, useState } from "../lib/dom.js";
import { useAnswer } from "../lib/api.js";
import { bytes, count, fullTime, time, visible } from "../lib/format.js";
import { useKeys } from "../lib/keys.js";
import { go, path, setParams } from "../lib/route.js";
import { summary } from "../lib/difference.js";
import { Fault } from "../parts/common.js";
import { Difference, SECTIONS } from "../parts/difference.js";

/** Narrower than this, two columns are too narrow to read. */
const SIDE_WIDTH_MIN = 900;

/** Turns that a choice has at most: the API gives no more at once. */
const CHOICE_MAX = 1000;

/** Where a change comes to stand below the bars, in pixels. */
const STOP = 130;

export function Diff({ a, b, params }) {
  useKeys([{ keys: ["x"], says: "the exchange, or the prompt", run: () => a && go(target(b ?? a)) }]);
  if (!a) return html`<div class="empty"><h2>Nothing to compare yet</h2><p>Open an <a href="/exchanges">exchange</a> and press <kbd>d</kbd>, or take two of the <a href="/prompts">prompts</a>.</p></div>`;
  return b ? html`<${Pair} a=${a} b=${b} params=${params} />` : html`<${Since} a=${a} params=${params} />`;
}

function Pair({ a, b, params }) {
  const answer = useAnswer("diff", { a, b, only: params.only });
  if (answer.error) return html`<${Fault} error=${answer.error} />`;
  if (!answer.data) return html`<p class="dim" role="status">Comparing…</p>`;
  return html`<${Compared} told=${answer.data} params=${params} />`;
}

/** A turn and the one before; of the first turn a choice of others. */
function Since({ a, params }) {
  const answer = useAnswer("diff/candidates", { a, limit: CHOICE_MAX });
  if (answer.error) return html`<${Fault} error=${answer.error} />`;
  if (!answer.data) return html`<p class="dim" role="status">Comparing…</p>`;
  const { items } = answer.data;
  const before = items.find((item) => item.before);
  return before ? html`<${Pair} a=${before.label} b=${a} params=${params} />` : html`<${Alone} a=${a} items=${items} />`;
}

const target = (label) => path(label.startsWith("@") ? "prompts" : "exchanges", label);

/** The address of a comparison that keeps what is set. */
const between = (a, b, params) => path("diff", a, b, { only: params.only, mode: params.mode });

function Compared({ told, params }) {
  const { old, new: now, difference, sections } = told;
  const [mode, setMode] = useMode(params.mode);
  const content = useRef();
  const step = useSteps(content);
  useKeys([
    { keys: ["n"], says: "next change", run: () => step(1) },
    { keys: ["p"], says: "change before", run: () => step(-1) },
    { keys: ["v"], says: "side by side, or inline", run: () => setMode(mode === "side" ? "inline" : "side") },
  ]);
  return html`
    <div class="diff-heads">
      <${Head} side=${old} name="Old" other=${now} params=${params} />
      <a class="button swap" href=${between(now.label, old.label, params)} title="Swap both" aria-label="Swap both">⇄</a>
      <${Head} side=${now} name="New" other=${old} params=${params} />
    </div>
    ${told.alike
      ? html`<div class="empty" data-alike><h2>Alike</h2><p>${sections.length === SECTIONS.length ? "Model, parameters, system prompt, tools and messages are the same." : `No difference in: ${sections.join(", ")}.`}</p></div>`
      : html`
        <div class="diff-bar">
          <nav aria-label="Sections">${SECTIONS.filter(([name]) => difference[name]).map(([name, label]) => html`
            <button class="plain" onClick=${() => reach(name)}>${label} <span class="dim">${visible(summary(name, difference))}</span></button>`)}</nav>
          <span class="spring"></span>
          <span class="steps"><button onClick=${() => step(-1)} title="Change before (p)" aria-label="Change before">↑</button><button onClick=${() => step(1)} title="Next change (n)" aria-label="Next change">↓</button></span>
          <span class="modes" role="group" aria-label="Layout">
            <button aria-pressed=${mode === "inline"} onClick=${() => setMode("inline")}>Inline</button>
            <button aria-pressed=${mode === "side"} onClick=${() => setMode("side")}>Side by side</button>
          </span>
        </div>
        ${params.only && html`<p class="dim">Only ${sections.join(", ")}. <a href=${path("diff", old.label, now.label)}>Compare all</a></p>`}
        <div class="diff" ref=${content}><${Difference} difference=${difference} sections=${sections} mode=${mode} /></div>
        <${Map} content=${content} mode=${mode} key=${old.label + now.label} />`}`;
}

function reach(section) {
  const found = document.getElementById(`section-${section}`);
  if (!found) return;
  found.open = true;
  scrollTo({ top: found.getBoundingClientRect().top + scrollY - STOP + 24 });
}

/** How both texts are laid out: as asked for, as last time, else by the room; narrow is inline. */
function useMode(asked) {
  const [chosen, setChosen] = useState(() => asked ?? localStorage.getItem("diff-mode") ?? "side");
  const [isWide, setWide] = useState(innerWidth >= SIDE_WIDTH_MIN);
  useEffect(() => {
    const query = matchMedia(`(min-width: ${SIDE_WIDTH_MIN}px)`);
    const changed = () => setWide(query.matches);
    query.addEventListener("change", changed);
    changed();
    return () => query.removeEventListener("change", changed);
  }, []);
  const set = (mode) => {
    localStorage.setItem("diff-mode", mode);
    if (asked) setParams({ mode }, { replace: true });
    setChosen(mode);
  };
  return [isWide && chosen === "side" ? "side" : "inline", set];
}

/** Goes from change to change. */
function useSteps(content) {
  const last = useRef(null);
  return (by) => {
    const all = [...(content.current?.querySelectorAll("[data-change]") ?? [])].filter((found) => found.offsetParent);
    if (!all.length) return;
    const top = (found) => found.getBoundingClientRect().top;
    const had = all.indexOf(last.current);
    const isThere = had >= 0 && top(all[had]) > 0 && top(all[had]) < innerHeight;
    const at = isThere ? had + by : by > 0 ? all.findIndex((found) => top(found) > STOP + 4) : all.findLastIndex((found) => top(found) < STOP - 4);
    const found = all[Math.max(0, Math.min(at, all.length - 1))];
    if (at < 0 && by > 0) return;
    last.current?.classList.remove("at");
    last.current = found;
    scrollTo({ top: top(found) + scrollY - STOP });
    if (found.hasAttribute("data-far")) {
      // Its rows are made when it comes near: the first change among them is the one.
      const before = all[all.indexOf(found) - 1];
      setTimeout(() => {
        const now = [...content.current.querySelectorAll("[data-change]")];
        last.current = now[now.indexOf(before) + 1] ?? null;
        if (!last.current) return;
        scrollTo({ top: top(last.current) + scrollY - STOP });
        last.current.classList.add("at");
      }, 120);
      return;
    }
    found.classList.add("at");
  };
}

/** Where changes are on the page: a strip at its right edge. */
function Map({ content, mode }) {
  const [marks, setMarks] = useState([]);
  useEffect(() => {
    const measure = () => {
      const height = document.documentElement.scrollHeight;
      const seen = new Set();
      const found = [];
      for (const change of content.current?.querySelectorAll("[data-change]") ?? []) {
        if (!change.offsetParent) continue;
        const place = (change.getBoundingClientRect().top + scrollY) / height;
        const kind = change.matches(".added, .item.added > *") ? "added" : change.matches(".removed, .item.removed > *") ? "removed" : "changed";
        const key = `${Math.round(place * 300)}`;
        if (!seen.has(key)) found.push([place, kind]);
        seen.add(key);
      }
      setMarks(height > innerHeight * 1.3 ? found : []);
    };
    let frame = 0;
    const observer = new ResizeObserver(() => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(measure);
    });
    observer.observe(content.current);
    return () => {
      observer.disconnect();
      cancelAnimationFrame(frame);
    };
  }, [mode]);
  const jump = (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    scrollTo({ top: (document.documentElement.scrollHeight * (event.clientY - box.top)) / box.height - STOP });
  };
  if (!marks.length) return null;
  return html`<div class="diff-map" aria-hidden="true" onClick=${jump}>${marks.map(([place, kind]) => html`<span class=${kind} style=${`top:${(place * 100).toFixed(2)}%`}></span>`)}</div>`;
}

/** One side: whose it is, and a choice of others. */
function Head({ side, name, other, params }) {
  const of = {
    exchange: () => [side.app, side.model].filter(Boolean).join(" · "),
    system: () => `System prompt, ${bytes(side.system_bytes ?? 0)}`,
    tools: () => `${side.tools} ${side.tools === 1 ? "tool" : "tools"}`,
  };
  const turn = side.turn && `turn ${side.turn} of ${side.turns}`;
  return html`
    <section class="diff-head" aria-label=${`${name} side`}>
      <div class="names"><span class="badge">${name}</span><a class="mono" href=${target(side.label)} title=${side.label}>${side.short}</a><span class="cut">${visible(of[side.kind]())}</span></div>
      ${side.kind === "exchange" && html`<div class="dim cut"><span title=${fullTime(side.at)}>${time(side.at)}</span>${turn && html` · ${side.thread ? html`<a href=${path("threads", side.thread, { at: side.label })} title=${side.thread}>${turn}</a>` : turn}`} · ${side.messages} ${side.messages === 1 ? "message" : "messages"}</div>`}
      ${side.first_words && html`<div class="words cut" title=${side.first_words}>${visible(side.first_words)}</div>`}
      <${Choice} of=${side.thread && side.thread === other.thread ? other.label : side.label} chosen=${side.label} other=${other.label} label=${`${name} side: another`} onChoose=${(label) => go(name === "Old" ? between(label, other.label, params) : between(other.label, label, params))} />
    </section>`;
}

/** What could be compared with `other` instead of `chosen`: what belongs together with `of`. */
function Choice({ of, chosen, other, label, onChoose }) {
  const answer = useAnswer("diff/candidates", { a: of, limit: CHOICE_MAX });
  const items = (answer.data?.items ?? []).filter((item) => item.label !== other);
  const isListed = items.some((item) => item.label === chosen);
  if (!answer.data) return html`<select disabled aria-label=${label}><option>…</option></select>`;
  if (!items.some((item) => item.label !== chosen)) return null;
  return html`
    <select aria-label=${label} value=${isListed ? chosen : ""} onChange=${(event) => event.target.value && onChoose(event.target.value)}>
      ${!isListed && html`<option value="">${chosen.startsWith("@") ? chosen : chosen.slice(-8)}</option>`}
      ${items.map((item) => html`<option value=${item.label}>${described(item)}</option>`)}
    </select>`;
}

function described(item) {
  const what = item.turn ? `turn ${item.turn}` : item.before ? "the turn before" : item.short;
  const words = visible((item.first_words ?? "").slice(0, 70));
  return [item.turn && item.before ? `${what}, the one before` : what, time(item.at), item.tokens && `${count(item.tokens)} tokens`, words].filter(Boolean).join(" · ");
}

/** An exchange that no turn goes before, or a prompt alone. */
function Alone({ a, items }) {
  const own = items.find((item) => item.own);
  const others = items.filter((item) => !item.own);
  const isPrompt = a.startsWith("@");
  const name = isPrompt ? a : a.slice(-8);
  if (!others.length) return html`<div class="empty"><h2>There is no other ${isPrompt ? "text" : "turn"} to compare with</h2><p><a href=${target(a)}>Back to ${name}</a></p></div>`;
  const pair = (item) => (item.at < (own?.at ?? "") ? [item.label, a] : [a, item.label]);
  return html`
    <div class="toolbar"><h1 class="grow">${isPrompt ? "" : "No turn goes before "}<a class="mono" href=${target(a)}>${name}</a>: compare it with</h1></div>
    <div class="rows choice" role="list">
      ${others.map((item) => html`<a class="row" role="listitem" href=${path("diff", ...pair(item))}>
        <span class="nowrap">${item.turn ? `turn ${item.turn}` : item.short}</span><span class="dim number nowrap" style="text-align:left" title=${fullTime(item.at)}>${time(item.at)}</span><span>${visible(item.first_words ?? "")}</span></a>`)}
    </div>`;
}
