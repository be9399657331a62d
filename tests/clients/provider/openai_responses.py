"""OpenAI's responses: as JSON, as a stream of events, and over a WebSocket."""

import json

from exchange import Cut, event, stream, whole
from plan import Asked, new, pieces, plan

CREATED = 1790000000
RATE = {
    "message": "Too many requests for nobody.",
    "type": "rate_limit",
    "param": None,
    "code": "slow",
}
BROKEN = {"code": "server_error", "message": "Nobody broke down."}


def text_of(item):
    if isinstance(item, str):
        return item
    if "output" in item:
        return item["output"] if isinstance(item["output"], str) else json.dumps(item["output"])
    content = item.get("content")
    if isinstance(content, str):
        return content
    return " ".join(part.get("text") or "" for part in content or [] if isinstance(part, dict))


def tools_of(body, items):
    lists = [body.get("tools") or []]
    lists += [item.get("tools") or [] for item in items if item.get("type") == "additional_tools"]
    flat = []
    for tool in [tool for tools in lists for tool in tools]:
        flat += tool.get("tools", []) if tool.get("type") == "namespace" else [tool]
    return [tool["name"] for tool in flat if tool.get("type") in ("function", "custom")]


def asked_of(body):
    given = body.get("input") or []
    items = [{"role": "user", "content": given}] if isinstance(given, str) else given
    texts = [text_of(item) for item in items]
    answers = bool(items) and items[-1].get("type", "").endswith("_output")
    says = [item for item in items if item.get("role") == "user"]
    last = texts[-1] if answers else text_of(says[-1]) if says else ""
    if body.get("instructions"):
        texts.append(body["instructions"])
    effort = (body.get("reasoning") or {}).get("effort")
    thinks = effort not in (None, "none", "minimal")
    return Asked(body.get("model"), last, answers, texts, tools_of(body, items), thinks)


def usage(planned):
    return {
        "input_tokens": planned.input,
        "input_tokens_details": {"cached_tokens": planned.cached, "cache_write_tokens": 0},
        "output_tokens": planned.output,
        "output_tokens_details": {"reasoning_tokens": planned.thought},
        "total_tokens": planned.total,
    }


