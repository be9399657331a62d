// Invented work of invented people: an agent with tools and a sub-agent that mends a test, a
// chat in Chinese, a script, an error, and hosts that are not read.

import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as connectTls } from "node:tls";

const SYSTEM = `You are Tern, a coding agent that works in a terminal.

# How to work
- Read before you write. Change as little as the task needs.
- Run the tests after each change and report what they say, failures included.
- Never touch files outside of the working folder.

# Style
Answer in short paragraphs. Name files as \`path:line\`.

Working folder: /home/mira/kestrel
Platform: linux
Date: 2026-11-23`;

const TOOLS = [
  ["Bash", "Runs a command in the working folder and gives what it prints. Long output is cut.", { command: { type: "string", description: "The command" }, timeout: { type: "number", description: "Milliseconds" } }, ["command"]],
  ["Read", "Reads a file, with numbers before its lines.", { file_path: { type: "string" }, offset: { type: "number" }, limit: { type: "number" } }, ["file_path"]],
  ["Edit", "Replaces an exact text in a file by another one.", { file_path: { type: "string" }, old_string: { type: "string" }, new_string: { type: "string" } }, ["file_path", "old_string", "new_string"]],
  ["Grep", "Searches files for a regular expression.", { pattern: { type: "string" }, path: { type: "string" } }, ["pattern"]],
  ["Task", "Gives a task to a new agent that sees nothing of this conversation.", { description: { type: "string" }, prompt: { type: "string" } }, ["description", "prompt"]],
].map(([name, description, properties, required]) => ({ name, description, input_schema: { type: "object", properties, required } }));

const OPUS = "claude-opus-4-1-20250805";
const HAIKU = "claude-3-5-haiku-20241022";

const SOURCE = `  41\tpub fn backoff(attempt: u32) -> Duration {
  42\t    let base = Duration::from_millis(200);
  43\t    base * 2u32.pow(attempt)
  44\t}
  45\t
  46\t#[test]
  47\tfn backoff_is_capped() {
  48\t    assert!(backoff(30) <= Duration::from_secs(60));
  49\t}`;

const FAILURE = `running 14 tests
test client::backoff_is_capped ... FAILED

failures:

---- client::backoff_is_capped stdout ----
thread 'client::backoff_is_capped' panicked at src/client.rs:43:12:
attempt to multiply with overflow

test result: FAILED. 13 passed; 1 failed; finished in 0.84s`;

/** How fast things go: 1 as they would look, 0 at once. */
export async function record(overhear, provider, speed = 0) {
  const ms = (time) => Math.round(time * speed);
  const told = { threads: {} };
  await agent(overhear, provider, ms);
  await Promise.all([chat(overhear, provider, ms), script(overhear, provider, ms), refused(overhear, provider)]);
  await tunnelled(overhear);
  told.rows = await overhear.exchanges(11, "");
  return told;
}

/** Anthropic's agent loop: each turn sends all that was said before. */
class Talk {
  constructor(overhear, provider, ms, { system = SYSTEM, tools = TOOLS, model = OPUS } = {}) {
    Object.assign(this, { provider, ms, model, system, tools, messages: [], count: 0 });
    this.client = overhear.anthropic("tern/2.4.1 (linux; x64)", { "X-App": "cli" });
  }

  async turn(content, plan) {
    this.messages.push({ role: "user", content });
    const words = typeof content === "string" ? content : JSON.stringify(content.at(-1).content ?? content.at(-1).text).slice(1, 30);
    const cached = this.count ? 3200 + 700 * this.count : 0;
    this.provider.plan(words, { wait: this.ms(700 + 90 * this.count), pace: this.ms(18), ...plan, usage: { input: cached + 900 + 40 * this.count, cached, written: 640, ...plan.usage } });
    this.count += 1;
    const stream = this.client.messages.stream({
      model: this.model, max_tokens: 8000,
      system: [{ type: "text", text: this.system, cache_control: { type: "ephemeral" } }],
      ...(this.tools.length && { tools: this.tools }),
      messages: this.messages,
    });
    const message = await stream.finalMessage();
    this.messages.push({ role: "assistant", content: message.content });
    return message;
  }
}

const result = (id, content, is_error = false) => [{ type: "tool_result", tool_use_id: id, content, ...(is_error && { is_error }) }];

