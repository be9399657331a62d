// Preact with its hooks and htm, bound together: what every view imports.

import { Component, Fragment, createContext, createElement, render } from "../vendor/preact.js";
import htm from "../vendor/htm.js";

export {
  useCallback, useContext, useEffect, useLayoutEffect, useMemo, useReducer, useRef, useState,
} from "../vendor/preact-hooks.js";
export { Component, Fragment, createContext, render };

/** Markup as a tagged template: html`<a href=${url}>${text}</a>`. Text is always text. */
export const html = htm.bind(createElement);

/** Class names of those that are true: classes("row", { on: isOn }). */
export function classes(...names) {
  return names
    .flatMap((name) =>
      name && typeof name === "object" ? Object.keys(name).filter((key) => name[key]) : [name])
    .filter(Boolean)
    .join(" ");
}
