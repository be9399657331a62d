"""What Cohere's SDK for Python sends and gets; ../README.md has the fields.

The plan that comes before calls of tools counts as reasoning.
"""

import json
import os

import cohere
from cohere.core.api_error import ApiError

KEY = os.environ.get("COHERE_API_KEY", "fake0123456789abcdef")
client = cohere.ClientV2(api_key=KEY)
first = cohere.Client(api_key=KEY)

ASK = {
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Grüße, 世界 👋"},
    ]
}
THINK = {**ASK, "thinking": {"type": "enabled"}}
USE = {
    "messages": [{"role": "user", "content": "Please use the tools."}],
    "tools": [
        {
            "type": "function",
            "function": {
                "name": name,
                "description": f"Tells the {name}.",
                "parameters": {
                    "type": "object",
                    "properties": {"place": {"type": "string"}, "days": {"type": "integer"}},
                    "required": ["place"],
                },
            },
        }
        for name in ("weather", "time")
    ],
}
ONCE = {"request_options": {"max_retries": 0}}


def line(id, text, reasoning, calls, reason, counted):
    for call in calls:
        call["arguments"] = json.loads(call["arguments"])
    choice = {"text": text, "reasoning": reasoning, "tool_calls": calls, "finish_reason": reason}
    usage = counted and {
        "input": int(counted.tokens.input_tokens),
        "output": int(counted.tokens.output_tokens),
    }
    return {"id": id, "choices": [choice], "usage": usage}


def whole(**request):
    told = client.chat(**request, **ONCE)
    parts = told.message.content or []
    text = "".join(part.text for part in parts if part.type == "text")
    reasoning = "".join(part.thinking for part in parts if part.type == "thinking")
    reasoning += told.message.tool_plan or ""
    calls = [
        {"id": call.id, "name": call.function.name, "arguments": call.function.arguments}
        for call in told.message.tool_calls or []
    ]
    return line(told.id, text, reasoning, calls, told.finish_reason, told.usage)


def streamed(**request):
    id, text, reasoning, calls, events = None, "", "", [], 0
    for event in client.chat_stream(**request, **ONCE):
        events += 1
        if event.type == "message-start":
            id = event.id
        elif event.type == "content-delta":
            text += event.delta.message.content.text or ""
            reasoning += event.delta.message.content.thinking or ""
        elif event.type == "tool-plan-delta":
            reasoning += event.delta.message.tool_plan
        elif event.type == "tool-call-start":
            call = event.delta.message.tool_calls
            calls.append({"id": call.id, "name": call.function.name, "arguments": ""})
        elif event.type == "tool-call-delta":
            calls[event.index]["arguments"] += event.delta.message.tool_calls.function.arguments
        elif event.type == "message-end":
            end = event.delta
    if end.finish_reason == "ERROR":
        return {"events": events, "error": {"status": None, "message": end.error}}
    return {**line(id, text, reasoning, calls, end.finish_reason, end.usage), "events": events}


def first_whole(**request):
    told = first.chat(**request, **ONCE)
    return line(told.response_id, told.text, "", [], told.finish_reason, told.meta)


def first_streamed(**request):
    text, events = "", 0
    for event in first.chat_stream(**request, **ONCE):
        events += 1
        if event.event_type == "text-generation":
            text += event.text
    told = event.response
    assert told.text == text
    said = line(told.response_id, text, "", [], event.finish_reason, told.meta)
    return {**said, "events": events}


def embedded(**request):
    told = client.embed(**request, **ONCE)
    return {"dimensions": [len(one) for one in told.embeddings.float_]}


def reranked(**request):
    told = client.rerank(**request, **ONCE)
    return {"order": [one.index for one in told.results]}


def failure(error):
    return {"status": error.status_code, "message": error.body["message"]}


def show(call, make, **request):
    try:
        told = make(**request)
    except ApiError as error:
        told = {"error": failure(error)}
    print(json.dumps({"call": call, **told}), flush=True)


show("chat", whole, model="fake", **ASK)
show("chat_thinking", whole, model="fake", **THINK)
show("chat_tools", whole, model="fake", **USE)
show("stream", streamed, model="fake", **ASK)
show("stream_thinking", streamed, model="fake", **THINK)
show("stream_tools", streamed, model="fake", **USE)
show("error", whole, model="fake-error", **ASK)
show("error_mid_stream", streamed, model="fake-error-mid-stream", **ASK)
show("first_chat", first_whole, model="fake", message="Grüße, 世界 👋", preamble="Be brief.")
show("first_stream", first_streamed, model="fake", message="Grüße, 世界 👋", preamble="Be brief.")
inputs = {"texts": ["Grüße", "hello you"], "input_type": "search_document"}
show("embeddings", embedded, model="fake-embed", embedding_types=["float"], **inputs)
show("rerank", reranked, model="fake-rerank", query="sky", documents=["grün", "blau", "rot"])
