// What stands around the messages of a prompt: the system prompt and the tools, folded.

import { html, useContext, useState } from "../lib/dom.js";
import { useAnswer } from "../lib/api.js";
import { count, grouped, visible } from "../lib/format.js";
import { Fault } from "./common.js";
import { Sought, Words } from "./words.js";

/** The system prompt and the tools of an exchange. */
export function Prompt({ id }) {
  const { data, error } = useAnswer(`exchanges/${id}/prompt`);
  const sought = useContext(Sought);
  if (error) return html`<${Fault} error=${error} />`;
  if (!data) return html`<div class="prompt-of dim">…</div>`;
  if (!data.system && !data.tools.length) return null;
  const has = (text) => Boolean(sought && text?.toLowerCase().includes(sought));
  return html`<div class="prompt-of">
    ${data.system && html`<${Fold} kind="system" label="System prompt" tokens=${data.system_tokens} hint=${first(data.system)} isOpen=${has(data.system)}>${() => html`<${Words} text=${data.system} kind="markdown" lines=${200} />`}</${Fold}>`}
    ${data.tools.length > 0 && html`<${Fold} kind="tools" label=${`${data.tools.length} ${data.tools.length === 1 ? "tool" : "tools"}`} tokens=${data.tools_tokens}
        hint=${data.tools.map((tool) => tool.name).join(", ")} isOpen=${has(JSON.stringify(data.tools))}>${() => data.tools.map((tool) => html`
      <${Fold} key=${tool.name} kind="tool-def" label=${html`<span class="mono">${tool.name}</span>`} tokens=${tool.tokens} hint=${first(tool.description ?? "")} isOpen=${has(tool.name + tool.description)}>${() => html`
        ${tool.description && html`<${Words} text=${tool.description} kind="markdown" />`}
        <${Words} text=${JSON.stringify(tool.schema)} lines=${60} />`}</${Fold}>`)}</${Fold}>`}
  </div>`;
}

const first = (text) => visible(text.slice(0, 300).replace(/\s+/g, " ").trim());

/** A line that opens; what is inside is made when it does. */
export function Fold({ kind, label, tokens, hint, isOpen = false, children }) {
  const [open, setOpen] = useState(isOpen);
  return html`<details class=${`fold ${kind}`} open=${open} onToggle=${(event) => event.target === event.currentTarget && setOpen(event.currentTarget.open)}>
    <summary><span class=${`role ${kind}`}>${label}</span>${tokens != null && html`<span class="dim number nowrap" title=${`about ${grouped(tokens)} tokens, an estimate`}>≈ ${count(tokens)} tokens</span>`}<span class="hint dim">${hint}</span></summary>
    ${open && html`<div class="inside">${children()}</div>`}
  </details>`;
}
