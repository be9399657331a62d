"""Anthropic's messages; also the body of a model of theirs at Bedrock."""

import json

from exchange import Cut, event, stream, whole
from plan import Asked, new, pieces, plan

SIGNATURE = "bm9ib2R5IHNpZ25lZCB0aGlz"


def text_of(content):
    if isinstance(content, str):
        return content
    texts = []
    for block in content or []:
        if block.get("type") == "tool_result":
            texts.append(text_of(block.get("content")))
        else:
            texts.append(block.get("text") or "")
    return " ".join(texts)


def asked_of(body, model):
    messages = body.get("messages", [])
    texts = [text_of(message.get("content")) for message in messages]
    last = messages[-1]["content"] if messages else ""
    answers = not isinstance(last, str) and any(one.get("type") == "tool_result" for one in last)
    tools = [tool["name"] for tool in body.get("tools") or [] if "input_schema" in tool]
    system = text_of(body.get("system"))
    thinks = (body.get("thinking") or {}).get("type") in ("enabled", "adaptive")
    said = texts[-1] if texts else ""
    return Asked(model, said, answers, [*texts, system], tools, thinks)


def failure(kind, message, status):
    told = {"type": "error", "error": {"type": kind, "message": message}}
    return whole({**told, "request_id": f"req_{new():04}"}, status)


def usage(planned, output):
    return {
        "input_tokens": planned.input - planned.cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": planned.cached,
        "output_tokens": output,
        "output_tokens_details": {"thinking_tokens": planned.thought},
        "service_tier": "standard",
    }


def blocks(planned):
    if planned.reasoning:
        yield {"type": "thinking", "thinking": planned.reasoning, "signature": SIGNATURE}
    if planned.text:
        yield {"type": "text", "text": planned.text}
    for call in planned.calls:
        yield {
            "type": "tool_use",
            "id": f"tu_{call.id}",
            "name": call.name,
            "input": call.arguments,
        }


def message(asked, planned):
    return {
        "id": f"msg_{new():04}",
        "type": "message",
        "role": "assistant",
        "model": asked.answering,
        "content": list(blocks(planned)),
        "stop_reason": "tool_use" if planned.calls else "end_turn",
        "stop_sequence": None,
        "usage": usage(planned, planned.output),
    }


def events(asked, planned):
    told = message(asked, planned)
    begun = {**told, "content": [], "stop_reason": None, "usage": usage(planned, 1)}
    yield {"type": "message_start", "message": begun}
    yield {"type": "ping"}
    for index, block in enumerate(told["content"]):
        if block["type"] == "thinking":
            empty = {**block, "thinking": "", "signature": ""}
            deltas = [
                {"type": "thinking_delta", "thinking": one} for one in pieces(block["thinking"])
            ]
            deltas.append({"type": "signature_delta", "signature": SIGNATURE})
        elif block["type"] == "text":
            empty = {**block, "text": ""}
            deltas = [{"type": "text_delta", "text": one} for one in pieces(block["text"])]
        else:
            empty = {**block, "input": {}}
            given = json.dumps(block["input"], ensure_ascii=False)
            parts = ["", *pieces(given)]
            deltas = [{"type": "input_json_delta", "partial_json": one} for one in parts]
        yield {"type": "content_block_start", "index": index, "content_block": empty}
        for delta in deltas:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    ended = {"stop_reason": told["stop_reason"], "stop_sequence": None}
    yield {"type": "message_delta", "delta": ended, "usage": told["usage"]}
    yield {"type": "message_stop"}


def checked(asked, planned):
    for number, one in enumerate(events(asked, planned)):
        if number == 6 and asked.says("error-mid-stream"):
            yield {"type": "error", "error": {"type": "api_error", "message": "Nobody broke down."}}
            return
        if number == 6 and asked.says("cut"):
            raise Cut
        yield one


def answer(request, body):
    asked = asked_of(body, body.get("model"))
    if asked.says("error") and not asked.says("mid-stream"):
        return failure("rate_limit_error", "Too many requests for nobody.", 429)
    planned = plan(asked)
    headers = [("request-id", f"req_{new():04}")]
    if body.get("stream"):
        return stream((event(one, one["type"]) for one in checked(asked, planned)), headers=headers)
    return whole(message(asked, planned), headers=headers)


def count(request, body):
    return whole({"input_tokens": plan(asked_of(body, body.get("model"))).input})
