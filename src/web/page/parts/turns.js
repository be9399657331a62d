// The words of a conversation's turns: asked for as turns come near the screen, some at a time.

import { useEffect, useState } from "../lib/dom.js";
import { get } from "../lib/api.js";
import { located } from "./message.js";

/** Turns asked for at once. */
const BATCH = 20;
/** So long further turns that are wanted are waited for. */
const WAIT_MS = 20;

export class Turns {
  constructor(name) {
    this.name = name;
    this.said = new Map();
    this.faults = new Map();
    this.asked = new Set();
    this.wanted = new Set();
    this.listeners = new Set();
    this.timer = null;
  }

  /** Asks for the words of turns, unless they are here or on their way. */
  want(ids) {
    for (const id of ids) if (id && !this.asked.has(id)) this.wanted.add(id);
    if (this.wanted.size) this.timer ??= setTimeout(() => this.ask(), WAIT_MS);
  }

  /** What was recorded of a turn changed. */
  forget(id) {
    if (!this.asked.delete(id)) return;
    this.want([id]);
  }

  async ask() {
    this.timer = null;
    const ids = [...this.wanted].slice(0, BATCH);
    for (const id of ids) {
      this.wanted.delete(id);
      this.asked.add(id);
    }
    if (this.wanted.size) this.timer = setTimeout(() => this.ask(), WAIT_MS);
    try {
      const { items } = await get(`threads/${encodeURIComponent(this.name)}/turns`, { ids: ids.join(",") });
      for (const item of items) {
        located(item.messages, item.id, "messages");
        this.said.set(item.id, item);
      }
    } catch (error) {
      for (const id of ids) this.faults.set(id, error);
    }
    for (const listener of this.listeners) listener(ids);
  }
}

/** What is said in a turn and in the one that continues it, as a hook. */
export function useTurns(turns, isNear, ...ids) {
  const [, redraw] = useState(0);
  useEffect(() => {
    if (!isNear) return undefined;
    const listener = (changed) => changed.some((id) => ids.includes(id)) && redraw((count) => count + 1);
    turns.listeners.add(listener);
    turns.want(ids);
    return () => turns.listeners.delete(listener);
  }, [turns, isNear, ids.join()]);
  return ids.map((id) => turns.said.get(id));
}
