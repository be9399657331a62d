"""What OpenAI's SDK for Python sends and gets of responses; ../README.md has the fields.

Over HTTP/2, which the SDK speaks if it is asked to.
"""

import asyncio
import json
import os

import openai

KEY = os.environ.get("OPENAI_API_KEY", "sk-fake-0123456789abcdef")
client = openai.OpenAI(
    api_key=KEY, max_retries=0, http_client=openai.DefaultHttpxClient(http2=True)
)

ASK = {"instructions": "Be brief.", "input": "Grüße, 世界 👋"}
USE = {
    "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "Please use the tools."}]}
    ],
    "tools": [
        {
            "type": "function",
            "name": name,
            "description": f"Tells the {name}.",
            "strict": False,
            "parameters": {
                "type": "object",
                "properties": {"place": {"type": "string"}, "days": {"type": "integer"}},
                "required": ["place"],
            },
        }
        for name in ("weather", "time")
    ],
}


def said(response):
    """What a response says."""
    texts, thoughts, calls = [], [], []
    for item in response.output:
        if item.type == "message":
            texts += [part.text for part in item.content if part.type == "output_text"]
        elif item.type == "reasoning":
            thoughts += [part.text for part in item.summary]
        elif item.type == "function_call":
            arguments = json.loads(item.arguments)
            calls.append({"id": item.call_id, "name": item.name, "arguments": arguments})
    choice = {
        "text": "".join(texts),
        "reasoning": "".join(thoughts),
        "tool_calls": calls,
        "finish_reason": response.status,
    }
    counted = response.usage
    return {
        "id": response.id,
        "model": response.model,
        "choices": [choice],
        "usage": counted
        and {
            "input": counted.input_tokens,
            "input_cached": counted.input_tokens_details.cached_tokens,
            "output": counted.output_tokens,
            "reasoning": counted.output_tokens_details.reasoning_tokens,
        },
    }


def whole(**request):
    return said(client.responses.create(**request))


def streamed(**request):
    events, last = 0, None
    for event in client.responses.create(stream=True, **request):
        events += 1
        last = event
    if last.type == "response.failed":
        failed = last.response.error
        return {
            "events": events,
            "error": {"status": None, "type": failed.code, "message": failed.message},
        }
    return {**said(last.response), "events": events}


async def streamed_async(**request):
    """The same without blocking, over HTTP/1.1."""
    async with openai.AsyncOpenAI(api_key=KEY, max_retries=0) as asynchronous:
        events = 0
        async for event in await asynchronous.responses.create(stream=True, **request):
            events += 1
        return {**said(event.response), "events": events}


def tool_used():
    """A turn that answers a call of the one before it."""
    first = client.responses.create(model="fake", **USE)
    answers = [
        {"type": "function_call_output", "call_id": item.call_id, "output": '{"sky": "grün"}'}
        for item in first.output
        if item.type == "function_call"
    ]
    second = client.responses.create(
        model="fake", previous_response_id=first.id, input=answers, tools=USE["tools"]
    )
    show("tool_asked", lambda: said(first))
    return said(second)


def failure(error):
    return {"status": error.status_code, "type": error.type, "message": error.body["message"]}


def show(call, make, **request):
    try:
        line = make(**request)
    except openai.APIError as error:
        line = {"error": failure(error)}
    print(json.dumps({"call": call, **line}), flush=True)


show("response", whole, model="fake", **ASK)
show("response_reasoning", whole, model="fake", reasoning={"effort": "high"}, **ASK)
show("response_tools", whole, model="fake", **USE)
show("tool_answered", tool_used)
show("stream", streamed, model="fake", **ASK)
show("stream_reasoning", streamed, model="fake", reasoning={"effort": "high"}, **ASK)
show("stream_tools", streamed, model="fake", **USE)
show("error", whole, model="fake-error", **ASK)
show("error_mid_stream", streamed, model="fake-error-mid-stream", **ASK)
show("stream_async", lambda **request: asyncio.run(streamed_async(**request)), model="fake", **ASK)
