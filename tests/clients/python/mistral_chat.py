"""What Mistral's SDK for Python sends and gets; ../README.md has the fields."""

import asyncio
import json
import os

from mistralai.client import Mistral
from mistralai.client.errors import MistralError

client = Mistral(api_key=os.environ.get("MISTRAL_API_KEY", "fake0123456789abcdef"))

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
    """An answer, or a stream's chunks put together."""

    def __init__(self):
        self.events, self.text, self.reasoning, self.calls = 0, "", "", []
        self.last = self.reason = self.usage = None

    def add(self, told, part):
        self.events += 1
        self.last = told
        self.usage = told.usage or self.usage
        if part is None:
            return self
        self.reason = told.choices[0].finish_reason or self.reason
        if isinstance(part.content, str):
            self.text += part.content
        for chunk in part.content if isinstance(part.content, list) else []:
            if chunk.type == "thinking":
                self.reasoning += "".join(one.text for one in chunk.thinking)
            else:
                self.text += chunk.text
        for place, call in enumerate(part.tool_calls or []):
            if call.function.name:
                self.calls.append({"id": call.id, "name": call.function.name, "arguments": ""})
            at = call.index if self.events > 1 and call.index is not None else place
            self.calls[at]["arguments"] += call.function.arguments
        return self

    def line(self):
        for call in self.calls:
            call["arguments"] = json.loads(call["arguments"])
        choice = {
            "text": self.text,
            "reasoning": self.reasoning,
            "tool_calls": self.calls,
            "finish_reason": self.reason,
        }
        counted = self.usage
        usage = counted and {"input": counted.prompt_tokens, "output": counted.completion_tokens}
        about = {"id": self.last.id, "model": self.last.model}
        return {**about, "choices": [choice], "usage": usage}


def whole(**request):
    told = client.chat.complete(**request)
    return Read().add(told, told.choices[0].message).line()


def filled(**request):
    told = client.fim.complete(**request)
    return Read().add(told, told.choices[0].message).line()


def chunk(read, event):
    told = event.data
    read.add(told, told.choices[0].delta if told.choices else None)


def streamed(**request):
    read = Read()
    with client.chat.stream(**request) as stream:
        for event in stream:
            chunk(read, event)
    return {**read.line(), "events": read.events}


async def streamed_async(**request):
    read = Read()
    async for event in await client.chat.stream_async(**request):
        chunk(read, event)
    return {**read.line(), "events": read.events}


def embedded(**request):
    told = client.embeddings.create(**request)
    return {"model": told.model, "dimensions": [len(one.embedding) for one in told.data]}


def failure(error):
    told = json.loads(error.body)["error"]
    return {"status": error.status_code, "type": told["type"], "message": told["message"]}


def show(call, make, **request):
    try:
        line = make(**request)
    except MistralError as error:
        line = {"error": failure(error)}
    print(json.dumps({"call": call, **line}), flush=True)


show("chat", whole, model="fake-mistral", **ASK)
show("chat_reasoning", whole, model="fake-magistral-reasons", **ASK)
show("chat_tools", whole, model="fake-mistral", **USE)
show("stream", streamed, model="fake-mistral", **ASK)
show("stream_reasoning", streamed, model="fake-magistral-reasons", **ASK)
show("stream_tools", streamed, model="fake-mistral", **USE)
show(
    "stream_async",
    lambda **request: asyncio.run(streamed_async(**request)),
    model="fake-mistral",
    **ASK,
)
show("fill", filled, model="fake-codestral", prompt="def wombat():", suffix="return grün")
show("error", whole, model="fake-mistral-error", **ASK)
show("embeddings", embedded, model="fake-mistral-embed", inputs=["Grüße", "hello you"])
