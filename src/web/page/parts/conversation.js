// What one exchange says: the prompt as the model saw it, then the answer.

import { classes, html, useEffect, useMemo, useRef, useState } from "../lib/dom.js";
import { grouped, visible } from "../lib/format.js";
import { highlight } from "./highlight.js";
import { Lazy, Message, located, words } from "./message.js";
import { pairs } from "./pairs.js";
import { Prompt } from "./prompt.js";
import { AsWritten, Sought } from "./words.js";

/** So many messages are drawn at once; more are drawn as they come near the screen. */
const AT_ONCE = 30;

export function Conversation({ exchange, params = {} }) {
  const { request, reply, inherited } = exchange;
  const find = params.find?.trim() ?? "";
  const sought = find.toLowerCase();
  const said = useMemo(() => numbered(exchange), [exchange]);
  const before = inherited ?? 0;
  const has = (messages) => Boolean(sought) && messages.some((message) => words(message.parts).toLowerCase().includes(sought));
  // Where nothing is new what was said before is all there is to read.
  const [isOpen, setOpen] = useState(() => has(said.messages.slice(0, before)) || (said.messages.length <= before && !said.choices.length));
  // A result stands with its call, unless that is folded away.
  const tools = useMemo(() => pairs([...said.messages.slice(isOpen ? 0 : before), ...said.choices]), [said, before, isOpen]);
  const place = useRef();
  useEffect(() => highlight(place.current, find), [find, exchange, isOpen]);
  // The system prompt stands above; where it is sent among the messages it is not said twice.
  const isRepeated = (message) => request.system != null && /^(system|developer)$/.test(message.role)
    && message.parts.every((part) => part.type === "text" && request.system.includes(part.text));
  const one = (message) => {
    if (isRepeated(message)) return null;
    const from = { id: exchange.id, list: "messages", index: message.index };
    const draw = () => html`<${Message} role=${message.role} parts=${message.parts} from=${from} tools=${tools} />`;
    return said.messages.length <= AT_ONCE ? html`<div key=${message.index}>${draw()}</div>`
      : html`<${Lazy} key=${message.index} height=${tall(message.parts)} force=${has([message])}>${draw}</${Lazy}>`;
  };
  return html`
    <${Sought.Provider} value=${sought}>
      <div class="conversation" ref=${place}>
        <div class="toolbar"><span class="dim">${summary(said, before)}</span><span class="spring grow"></span><${AsWritten} /></div>
        <${Prompt} id=${exchange.id} />
        ${before > 0 && html`<button class="said-before" aria-expanded=${isOpen} onClick=${() => setOpen(!isOpen)}>${isOpen ? "▾" : "▸"} ${grouped(before)} ${before === 1 ? "message" : "messages"} said before</button>`}
        ${before > 0 && isOpen && html`<div class="before">${said.messages.slice(0, before).map(one)}</div>`}
        ${said.messages.slice(before).map(one)}
        ${said.choices.map((choice, at) => html`<${Choice} key=${at} choice=${choice} exchange=${exchange} tools=${tools} of=${said.choices.length} />`)}
        ${!said.messages.length && !said.choices.length && !request.system && html`<p class="dim">No dialect reads messages in this exchange; the raw tab has its bytes.</p>`}
        ${reply == null && html`<p class="dim">No answer came.</p>`}
      </div>
    </${Sought.Provider}>`;
}

function summary({ messages, choices }, before) {
  const count = (number, word) => `${grouped(number)} ${word}${number === 1 ? "" : "s"}`;
  return [count(messages.length, "message"), before > 0 && `${grouped(messages.length - before)} new`, count(choices.length, "answer")].filter(Boolean).join(" · ");
}

/** An answer. */
export function Choice({ choice, exchange, tools, of, at = choice.index }) {
  if (!choice.parts.length && !choice.finish_reason) return null;
  // That it ended as answers do needs no words.
  const reason = choice.finish_reason && !/^(stop|end_turn|tool_calls|tool_use|STOP|COMPLETE|completed)$/.test(choice.finish_reason);
  return html`<div class=${classes("answer", { odd: reason })}>
    <${Message} role="assistant" label=${of > 1 ? `answer ${at + 1} of ${of}` : "answer"} parts=${choice.parts} tools=${tools}
      from=${{ id: exchange.id, list: "choices", index: at }} note=${reason && html`<span class="warn">${visible(choice.finish_reason)}</span>`} />
  </div>`;
}

/** Messages and answers with their places, pictures with their numbers. */
export function numbered(exchange) {
  let picture = 0;
  const number = (part) => {
    if (part.type === "image" && part.bytes != null) return { ...part, media: picture++ };
    if (part.type === "tool_result") return { ...part, parts: part.parts.map(number) };
    return part;
  };
  const all = (list) => list.map((one, index) => ({ ...one, index, parts: one.parts.map(number) }));
  const messages = located(all(exchange.request.messages ?? []), exchange.id, "messages");
  return { messages, choices: all(exchange.reply?.choices ?? []) };
}

/** About how tall parts are, in pixels. */
export function tall(parts) {
  return parts.reduce((sum, part) => sum + Math.min(900, 50 + words([part]).length / 4), 30);
}
