"""What Amazon's SDK for Python sends and gets; ../README.md has the fields."""

import json
import os

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError

os.environ.setdefault("AWS_ACCESS_KEY_ID", "AKIAFAKE0123456789AB")
os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "fake+fake+fake+fake+fake+fake+fake+fake+")
os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")
client = boto3.client(
    "bedrock-runtime", region_name="us-east-1", config=Config(retries={"total_max_attempts": 1})
)

MODEL = "anthropic.claude-fake-v1:0"
ASK = {
    "system": [{"text": "Be brief."}],
    "messages": [{"role": "user", "content": [{"text": "Grüße, 世界 👋"}]}],
}
THINK = {
    **ASK,
    "additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 1024}},
}
SCHEMA = {
    "type": "object",
    "properties": {"place": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["place"],
}
SPECS = [
    {"name": name, "description": f"Tells the {name}.", "inputSchema": {"json": SCHEMA}}
    for name in ("weather", "time")
]
USE = {
    "messages": [{"role": "user", "content": [{"text": "Please use the tools."}]}],
    "toolConfig": {"tools": [{"toolSpec": spec} for spec in SPECS]},
}
# What a model of Anthropic takes in its own words.
OWN = {
    "anthropic_version": "bedrock-2023-05-31",
    "max_tokens": 4096,
    "system": "Be brief.",
    "messages": [{"role": "user", "content": "Grüße, 世界 👋"}],
}


def line(blocks, reason, counted):
    texts, thoughts, calls = [], [], []
    for block in blocks:
        if "text" in block:
            texts.append(block["text"])
        elif "reasoningContent" in block:
            thoughts.append(block["reasoningContent"]["reasoningText"]["text"])
        elif "toolUse" in block:
            use = block["toolUse"]
            calls.append({"id": use["toolUseId"], "name": use["name"], "arguments": use["input"]})
    choice = {
        "text": "".join(texts),
        "reasoning": "".join(thoughts),
        "tool_calls": calls,
        "finish_reason": reason,
    }
    cached, written = counted["cacheReadInputTokens"], counted["cacheWriteInputTokens"]
    usage = {
        "input": counted["inputTokens"] + cached + written,
        "input_cached": cached,
        "input_cache_written": written,
        "output": counted["outputTokens"],
    }
    return {"choices": [choice], "usage": usage}


def whole(**request):
    told = client.converse(**request)
    return line(told["output"]["message"]["content"], told["stopReason"], told["usage"])


def streamed(**request):
    blocks, reason, usage, events = {}, None, None, 0
    try:
        for event in client.converse_stream(**request)["stream"]:
            events += 1
            ((name, value),) = event.items()
            if name == "contentBlockStart":
                use = value["start"]["toolUse"]
                blocks[value["contentBlockIndex"]] = {"toolUse": {**use, "input": ""}}
            elif name == "contentBlockDelta":
                add(blocks.setdefault(value["contentBlockIndex"], {}), value["delta"])
            elif name == "messageStop":
                reason = value["stopReason"]
            elif name == "metadata":
                usage = value["usage"]
    except EventStreamError as error:
        return {"events": events, "error": failure(error)}
    for block in blocks.values():
        if "toolUse" in block:
            block["toolUse"]["input"] = json.loads(block["toolUse"]["input"])
    return {**line(blocks.values(), reason, usage), "events": events}


def add(block, delta):
    if "text" in delta:
        block["text"] = block.get("text", "") + delta["text"]
    elif "toolUse" in delta:
        block["toolUse"]["input"] += delta["toolUse"]["input"]
    elif "text" in delta["reasoningContent"]:
        told = block.setdefault("reasoningContent", {"reasoningText": {"text": ""}})
        told["reasoningText"]["text"] += delta["reasoningContent"]["text"]


def invoked():
    told = client.invoke_model(modelId=MODEL, body=json.dumps(OWN))
    return own(json.loads(told["body"].read()))


def own(message):
    text = "".join(block["text"] for block in message["content"])
    choice = {
        "text": text,
        "reasoning": "",
        "tool_calls": [],
        "finish_reason": message["stop_reason"],
    }
    counted = message["usage"]
    cached = counted["cache_read_input_tokens"]
    usage = {
        "input": counted["input_tokens"] + cached,
        "input_cached": cached,
        "output": counted["output_tokens"],
    }
    return {"id": message["id"], "model": message["model"], "choices": [choice], "usage": usage}


def invoked_streamed():
    message, events = None, 0
    told = client.invoke_model_with_response_stream(modelId=MODEL, body=json.dumps(OWN))
    for event in told["body"]:
        events += 1
        one = json.loads(event["chunk"]["bytes"])
        if one["type"] == "message_start":
            message = one["message"]
        elif one["type"] == "content_block_start":
            message["content"].append(one["content_block"])
        elif one["type"] == "content_block_delta":
            message["content"][one["index"]]["text"] += one["delta"]["text"]
        elif one["type"] == "message_delta":
            message |= one["delta"]
            message["usage"] |= one["usage"]
    return {**own(message), "events": events}


def failure(error):
    told = error.response["Error"]
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return {"status": status, "type": told["Code"], "message": told["Message"]}


def show(call, make, **request):
    try:
        told = make(**request)
    except ClientError as error:
        told = {"error": failure(error)}
    print(json.dumps({"call": call, **told}), flush=True)


show("converse", whole, modelId=MODEL, **ASK)
show("converse_thinking", whole, modelId=MODEL, **THINK)
show("converse_tools", whole, modelId=MODEL, **USE)
show("stream", streamed, modelId=MODEL, **ASK)
show("stream_thinking", streamed, modelId=MODEL, **THINK)
show("stream_tools", streamed, modelId=MODEL, **USE)
show("invoke", invoked)
show("invoke_stream", invoked_streamed)
show("error", whole, modelId="anthropic.fake-error-v1:0", **ASK)
show("error_mid_stream", streamed, modelId="anthropic.fake-error-mid-stream-v1:0", **ASK)
