// Differences as lines: what the API tells in pieces, laid out for reading. No DOM here.

/** Lines around a change that stay in sight. */
export const CONTEXT = 3;

/** Fewer unchanged lines than this are not worth a fold. */
const FOLD_MIN = 3;

const WORDS = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]|[\p{L}\p{N}_]+/gu;

/** Words of a text; Chinese and Japanese by the character. */
export function words(text) {
  let count = 0;
  for (const _ of text.matchAll(WORDS)) count += 1;
  return count;
}

/** Words that went and came: [removed, added]. */
export function changedWords(pieces) {
  const of = (op) => pieces.filter((piece) => piece.op === op).reduce((sum, piece) => sum + words(piece.text), 0);
  return [of("removed"), of("added")];
}

/**
 * The lines of two texts, in runs: { same: [text], old, new } with the numbers of the first line,
 * or { pairs: [[old, new]] }, where each is null or { no, parts: [{ text, marked }] }.
 */
export function runs(pieces) {
  const laid = new Layer();
  for (const { op, text } of pieces) {
    let from = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", from)) {
      laid.add(op, text.slice(from, end));
      laid.end(op);
      from = end + 1;
    }
    laid.add(op, text.slice(from));
  }
  laid.finish();
  return laid.runs;
}

class Line {
  parts = [];
  isChanged = false;

  /** Whether it stands beside the line of the other side that is being read. */
  isPaired = false;

  add(text, marked) {
    if (!text) return;
    if (marked) this.isChanged = true;
    const last = this.parts.at(-1);
    if (last?.marked === marked) last.text += text;
    else this.parts.push({ text, marked });
  }

  get text() {
    return this.parts.map((part) => part.text).join("");
  }
}

class Layer {
  runs = [];
  old = new Line();
  new = new Line();
  numbers = { old: 1, new: 1 };
  changed = { old: [], new: [] };

  add(op, text) {
    if (op === "same" && text) this.pair();
    if (op !== "added") this.old.add(text, op === "removed");
    if (op !== "removed") this.new.add(text, op === "added");
  }

  /** A line ends on the sides that have the piece. */
  end(op) {
    if (op === "removed") this.old.isChanged = true;
    if (op === "added") this.new.isChanged = true;
    if (op === "same" && !this.old.isChanged && !this.new.isChanged && this.old.text === this.new.text) {
      this.flush();
      this.same(this.new.text);
    } else {
      if (op === "same") this.pair();
      if (op !== "added") this.changed.old.push(this.old);
      if (op !== "removed") this.changed.new.push(this.new);
    }
    if (op !== "added") this.old = new Line();
    if (op !== "removed") this.new = new Line();
  }

  /** What shares words, or ends together, stands beside each other. */
  pair() {
    if (this.old.isPaired || this.new.isPaired) return;
    this.old.isPaired = this.new.isPaired = true;
    const { old, new: added } = this.changed;
    while (old.length < added.length) old.push(null);
    while (added.length < old.length) added.push(null);
  }

  same(text) {
    let last = this.runs.at(-1);
    if (!last?.same) this.runs.push(last = { same: [], old: this.numbers.old, new: this.numbers.new });
    last.same.push(text);
    this.numbers.old += 1;
    this.numbers.new += 1;
  }

  flush() {
    let { old, new: added } = this.changed;
    this.changed = { old: [], new: [] };
    // A line that only lost or won its end reads as the same one, if more changed behind it.
    if (Math.max(old.length, added.length) > 1 && old[0] && added[0] && old[0].text === added[0].text) {
      this.same(old[0].text);
      [old, added] = [old.slice(1), added.slice(1)];
    }
    const pairs = [];
    for (let at = 0; at < Math.max(old.length, added.length); at += 1) {
      const side = (line, name) => line && { no: this.numbers[name]++, parts: plain(line) };
      pairs.push([side(old[at] ?? null, "old"), side(added[at] ?? null, "new")]);
    }
    if (pairs.length) this.runs.push({ pairs });
  }

  finish() {
    const [old, added] = [this.old, this.new];
    const isOne = !old.isChanged && !added.isChanged && old.text === added.text;
    if (isOne) {
      this.flush();
      if (old.text) this.same(old.text);
      return;
    }
    if (old.parts.length && added.parts.length) this.pair();
    if (old.parts.length) this.changed.old.push(old);
    if (added.parts.length) this.changed.new.push(added);
    this.flush();
  }
}

