// A conversation as people read it: turn after turn what was new, branches and sub-agents in
// their places.

import { classes, html, useCallback, useEffect, useMemo, useRef, useState } from "../lib/dom.js";
import { useAnswer } from "../lib/api.js";
import { count, dollars, duration, fullTime, grouped as thousands, threadName, visible } from "../lib/format.js";
import { useKeys } from "../lib/keys.js";
import { follow } from "../lib/live.js";
import { go, path } from "../lib/route.js";
import { Copy, Loaded } from "../parts/common.js";
import { setLiveState } from "../parts/live-state.js";
import { grouped } from "../parts/pairs.js";
import { Prompt } from "../parts/prompt.js";
import { Turn } from "../parts/turn.js";
import { Turns } from "../parts/turns.js";
import { AsWritten } from "../parts/words.js";
import { costOf } from "./threads.js";

/** The tree is read again at most so often while exchanges come. */
const RELOAD_MS = 1500;
/** Of so many turns that continue one the results of its calls are looked for. */
const FOLLOWERS_MAX = 5;
/** So long after a jump the place is kept while turns above it are drawn. */
const SETTLE_MS = 5000;

export function Thread({ name, tab, params }) {
  const answer = useAnswer(`threads/${encodeURIComponent(name)}`);
  const [turns] = useState(() => new Turns(name));
  useFollowed(name, turns, answer.reload);
  return html`<${Loaded} answer=${answer}>${(thread) => html`
    <${Head} thread=${thread} />
    <div class="tabs"><div class="tab-list" role="tablist">
      ${[["", "Conversation"], ["anatomy", "Anatomy"]].map(([key, label]) => html`<a role="tab" href=${path("threads", name, ...(key ? [key] : []))}
        aria-selected=${(tab ?? "") === key} aria-current=${(tab ?? "") === key ? "true" : null}>${label}</a>`)}
      </div><span class="grow"></span><span class="tab-tools"><${AsWritten} /></span>
    </div>
    ${tab === "anatomy" ? html`<${AnatomyTab} name=${thread.thread} />` : html`<${Reading} thread=${thread} turns=${turns} at=${params.at} />`}`}</${Loaded}>`;
}

/** Reads the tree again when an exchange of the thread arrives. */
function useFollowed(name, turns, reload) {
  useEffect(() => {
    let timer = null;
    const soon = () => { timer ??= setTimeout(() => { timer = null; reload(); }, RELOAD_MS); };
    const end = follow(`thread:${JSON.stringify(name)} is:any`, {
      state: setLiveState,
      missed: soon,
      exchange: (row) => {
        turns.forget(row.id);
        soon();
      },
    });
    return () => {
      end();
      clearTimeout(timer);
      setLiveState("off");
    };
  }, [name, turns, reload]);
}

