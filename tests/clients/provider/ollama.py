"""Ollama's own API: JSON lines, streamed unless the request says otherwise."""

import openai_chat
from exchange import Cut, line, stream, whole
from plan import Asked, embedding, pieces, plan

CREATED = "2026-09-21T12:00:00Z"


def answer(request, body, method):
    if method == "version":
        return whole({"version": "0.0.0"})
    if method == "tags":
        details = {"family": "fake", "parameter_size": "1B", "quantization_level": "Q4"}
        model = {"name": "fake:latest", "model": "fake:latest", "size": 7, "digest": "0" * 64}
        return whole({"models": [{**model, "modified_at": CREATED, "details": details}]})
    if "error" in body.get("model", "") and "mid-stream" not in body["model"]:
        return whole({"error": f"model '{body['model']}' not found"}, 404)
    if method == "show":
        return whole({"capabilities": ["completion", "tools", "thinking"], "details": {}})
    if method == "embed":
        return embed(body)
    asked = chat_asked(body) if method == "chat" else generate_asked(body)
    planned = plan(asked)
    lines = told(asked, planned, method)
    if body.get("stream", True):
        return stream(checked(asked, lines), "application/x-ndjson")
    return whole(joined(lines, method))


def chat_asked(body):
    asked = openai_chat.asked_of(body)
    asked.thinks = bool(body.get("think"))
    return asked


def generate_asked(body):
    texts = [body.get("prompt", ""), body.get("system") or ""]
    return Asked(body.get("model"), texts[0], False, texts, [], bool(body.get("think")))


def told(asked, planned, method):
    about = {"model": asked.model, "created_at": CREATED}

    def one(text="", thinking=None, calls=None):
        if method == "generate":
            said = {"response": text}
            if thinking:
                said["thinking"] = thinking
            return {**about, **said, "done": False}
        message = {"role": "assistant", "content": text}
        if thinking:
            message["thinking"] = thinking
        if calls:
            message["tool_calls"] = calls
        return {**about, "message": message, "done": False}

    for piece in pieces(planned.reasoning):
        yield one(thinking=piece)
    for piece in pieces(planned.text):
        yield one(piece)
    for index, call in enumerate(planned.calls):
        function = {"index": index, "name": call.name, "arguments": call.arguments}
        yield one(calls=[{"function": function}])
    counted = {
        "total_duration": 7000000,
        "load_duration": 1000000,
        "prompt_eval_count": planned.input,
        "prompt_eval_duration": 2000000,
        "eval_count": planned.output,
        "eval_duration": 3000000,
    }
    yield {**one(), "done": True, "done_reason": "stop", **counted}


def checked(asked, lines):
    for number, one in enumerate(lines):
        if number == 4 and asked.says("error-mid-stream"):
            yield line({"error": "nobody broke down"})
            return
        if number == 4 and asked.says("cut"):
            raise Cut
        yield line(one)


def joined(lines, method):
    """The same as one object."""
    said = {}
    for one in lines:
        part = one["message"] if method == "chat" else one
        for field in ("content", "thinking", "response"):
            if part.get(field):
                said[field] = said.get(field, "") + part[field]
        if part.get("tool_calls"):
            said["tool_calls"] = said.get("tool_calls", []) + part["tool_calls"]
    if method == "generate":
        return {**one, **said}
    return {**one, "message": {"role": "assistant", "content": "", **said}}


def embed(body):
    given = body.get("input", [])
    texts = [given] if isinstance(given, str) else given
    words = sum(len(text.split()) for text in texts)
    vectors = [embedding(text) for text in texts]
    return whole({"model": body["model"], "embeddings": vectors, "prompt_eval_count": words})
