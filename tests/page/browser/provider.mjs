// A provider that answers what a case tells it to: OpenAI's chat completions and Anthropic's
// messages over TLS, under the companies' names.

import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const NAMES = ["api.openai.com", "api.anthropic.com", "openrouter.ai", "api.mistral.ai", "api.deepseek.com", "example.com", "telemetry.example", "localhost"];

/** A certificate that is its own authority, in files of `folder`. */
function certificate(folder) {
  const [conf, key, cert] = ["conf", "key", "pem"].map((end) => join(folder, `provider.${end}`));
  const names = NAMES.map((name) => `DNS:${name}`).join(",");
  writeFileSync(conf, `[req]\ndistinguished_name=d\nx509_extensions=v\nprompt=no\n[d]\nCN=fake\n[v]\nsubjectAltName=${names}\n`);
  execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-config", conf, "-keyout", key, "-out", cert], { stdio: "ignore" });
  return { key: readFileSync(key), cert: readFileSync(cert), file: cert };
}

/**
 * A plan: { blocks: [{ text } | { thinking } | { tool, id, input }], usage: { input, cached,
 * written, output }, wait, pace, stall: milliseconds, size: characters of an event, gate: a
 * promise awaited in the middle, status, error, message, raw: { status, headers, body } }.
 */
export class Provider {
  #plans = [];
  #count = 0;
  /** { method, url, headers, body } of each request, the body as bytes. */
  received = [];

  static async start(folder) {
    const provider = new Provider();
    const { key, cert, file } = certificate(folder);
    const server = createServer({ key, cert }, (request, response) => provider.#take(request, response).catch((error) => {
      if (!response.destroyed) response.destroy(error);
    }));
    await new Promise((done) => server.listen(0, "127.0.0.1", done));
    Object.assign(provider, { server, ca: file, address: `127.0.0.1:${server.address().port}` });
    return provider;
  }

  /** What to answer to the next request whose body has `words`. */
  plan(words, plan) {
    this.#plans.push({ words, plan });
  }

  stop() {
    this.server.closeAllConnections();
    this.server.close();
  }

  async #take(request, response) {
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    const bytes = Buffer.concat(pieces);
    this.received.push({ method: request.method, url: request.url, headers: request.headers, body: bytes });
    const text = bytes.toString();
    const at = this.#plans.findIndex(({ words }) => text.includes(words) || request.url.includes(words));
    const plan = at < 0 ? { blocks: [{ text: "Yes." }] } : this.#plans.splice(at, 1)[0].plan;
    if (plan.wait) await sleep(plan.wait);
    if (plan.raw) {
      response.writeHead(plan.raw.status ?? 200, plan.raw.headers ?? {});
      response.end(plan.raw.body);
      return;
    }
    let body = {};
    try {
      body = JSON.parse(text);
    } catch {
      // A body that is none is answered all the same.
    }
    if (plan.status) {
      response.writeHead(plan.status, { "content-type": "application/json", ...plan.headers });
      response.end(JSON.stringify({ type: "error", error: { type: plan.error, message: plan.message } }));
      return;
    }
    this.#count += 1;
    const anthropic = request.url.includes("/messages");
    const whole = { id: `${anthropic ? "msg" : "chatcmpl"}_${String(this.#count).padStart(6, "0")}`, body, plan, usage: usage(text, plan) };
    if (body.stream) return stream(response, anthropic ? anthropicEvents(whole) : openaiEvents(whole), plan);
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify(anthropic ? anthropicMessage(whole) : openaiCompletion(whole)));
  }
}

function usage(text, { blocks = [], usage = {} }) {
  const said = blocks.map((block) => block.text ?? block.thinking ?? JSON.stringify(block.input)).join("");
  return { input: Math.ceil(text.length / 4), cached: 0, written: 0, output: Math.ceil(said.length / 4), ...usage };
}

async function stream(response, events, { pace = 0, stall, gate }) {
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const [at, [name, data]] of events.entries()) {
    response.write(`${name ? `event: ${name}\n` : ""}data: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`);
    if (pace) await sleep(pace);
    if (at === events.length >> 1) {
      if (stall) await sleep(stall);
      await gate;
    }
  }
  response.end();
}

/** Pieces of about `size` characters, never half a character. */
function pieces(text, size = 24) {
  const all = [...text];
  return Array.from({ length: Math.ceil(all.length / size) }, (_, at) => all.slice(at * size, (at + 1) * size).join(""));
}

