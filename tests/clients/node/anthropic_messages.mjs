// What Anthropic's SDK for Node sends and gets; ../README.md has the fields.

import { createRequire } from "node:module";

const require = createRequire(`${process.env.OVERHEAR_TEST_TOOLS}/npm/`);
const Anthropic = require("@anthropic-ai/sdk").default;

const client = new Anthropic({
  apiKey: process.env.ANTHROPIC_API_KEY ?? "sk-ant-fake-0123456789abcdef",
  maxRetries: 0,
});

const ASK = {
  max_tokens: 4096,
  system: "Be brief.",
  messages: [{ role: "user", content: "Grüße, 世界 👋" }],
};
const THINK = { ...ASK, thinking: { type: "enabled", budget_tokens: 1024 } };
const USE = {
  max_tokens: 4096,
  messages: [{ role: "user", content: "Please use the tools." }],
  tools: ["weather", "time"].map((name) => ({
    name,
    description: `Tells the ${name}.`,
    input_schema: {
      type: "object",
      properties: { place: { type: "string" }, days: { type: "integer" } },
      required: ["place"],
    },
  })),
};

/** What a message says. */
function said(message) {
  const blocks = (type) => message.content.filter((block) => block.type === type);
  const joined = (type, field) => blocks(type).map((block) => block[field]).join("");
  const counted = message.usage;
  const cached = counted.cache_read_input_tokens;
  const written = counted.cache_creation_input_tokens;
  return {
    id: message.id,
    model: message.model,
    choices: [
      {
        text: joined("text", "text"),
        reasoning: joined("thinking", "thinking"),
        tool_calls: blocks("tool_use").map(({ id, name, input }) => ({
          id,
          name,
          arguments: input,
        })),
        finish_reason: message.stop_reason,
      },
    ],
    usage: {
      input: counted.input_tokens + cached + written,
      input_cached: cached,
      input_cache_written: written,
      output: counted.output_tokens,
      reasoning: counted.output_tokens_details.thinking_tokens,
    },
  };
}

async function whole(request) {
  return said(await client.messages.create(request));
}

async function streamed(request) {
  const stream = client.messages.stream(request);
  let events = 0;
  try {
    for await (const _ of stream) events += 1;
    return { ...said(await stream.finalMessage()), events };
  } catch (error) {
    return { ...said(stream.currentMessage), events, error: failure(error) };
  }
}

async function counted(request) {
  return { input_tokens: (await client.messages.countTokens(request)).input_tokens };
}

async function listed() {
  const models = await client.models.list();
  return { models: models.data.map((model) => model.id) };
}

function failure(error) {
  if (!(error instanceof Anthropic.APIError) || !error.error) throw error;
  const { type, message } = error.error.error;
  return { status: error.status ?? null, type, message };
}

async function show(call, make, request) {
  const line = await make(request).catch((error) => ({ error: failure(error) }));
  console.log(JSON.stringify({ call, ...line }));
}

await show("message", whole, { model: "claude-fake", ...ASK });
await show("message_thinking", whole, { model: "claude-fake", ...THINK });
await show("message_tools", whole, { model: "claude-fake", ...USE });
await show("stream", streamed, { model: "claude-fake", ...ASK });
await show("stream_thinking", streamed, { model: "claude-fake", ...THINK });
await show("stream_tools", streamed, { model: "claude-fake", ...USE });
await show("error", whole, { model: "claude-fake-error-overloaded", ...ASK });
await show("error_mid_stream", streamed, { model: "claude-fake-error-mid-stream", ...ASK });
await show("count_tokens", counted, {
  model: "claude-fake",
  messages: ASK.messages,
  system: ASK.system,
});
await show("models", listed);