async function agent(overhear, provider, ms) {
  const talk = new Talk(overhear, provider, ms);
  await talk.turn("The test `backoff_is_capped` fails since this morning. Find out why and mend it.", { blocks: [
    { thinking: "The user wants a failing test mended. I shall run it first, to see the failure with my own eyes, then read the function." },
    { text: "I run the test first." },
    { tool: "Bash", id: "toolu_01", input: { command: "cargo test --lib backoff", timeout: 120000 } },
  ] });
  await talk.turn(result("toolu_01", FAILURE, true), { blocks: [
    { text: "It overflows at `src/client.rs:43`. Let me read the function, and have another agent look for its callers." },
    { tool: "Read", id: "toolu_02", input: { file_path: "/home/mira/kestrel/src/client.rs", offset: 41, limit: 9 } },
    { tool: "Task", id: "toolu_03", input: { description: "Find callers", prompt: "List every caller of `backoff` in /home/mira/kestrel with file and line." } },
  ] });
  // No model calls a tool before its call was heard: what is below is told by what was recorded.
  await sleep(400);
  const below = new Talk(overhear, provider, ms, { system: "You are an agent for one task. Answer with what you found, nothing else.", tools: TOOLS.slice(0, 4), model: HAIKU });
  await below.turn("List every caller of `backoff` in /home/mira/kestrel with file and line.", { blocks: [
    { tool: "Grep", id: "toolu_11", input: { pattern: "backoff\\(", path: "src" } },
  ] });
  await below.turn(result("toolu_11", "src/client.rs:41:pub fn backoff(attempt: u32)\nsrc/retry.rs:17:        sleep(backoff(n)).await;\nsrc/retry.rs:58:    let wait = backoff(tries.min(30));"), { blocks: [
    { text: "Two callers:\n\n- `src/retry.rs:17` passes `n`, which is not limited\n- `src/retry.rs:58` passes at most 30" },
  ] });
  await talk.turn([
    ...result("toolu_02", SOURCE),
    ...result("toolu_03", "Two callers:\n\n- `src/retry.rs:17` passes `n`, which is not limited\n- `src/retry.rs:58` passes at most 30"),
  ], { blocks: [
    { text: "`2u32.pow(attempt)` overflows from 32 on, and the product earlier. I cap the exponent and the product." },
    { tool: "Edit", id: "toolu_04", input: { file_path: "/home/mira/kestrel/src/client.rs", old_string: "    base * 2u32.pow(attempt)", new_string: "    const MAX: Duration = Duration::from_secs(60);\n    base.saturating_mul(2u32.saturating_pow(attempt)).min(MAX)" } },
  ], stall: ms(1900) });
  await talk.turn(result("toolu_04", "The file was changed."), { blocks: [
    { tool: "Bash", id: "toolu_05", input: { command: "cargo test --lib" } },
  ] });
  await talk.turn(result("toolu_05", "running 14 tests\n..............\ntest result: ok. 14 passed; 0 failed; finished in 0.81s"), { blocks: [
    { text: "Mended: all 14 tests pass.\n\n## What was wrong\n`backoff` multiplied without a limit, so the **30th attempt** overflowed:\n\n```rust\nbase * 2u32.pow(attempt)\n```\n\n## What I changed\n| file | change |\n|---|---|\n| `src/client.rs:43` | saturating, at most 60 s |\n\n`src/retry.rs:17` passes an unlimited number, which is harmless now." },
  ] });
}

async function chat(overhear, provider, ms) {
  const client = overhear.openai("aviary-desktop/1.12.0");
  const messages = [{ role: "system", content: "你是一位耐心的中文助手。回答要简短。" }];
  for (const [asked, answer, model] of [
    ["杭州明天的天气怎么样？适合去西湖散步吗？", "明天杭州多云，气温 8 到 15 度，适合去西湖散步。建议带一件薄外套。", "gpt-4o"],
    ["那么请推荐一条两小时的路线。", "可以从断桥出发，沿白堤走到孤山，再经苏堤到花港观鱼，全程约两小时。", "gpt-4o"],
  ]) {
    messages.push({ role: "user", content: asked });
    provider.plan(asked, { wait: ms(420), pace: ms(35), size: 3, blocks: [{ text: answer }], usage: { input: 5300 + 90 * messages.length, output: 310 } });
    const stream = await client.chat.completions.create({ model, messages, stream: true, stream_options: { include_usage: true } });
    let said = "";
    for await (const chunk of stream) said += chunk.choices[0]?.delta?.content ?? "";
    messages.push({ role: "assistant", content: said });
  }
}

async function script(overhear, provider, ms) {
  const client = overhear.openai("OpenAI/Python 2.8.1");
  for (const ticket of ["The export button does nothing in Safari 19.", "Please add a dark theme to the invoices.", "I was billed twice in October."]) {
    provider.plan(ticket, { wait: ms(260), blocks: [{ text: JSON.stringify({ kind: ticket.includes("add") ? "wish" : "bug", urgent: ticket.includes("billed") }) }], usage: { input: 21_400, cached: 12_800, output: 420 } });
    await client.chat.completions.create({ model: "gpt-4o-mini", temperature: 0, response_format: { type: "json_object" }, messages: [
      { role: "system", content: "Sort a support ticket. Answer as JSON: kind (bug, wish, question), urgent (true or false)." },
      { role: "user", content: ticket },
    ] });
  }
}

async function refused(overhear, provider) {
  const words = "Summarise the minutes of Monday's meeting in five points.";
  provider.plan(words, { status: 429, error: "rate_limit_exceeded", message: "Rate limit reached for gpt-4o on tokens per min: limit 30000, used 29512, requested 1140. Please try again in 1.3s." });
  await overhear.openai("minutes/0.9").chat.completions.create({ model: "gpt-4o", messages: [{ role: "user", content: words }] }).catch(() => {});
}

/** Connections that are passed on unread: a host that is no model's. */
async function tunnelled(overhear) {
  const [host, port] = overhear.proxy.split(":");
  await new Promise((done) => {
    const tcp = connect(port, host, () => tcp.write("CONNECT telemetry.example:443 HTTP/1.1\r\nHost: telemetry.example:443\r\nUser-Agent: tern/2.4.1\r\n\r\n"));
    tcp.once("data", () => {
      const tls = connectTls({ socket: tcp, servername: "telemetry.example", rejectUnauthorized: false }, () => {
        tls.write("POST /v1/events HTTP/1.1\r\nHost: telemetry.example\r\nContent-Length: 2\r\n\r\n{}");
        tls.once("data", () => tls.end());
      });
      tls.on("error", done);
      tls.on("close", done);
    });
    tcp.on("error", done);
  });
}
