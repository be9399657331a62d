// What Cohere's SDK for Node sends and gets; ../README.md has the fields.
// The plan that comes before calls of tools counts as reasoning.

import { createRequire } from "node:module";

const require = createRequire(`${process.env.OVERHEAR_TEST_TOOLS}/npm/`);
const { CohereClientV2, CohereError } = require("cohere-ai");

const client = new CohereClientV2({ token: process.env.COHERE_API_KEY ?? "fake0123456789abcdef" });
const ONCE = { maxRetries: 0 };

const ASK = {
  messages: [
    { role: "system", content: "Be brief." },
    { role: "user", content: "Grüße, 世界 👋" },
  ],
};
const THINK = { ...ASK, thinking: { type: "enabled" } };
const USE = {
  messages: [{ role: "user", content: "Please use the tools." }],
  tools: ["weather", "time"].map((name) => ({
    type: "function",
    function: {
      name,
      description: `Tells the ${name}.`,
      parameters: {
        type: "object",
        properties: { place: { type: "string" }, days: { type: "integer" } },
        required: ["place"],
      },
    },
  })),
};

function line(id, text, reasoning, calls, reason, usage) {
  const parsed = calls.map((call) => ({ ...call, arguments: JSON.parse(call.arguments) }));
  const choice = { text, reasoning, tool_calls: parsed, finish_reason: reason };
  const { inputTokens: input, outputTokens: output } = usage.tokens;
  return { id, choices: [choice], usage: { input, output } };
}

async function whole(request) {
  const { id, message, finishReason, usage } = await client.chat(request, ONCE);
  const parts = (type) => (message.content ?? []).filter((part) => part.type === type);
  const text = parts("text").map((part) => part.text).join("");
  const thoughts = parts("thinking").map((part) => part.thinking).join("");
  const calls = (message.toolCalls ?? []).map(({ id, function: called }) => ({
    id,
    name: called.name,
    arguments: called.arguments,
  }));
  return line(id, text, thoughts + (message.toolPlan ?? ""), calls, finishReason, usage);
}

async function streamed(request) {
  let [id, text, reasoning, events, end] = [null, "", "", 0, null];
  const calls = [];
  for await (const event of await client.chatStream(request, ONCE)) {
    events += 1;
    const message = event.delta?.message;
    if (event.type === "message-start") id = event.id;
    if (event.type === "content-delta") {
      text += message.content.text ?? "";
      reasoning += message.content.thinking ?? "";
    }
    if (event.type === "tool-plan-delta") reasoning += message.toolPlan;
    if (event.type === "tool-call-start") {
      const { id, function: called } = message.toolCalls;
      calls.push({ id, name: called.name, arguments: "" });
    }
    if (event.type === "tool-call-delta") {
      calls[event.index].arguments += message.toolCalls.function.arguments;
    }
    if (event.type === "message-end") end = event.delta;
  }
  if (end.finishReason === "ERROR") {
    return { events, error: { status: null, message: end.error } };
  }
  return { ...line(id, text, reasoning, calls, end.finishReason, end.usage), events };
}

async function embedded(request) {
  const told = await client.embed(request, ONCE);
  return { dimensions: told.embeddings.float.map((one) => one.length) };
}

async function reranked(request) {
  const told = await client.rerank(request, ONCE);
  return { order: told.results.map((one) => one.index) };
}

function failure(error) {
  if (!(error instanceof CohereError)) throw error;
  return { status: error.statusCode, message: error.body.message };
}

async function show(call, make, request) {
  const told = await make(request).catch((error) => ({ error: failure(error) }));
  console.log(JSON.stringify({ call, ...told }));
}

await show("chat", whole, { model: "fake", ...ASK });
await show("chat_thinking", whole, { model: "fake", ...THINK });
await show("chat_tools", whole, { model: "fake", ...USE });
await show("stream", streamed, { model: "fake", ...ASK });
await show("stream_thinking", streamed, { model: "fake", ...THINK });
await show("stream_tools", streamed, { model: "fake", ...USE });
await show("error", whole, { model: "fake-error", ...ASK });
await show("error_mid_stream", streamed, { model: "fake-error-mid-stream", ...ASK });
await show("embeddings", embedded, {
  model: "fake-embed",
  texts: ["Grüße", "hello you"],
  inputType: "search_document",
  embeddingTypes: ["float"],
});
await show("rerank", reranked, {
  model: "fake-rerank",
  query: "sky",
  documents: ["grün", "blau", "rot"],
});
