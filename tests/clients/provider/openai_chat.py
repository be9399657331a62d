"""OpenAI's chat completions, and Mistral's: there thoughts are parts of the content, a call comes
whole, and the usage with the last piece. A model whose name has `stral` is one of theirs.
"""

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
BROKEN = {"message": "Nobody broke down.", "type": "server_error", "param": None, "code": "broken"}


def text_of(content):
    if isinstance(content, str):
        return content
    return " ".join(part.get("text") or "" for part in content or [] if isinstance(part, dict))


def asked_of(body):
    messages = body.get("messages", [])
    texts = [text_of(message.get("content")) for message in messages]
    tools = [tool["function"]["name"] for tool in body.get("tools") or [] if "function" in tool]
    last = messages[-1] if messages else {}
    return Asked(
        body.get("model"),
        texts[-1] if texts else "",
        last.get("role") == "tool",
        texts,
        tools,
        bool(body.get("reasoning_effort") or body.get("reasoning")),
    )


def usage(planned):
    return {
        "prompt_tokens": planned.input,
        "completion_tokens": planned.output,
        "total_tokens": planned.total,
        "prompt_tokens_details": {"cached_tokens": planned.cached},
        "completion_tokens_details": {"reasoning_tokens": planned.thought},
    }


def call(one):
    arguments = json.dumps(one.arguments, ensure_ascii=False)
    return {
        "id": one.id,
        "type": "function",
        "function": {"name": one.name, "arguments": arguments},
    }


def finish(planned):
    return "tool_calls" if planned.calls else "stop"


def thought(words):
    """Reasoning as Mistral says it."""
    return {"type": "thinking", "thinking": [{"type": "text", "text": words}]}


def message(asked, planned):
    told = {"role": "assistant", "content": planned.text or None, "refusal": None}
    if planned.reasoning and asked.says("stral"):
        told["content"] = [thought(planned.reasoning), {"type": "text", "text": planned.text}]
    elif planned.reasoning:
        told["reasoning_content"] = planned.reasoning
    if planned.calls:
        told["tool_calls"] = [call(one) for one in planned.calls]
    return told


def deltas(asked, planned):
    yield {"role": "assistant", "content": ""}
    for piece in pieces(planned.reasoning):
        if asked.says("stral"):
            yield {"content": [thought(piece)]}
        else:
            yield {"reasoning_content": piece}
    for piece in pieces(planned.text):
        yield {"content": piece}
    for place, one in enumerate(planned.calls):
        told = call(one)
        if asked.says("stral"):
            yield {"tool_calls": [{"index": place, **told}]}
            continue
        arguments, told["function"]["arguments"] = told["function"]["arguments"], ""
        yield {"tool_calls": [{"index": place, **told}]}
        for piece in pieces(arguments):
            yield {"tool_calls": [{"index": place, "function": {"arguments": piece}}]}


def answer(request, body):
    asked = asked_of(body)
    if asked.says("error") and not asked.says("mid-stream"):
        return whole({"error": RATE}, 429, [("x-request-id", f"req_{new():04}")])
    planned = plan(asked)
    about = {"id": f"chatcmpl-{new():04}", "created": CREATED, "model": asked.answering}
    headers = [("x-request-id", f"req_{new():04}")]
    if not body.get("stream"):
        choice = {"index": 0, "message": message(asked, planned), "logprobs": None}
        choice["finish_reason"] = finish(planned)
        told = {**about, "object": "chat.completion", "choices": [choice], "usage": usage(planned)}
        return whole(told, headers=headers)
    wanted = (body.get("stream_options") or {}).get("include_usage")
    return stream(chunks(asked, planned, about, wanted), headers=headers)


def chunks(asked, planned, about, with_usage):
    about = {**about, "object": "chat.completion.chunk", "system_fingerprint": "fp_nobody"}
    if with_usage:
        about["usage"] = None

    def chunk(delta, reason=None):
        return event({**about, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})

    for number, delta in enumerate(deltas(asked, planned)):
        if number == 4 and asked.says("error-mid-stream"):
            yield event({"error": BROKEN})
            return
        if number == 4 and asked.says("cut"):
            raise Cut
        yield chunk(delta)
    if asked.says("stral"):
        about["usage"] = usage(planned)
    yield chunk({}, finish(planned))
    if with_usage:
        yield event({**about, "choices": [], "usage": usage(planned)})
    yield event("[DONE]")
