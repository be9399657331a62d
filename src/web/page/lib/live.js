// What happens now. A tab that nobody sees lets go of its connection: browsers have six for a
// host, and a seventh tab would wait for ever.

import { address } from "./api.js";

const EVENTS = ["hello", "asked", "grown", "ended", "exchange"];

/**
 * Follows what the query `q` means: calls handlers[event](data), and handlers.state("open",
 * "lost" or "off"). Gives a function that ends it. After a pause handlers.missed() is called: rows may
 * have come meanwhile.
 */
export function follow(q, handlers) {
  let source = null;
  let wasOpen = false;
  const close = () => {
    source?.close();
    source = null;
    handlers.state?.("off");
  };
  const open = () => {
    if (source || document.hidden) return;
    source = new EventSource(address("live", { q }));
    source.onopen = () => {
      handlers.state?.("open");
      if (wasOpen) handlers.missed?.();
      wasOpen = true;
    };
    source.onerror = () => {
      // A refusal ends it for good; a broken connection is opened again by the browser.
      if (source?.readyState === EventSource.CLOSED) {
        close();
        setTimeout(open, 3000);
      }
      handlers.state?.("lost");
    };
    for (const name of EVENTS) {
      source.addEventListener(name, (event) => handlers[name]?.(JSON.parse(event.data)));
    }
  };
  const seen = () => (document.hidden ? close() : open());
  document.addEventListener("visibilitychange", seen);
  open();
  return () => {
    document.removeEventListener("visibilitychange", seen);
    close();
  };
}

/** An answer so far and what it grew by: words of the same kind go on, each call is one of its own. */
export function joined(had, more) {
  const said = had.map((piece) => ({ ...piece }));
  for (const piece of more) {
    const last = said.at(-1);
    if (last?.kind === piece.kind && piece.kind !== "call") last.text += piece.text;
    else said.push({ ...piece });
  }
  return said;
}
