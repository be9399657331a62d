"""What Anthropic's SDK for Python sends and gets; ../README.md has the fields."""

import json
import os

import anthropic

client = anthropic.Anthropic(
    api_key=os.environ.get("ANTHROPIC_API_KEY", "sk-ant-fake-0123456789abcdef"), max_retries=0
)

ASK = {
    "max_tokens": 4096,
    "system": "Be brief.",
    "messages": [{"role": "user", "content": "Grüße, 世界 👋"}],
}
THINK = {**ASK, "thinking": {"type": "enabled", "budget_tokens": 1024}}
USE = {
    "max_tokens": 4096,
    "messages": [{"role": "user", "content": "Please use the tools."}],
    "tools": [
        {
            "name": name,
            "description": f"Tells the {name}.",
            "input_schema": {
                "type": "object",
                "properties": {"place": {"type": "string"}, "days": {"type": "integer"}},
                "required": ["place"],
            },
        }
        for name in ("weather", "time")
    ],
}


def said(message):
    """What a message says."""
    texts, thoughts, calls = [], [], []
    for block in message.content:
        if block.type == "text":
            texts.append(block.text)
        elif block.type == "thinking":
            thoughts.append(block.thinking)
        elif block.type == "tool_use":
            calls.append({"id": block.id, "name": block.name, "arguments": block.input})
    choice = {
        "text": "".join(texts),
        "reasoning": "".join(thoughts),
        "tool_calls": calls,
        "finish_reason": message.stop_reason,
    }
    counted = message.usage
    cached, written = counted.cache_read_input_tokens, counted.cache_creation_input_tokens
    return {
        "id": message.id,
        "model": message.model,
        "choices": [choice],
        "usage": {
            "input": counted.input_tokens + cached + written,
            "input_cached": cached,
            "input_cache_written": written,
            "output": counted.output_tokens,
            "reasoning": counted.output_tokens_details.thinking_tokens,
        },
    }


def whole(**request):
    return said(client.messages.create(**request))


def streamed(**request):
    events = 0
    with client.messages.stream(**request) as stream:
        try:
            for _ in stream:
                events += 1
            return {**said(stream.get_final_message()), "events": events}
        except anthropic.APIError as error:
            begun = stream.current_message_snapshot
            return {**said(begun), "events": events, "error": failure(error)}


def counted(**request):
    return {"input_tokens": client.messages.count_tokens(**request).input_tokens}


def listed():
    return {"models": [model.id for model in client.models.list()]}


def failure(error):
    # An error inside a stream has the status of the stream, which is none of the error's.
    status = getattr(error, "status_code", None)
    told = error.body["error"]
    return {
        "status": None if status == 200 else status,
        "type": told["type"],
        "message": told["message"],
    }


def show(call, make, **request):
    try:
        line = make(**request)
    except anthropic.APIError as error:
        line = {"error": failure(error)}
    print(json.dumps({"call": call, **line}), flush=True)


show("message", whole, model="claude-fake", **ASK)
show("message_thinking", whole, model="claude-fake", **THINK)
show("message_tools", whole, model="claude-fake", **USE)
show("stream", streamed, model="claude-fake", **ASK)
show("stream_thinking", streamed, model="claude-fake", **THINK)
show("stream_tools", streamed, model="claude-fake", **USE)
show("error", whole, model="claude-fake-error-overloaded", **ASK)
show("error_mid_stream", streamed, model="claude-fake-error-mid-stream", **ASK)
show("count_tokens", counted, model="claude-fake", messages=ASK["messages"], system=ASK["system"])
show("models", listed)
