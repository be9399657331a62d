// The API: everything that the page shows comes from here (/api/openapi.json).

import { useCallback, useEffect, useState } from "./dom.js";

/** An answer that says what is wrong, and what to do. */
export class ApiError extends Error {
  constructor(status, body) {
    super(body?.error ?? `the answer came back as ${status}`);
    this.status = status;
    this.hint = body?.hint ?? null;
  }
}

/** The address of an answer; parameters that are null, undefined or "" are left out. */
export function address(path, params = {}) {
  const given = Object.entries(params).filter(([, value]) => value != null && value !== "");
  const query = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return `/api/${path}${query && `?${query}`}`;
}

/** How often an answer that could not be fetched is asked for again. */
const AGAIN_MS = 3000;

/** What a person can do with a request that came to nothing. */
export function inWords(error) {
  if (!(error instanceof TypeError)) return error;
  return Object.assign(new ApiError(0, { error: "Overhear does not answer", hint: "is `overhear` running? the page goes on as soon as it does" }), { isAway: true });
}

async function answer(response) {
  if (response.ok) return response;
  throw new ApiError(response.status, await response.json().catch(() => null));
}

/** GET as JSON. */
export async function get(path, params, options = {}) {
  const response = await fetch(address(path, params), { signal: options.signal });
  return (await answer(response)).json();
}

/** GET as text. */
export async function text(path, params) {
  return (await answer(await fetch(address(path, params)))).text();
}

/** POST of JSON; gives the answer's JSON. */
export async function post(path, body) {
  const response = await fetch(address(path), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return (await answer(response)).json();
}

/**
 * An answer as a hook: { data, error, loading, reload }. While a new one is awaited the old one
 * stays, so that nothing flickers; an answer that comes too late is dropped.
 */
export function useAnswer(path, params) {
  const [state, setState] = useState({ data: null, error: null, loading: true });
  const [round, setRound] = useState(0);
  const wanted = path == null ? null : address(path, params);
  useEffect(() => {
    if (wanted == null) return undefined;
    const abort = new AbortController();
    let again = null;
    setState((old) => ({ ...old, loading: true }));
    fetch(wanted, { signal: abort.signal })
      .then(answer)
      .then((response) => response.json())
      .then((data) => setState({ data, error: null, loading: false }))
      .catch((error) => {
        if (error.name === "AbortError") return;
        const fault = inWords(error);
        // What is shown stays, as long as there is hope.
        setState((old) => ({ data: fault.isAway ? old.data : null, error: fault.isAway && old.data ? null : fault, loading: false }));
        if (fault.isAway) again = setTimeout(() => setRound((count) => count + 1), AGAIN_MS);
      });
    return () => {
      clearTimeout(again);
      abort.abort();
    };
  }, [wanted, round]);
  const reload = useCallback(() => setRound((count) => count + 1), []);
  return { ...state, reload };
}
