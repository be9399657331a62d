"""What OpenAI's SDK for Python sends and gets; ../README.md has the fields."""

import json
import os

import openai

client = openai.OpenAI(
    api_key=os.environ.get("OPENAI_API_KEY", "sk-fake-0123456789abcdef"), max_retries=0
)

ASK = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Grüße, 世界 👋"}]
USE = [{"role": "user", "content": "Please use the tools."}]
TOOLS = [
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
]


def usage(counted):
    if counted is None:
        return None
    of_input, of_output = counted.prompt_tokens_details, counted.completion_tokens_details
    return {
        "input": counted.prompt_tokens,
        "input_cached": of_input.cached_tokens,
        "output": counted.completion_tokens,
        "reasoning": of_output.reasoning_tokens,
    }


def parsed(choices):
    """The same choices, the arguments of their calls as JSON."""
    for choice in choices:
        for call in choice["tool_calls"]:
            call["arguments"] = json.loads(call["arguments"])
    return choices


def blank():
    return {"text": "", "reasoning": "", "tool_calls": [], "finish_reason": None}


def add(choice, part):
    """Adds a message, or a delta of one, to a choice."""
    choice["text"] += part.content or ""
    choice["reasoning"] += getattr(part, "reasoning_content", None) or ""
    for call in part.tool_calls or []:
        if call.id:
            choice["tool_calls"].append({"id": call.id, "name": call.function.name, "arguments": ""})
        # A piece of a stream names its call by place; whole calls come in order.
        place = getattr(call, "index", len(choice["tool_calls"]) - 1)
        choice["tool_calls"][place]["arguments"] += call.function.arguments or ""


def whole(**request):
    completion = client.chat.completions.create(**request)
    choices = []
    for one in completion.choices:
        choice = blank()
        add(choice, one.message)
        choice["finish_reason"] = one.finish_reason
        choices.append(choice)
    return {
        "id": completion.id,
        "model": completion.model,
        "choices": parsed(choices),
        "usage": usage(completion.usage),
    }


def streamed(**request):
    said = {"id": None, "model": None, "choices": [], "usage": None, "events": 0}
    stream = client.chat.completions.create(
        stream=True, stream_options={"include_usage": True}, **request
    )
    try:
        for chunk in stream:
            said["events"] += 1
            said["id"], said["model"] = chunk.id, chunk.model
            said["usage"] = usage(chunk.usage) or said["usage"]
            for one in chunk.choices:
                while len(said["choices"]) <= one.index:
                    said["choices"].append(blank())
                choice = said["choices"][one.index]
                add(choice, one.delta)
                choice["finish_reason"] = one.finish_reason or choice["finish_reason"]
    except openai.APIError as error:
        said["error"] = failure(error)
    parsed(said["choices"])
    return said


def embedded():
    reply = client.embeddings.create(model="fake", input=["Grüße", "hello"])
    return {"model": reply.model, "dimensions": [len(one.embedding) for one in reply.data]}


def listed():
    return {"models": [model.id for model in client.models.list()]}


def failure(error):
    return {
        "status": getattr(error, "status_code", None),
        "type": error.type,
        "message": error.body["message"],
    }


def show(call, make, **request):
    try:
        said = make(**request)
    except openai.APIError as error:
        said = {"error": failure(error)}
    print(json.dumps({"call": call, **said}), flush=True)


show("chat", whole, model="fake", messages=ASK)
show("chat_choices", whole, model="fake", messages=ASK, n=2)
show("chat_reasoning", whole, model="fake-reasoner", messages=ASK)
show("chat_tools", whole, model="fake", messages=USE, tools=TOOLS)
show("stream", streamed, model="fake", messages=ASK)
show("stream_choices", streamed, model="fake", messages=ASK, n=2)
show("stream_reasoning", streamed, model="fake-reasoner", messages=ASK)
show("stream_tools", streamed, model="fake", messages=USE, tools=TOOLS)
show("error", whole, model="fake-error-429", messages=ASK)
show("error_mid_stream", streamed, model="fake-error-mid-stream", messages=ASK)
show("embeddings", embedded)
show("models", listed)