class Answer:
    """One response and the events that lead to it."""

    def __init__(self, body):
        self.asked = asked_of(body)
        self.planned = plan(self.asked)
        self.body = body
        self.id = f"resp_{new():04}"
        self.number = -1
        self.output = []

    def response(self, status):
        kept = ("instructions", "tools", "tool_choice", "text", "metadata", "previous_response_id")
        told = {name: self.body[name] for name in kept if name in self.body}
        done = status == "completed"
        return {
            "id": self.id,
            "object": "response",
            "created_at": CREATED,
            "status": status,
            "error": None,
            "incomplete_details": None,
            "model": self.asked.answering,
            "output": self.output if done else [],
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "usage": usage(self.planned) if done else None,
            **told,
        }

    def event(self, kind, **fields):
        self.number += 1
        return {"type": kind, "sequence_number": self.number, **fields}

    def events(self):
        yield self.event("response.created", response=self.response("in_progress"))
        yield self.event("response.in_progress", response=self.response("in_progress"))
        # Codex asks for no answer first, to have its prompt read ahead.
        if self.body.get("generate") is not False:
            if self.planned.reasoning:
                yield from self.thinks()
            if self.planned.text:
                yield from self.speaks()
            for call in self.planned.calls:
                yield from self.calls(call)
        yield self.event("response.completed", response=self.response("completed"))

    def place(self, id, **more):
        return {"item_id": id, "output_index": len(self.output), **more}

    def thinks(self):
        id, words = f"rs_{new():04}", self.planned.reasoning
        item = {"id": id, "type": "reasoning", "summary": []}
        at = self.place(id, summary_index=0)
        output_index = at["output_index"]
        yield self.event("response.output_item.added", output_index=output_index, item=item)
        part = {"type": "summary_text", "text": ""}
        yield self.event("response.reasoning_summary_part.added", **at, part=part)
        for piece in pieces(words):
            yield self.event("response.reasoning_summary_text.delta", **at, delta=piece)
        yield self.event("response.reasoning_summary_text.done", **at, text=words)
        part = {"type": "summary_text", "text": words}
        yield self.event("response.reasoning_summary_part.done", **at, part=part)
        item = {**item, "summary": [part], "encrypted_content": "bm90aGluZyBoZXJl"}
        yield self.event("response.output_item.done", output_index=output_index, item=item)
        self.output.append(item)

    def speaks(self):
        id, words = f"msg_{new():04}", self.planned.text
        item = {"id": id, "type": "message", "status": "in_progress", "role": "assistant"}
        at = self.place(id, content_index=0)
        output_index = at["output_index"]
        added = {**item, "content": []}
        yield self.event("response.output_item.added", output_index=output_index, item=added)
        part = {"type": "output_text", "annotations": [], "logprobs": [], "text": ""}
        yield self.event("response.content_part.added", **at, part=part)
        for piece in pieces(words):
            yield self.event("response.output_text.delta", **at, delta=piece, logprobs=[])
        yield self.event("response.output_text.done", **at, text=words, logprobs=[])
        part = {**part, "text": words}
        yield self.event("response.content_part.done", **at, part=part)
        item = {**item, "status": "completed", "content": [part]}
        yield self.event("response.output_item.done", output_index=output_index, item=item)
        self.output.append(item)

    def calls(self, call):
        custom = isinstance(call.arguments, str)
        field = "input" if custom else "arguments"
        kind = "custom_tool_call" if custom else "function_call"
        given = call.arguments if custom else json.dumps(call.arguments, ensure_ascii=False)
        id = f"fc_{new():04}"
        item = {"id": id, "type": kind, "call_id": call.id, "name": call.name}
        at = self.place(id)
        output_index = at["output_index"]
        added = {**item, "status": "in_progress", field: ""}
        yield self.event("response.output_item.added", output_index=output_index, item=added)
        for piece in pieces(given):
            yield self.event(f"response.{kind}_{field}.delta", **at, delta=piece)
        yield self.event(f"response.{kind}_{field}.done", **at, **{field: given})
        item = {**item, "status": "completed", field: given}
        yield self.event("response.output_item.done", output_index=output_index, item=item)
        self.output.append(item)

    def checked(self):
        """The events, with the trouble that the model's name asks for."""
        for number, one in enumerate(self.events()):
            if number == 7 and self.asked.says("error-mid-stream"):
                failed = {**self.response("failed"), "error": BROKEN}
                yield self.event("response.failed", response=failed)
                return
            if number == 7 and self.asked.says("cut"):
                raise Cut
            yield one


def fails(asked):
    return asked.says("error") and not asked.says("mid-stream")


def answer(request, body):
    told = Answer(body)
    headers = [("x-request-id", f"req_{new():04}"), ("openai-model", told.asked.answering)]
    if fails(told.asked):
        return whole({"error": RATE}, 429, headers)
    if body.get("stream"):
        return stream((event(one, one["type"]) for one in told.checked()), headers=headers)
    *_, last = told.events()
    return whole(last["response"], headers=headers)


def compact(request, body):
    told = Answer(body)
    item = {"type": "compaction", "id": f"cmp_{new():04}", "encrypted_content": "c2hvcnQ="}
    return whole({**told.response("completed"), "object": "response.compaction", "output": [item]})


class Session:
    """Each `response.create` is answered by the events of a stream, as text messages.

    The history is remembered by response, so that a later turn sends what is new alone.
    """

    def __init__(self, request):
        self.headers = [("x-request-id", f"req_{new():04}"), ("x-reasoning-included", "true")]
        self.history = {}

    def opened(self):
        return []

    def take(self, message):
        body = json.loads(message)
        if body.get("type") != "response.create":
            return
        before = self.history.get(body.get("previous_response_id"), [])
        given = body.get("input") or []
        items = [{"role": "user", "content": given}] if isinstance(given, str) else given
        told = Answer({**body, "input": before + items})
        if fails(told.asked):
            yield json.dumps({"type": "error", "status": 429, "error": RATE, "headers": {}})
            return
        for one in told.checked():
            yield json.dumps(one, ensure_ascii=False)
        self.history[told.id] = before + items + told.output
