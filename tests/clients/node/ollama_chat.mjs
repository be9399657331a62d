// What Ollama's SDK for Node sends and gets; ../README.md has the fields.
// OLLAMA_HOST leads it: there is no name that it speaks to by itself but this machine's.

import { createRequire } from "node:module";

const require = createRequire(`${process.env.OVERHEAR_TEST_TOOLS}/npm/`);
const { Ollama } = require("ollama");

const client = new Ollama({ host: process.env.OLLAMA_HOST });

const ASK = {
  messages: [
    { role: "system", content: "Be brief." },
    { role: "user", content: "Grüße, 世界 👋" },
  ],
};
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

const blank = () => ({ text: "", reasoning: "", calls: [], events: 0 });

/** Adds an answer, or a line of one. */
function add(read, told) {
  read.events += 1;
  read.last = told;
  read.text += told.message?.content ?? told.response ?? "";
  read.reasoning += told.message?.thinking ?? told.thinking ?? "";
  for (const { function: called } of told.message?.tool_calls ?? []) {
    read.calls.push({ id: null, name: called.name, arguments: called.arguments });
  }
}

function line({ text, reasoning, calls, last }) {
  const choice = { text, reasoning, tool_calls: calls, finish_reason: last.done_reason };
  const usage = { input: last.prompt_eval_count, output: last.eval_count };
  return { model: last.model, choices: [choice], usage };
}

async function whole(request) {
  const read = blank();
  add(read, await client.chat(request));
  return line(read);
}

async function streamed(request) {
  const read = blank();
  try {
    for await (const told of await client.chat({ stream: true, ...request })) add(read, told);
  } catch (error) {
    return { events: read.events, error: { status: null, message: error.message } };
  }
  return { ...line(read), events: read.events };
}

async function generated(request) {
  const read = blank();
  add(read, await client.generate(request));
  return line(read);
}

async function embedded(request) {
  return { dimensions: (await client.embed(request)).embeddings.map((one) => one.length) };
}

async function listed() {
  return { models: (await client.list()).models.map((one) => one.model) };
}

function failure(error) {
  if (error.name !== "ResponseError") throw error;
  return { status: error.status_code, message: error.error };
}

async function show(call, make, request) {
  const told = await make(request).catch((error) => ({ error: failure(error) }));
  console.log(JSON.stringify({ call, ...told }));
}

await show("chat", whole, { model: "fake", ...ASK });
await show("chat_thinking", whole, { model: "fake", think: true, ...ASK });
await show("chat_tools", whole, { model: "fake", ...USE });
await show("stream", streamed, { model: "fake", ...ASK });
await show("stream_thinking", streamed, { model: "fake", think: true, ...ASK });
await show("stream_tools", streamed, { model: "fake", ...USE });
await show("generate", generated, { model: "fake", prompt: "Grüße, 世界 👋", system: "Be brief." });
await show("error", whole, { model: "fake-error", ...ASK });
await show("error_mid_stream", streamed, { model: "fake-error-mid-stream", ...ASK });
await show("embeddings", embedded, { model: "fake", input: ["Grüße", "hello you"] });
await show("models", listed);
