// Whether what is shown follows what happens, for the light in the bar: "open", "lost", or "off"
// for a view that does not.

import { useEffect, useState } from "../lib/dom.js";

let state = "off";
const listeners = new Set();

/** Says how the connection stands. */
export function setLiveState(next) {
  state = next;
  for (const listener of listeners) listener(next);
}

/** How it stands, as a hook. */
export function useLiveState() {
  const [shown, setShown] = useState(state);
  useEffect(() => {
    listeners.add(setShown);
    setShown(state);
    return () => listeners.delete(setShown);
  }, []);
  return shown;
}
