// What changed between two prompts, to be read: sections, lines, words.

import { classes, html, useEffect, useMemo, useRef, useState } from "../lib/dom.js";
import { asText, blocks, counted, onlyRuns, rows, runs, summary, wordsChanged } from "../lib/difference.js";
import { bytes, visible } from "../lib/format.js";

export const SECTIONS = [
  ["model", "Model"], ["params", "Parameters"], ["system", "System prompt"], ["tools", "Tools"], ["messages", "Messages"],
];

/** Rows that come into the page together, once they are near. */
const CHUNK_ROWS = 80;

/** Messages that are made at once. */
const STEPS_FIRST = 30;

/** Height of a line, in pixels. */
const LINE_PX = 20;

/** Characters of a line that are shown at first, and with each click more. */
const LINE_CHARS = 3000;
const LINE_CHARS_MORE = 60_000;

/** Unchanged characters inside a changed line that are worth a fold. */
const INSIDE_CHARS = 600;

/** Unchanged lines that a click unfolds. */
const UNFOLD_LINES = 400;

/** A difference, section by section; what is alike is said in a line. */
export function Difference({ difference, sections, mode }) {
  const changed = SECTIONS.filter(([name]) => sections.includes(name) && difference[name]);
  const alike = SECTIONS.filter(([name]) => sections.includes(name) && !difference[name]);
  const shown = { model: Model, params: Params, system: System, tools: Tools, messages: Messages };
  return html`
    ${changed.map(([name, label]) => html`
      <details class="panel section" id=${`section-${name}`} data-section=${name} open key=${name}>
        <summary><h2>${label}</h2><span class="dim cut">${visible(summary(name, difference))}</span></summary>
        <div class="lines-of"><${shown[name]} found=${difference[name]} mode=${mode} /></div>
      </details>`)}
    ${alike.length > 0 && changed.length > 0 && html`<p class="dim alike">Alike: ${alike.map(([, label]) => label.toLowerCase()).join(", ")}.</p>`}`;
}

function Model({ found, mode }) {
  const side = (text) => (text == null ? [] : onlyRuns(text, "removed"));
  const [old] = side(found.old);
  const [added] = found.new == null ? [] : onlyRuns(found.new, "added");
  const pair = [old?.pairs[0][0] ?? null, added?.pairs[0][1] ?? null];
  return html`<${Lines} all=${[{ pairs: [pair] }]} mode=${mode} kind="bare" />`;
}

function Params({ found, mode }) {
  return html`<${Values} changes=${found} mode=${mode} />`;
}

function System({ found, mode }) {
  return html`<${TextDifference} pieces=${found} mode=${mode} />`;
}

function Tools({ found, mode }) {
  return html`
    ${found.reordered && html`<p class="note">Those that both have stand in another order.</p>`}
    ${found.removed.map((tool) => html`<${Tool} tool=${tool} op="removed" />`)}
    ${found.added.map((tool) => html`<${Tool} tool=${tool} op="added" />`)}
    ${found.changed.map((tool) => html`
      <details class="item" open>
        <summary data-change><${Sign} op="changed" /><strong class="mono">${visible(tool.name)}</strong>
          <span class="dim">${[tool.description && `description ${wordsChanged(tool.description)}`, counted([[tool.schema.length, `${tool.schema.length === 1 ? "place" : "places"} of its schema`]])].filter(Boolean).join(", ")}</span></summary>
        ${tool.description && html`<${TextDifference} pieces=${tool.description} mode=${mode} isQuiet />`}
        ${tool.schema.length > 0 && html`<${Values} changes=${tool.schema} mode=${mode} />`}
      </details>`)}
    ${found.alike > 0 && html`<p class="note">${counted([[found.alike, found.alike === 1 ? "tool" : "tools"]])} alike</p>`}`;
}

/** A tool that one side only has: its name, and on demand the whole of it. */
function Tool({ tool, op }) {
  const [isOpen, setOpen] = useState(false);
  const first = (tool.description ?? "").split("\n").find((line) => line.trim()) ?? "";
  return html`
    <details class=${`item ${op}`} onToggle=${(event) => setOpen(event.currentTarget.open)}>
      <summary data-change><${Sign} op=${op} /><strong class="mono">${visible(tool.name)}</strong><span class="dim cut">${visible(first.slice(0, 300))}</span></summary>
      ${isOpen && html`
        ${tool.description && html`<${Only} text=${tool.description} op=${op} isQuiet />`}
        <${Only} text=${asText(tool.schema)} op=${op} isQuiet />`}
    </details>`;
}

function Messages({ found, mode }) {
  return found.steps.map((step, at) => html`
    <${Near} key=${at} isFirst=${at < STEPS_FIRST} height=${LINE_PX * 6} hasChange=${step.change !== "alike"}>${() => html`<${Step} step=${step} mode=${mode} />`}</${Near}>`);
}

