// What Google's SDK for Node sends and gets; ../README.md has the fields.

import { createRequire } from "node:module";

const require = createRequire(`${process.env.OVERHEAR_TEST_TOOLS}/npm/`);
const { GoogleGenAI, ApiError } = require("@google/genai");

const client = new GoogleGenAI({
  apiKey: process.env.GEMINI_API_KEY ?? "AIza-fake-0123456789abcdef",
});

const ASK = { contents: "Grüße, 世界 👋", config: { systemInstruction: "Be brief." } };
const THINK = { ...ASK, config: { thinkingConfig: { includeThoughts: true } } };
const functionDeclarations = ["weather", "time"].map((name) => ({
  name,
  description: `Tells the ${name}.`,
  parameters: {
    type: "OBJECT",
    properties: { place: { type: "STRING" }, days: { type: "INTEGER" } },
    required: ["place"],
  },
}));
const USE = { contents: "Please use the tools.", config: { tools: [{ functionDeclarations }] } };

const blank = () => ({ text: "", reasoning: "", calls: [], events: 0 });

/** Adds an answer, or a chunk of one. */
function add(read, chunk) {
  read.events += 1;
  read.id = chunk.responseId;
  read.model = chunk.modelVersion;
  read.usage = chunk.usageMetadata ?? read.usage;
  const [candidate] = chunk.candidates;
  read.reason = candidate.finishReason ?? read.reason;
  for (const part of candidate.content.parts ?? []) {
    if (part.functionCall) {
      const { id, name, args } = part.functionCall;
      read.calls.push({ id, name, arguments: args });
    } else if (part.thought) {
      read.reasoning += part.text;
    } else {
      read.text += part.text ?? "";
    }
  }
}

function line({ id, model, text, reasoning, calls, reason, usage }) {
  const choice = { text, reasoning, tool_calls: calls, finish_reason: reason ?? null };
  const counted = usage && {
    input: usage.promptTokenCount,
    input_cached: usage.cachedContentTokenCount,
    output: usage.candidatesTokenCount + (usage.thoughtsTokenCount ?? 0),
    reasoning: usage.thoughtsTokenCount ?? null,
  };
  return { id, model, choices: [choice], usage: counted };
}

async function whole(request) {
  const read = blank();
  add(read, await client.models.generateContent(request));
  return line(read);
}

async function streamed(request) {
  const read = blank();
  try {
    for await (const chunk of await client.models.generateContentStream(request)) add(read, chunk);
  } catch (error) {
    return { ...line(read), events: read.events, error: { ...failure(error), status: null } };
  }
  return { ...line(read), events: read.events };
}

async function counted(request) {
  return { input_tokens: (await client.models.countTokens(request)).totalTokens };
}

async function embedded(request) {
  const told = await client.models.embedContent(request);
  return { dimensions: told.embeddings.map((one) => one.values.length) };
}

function failure(error) {
  if (!(error instanceof ApiError)) throw error;
  // The message is the reply's body, after some words in a stream.
  const told = error.message.slice(error.message.indexOf("{"));
  const { code, status, message } = JSON.parse(told).error;
  return { status: code, type: status, message };
}

async function show(call, make, request) {
  const told = await make(request).catch((error) => ({ error: failure(error) }));
  console.log(JSON.stringify({ call, ...told }));
}

await show("generate", whole, { model: "fake", ...ASK });
await show("generate_thinking", whole, { model: "fake", ...THINK });
await show("generate_tools", whole, { model: "fake", ...USE });
await show("stream", streamed, { model: "fake", ...ASK });
await show("stream_thinking", streamed, { model: "fake", ...THINK });
await show("stream_tools", streamed, { model: "fake", ...USE });
await show("error", whole, { model: "fake-error", ...ASK });
await show("error_mid_stream", streamed, { model: "fake-error-mid-stream", ...ASK });
await show("count_tokens", counted, { model: "fake", contents: ASK.contents });
await show("embeddings", embedded, { model: "fake", contents: ["Grüße", "hello you"] });
