// What Mistral's SDK for Node sends and gets; ../README.md has the fields.

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

// It has no CommonJS, and `import` looks beside the script alone.
const require = createRequire(`${process.env.OVERHEAR_TEST_TOOLS}/npm/`);
const folder = require.resolve("@mistralai/mistralai/package.json").replace("package.json", "");
const load = (path) => import(pathToFileURL(folder + path));
const { Mistral } = await load("esm/index.js");
const { MistralError } = await load("esm/models/errors/mistralerror.js");

const client = new Mistral({ apiKey: process.env.MISTRAL_API_KEY ?? "fake0123456789abcdef" });

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

/** Adds an answer, or a chunk of one, and the message or delta in it. */
function add(read, told, part) {
  read.events += 1;
  read.id = told.id;
  read.model = told.model;
  read.usage = told.usage ?? read.usage;
  read.reason = told.choices[0]?.finishReason ?? read.reason;
  const content = part?.content ?? "";
  for (const chunk of typeof content === "string" ? [{ text: content }] : content) {
    if (chunk.type === "thinking") {
      read.reasoning += chunk.thinking.map((one) => one.text).join("");
    } else {
      read.text += chunk.text;
    }
  }
  for (const { id, function: called } of part?.toolCalls ?? []) {
    read.calls.push({ id, name: called.name, arguments: JSON.parse(called.arguments) });
  }
}

function line({ id, model, text, reasoning, calls, reason, usage }) {
  const choice = { text, reasoning, tool_calls: calls, finish_reason: reason };
  const counted = { input: usage.promptTokens, output: usage.completionTokens };
  return { id, model, choices: [choice], usage: counted };
}

async function whole(request) {
  const told = await client.chat.complete(request);
  const read = blank();
  add(read, told, told.choices[0].message);
  return line(read);
}

async function streamed(request) {
  const read = blank();
  for await (const { data } of await client.chat.stream(request)) {
    add(read, data, data.choices[0]?.delta);
  }
  return { ...line(read), events: read.events };
}

async function embedded(request) {
  const told = await client.embeddings.create(request);
  return { model: told.model, dimensions: told.data.map((one) => one.embedding.length) };
}

function failure(error) {
  if (!(error instanceof MistralError)) throw error;
  const { type, message } = JSON.parse(error.body).error;
  return { status: error.statusCode, type, message };
}

async function show(call, make, request) {
  const told = await make(request).catch((error) => ({ error: failure(error) }));
  console.log(JSON.stringify({ call, ...told }));
}

await show("chat", whole, { model: "fake-mistral", ...ASK });
await show("chat_reasoning", whole, { model: "fake-magistral-reasons", ...ASK });
await show("chat_tools", whole, { model: "fake-mistral", ...USE });
await show("stream", streamed, { model: "fake-mistral", ...ASK });
await show("stream_reasoning", streamed, { model: "fake-magistral-reasons", ...ASK });
await show("stream_tools", streamed, { model: "fake-mistral", ...USE });
await show("error", whole, { model: "fake-mistral-error", ...ASK });
await show("embeddings", embedded, { model: "fake-mistral-embed", inputs: ["Grüße", "hello you"] });
