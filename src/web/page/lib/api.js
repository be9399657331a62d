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
    setState((old) => ({ ...old, loading: true }));
    fetch(wanted, { signal: abort.signal })
      .then(answer)
      .then((response) => response.json())
      .then((data) => setState({ data, error: null, loading: false }))
      .catch((error) => {
        if (error.name !== "AbortError") setState({ data: null, error, loading: false });
      });
    return () => abort.abort();
  }, [wanted, round]);
  const reload = useCallback(() => setRound((count) => count + 1), []);
  return { ...state, reload };
}