function Step({ step, mode }) {
  switch (step.change) {
    case "alike": return html`<p class="note">${counted([[step.count, step.count === 1 ? "message" : "messages"]])} alike, ${bytes(step.bytes)}</p>`;
    case "removed":
    case "added": return html`<${Message} message=${step.message} op=${step.change} place=${step.change === "removed" ? step.old : step.new} />`;
    default: return html`
      <section class="item">
        <header><${Sign} op="changed" /><${Role} role=${step.role} /><span class="dim">${step.old === step.new ? `message ${step.new + 1}` : `message ${step.old + 1} → ${step.new + 1}`}</span></header>
        ${step.blocks.map((block) => html`<${Block} block=${block} mode=${mode} />`)}
      </section>`;
  }
}

function Message({ message, op, place }) {
  const parts = useMemo(() => blocks(message.parts), [message]);
  return html`
    <section class=${`item ${op}`}>
      <header data-change><${Sign} op=${op} /><${Role} role=${message.role} /><span class="dim">message ${place + 1}</span></header>
      ${parts.map(({ label, text }) => html`
        ${label && html`<div class="label">${visible(label)}</div>`}
        <${Only} text=${text} op=${op} isQuiet />`)}
    </section>`;
}

function Block({ block, mode }) {
  const label = block.label ? html`<div class="label">${visible(block.label)}</div>` : null;
  switch (block.change) {
    case "alike": return html`<p class="note">${counted([[block.count, block.count === 1 ? "part" : "parts"]])} alike, ${bytes(block.bytes)}</p>`;
    case "removed":
    case "added": return html`${label}<${Only} text=${asText(block.value)} op=${block.change} />`;
    case "text": return html`${label}<${TextDifference} pieces=${block.pieces} mode=${mode} />`;
    default: return html`${label}<${Values} changes=${block.changes} mode=${mode} />`;
  }
}

const ROLES = new Set(["system", "tools", "user", "assistant", "reasoning", "tool", "call"]);

function Role({ role }) {
  return html`<span class=${classes("role", ROLES.has(role) && role)}>${visible(role)}</span>`;
}

const SIGNS = { removed: ["−", "removed"], added: ["+", "added"], changed: ["~", "changed"], same: ["", ""] };

function Sign({ op }) {
  const [sign, word] = SIGNS[op];
  return html`<span class=${`sign ${op}`} role="img" aria-label=${word} title=${word}>${sign}</span>`;
}

/** What changed in a JSON value, path by path. */
function Values({ changes, mode }) {
  return changes.map((change) => html`
    <div class="value">
      ${change.path && html`<div class="label mono">${visible(change.path)}</div>`}
      ${change.change === "text"
        ? html`<${TextDifference} pieces=${change.pieces} mode=${mode} />`
        : html`<${Replaced} change=${change} mode=${mode} />`}
    </div>`);
}

function Replaced({ change, mode }) {
  const all = useMemo(() => {
    const lines = (has, value, op) => (has ? onlyRuns(asText(value), op).flatMap((run) => run.pairs) : []);
    const old = lines("old" in change, change.old, "removed");
    const added = lines("new" in change, change.new, "added");
    const pairs = Array.from({ length: Math.max(old.length, added.length) }, (_, at) => [old[at]?.[0] ?? null, added[at]?.[1] ?? null]);
    return pairs.length ? [{ pairs }] : [];
  }, [change]);
  return html`<${Lines} all=${all} mode=${mode} kind="bare" />`;
}

/** A text that one side only has: beside nothing it needs no column of its own. */
function Only({ text, op, isQuiet }) {
  const all = useMemo(() => onlyRuns(text, op), [text, op]);
  return html`<${Lines} all=${all} mode="inline" kind="only" isQuiet=${isQuiet} />`;
}

/** Two texts laid over each other. */
export function TextDifference({ pieces, mode, isQuiet }) {
  const all = useMemo(() => runs(pieces), [pieces]);
  return html`<${Lines} all=${all} mode=${mode} isQuiet=${isQuiet} />`;
}

/**
 * Lines in runs. Of `kind` "only" one side has them, "bare" have no numbers. `isQuiet`: what stands
 * above is where the keys stop.
 */
