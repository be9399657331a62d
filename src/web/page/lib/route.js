// Addresses and views: every view has a path, every filter stands in the address.

import { useEffect, useState } from "./dom.js";

const listeners = new Set();
let isBack = false;

/** Whether the view was reached through the browser's history: then it shows what it showed. */
export const cameBack = () => isBack;

function current() {
  const params = Object.fromEntries(new URLSearchParams(location.search));
  const parts = location.pathname.split("/").filter(Boolean).map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
  return { view: parts[0] ?? "exchanges", rest: parts.slice(1), params, hash: location.hash.slice(1) };
}

function changed() {
  for (const listener of listeners) listener(current());
}

addEventListener("popstate", () => {
  isBack = true;
  changed();
});

/** The path of a view: path("threads", name, { q }). */
export function path(...parts) {
  const last = parts.at(-1);
  const params = last && typeof last === "object" ? parts.pop() : {};
  const given = Object.entries(params).filter(([, value]) => value != null && value !== "");
  const query = new URLSearchParams(given).toString();
  return `/${parts.map((part) => encodeURIComponent(part)).join("/")}${query && `?${query}`}`;
}

/** Goes to an address of ours; `replace` leaves no step in the history. */
export function go(to, { replace = false } = {}) {
  const here = location.pathname + location.search + location.hash;
  if (to === here) return;
  isBack = false;
  history[replace ? "replaceState" : "pushState"](null, "", to);
  const [pathHere, pathThere] = [here, to].map((address) => address.split(/[?#]/)[0]);
  if (pathHere !== pathThere) scrollTo(0, 0);
  changed();
}

/** Sets parameters of the address that is shown: setParams({ q: "app:x" }). */
export function setParams(params, options) {
  const all = { ...current().params, ...params };
  const given = Object.entries(all).filter(([, value]) => value != null && value !== "");
  const query = new URLSearchParams(given).toString();
  go(`${location.pathname}${query && `?${query}`}`, options);
}

/** The route: { view, rest: [parts of the path], params, hash }. */
export function useRoute() {
  const [route, setRoute] = useState(current);
  useEffect(() => {
    listeners.add(setRoute);
    return () => listeners.delete(setRoute);
  }, []);
  return route;
}

// A click on a link to a view stays on the page; with a modifier it is the browser's.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href]");
  if (!link || event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  if (link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
  if (link.pathname.startsWith("/api/")) return;
  event.preventDefault();
  go(link.pathname + link.search + link.hash);
});
