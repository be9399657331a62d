// Which result answers which call of a tool.

/**
 * Pairs calls with their results, in messages in the order in which they were said: by id, or
 * where a dialect has none by name and order. Gives { results: Map of call to result, paired: Set
 * of results that have a call }.
 */
export function pairs(messages) {
  const results = new Map();
  const paired = new Set();
  let open = [];
  for (const message of messages) {
    for (const part of message.parts) {
      if (part.type === "tool_call") open.push(part);
      if (part.type !== "tool_result") continue;
      const call = part.id != null
        ? open.findLast((call) => call.id === part.id)
        : open.find((call) => call.id == null && (part.name == null || call.name === part.name));
      if (!call) continue;
      open = open.filter((other) => other !== call);
      results.set(call, part);
      paired.add(part);
    }
  }
  return { results, paired };
}

/** The turns as a tree: a branch, a sub-agent or what stands beside is one item with its turns. */
export function grouped(turns) {
  const items = [];
  for (let at = 0; at < turns.length;) {
    const turn = turns[at];
    if (turn.place === "first" || turn.place === "next") {
      items.push({ turn });
      at += 1;
      continue;
    }
    let end = at + 1;
    const line = new Set([turn.id]);
    while (end < turns.length && (turns[end].depth > turn.depth || (turns[end].place === "next" && turns[end].depth === turn.depth && line.has(turns[end].parent)))) {
      line.add(turns[end].id);
      end += 1;
    }
    items.push({ kind: turn.place, id: turn.id, turns: turns.slice(at, end), items: [{ turn }, ...grouped(turns.slice(at + 1, end))] });
    at = end;
  }
  return items;
}