/** Marks say something only beside words that stayed. */
function plain(line) {
  const isWhole = line.parts.every((part) => part.marked || !part.text.trim());
  return isWhole ? [{ text: line.text, marked: false }] : line.parts;
}

/**
 * What is shown of runs: rows { kind: "same" | "removed" | "added" | "pair" | "fold", … }. `opened`
 * says of a run's index how many of its folded lines are shown; `mode` is "inline" or "side". The
 * first row of each change has `begins`.
 */
export function rows(allRuns, mode, opened = {}) {
  const shown = [];
  allRuns.forEach((run, index) => {
    if (run.pairs) {
      const first = shown.length;
      if (mode === "side") {
        for (const [old, added] of run.pairs) shown.push({ kind: "pair", old, new: added });
      } else {
        for (const [old] of run.pairs) if (old) shown.push({ kind: "removed", old });
        for (const [, added] of run.pairs) if (added) shown.push({ kind: "added", new: added });
      }
      if (shown[first]) shown[first].begins = true;
      return;
    }
    const before = index === 0 ? 0 : CONTEXT;
    const after = index === allRuns.length - 1 ? 0 : CONTEXT;
    const same = (from, to) => {
      for (let at = from; at < to; at += 1) shown.push({ kind: "same", old: run.old + at, new: run.new + at, text: run.same[at] });
    };
    const from = Math.min(before + (opened[index] ?? 0), run.same.length);
    const to = Math.max(from, run.same.length - after);
    if (to - from < FOLD_MIN) {
      same(0, run.same.length);
    } else {
      same(0, from);
      shown.push({ kind: "fold", index, count: to - from });
      same(to, run.same.length);
    }
  });
  return shown;
}

/** A text that only one side has, in runs. */
export function onlyRuns(text, op) {
  return runs(text ? [{ op, text }] : []);
}

/** A JSON value as people read it: a string as it stands. */
export function asText(value) {
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

/** The pieces of a message that can be read apart: [{ label, text }]. */
export function blocks(parts, inside = "") {
  const label = (name) => [inside, name].filter(Boolean).join(" ");
  return parts.flatMap((part) => {
    switch (part.type) {
      case "text": return [{ label: label(""), text: part.text }];
      case "reasoning": return [{ label: label("reasoning"), text: part.text ?? "" }];
      case "tool_call": return [{ label: label(`call ${part.name}`), text: asText(part.arguments) ?? "" }];
      case "tool_result": return blocks(part.parts, label(`result ${part.name ?? ""}${part.is_error ? " (error)" : ""}`.trim()));
      default: {
        const { type, ...rest } = part;
        return [{ label: label(type ?? "other"), text: asText(rest) }];
      }
    }
  });
}

/** "2 added, 1 changed": counts that are not zero. */
export function counted(counts) {
  return counts.filter(([count]) => count > 0).map(([count, word]) => `${count.toLocaleString("en")} ${word}`).join(", ");
}

/** "+312 −40 words" */
export function wordsChanged(...texts) {
  const [removed, added] = texts.map(changedWords).reduce((sum, pair) => [sum[0] + pair[0], sum[1] + pair[1]], [0, 0]);
  if (!removed && !added) return "spaces and signs";
  const told = [added && `+${added.toLocaleString("en")}`, removed && `−${removed.toLocaleString("en")}`].filter(Boolean);
  return `${told.join(" ")} ${removed + added === 1 ? "word" : "words"}`;
}

/** Each section of a difference in a few words; "" for one that is alike. */
export function summary(section, difference) {
  const found = difference[section];
  if (!found) return "";
  switch (section) {
    case "model": return `${found.old ?? "none"} → ${found.new ?? "none"}`;
    case "params": return counted([[found.length, "changed"]]);
    case "system": return wordsChanged(found);
    case "tools": return [
      counted([[found.added.length, "added"], [found.removed.length, "removed"], [found.changed.length, "changed"]]),
      found.reordered && "in another order",
    ].filter(Boolean).join(", ");
    default: {
      const of = (change) => found.steps.filter((step) => step.change === change).length;
      return counted([[of("added"), "added"], [of("removed"), "removed"], [of("changed"), "changed"]]);
    }
  }
}