function anthropicUsage({ input, cached, written, output }) {
  return { input_tokens: Math.max(1, input - cached - written), cache_read_input_tokens: cached, cache_creation_input_tokens: written, output_tokens: output };
}

const anthropicBlock = (block) => {
  if (block.thinking != null) return { type: "thinking", thinking: block.thinking, signature: "c2lnbmVk" };
  if (block.tool != null) return { type: "tool_use", id: block.id, name: block.tool, input: block.input };
  return { type: "text", text: block.text };
};

const stopped = (blocks) => (blocks.some((block) => block.tool != null) ? "tool_use" : "end_turn");

function anthropicMessage({ id, body, plan, usage }) {
  const blocks = plan.blocks ?? [];
  return { id, type: "message", role: "assistant", model: body.model, content: blocks.map(anthropicBlock), stop_reason: stopped(blocks), stop_sequence: null, usage: anthropicUsage(usage) };
}

function anthropicEvents(whole) {
  const { plan, usage } = whole;
  const event = (type, data) => [type, { type, ...data }];
  const events = [event("message_start", { message: { ...anthropicMessage(whole), content: [], stop_reason: null, usage: anthropicUsage({ ...usage, output: 1 }) } })];
  for (const [index, block] of (plan.blocks ?? []).entries()) {
    const begun = { ...anthropicBlock(block), ...(block.tool != null ? { input: {} } : block.thinking != null ? { thinking: "", signature: "" } : { text: "" }) };
    events.push(event("content_block_start", { index, content_block: begun }));
    const [type, field, text] = block.tool != null ? ["input_json_delta", "partial_json", JSON.stringify(block.input)]
      : block.thinking != null ? ["thinking_delta", "thinking", block.thinking] : ["text_delta", "text", block.text];
    for (const piece of pieces(text, plan.size)) events.push(event("content_block_delta", { index, delta: { type, [field]: piece } }));
    events.push(event("content_block_stop", { index }));
  }
  events.push(event("message_delta", { delta: { stop_reason: stopped(plan.blocks ?? []), stop_sequence: null }, usage: anthropicUsage(usage) }));
  events.push(event("message_stop", {}));
  return events;
}

function openaiUsage({ input, cached, output }) {
  return { prompt_tokens: input, completion_tokens: output, total_tokens: input + output, prompt_tokens_details: { cached_tokens: cached }, completion_tokens_details: { reasoning_tokens: 0 } };
}

function openaiCompletion({ id, body, plan, usage }) {
  const blocks = plan.blocks ?? [];
  const text = blocks.map((block) => block.text ?? "").join("");
  const calls = blocks.filter((block) => block.tool != null).map((block) => ({ id: block.id, type: "function", function: { name: block.tool, arguments: JSON.stringify(block.input) } }));
  const message = { role: "assistant", content: text, ...(calls.length ? { tool_calls: calls } : {}) };
  return { id, object: "chat.completion", created: 1_795_000_000, model: body.model, choices: [{ index: 0, message, finish_reason: calls.length ? "tool_calls" : "stop" }], usage: openaiUsage(usage) };
}

function openaiEvents({ id, body, plan, usage }) {
  const base = { id, object: "chat.completion.chunk", created: 1_795_000_000, model: body.model };
  const event = (delta, finish_reason = null) => ["", { ...base, choices: [{ index: 0, delta, finish_reason }] }];
  const events = [event({ role: "assistant", content: "" })];
  let calls = 0;
  for (const block of plan.blocks ?? []) {
    if (block.tool != null) {
      const index = calls;
      calls += 1;
      events.push(event({ tool_calls: [{ index, id: block.id, type: "function", function: { name: block.tool, arguments: "" } }] }));
      for (const piece of pieces(JSON.stringify(block.input), plan.size)) events.push(event({ tool_calls: [{ index, function: { arguments: piece } }] }));
    } else {
      const field = block.thinking != null ? "reasoning_content" : "content";
      for (const piece of pieces(block.thinking ?? block.text, plan.size)) events.push(event({ [field]: piece }));
    }
  }
  events.push(event({}, calls ? "tool_calls" : "stop"), ["", { ...base, choices: [], usage: openaiUsage(usage) }], ["", "[DONE]"]);
  return events;
}
