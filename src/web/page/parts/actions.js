// What one does with an exchange: copy it, keep it, pin it.

import { html, useEffect, useRef, useState } from "../lib/dom.js";
import { address, post, text } from "../lib/api.js";
import { useKeys } from "../lib/keys.js";
import { path } from "../lib/route.js";

const SAID_MS = 1800;

const COPIES = [
  ["curl", "Copy as curl"],
  ["python", "Copy as Python"],
  ["md", "Copy as Markdown"],
  ["json", "Copy as JSON"],
];

const FILES = [
  ["har", "Download HAR"],
  ["html", "Download HTML"],
];

export function Actions({ exchange, reload }) {
  const [open, setOpen] = useState(false);
  const [said, setSaid] = useState(null);
  const box = useRef();
  const opener = useRef();
  const timer = useRef();
  const id = encodeURIComponent(exchange.id);
  const { pinned } = exchange.annotations;

  const say = (words) => {
    clearTimeout(timer.current);
    setSaid(words);
    timer.current = setTimeout(() => setSaid(null), SAID_MS);
  };
  const copy = async (what) => {
    try {
      await navigator.clipboard.writeText(await what());
      say("Copied");
    } catch (error) {
      say(`Not copied: ${error.message}`);
    }
  };
  const copyAs = (format) => copy(() => text(`exchanges/${id}/copy/${format}`));
  const pin = async () => {
    try {
      await post(`exchanges/${id}/annotations`, { pin: !pinned });
      say(pinned ? "Unpinned" : "Pinned: it stays, whatever its age");
      reload();
    } catch (error) {
      say(`Not ${pinned ? "unpinned" : "pinned"}: ${error.message}`);
    }
  };
  useKeys([
    { keys: ["y"], says: "copy as curl", run: () => copyAs("curl") },
    { keys: ["p"], says: "pin, or unpin", run: pin },
  ]);

  const close = ({ refocus = true } = {}) => {
    setOpen(false);
    if (refocus) opener.current?.focus();
  };
  const items = () => [...box.current.querySelectorAll('[role="menuitem"]')];
  useEffect(() => {
    if (!open) return undefined;
    items()[0]?.focus();
    const outside = (event) => {
      if (!box.current?.contains(event.target)) close({ refocus: false });
    };
    document.addEventListener("pointerdown", outside);
    return () => document.removeEventListener("pointerdown", outside);
  }, [open]);
  useEffect(() => () => clearTimeout(timer.current), []);

  const onKeyDown = (event) => {
    if (!open) {
      if (event.key !== "ArrowDown" || event.target !== opener.current) return;
      setOpen(true);
    } else {
      const all = items();
      const at = all.indexOf(document.activeElement);
      const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
      if (event.key === "Escape") close();
      else if (event.key === "Tab") return close({ refocus: false });
      else if (to != null) all[(to + all.length) % all.length]?.focus();
      else return;
    }
    event.preventDefault();
    // The page's own keys are for when nothing is open.
    event.stopPropagation();
  };
  const chosen = (run) => () => {
    close();
    run?.();
  };
  return html`
    <button aria-pressed=${pinned ? "true" : "false"} onClick=${pin} title="Stays, whatever its age (p)" data-action="pin">${pinned ? "Pinned" : "Pin"}</button>
    <div class="menu" ref=${box} onKeyDown=${onKeyDown}>
      <button ref=${opener} aria-haspopup="menu" aria-expanded=${open ? "true" : "false"} onClick=${() => setOpen(!open)} data-action="copy">Copy <span aria-hidden="true">▾</span></button>
      ${open && html`<div class="items" role="menu" aria-label="Copy or keep the exchange">
        ${COPIES.map(([format, label]) => html`<button role="menuitem" tabindex="-1" data-copy=${format} onClick=${chosen(() => copyAs(format))}>${label}</button>`)}
        <button role="menuitem" tabindex="-1" data-copy="link" onClick=${chosen(() => copy(() => location.origin + path("exchanges", exchange.id)))}>Copy link</button>
        ${FILES.map(([format, label]) => html`<a role="menuitem" tabindex="-1" data-copy=${format} href=${address(`exchanges/${id}/copy/${format}`)} download onClick=${chosen()}>${label}</a>`)}
      </div>`}
    </div>
    <div class="said" role="status" aria-live="polite">${said && html`<div class="toast">${said}</div>`}</div>`;
}
