// What OpenAI's SDK for Node sends and gets; ../README.md has the fields.

import { createRequire } from "node:module";

const require = createRequire(`${process.env.OVERHEAR_TEST_TOOLS}/npm/`);
const OpenAI = require("openai").default;

const client = new OpenAI({
  apiKey: process.env.OPENAI_API_KEY ?? "sk-fake-0123456789abcdef",
  maxRetries: 0,
});

const ASK = [
  { role: "system", content: "Be brief." },
  { role: "user", content: "Grüße, 世界 👋" },
];
const USE = [{ role: "user", content: "Please use the tools." }];
const TOOLS = ["weather", "time"].map((name) => ({
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
}));

const usage = (counted) =>
  counted && {
    input: counted.prompt_tokens,
    input_cached: counted.prompt_tokens_details.cached_tokens,
    output: counted.completion_tokens,
    reasoning: counted.completion_tokens_details.reasoning_tokens,
  };

/** The same choices, the arguments of their calls as JSON. */
function parsed(choices) {
  for (const call of choices.flatMap((choice) => choice.tool_calls)) {
    call.arguments = JSON.parse(call.arguments);
  }
  return choices;
}

const blank = () => ({ text: "", reasoning: "", tool_calls: [], finish_reason: null });

/** Adds a message, or a delta of one, to a choice. */
function add(choice, part) {
  choice.text += part.content ?? "";
  choice.reasoning += part.reasoning_content ?? "";
  for (const call of part.tool_calls ?? []) {
    if (call.id) {
      choice.tool_calls.push({ id: call.id, name: call.function.name, arguments: "" });
    }
    // A piece of a stream names its call by place; whole calls come in order.
    const place = call.index ?? choice.tool_calls.length - 1;
    choice.tool_calls[place].arguments += call.function.arguments ?? "";
  }
}

async function whole(request) {
  const completion = await client.chat.completions.create(request);
  const choices = completion.choices.map((one) => {
    const choice = blank();
    add(choice, one.message);
    choice.finish_reason = one.finish_reason;
    return choice;
  });
  const { id, model } = completion;
  return { id, model, choices: parsed(choices), usage: usage(completion.usage) };
}

async function streamed(request) {
  const said = { id: null, model: null, choices: [], usage: null, events: 0 };
  const stream = await client.chat.completions.create({
    stream: true,
    stream_options: { include_usage: true },
    ...request,
  });
  try {
    for await (const chunk of stream) {
      said.events += 1;
      said.id = chunk.id;
      said.model = chunk.model;
      said.usage = usage(chunk.usage) ?? said.usage;
      for (const one of chunk.choices) {
        const choice = (said.choices[one.index] ??= blank());
        add(choice, one.delta);
        choice.finish_reason = one.finish_reason ?? choice.finish_reason;
      }
    }
  } catch (error) {
    said.error = failure(error);
  }
  parsed(said.choices);
  return said;
}

async function embedded() {
  const reply = await client.embeddings.create({ model: "fake", input: ["Grüße", "hello"] });
  return { model: reply.model, dimensions: reply.data.map((one) => one.embedding.length) };
}

async function listed() {
  const models = await client.models.list();
  return { models: models.data.map((model) => model.id) };
}

function failure(error) {
  if (!(error instanceof OpenAI.APIError) || !error.error) throw error;
  return { status: error.status ?? null, type: error.type, message: error.error.message };
}

async function show(call, make, request) {
  const said = await make(request).catch((error) => ({ error: failure(error) }));
  console.log(JSON.stringify({ call, ...said }));
}

await show("chat", whole, { model: "fake", messages: ASK });
await show("chat_choices", whole, { model: "fake", messages: ASK, n: 2 });
await show("chat_reasoning", whole, { model: "fake-reasoner", messages: ASK });
await show("chat_tools", whole, { model: "fake", messages: USE, tools: TOOLS });
await show("stream", streamed, { model: "fake", messages: ASK });
await show("stream_choices", streamed, { model: "fake", messages: ASK, n: 2 });
await show("stream_reasoning", streamed, { model: "fake-reasoner", messages: ASK });
await show("stream_tools", streamed, { model: "fake", messages: USE, tools: TOOLS });
await show("error", whole, { model: "fake-error-429", messages: ASK });
await show("error_mid_stream", streamed, { model: "fake-error-mid-stream", messages: ASK });
await show("embeddings", embedded);
await show("models", listed);
