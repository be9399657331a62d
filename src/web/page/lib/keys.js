// The keyboard: views say which keys they take; `?` lists them.

import { useLayoutEffect } from "./dom.js";

const layers = [];

function isTyping(target) {
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (isTyping(event.target) && event.key !== "Escape") return;
  // A dialog has the keys to itself; Escape closes it by the browser's own doing.
  if (document.querySelector("dialog[open]")) return;
  // The view on top first.
  for (const layer of [...layers].reverse()) {
    const key = layer.current.find((entry) => entry.keys.includes(event.key));
    if (!key) continue;
    // Enter on a link or a button is that link's.
    if (event.key === "Enter" && event.target.closest("a, button, summary")) return;
    event.preventDefault();
    key.run(event);
    return;
  }
});

/** Takes keys while the view is shown: useKeys([{ keys: ["j"], says: "next", run }]). */
export function useKeys(entries) {
  // Before the next key, not after the next paint: else Enter opens the row chosen before.
  useLayoutEffect(() => {
    const layer = { current: entries };
    layers.push(layer);
    return () => layers.splice(layers.indexOf(layer), 1);
  });
}

/** All keys that are taken now, for the list. */
export function allKeys() {
  const seen = new Set();
  return layers.flatMap((layer) => layer.current).filter((entry) => {
    const is = entry.says && !seen.has(entry.says);
    seen.add(entry.says);
    return is;
  });
}
