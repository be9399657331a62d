"""OpenAI's realtime sessions, as far as they are text."""

import json

from openai_responses import text_of
from plan import Asked, new, pieces, plan


class Session:
    def __init__(self, request):
        self.headers = []
        self.model = dict(one.split("=", 1) for one in request.query.split("&") if "=" in one).get(
            "model"
        )
        self.session = {}
        self.items = []

    def opened(self):
        return [self.event("session.created", session=self.whole_session())]

    def whole_session(self):
        about = {
            "type": "realtime",
            "object": "realtime.session",
            "id": "sess_0001",
            "model": self.model,
        }
        return {**about, "output_modalities": ["text"], **self.session}

    def event(self, kind, **fields):
        return json.dumps(
            {"type": kind, "event_id": f"event_{new():04}", **fields}, ensure_ascii=False
        )

    def take(self, message):
        given = json.loads(message)
        kind = given["type"]
        if kind == "session.update":
            self.session |= given["session"]
            yield self.event("session.updated", session=self.whole_session())
        elif kind == "conversation.item.create":
            item = {"id": f"item_{new():04}", "object": "realtime.item", **given["item"]}
            before = self.items[-1]["id"] if self.items else None
            self.items.append(item)
            yield self.event("conversation.item.added", previous_item_id=before, item=item)
            yield self.event("conversation.item.done", previous_item_id=before, item=item)
        elif kind == "response.create":
            yield from self.answer(given.get("response") or {})

    def answer(self, asked_for):
        texts = [text_of(item) for item in self.items]
        answers = bool(self.items) and self.items[-1]["type"] == "function_call_output"
        tools = [tool["name"] for tool in self.session.get("tools") or []]
        instructions = asked_for.get("instructions") or self.session.get("instructions") or ""
        last = texts[-1] if texts else ""
        planned = plan(Asked(self.model, last, answers, [*texts, instructions], tools))
        id = f"resp_{new():04}"
        about = {"object": "realtime.response", "id": id, "output_modalities": ["text"]}
        begun = {**about, "status": "in_progress", "output": [], "usage": None}
        yield self.event("response.created", response=begun)
        output = []
        makers = [self.speaks] if planned.text else []
        for make in makers:
            yield from make(id, output, planned.text)
        for call in planned.calls:
            yield from self.calls(id, output, call)
        self.items += output
        details = {"text_tokens": planned.input, "audio_tokens": 0, "cached_tokens": planned.cached}
        counted = {
            "total_tokens": planned.total,
            "input_tokens": planned.input,
            "output_tokens": planned.output,
            "input_token_details": details,
            "output_token_details": {"text_tokens": planned.output, "audio_tokens": 0},
        }
        ended = {**about, "status": "completed", "output": output, "usage": counted}
        yield self.event("response.done", response=ended)

    def speaks(self, id, output, words):
        item = {"id": f"item_{new():04}", "object": "realtime.item", "type": "message"}
        item |= {"role": "assistant", "status": "in_progress", "content": []}
        at = {"response_id": id, "output_index": len(output)}
        yield self.event("response.output_item.added", **at, item=item)
        at |= {"item_id": item["id"], "content_index": 0}
        part = {"type": "text", "text": ""}
        yield self.event("response.content_part.added", **at, part=part)
        for piece in pieces(words):
            yield self.event("response.output_text.delta", **at, delta=piece)
        yield self.event("response.output_text.done", **at, text=words)
        yield self.event("response.content_part.done", **at, part={"type": "text", "text": words})
        content = [{"type": "output_text", "text": words}]
        item = {**item, "status": "completed", "content": content}
        output_index = at["output_index"]
        yield self.event(
            "response.output_item.done", response_id=id, output_index=output_index, item=item
        )
        output.append(item)

    def calls(self, id, output, call):
        arguments = json.dumps(call.arguments, ensure_ascii=False)
        item = {"id": f"item_{new():04}", "object": "realtime.item", "type": "function_call"}
        item |= {"status": "in_progress", "name": call.name, "call_id": call.id, "arguments": ""}
        at = {"response_id": id, "output_index": len(output)}
        yield self.event("response.output_item.added", **at, item=item)
        more = {**at, "item_id": item["id"], "call_id": call.id}
        for piece in pieces(arguments):
            yield self.event("response.function_call_arguments.delta", **more, delta=piece)
        yield self.event("response.function_call_arguments.done", **more, arguments=arguments)
        item = {**item, "status": "completed", "arguments": arguments}
        yield self.event("response.output_item.done", **at, item=item)
        output.append(item)
