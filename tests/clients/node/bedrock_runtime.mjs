// What Amazon's SDK for Node sends and gets; ../README.md has the fields.
// It obeys no proxy: AWS_ENDPOINT_URL_BEDROCK_RUNTIME leads it. It speaks HTTP/2 if
// OVERHEAR_TEST_HTTP is 2, as it does unless it is told otherwise.

import { createRequire } from "node:module";

const require = createRequire(`${process.env.OVERHEAR_TEST_TOOLS}/npm/`);
const bedrock = require("@aws-sdk/client-bedrock-runtime");
const { NodeHttpHandler } = require("@smithy/node-http-handler");

const client = new bedrock.BedrockRuntimeClient({
  region: "us-east-1",
  maxAttempts: 1,
  credentials: { accessKeyId: "AKIAFAKE0123456789AB", secretAccessKey: "fake+".repeat(8) },
  ...(process.env.OVERHEAR_TEST_HTTP === "2" ? {} : { requestHandler: new NodeHttpHandler() }),
});

const MODEL = "anthropic.claude-fake-v1:0";
const ASK = {
  modelId: MODEL,
  system: [{ text: "Be brief." }],
  messages: [{ role: "user", content: [{ text: "Grüße, 世界 👋" }] }],
};
const thinking = { type: "enabled", budget_tokens: 1024 };
const THINK = { ...ASK, additionalModelRequestFields: { thinking } };
const json = {
  type: "object",
  properties: { place: { type: "string" }, days: { type: "integer" } },
  required: ["place"],
};
const tools = ["weather", "time"].map((name) => ({
  toolSpec: { name, description: `Tells the ${name}.`, inputSchema: { json } },
}));
const USE = {
  modelId: MODEL,
  messages: [{ role: "user", content: [{ text: "Please use the tools." }] }],
  toolConfig: { tools },
};
// What a model of Anthropic takes in its own words.
const OWN = JSON.stringify({
  anthropic_version: "bedrock-2023-05-31",
  max_tokens: 4096,
  system: "Be brief.",
  messages: [{ role: "user", content: "Grüße, 世界 👋" }],
});

function line(blocks, reason, counted) {
  const texts = blocks.filter((block) => block.text !== undefined);
  const thoughts = blocks.filter((block) => block.reasoningContent);
  const uses = blocks.filter((block) => block.toolUse).map((block) => block.toolUse);
  const [cached, written] = [counted.cacheReadInputTokens, counted.cacheWriteInputTokens];
  const choice = {
    text: texts.map((block) => block.text).join(""),
    reasoning: thoughts.map((block) => block.reasoningContent.reasoningText.text).join(""),
    tool_calls: uses.map(({ toolUseId: id, name, input }) => ({ id, name, arguments: input })),
    finish_reason: reason,
  };
  const usage = {
    input: counted.inputTokens + cached + written,
    input_cached: cached,
    input_cache_written: written,
    output: counted.outputTokens,
  };
  return { choices: [choice], usage };
}

async function whole(request) {
  const told = await client.send(new bedrock.ConverseCommand(request));
  return line(told.output.message.content, told.stopReason, told.usage);
}

async function streamed(request) {
  const told = await client.send(new bedrock.ConverseStreamCommand(request));
  const blocks = [];
  let [events, reason, usage] = [0, null, null];
  try {
    for await (const event of told.stream) {
      events += 1;
      const { contentBlockStart: start, contentBlockDelta: more } = event;
      const at = (start ?? more)?.contentBlockIndex;
      if (start) blocks[at] = { toolUse: { ...start.start.toolUse, input: "" } };
      if (more) blocks[at] = added(blocks[at], more.delta);
      reason = event.messageStop?.stopReason ?? reason;
      usage = event.metadata?.usage ?? usage;
    }
  } catch (error) {
    return { events, error: { ...failure(error), status: null } };
  }
  for (const { toolUse } of blocks) {
    if (toolUse) toolUse.input = JSON.parse(toolUse.input);
  }
  return { ...line(blocks, reason, usage), events };
}

/** A block with one more piece of it. */
function added(block = {}, delta) {
  if (delta.text !== undefined) return { text: (block.text ?? "") + delta.text };
  if (delta.toolUse) block.toolUse.input += delta.toolUse.input;
  if (delta.reasoningContent?.text === undefined) return block;
  const before = block.reasoningContent?.reasoningText.text ?? "";
  return { reasoningContent: { reasoningText: { text: before + delta.reasoningContent.text } } };
}

async function invoked() {
  const told = await client.send(new bedrock.InvokeModelCommand({ modelId: MODEL, body: OWN }));
  const { id, model, content, stop_reason } = JSON.parse(told.body.transformToString());
  const [{ text }] = content;
  const choice = { text, reasoning: "", tool_calls: [], finish_reason: stop_reason };
  return { id, model, choices: [choice] };
}

async function invokedStreamed() {
  const command = new bedrock.InvokeModelWithResponseStreamCommand({ modelId: MODEL, body: OWN });
  let [events, text, begun, reason] = [0, "", null, null];
  for await (const { chunk } of (await client.send(command)).body) {
    events += 1;
    const event = JSON.parse(Buffer.from(chunk.bytes).toString());
    begun = event.message ?? begun;
    text += event.delta?.text ?? "";
    reason = event.delta?.stop_reason ?? reason;
  }
  const choice = { text, reasoning: "", tool_calls: [], finish_reason: reason };
  return { id: begun.id, model: begun.model, choices: [choice], events };
}

function failure(error) {
  if (!error.$metadata && !error.$fault) throw error;
  // On the wire an exception's name begins in lower case, in a reply's header in upper case.
  const type = error.$metadata?.httpStatusCode ? error.name : lower(error.name);
  return { status: error.$metadata?.httpStatusCode, type, message: error.message };
}

const lower = (name) => name[0].toLowerCase() + name.slice(1);

async function show(call, make, request) {
  const told = await make(request).catch((error) => ({ error: failure(error) }));
  console.log(JSON.stringify({ call, ...told }));
}

await show("converse", whole, ASK);
await show("converse_thinking", whole, THINK);
await show("converse_tools", whole, USE);
await show("stream", streamed, ASK);
await show("stream_thinking", streamed, THINK);
await show("stream_tools", streamed, USE);
await show("invoke", invoked);
await show("invoke_stream", invokedStreamed);
await show("error", whole, { ...ASK, modelId: "anthropic.fake-error-v1:0" });
await show("error_mid_stream", streamed, {
  ...ASK,
  modelId: "anthropic.fake-error-mid-stream-v1:0",
});

// A stream that failed keeps its connection, and so this process.
process.exit();