function Head({ thread }) {
  const span = new Date(thread.ended_at) - new Date(thread.started_at);
  const fact = (name, value, title) => value && html`<div title=${title}><dt>${name}</dt><dd>${value}</dd></div>`;
  return html`
    <div class="toolbar thread-head">
      <h1 class="grow">${thread.first_words ? visible(thread.first_words) : html`<span class="dim">Conversation</span> ${threadName(thread.thread)}`}</h1>
      <a class="button" href=${path("exchanges", { q: `thread:${/[\s"]/.test(thread.thread) ? JSON.stringify(thread.thread) : thread.thread} is:any` })}>Its exchanges</a>
    </div>
    <dl class="facts panel-facts">
      ${fact("app", thread.app.name || thread.app.process, thread.app.user_agent)}
      ${fact(thread.models.length > 1 ? "models" : "model", thread.models.length > 0 && html`<span class="mono">${thread.models.join(", ")}</span>`)}
      ${fact("turns", thousands(thread.turns), `${thousands(thread.exchanges)} exchanges in all`)}
      ${thread.below > 0 && fact("sub-agents", thousands(thread.below))}
      ${fact("tokens", (thread.input != null || thread.output != null) && `${count(thread.input) || "–"} → ${count(thread.output) || "–"}`, `${thousands(thread.input)} in, ${thousands(thread.output)} out, over all turns`)}
      ${fact("cost", costOf(thread) || "unknown", thread.cost_unknown ? `of ${thread.cost_unknown} exchanges it is not known` : null)}
      ${fact("span", duration(Math.max(0, span)) || "–")}
      ${fact("began", fullTime(thread.started_at))}
      ${thread.failed > 0 && fact("failed", html`<span class="badge bad">${thousands(thread.failed)}</span>`)}
      ${fact("id", html`<span class="mono" title=${thread.thread}>${threadName(thread.thread)}</span> <span class="quiet"><${Copy} text=${() => thread.thread} title="Copy the whole name" /></span>`)}
    </dl>`;
}

/** The tab of another part, which may not be there. */
function AnatomyTab({ name }) {
  const [Part, setPart] = useState(null);
  useEffect(() => {
    import("../parts/anatomy.js").then((module) => setPart(() => module.ThreadAnatomy ?? (() => html`<p class="dim">Not yet.</p>`)));
  }, []);
  return Part && html`<${Part} name=${name} />`;
}

/**
 * What every turn needs to know of its neighbours: `next`, the ids of the turns that continue it,
 * one after the other; `before`, the turn that it continues; what of the prompt `changed`.
 */
function neighbours(list) {
  const byId = new Map(list.map((turn) => [turn.id, turn]));
  const next = new Map();
  const about = new Map();
  for (const turn of list) {
    const before = byId.get(turn.parent);
    const isSame = before && before.thread === turn.thread && turn.place !== "beside";
    if (isSame) next.set(before.id, [...(next.get(before.id) ?? []), turn.id]);
    const differs = (what) => isSame && turn[what] != null && before[what] != null && turn[what] !== before[what];
    about.set(turn.id, {
      before: isSame ? before.id : null,
      changed: [differs("system") && "system prompt", differs("tools") && "tools"].filter(Boolean).join(", "),
    });
  }
  // Where a request was sent again the results of tools came with the first try.
  for (const [id, of] of about) of.next = (next.get(id) ?? []).slice(-FOLLOWERS_MAX).join(" ");
  return about;
}

function Reading({ thread, turns, at }) {
  const list = thread.turns_read;
  const items = useMemo(() => grouped(list), [list]);
  const about = useMemo(() => neighbours(list), [list]);
  const [open, setOpen] = useState(() => new Set(holders(items, at)));
  const [here, setHere] = useState(at ?? null);
  const place = useRef();
  const shown = useMemo(() => visibleTurns(items, open), [items, open]);
  const settle = useSettled(place);

  const jump = useCallback((id, { write = true } = {}) => {
    setOpen((had) => new Set([...had, ...holders(items, id)]));
    setHere(id);
    if (write) writeAt(id);
    requestAnimationFrame(() => settle(id));
  }, [items, settle]);
  useEffect(() => {
    if (at && list.some((turn) => turn.id === at)) jump(at, { write: false });
  }, [at]);
  useScrolled(place, (id) => {
    setHere(id);
    writeAt(id);
  });
  const step = (by) => {
    const from = shown.findIndex((turn) => turn.id === here);
    const to = shown[Math.max(0, Math.min(shown.length - 1, from < 0 ? (by > 0 ? 0 : shown.length - 1) : from + by))];
    if (to) jump(to.id);
  };
  useKeys([
    { keys: ["j"], says: "next turn", run: () => step(1) },
    { keys: ["k"], says: "turn before", run: () => step(-1) },
    { keys: ["g"], says: "first turn", run: () => shown[0] && jump(shown[0].id) },
    { keys: ["G"], says: "last turn", run: () => shown.length && jump(shown.at(-1).id) },
    { keys: ["Enter", "o"], says: "its exchange", run: () => here && go(path("exchanges", here)) },
    { keys: ["d"], says: "what changed since the turn before", run: () => here && go(path("diff", here)) },
  ]);
  const toggle = useCallback((id, is) => setOpen((had) => {
    const now = new Set(had);
    if (is) now.add(id);
    else now.delete(id);
    return now;
  }), []);
  const first = list.find((turn) => turn.place === "first") ?? list[0];
  const draw = { about, turns, open, toggle, here };
  return html`
    <div class="thread-view">
      <${Outline} items=${items} open=${open} here=${here} jump=${jump} slowest=${Math.max(1, ...list.map((turn) => turn.duration_ms ?? 0))} />
      <div class="conversation turns" ref=${place}>
        ${first && html`<${Prompt} id=${first.id} />`}
        ${thread.left_out > 0 && html`<p class="dim">${thousands(thread.left_out)} earlier turns are left out here; <a href=${path("exchanges", { q: `thread:${thread.thread} sort:oldest` })}>the list has them all</a>.</p>`}
        <${Items} items=${items} draw=${draw} />
      </div>
    </div>`;
}

/** Turns and groups, one after the other. */
function Items({ items, draw }) {
  let number = 0;
  return items.map((item) => {
    if (item.kind) return html`<${Group} key=${item.id} item=${item} draw=${draw} />`;
    number += 1;
    const { turn } = item;
    return html`<${Turn} key=${turn.id} turn=${turn} number=${number} turns=${draw.turns} isHere=${draw.here === turn.id} ...${draw.about.get(turn.id)} />`;
  });
}

const KINDS = { branch: "other branch", below: "sub-agent", beside: "beside" };

/** What stands off the main line, folded unless it is looked at. */
function Group({ item, draw }) {
  const isOpen = draw.open.has(item.id);
  const [first] = item.turns;
  const sum = (of) => item.turns.reduce((sum, turn) => (of(turn) == null ? sum : (sum ?? 0) + of(turn)), null);
  const failed = item.turns.filter((turn) => turn.state === "failed").length;
  const output = sum((turn) => turn.usage.output);
  const word = item.kind === "beside" && first.operation === "count_tokens" ? "token count"
    : item.kind === "branch" && failed === item.turns.length ? "failed attempt" : KINDS[item.kind];
  return html`
    <details class=${`group ${item.kind}`} open=${isOpen} data-group=${item.id} onToggle=${(event) => event.target === event.currentTarget && event.currentTarget.open !== isOpen && draw.toggle(item.id, event.currentTarget.open)}>
      <summary><span class="badge">${word}</span><span class="words">${first.first_words ? visible(first.first_words) : html`<span class="dim">no words</span>`}</span>
        ${failed > 0 && html`<span class="badge bad">${failed} failed</span>`}
        <span class="dim number nowrap">${[item.turns.length > 1 && `${item.turns.length} turns`, output != null && `${count(output)} out`, dollars(sum((turn) => turn.cost_usd))].filter(Boolean).join(" · ")}</span></summary>
      ${isOpen && html`<div class="inside">${item.kind === "below" && html`<${Prompt} id=${first.id} />`}<${Items} items=${item.items} draw=${draw} /></div>`}
    </details>`;
}

/** The turns by their first words, to jump by. */
function Outline({ items, open, here, jump, slowest }) {
  const place = useRef();
  useEffect(() => {
    const line = place.current?.querySelector('[aria-current="true"]');
    if (!line) return;
    // Not scrollIntoView: it would move the page as well.
    const [box, row] = [place.current.getBoundingClientRect(), line.getBoundingClientRect()];
    if (row.top < box.top || row.bottom > box.bottom) place.current.scrollTop += row.top - box.top - box.height / 2;
  }, [here]);
  const rows = (items, depth) => {
    let number = 0;
    let words = null;
    return items.flatMap((item) => {
      if (item.kind) {
        return item.kind === "beside" && !open.has(item.id) ? []
          : [html`<a key=${`group-${item.id}`} class="of-group" href=${`?at=${item.id}`} style=${{ paddingLeft: `${8 + depth * 12}px` }} onClick=${jumpBy(jump, item.id)}><span class="no">${item.turns.length}×</span><span class="words">${KINDS[item.kind]}: ${item.turns[0].first_words}</span></a>`,
            ...(open.has(item.id) ? rows(item.items, depth + 1) : [])];
      }
      number += 1;
      const { turn } = item;
      const last = words;
      words = turn.first_words;
      return [html`<a key=${turn.id} class=${classes({ failed: turn.state === "failed" })} href=${`?at=${turn.id}`} style=${{ paddingLeft: `${8 + depth * 12}px` }} aria-current=${here === turn.id ? "true" : null} onClick=${jumpBy(jump, turn.id)}
        title=${[duration(turn.duration_ms), dollars(turn.cost_usd), turn.state !== "complete" && turn.state].filter(Boolean).join(" · ")}>
        <span class="no">${number}</span><span class=${classes("words", { said: turn.answer && turn.first_words === last })}>${labelOf(turn, last)}</span><span class="meter"><i style=${{ width: `${Math.max(2, (100 * (turn.duration_ms ?? 0)) / slowest)}%` }}></i></span></a>`];
    });
  };
  return html`<nav class="outline" aria-label="Turns" ref=${place}>${rows(items, 0)}</nav>`;
}

/** While a person says nothing new, what the model does tells the turns apart. */
const labelOf = (turn, last) => visible((turn.first_words === last ? turn.answer : null) ?? turn.first_words ?? turn.answer ?? "–");

const jumpBy = (jump, id) => (event) => {
  if (event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  jump(id);
};

/** The groups that hold a turn, from the outside in. */
function holders(items, id) {
  for (const item of items) {
    if (item.kind && item.turns.some((turn) => turn.id === id)) return [item.id, ...holders(item.items, id)];
  }
  return [];
}

/** The turns that are not folded away. */
function visibleTurns(items, open) {
  return items.flatMap((item) => (!item.kind ? [item.turn] : open.has(item.id) ? visibleTurns(item.items, open) : []));
}

/** The address follows; no view is drawn anew for it. */
function writeAt(id) {
  clearTimeout(writeAt.timer);
  const { pathname } = location;
  writeAt.timer = setTimeout(() => {
    if (location.pathname !== pathname) return;
    const params = new URLSearchParams(location.search);
    params.set("at", id);
    history.replaceState(null, "", `${pathname}?${params}`);
  }, 200);
}

/**
 * Brings a turn to the top and keeps it there while what is above it takes its true height, until
 * the person scrolls.
 */
function useSettled(place) {
  const ending = useRef(null);
  useEffect(() => {
    // The address says where one was: the browser's own way would end somewhere else, since
    // turns are not as tall as they were.
    history.scrollRestoration = "manual";
    return () => {
      history.scrollRestoration = "auto";
      ending.current?.();
    };
  }, []);
  return useCallback((id) => {
    ending.current?.();
    const align = () => document.getElementById(`turn-${id}`)?.scrollIntoView({ block: "start" });
    const observer = new ResizeObserver(align);
    observer.observe(place.current);
    const ends = ["wheel", "touchstart", "pointerdown", "keydown"];
    const end = () => {
      observer.disconnect();
      clearTimeout(timer);
      for (const name of ends) removeEventListener(name, end);
      ending.current = null;
    };
    const timer = setTimeout(end, SETTLE_MS);
    for (const name of ends) addEventListener(name, end, { passive: true });
    ending.current = end;
    align();
  }, []);
}

/** Tells which turn is read, as the person scrolls. */
function useScrolled(place, tell) {
  const latest = useRef(tell);
  latest.current = tell;
  useEffect(() => {
    let frame = 0;
    let byHand = 0;
    let last = null;
    const look = () => {
      frame = 0;
      const all = place.current?.querySelectorAll("article.turn") ?? [];
      // The last one that begins above a third of the screen.
      let [low, high] = [0, all.length];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (all[middle].getBoundingClientRect().top < innerHeight / 3) low = middle + 1;
        else high = middle;
      }
      const id = all[Math.max(0, low - 1)]?.dataset.turn;
      if (id && id !== last) latest.current(id);
      last = id;
    };
    const moved = () => { byHand = performance.now(); };
    // Scrolling that a jump did is not the person's.
    const scrolled = () => { if (performance.now() - byHand < 1200) frame ||= requestAnimationFrame(look); };
    const hands = ["wheel", "touchmove", "pointerdown", "pointermove"];
    for (const name of hands) addEventListener(name, moved, { passive: true });
    const pressed = (event) => /^(Arrow|Page|Home|End| )/.test(event.key) && moved();
    addEventListener("keydown", pressed);
    addEventListener("scroll", scrolled, { passive: true });
    return () => {
      cancelAnimationFrame(frame);
      for (const name of hands) removeEventListener(name, moved);
      removeEventListener("keydown", pressed);
      removeEventListener("scroll", scrolled);
    };
  }, []);
}