function Lines({ all, mode, kind, isQuiet = false }) {
  const [opened, setOpened] = useState({});
  const shown = useMemo(() => rows(all, mode, opened), [all, mode, opened]);
  const unfold = (index) => setOpened((had) => ({ ...had, [index]: (had[index] ?? 0) + UNFOLD_LINES }));
  // So wide are the numbers of the longer text.
  const last = all.reduce((sum, run) => sum + (run.same ?? run.pairs).length, 0);
  const chunks = useMemo(() => {
    const cut = [];
    for (let at = 0; at < shown.length; at += CHUNK_ROWS) cut.push(shown.slice(at, at + CHUNK_ROWS));
    return cut;
  }, [shown]);
  const draw = (row) => html`<${Row} row=${row} isQuiet=${isQuiet} unfold=${unfold} />`;
  return html`
    <div class=${classes("lines", mode, kind)} style=${`--digits:${Math.max(2, String(last).length)}ch`}>
      ${chunks.length < 3
        ? shown.map(draw)
        : chunks.map((chunk, at) => html`<${Near} key=${at} isFirst=${at === 0} height=${chunk.length * LINE_PX} hasChange=${!isQuiet && chunk.some((row) => row.begins)}>${() => chunk.map(draw)}</${Near}>`)}
    </div>`;
}

/**
 * What is made once it comes near, `height` pixels high until then: a prompt may have 100,000
 * lines. `hasChange`: the keys that go from change to change stop there too.
 */
export function Near({ isFirst, height, hasChange, children }) {
  const [isNear, setNear] = useState(isFirst);
  const place = useRef();
  useEffect(() => {
    if (isNear) return undefined;
    const observer = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && setNear(true), { rootMargin: "1200px" });
    observer.observe(place.current);
    return () => observer.disconnect();
  }, [isNear]);
  return isNear
    ? html`<div class="chunk">${children()}</div>`
    : html`<div ref=${place} data-change=${hasChange ? "" : null} data-far style=${`height:${height}px`}></div>`;
}

function Row({ row, isQuiet, unfold }) {
  const mark = row.begins && !isQuiet ? "" : null;
  switch (row.kind) {
    case "fold": return html`<button class="fold" onClick=${() => unfold(row.index)} title="show them">⋯ ${row.count.toLocaleString("en")} unchanged ${row.count === 1 ? "line" : "lines"}</button>`;
    case "same": return html`<div class="line same"><span class="no">${row.old}</span><span class="no">${row.new}</span><span class="mark"></span><span class="text"><${Long} text=${row.text} /></span><span class="no twin right">${row.new}</span><span class="mark twin"></span><span class="text twin" aria-hidden="true"><${Long} text=${row.text} /></span></div>`;
    case "removed": return html`<div class="line removed" data-change=${mark}><span class="no">${row.old.no}</span><span class="no"></span><span class="mark" aria-hidden="true">−</span><del class="text"><${Parts} parts=${row.old.parts} /></del></div>`;
    case "added": return html`<div class="line added" data-change=${mark}><span class="no"></span><span class="no">${row.new.no}</span><span class="mark" aria-hidden="true">+</span><ins class="text"><${Parts} parts=${row.new.parts} /></ins></div>`;
    default: return html`<div class="line" data-change=${mark}>
      ${row.old ? html`<span class="no removed">${row.old.no}</span><span class="mark removed" aria-hidden="true">−</span><del class="text removed"><${Parts} parts=${row.old.parts} /></del>` : html`<span class="void"></span>`}
      ${row.new ? html`<span class="no added right">${row.new.no}</span><span class="mark added" aria-hidden="true">+</span><ins class="text added"><${Parts} parts=${row.new.parts} /></ins>` : html`<span class="void right"></span>`}
    </div>`;
  }
}

/** A changed line: the words that changed are marked, what is long and did not is folded. */
function Parts({ parts }) {
  return parts.map((part, at) => {
    if (part.marked) return html`<mark><${Long} text=${part.text} /></mark>`;
    const isBetween = parts.length > 1 && part.text.length > INSIDE_CHARS;
    return isBetween ? html`<${Inside} text=${part.text} isFirst=${at === 0} isLast=${at === parts.length - 1} />` : html`<${Long} text=${part.text} />`;
  });
}

/** Unchanged words of a changed line: those beside the changes, the rest on demand. */
function Inside({ text, isFirst, isLast }) {
  const [isOpen, setOpen] = useState(false);
  if (isOpen) return html`<${Long} text=${text} />`;
  const side = INSIDE_CHARS / 3;
  const [head, tail] = [isFirst ? 0 : side, isLast ? text.length : text.length - side];
  const end = isLast ? Math.min(head || side, text.length) : tail;
  const [before, after] = isLast ? [text.slice(0, end), ""] : [text.slice(0, head), text.slice(tail)];
  const count = text.length - before.length - after.length;
  return html`${visible(before)}<button class="more-text" onClick=${() => setOpen(true)}>⋯ ${count.toLocaleString("en")} unchanged characters</button>${visible(after)}`;
}

/** A text of one line, however long. */
function Long({ text }) {
  const [shown, setShown] = useState(LINE_CHARS);
  if (text.length <= shown) return visible(text);
  const left = text.length - shown;
  return html`${visible(text.slice(0, shown))}<button class="more-text" onClick=${() => setShown(shown + LINE_CHARS_MORE)}>⋯ ${left.toLocaleString("en")} more characters</button>`;
}
