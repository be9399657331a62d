"""What Ollama's SDK for Python sends and gets; ../README.md has the fields.

OLLAMA_HOST leads it: there is no name that it speaks to by itself but this machine's.
"""

import asyncio
import json

import ollama

client = ollama.Client()

ASK = {
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Grüße, 世界 👋"},
    ]
}
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


class Read:
    """An answer, or a stream's lines put together."""

    def __init__(self):
        self.events, self.text, self.reasoning, self.calls, self.last = 0, "", "", [], None

    def chat(self, told):
        message = told.message
        for call in message.tool_calls or []:
            arguments = dict(call.function.arguments)
            # The SDK knows no ids of calls.
            self.calls.append({"id": None, "name": call.function.name, "arguments": arguments})
        return self.add(told, message.content, message.thinking)

    def generate(self, told):
        return self.add(told, told.response, told.thinking)

    def add(self, told, text, thinking):
        self.events += 1
        self.text += text or ""
        self.reasoning += thinking or ""
        self.last = told
        return self

    def line(self):
        choice = {
            "text": self.text,
            "reasoning": self.reasoning,
            "tool_calls": self.calls,
            "finish_reason": self.last.done_reason,
        }
        usage = {"input": self.last.prompt_eval_count, "output": self.last.eval_count}
        return {"model": self.last.model, "choices": [choice], "usage": usage}


def whole(**request):
    return Read().chat(client.chat(**request)).line()


def streamed(**request):
    read = Read()
    try:
        for told in client.chat(stream=True, **request):
            read.chat(told)
    except ollama.ResponseError as error:
        return {"events": read.events, "error": {"status": None, "message": error.error}}
    return {**read.line(), "events": read.events}


async def streamed_async(**request):
    read = Read()
    async for told in await ollama.AsyncClient().chat(stream=True, **request):
        read.chat(told)
    return {**read.line(), "events": read.events}


def generated(**request):
    return Read().generate(client.generate(**request)).line()


def generated_streamed(**request):
    read = Read()
    for told in client.generate(stream=True, **request):
        read.generate(told)
    return {**read.line(), "events": read.events}


def embedded(**request):
    return {"dimensions": [len(one) for one in client.embed(**request).embeddings]}


def listed():
    return {"models": [one.model for one in client.list().models]}


def failure(error):
    return {"status": error.status_code, "message": error.error}


def show(call, make, **request):
    try:
        line = make(**request)
    except ollama.ResponseError as error:
        line = {"error": failure(error)}
    print(json.dumps({"call": call, **line}), flush=True)


show("chat", whole, model="fake", **ASK)
show("chat_thinking", whole, model="fake", think=True, **ASK)
show("chat_tools", whole, model="fake", **USE)
show("stream", streamed, model="fake", **ASK)
show("stream_thinking", streamed, model="fake", think=True, **ASK)
show("stream_tools", streamed, model="fake", **USE)
show("stream_async", lambda **request: asyncio.run(streamed_async(**request)), model="fake", **ASK)
show("generate", generated, model="fake", prompt="Grüße, 世界 👋", system="Be brief.")
show("generate_stream", generated_streamed, model="fake", prompt="Grüße, 世界 👋", think=True)
show("error", whole, model="fake-error", **ASK)
show("error_mid_stream", streamed, model="fake-error-mid-stream", **ASK)
show("embeddings", embedded, model="fake", input=["Grüße", "hello you"])
show("models", listed)
