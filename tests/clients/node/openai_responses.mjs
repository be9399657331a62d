// What OpenAI's SDK for Node sends and gets of responses; ../README.md has the fields.

import { createRequire } from "node:module";

const require = createRequire(`${process.env.OVERHEAR_TEST_TOOLS}/npm/`);
const OpenAI = require("openai").default;

const client = new OpenAI({
  apiKey: process.env.OPENAI_API_KEY ?? "sk-fake-0123456789abcdef",
  maxRetries: 0,
});

const ASK = { instructions: "Be brief.", input: "Grüße, 世界 👋" };
const THINK = { ...ASK, reasoning: { effort: "high" } };
const USE = {
  input: [{ role: "user", content: [{ type: "input_text", text: "Please use the tools." }] }],
  tools: ["weather", "time"].map((name) => ({
    type: "function",
    name,
    description: `Tells the ${name}.`,
    strict: false,
    parameters: {
      type: "object",
      properties: { place: { type: "string" }, days: { type: "integer" } },
      required: ["place"],
    },
  })),
};

/** What a response says. */
function said(response) {
  const items = (type) => response.output.filter((item) => item.type === type);
  const parts = items("message").flatMap((item) => item.content);
  const thoughts = items("reasoning").flatMap((item) => item.summary);
  const counted = response.usage;
  return {
    id: response.id,
    model: response.model,
    choices: [
      {
        text: parts.map((part) => part.text).join(""),
        reasoning: thoughts.map((part) => part.text).join(""),
        tool_calls: items("function_call").map((item) => ({
          id: item.call_id,
          name: item.name,
          arguments: JSON.parse(item.arguments),
        })),
        finish_reason: response.status,
      },
    ],
    usage: {
      input: counted.input_tokens,
      input_cached: counted.input_tokens_details.cached_tokens,
      output: counted.output_tokens,
      reasoning: counted.output_tokens_details.reasoning_tokens,
    },
  };
}

async function whole(request) {
  return said(await client.responses.create(request));
}

async function streamed(request) {
  let events = 0;
  let last;
  for await (const event of await client.responses.create({ stream: true, ...request })) {
    events += 1;
    last = event;
  }
  if (last.type === "response.failed") {
    const { code, message } = last.response.error;
    return { events, error: { status: null, type: code, message } };
  }
  return { ...said(last.response), events };
}

async function completed(request) {
  const told = await client.completions.create(request);
  const [{ text, finish_reason }] = told.choices;
  const { id, model } = told;
  const choice = { text, reasoning: "", tool_calls: [], finish_reason };
  return { id, model, choices: [choice] };
}

async function embedded(request) {
  const told = await client.embeddings.create(request);
  return { model: told.model, dimensions: told.data.map((one) => one.embedding.length) };
}

function failure(error) {
  if (!(error instanceof OpenAI.APIError)) throw error;
  return { status: error.status ?? null, type: error.type, message: error.error.message };
}

async function show(call, make, request) {
  const line = await make(request).catch((error) => ({ error: failure(error) }));
  console.log(JSON.stringify({ call, ...line }));
}

await show("response", whole, { model: "fake", ...ASK });
await show("response_reasoning", whole, { model: "fake", ...THINK });
await show("response_tools", whole, { model: "fake", ...USE });
await show("stream", streamed, { model: "fake", ...ASK });
await show("stream_reasoning", streamed, { model: "fake", ...THINK });
await show("stream_tools", streamed, { model: "fake", ...USE });
await show("error", whole, { model: "fake-error", ...ASK });
await show("error_mid_stream", streamed, { model: "fake-error-mid-stream", ...ASK });
await show("completion", completed, { model: "fake", prompt: "Grüße, 世界 👋" });
await show("embeddings", embedded, { model: "fake", input: ["Grüße", "hello you"] });
