"""What OpenAI's SDK for Python sends and gets of completions and embeddings; see ../README.md."""

import asyncio
import json
import os

import openai

KEY = os.environ.get("OPENAI_API_KEY", "sk-fake-0123456789abcdef")
client = openai.OpenAI(api_key=KEY, max_retries=0)


def usage(counted):
    return counted and {
        "input": counted.prompt_tokens,
        "input_cached": counted.prompt_tokens_details.cached_tokens,
        "output": counted.completion_tokens,
    }


def line(id, model, text, reason, counted):
    choice = {"text": text, "reasoning": "", "tool_calls": [], "finish_reason": reason}
    return {"id": id, "model": model, "choices": [choice], "usage": usage(counted)}


def whole(**request):
    told = client.completions.create(**request)
    choice = told.choices[0]
    return line(told.id, told.model, choice.text, choice.finish_reason, told.usage)


class Read:
    """A stream's chunks put together."""

    def __init__(self):
        self.events, self.text, self.reason, self.usage, self.last = 0, "", None, None, None

    def add(self, chunk):
        self.events += 1
        self.last = chunk
        self.usage = chunk.usage or self.usage
        for choice in chunk.choices:
            self.text += choice.text
            self.reason = choice.finish_reason or self.reason

    def line(self):
        told = line(self.last.id, self.last.model, self.text, self.reason, self.usage)
        return {**told, "events": self.events}


def streamed(**request):
    read = Read()
    try:
        for chunk in client.completions.create(stream=True, **request):
            read.add(chunk)
    except openai.APIError as error:
        return {**read.line(), "error": failure(error)}
    return read.line()


async def streamed_async(**request):
    read = Read()
    async with openai.AsyncOpenAI(api_key=KEY, max_retries=0) as asynchronous:
        async for chunk in await asynchronous.completions.create(stream=True, **request):
            read.add(chunk)
    return read.line()


def embedded(**request):
    told = client.embeddings.create(**request)
    sizes = [len(one.embedding) for one in told.data]
    return {"model": told.model, "dimensions": sizes, "values": told.data[0].embedding}


def failure(error):
    return {
        "status": getattr(error, "status_code", None),
        "type": error.type,
        "message": error.body["message"],
    }


def show(call, make, **request):
    try:
        told = make(**request)
    except openai.APIError as error:
        told = {"error": failure(error)}
    print(json.dumps({"call": call, **told}), flush=True)


ASK = {"prompt": "Grüße, 世界 👋"}
show("completion", whole, model="fake", **ASK)
show("stream", streamed, model="fake", **ASK)
show("stream_async", lambda **request: asyncio.run(streamed_async(**request)), model="fake", **ASK)
show("error", whole, model="fake-error", **ASK)
show("error_mid_stream", streamed, model="fake-error-mid-stream", **ASK)
show("embeddings", embedded, model="fake", input=["Grüße", "hello you"])
show("embeddings_floats", embedded, model="fake", input="hello", encoding_format="float")
show("embeddings_error", embedded, model="fake-error", input="hello")
