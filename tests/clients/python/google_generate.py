"""What Google's SDK for Python sends and gets; ../README.md has the fields."""

import asyncio
import json
import os

from google import genai
from google.genai import errors, types

client = genai.Client(api_key=os.environ.get("GEMINI_API_KEY", "AIza-fake-0123456789abcdef"))

ASK = {"contents": "Grüße, 世界 👋", "config": {"system_instruction": "Be brief."}}
THINK = {**ASK, "config": {"thinking_config": {"include_thoughts": True}}}
DECLARED = [
    {
        "name": name,
        "description": f"Tells the {name}.",
        "parameters": {
            "type": "OBJECT",
            "properties": {"place": {"type": "STRING"}, "days": {"type": "INTEGER"}},
            "required": ["place"],
        },
    }
    for name in ("weather", "time")
]
USE = {
    "contents": "Please use the tools.",
    "config": {"tools": [{"function_declarations": DECLARED}]},
}


class Read:
    """The chunks of an answer, one or many, put together."""

    def __init__(self):
        self.events, self.text, self.reasoning, self.calls = 0, "", "", []
        self.id = self.model = self.reason = self.usage = None

    def add(self, chunk):
        self.events += 1
        self.id, self.model = chunk.response_id, chunk.model_version
        self.usage = chunk.usage_metadata or self.usage
        candidate = chunk.candidates[0]
        self.reason = candidate.finish_reason or self.reason
        for part in candidate.content.parts or []:
            if part.function_call:
                call = part.function_call
                self.calls.append({"id": call.id, "name": call.name, "arguments": call.args})
            elif part.thought:
                self.reasoning += part.text
            else:
                self.text += part.text or ""
        return self

    def line(self):
        choice = {
            "text": self.text,
            "reasoning": self.reasoning,
            "tool_calls": self.calls,
            "finish_reason": self.reason and self.reason.value,
        }
        counted = self.usage
        usage = counted and {
            "input": counted.prompt_token_count,
            "input_cached": counted.cached_content_token_count,
            "output": counted.candidates_token_count + (counted.thoughts_token_count or 0),
            "reasoning": counted.thoughts_token_count,
        }
        return {"id": self.id, "model": self.model, "choices": [choice], "usage": usage}


def whole(**request):
    return Read().add(client.models.generate_content(**request)).line()


def streamed(**request):
    read = Read()
    try:
        for chunk in client.models.generate_content_stream(**request):
            read.add(chunk)
    except errors.APIError as error:
        return {**read.line(), "events": read.events, "error": {**failure(error), "status": None}}
    return {**read.line(), "events": read.events}


async def streamed_async(**request):
    read = Read()
    async for chunk in await client.aio.models.generate_content_stream(**request):
        read.add(chunk)
    return {**read.line(), "events": read.events}


def tool_used():
    """A turn that answers a call of the one before it."""
    asked = types.Content(role="user", parts=[types.Part(text="Please use the tool.")])
    request = {"model": "fake", "config": USE["config"]}
    first = client.models.generate_content(contents=[asked], **request)
    show("tool_asked", lambda: Read().add(first).line())
    call = first.candidates[0].content.parts[0].function_call
    result = types.Part.from_function_response(name=call.name, response={"sky": "grün"})
    answer = types.Content(role="user", parts=[result])
    contents = [asked, first.candidates[0].content, answer]
    return whole(contents=contents, **request)


def counted(**request):
    return {"input_tokens": client.models.count_tokens(**request).total_tokens}


def embedded(**request):
    told = client.models.embed_content(**request)
    return {"dimensions": [len(one.values) for one in told.embeddings]}


def failure(error):
    return {"status": error.code, "type": error.status, "message": error.message}


def show(call, make, **request):
    try:
        line = make(**request)
    except errors.APIError as error:
        line = {"error": failure(error)}
    print(json.dumps({"call": call, **line}), flush=True)


show("generate", whole, model="fake", **ASK)
show("generate_thinking", whole, model="fake", **THINK)
show("generate_tools", whole, model="fake", **USE)
show("tool_answered", tool_used)
show("stream", streamed, model="fake", **ASK)
show("stream_thinking", streamed, model="fake", **THINK)
show("stream_tools", streamed, model="fake", **USE)
show("stream_async", lambda **request: asyncio.run(streamed_async(**request)), model="fake", **ASK)
show("error", whole, model="fake-error", **ASK)
show("error_mid_stream", streamed, model="fake-error-mid-stream", **ASK)
show("count_tokens", counted, model="fake", contents=ASK["contents"])
show("embeddings", embedded, model="fake", contents=["Grüße", "hello you"])
