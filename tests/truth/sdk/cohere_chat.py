"""Cohere's chat, both versions, read by the `cohere` package."""

import cohere
from cohere.core.api_error import ApiError

from answer import Answer, error_of, plain


def v2(row, origin):
    answer = Answer(sdk="cohere")
    api = cohere.ClientV2(
        api_key="-", base_url=origin, max_retries=0, log_warning_experimental_features=False
    )
    prompt = {"model": "-", "messages": [{"role": "user", "content": "-"}]}
    if row.is_stream:
        guarded(answer, lambda: stream_v2(answer, api.chat_stream(**prompt)))
    else:
        guarded(answer, lambda: whole_v2(answer, plain(api.chat(**prompt))))
    return answer


def v1(row, origin):
    answer = Answer(sdk="cohere")
    api = cohere.Client(
        api_key="-", base_url=origin, max_retries=0, log_warning_experimental_features=False
    )

    def read():
        if not row.is_stream:
            return whole_v1(answer, plain(api.chat(message="-")))
        for event in api.chat_stream(message="-"):
            event = plain(event)
            if event.get("event_type") == "stream-end":
                whole_v1(answer, event.get("response") or {})
                answer.finish_reasons = [event.get("finish_reason")]

    guarded(answer, read)
    return answer


def guarded(answer, read):
    try:
        read()
    except ApiError as error:
        answer.error = error_of(error.body)
    except Exception as error:
        answer.fail(error)


def whole_v2(answer, reply):
    message = reply.get("message") or {}
    answer.id = reply.get("id") or None
    content = message.get("content") or []
    answer.text.append("".join(b.get("text") or "" for b in content if b.get("type") == "text"))
    answer.reasoning += [b["thinking"] for b in content if b.get("type") == "thinking"]
    if message.get("tool_plan"):  # What the model thought before it called tools.
        answer.reasoning.append(message["tool_plan"])
    for call in message.get("tool_calls") or []:
        function = call.get("function") or {}
        answer.call(call.get("id"), function.get("name"), function.get("arguments"))
    answer.finish_reasons.append(reply.get("finish_reason"))
    usage(answer, reply.get("usage") or {})


def stream_v2(answer, events):
    reply, blocks, calls = {"message": {"tool_plan": ""}}, {}, {}
    message = reply["message"]
    try:
        for event in events:
            event = plain(event)
            kind, at = event.get("type"), event.get("index")
            delta = event.get("delta") or {}
            said = delta.get("message") or {}
            if kind == "message-start":
                reply["id"] = event.get("id")
            elif kind in ("content-start", "content-delta"):
                block = blocks.setdefault(at, {})
                for name, value in (said.get("content") or {}).items():
                    if name in ("text", "thinking"):
                        block[name] = (block.get(name) or "") + (value or "")
                        block.setdefault("type", name)
                    elif value is not None:
                        block[name] = value
            elif kind == "tool-plan-delta":
                message["tool_plan"] += said.get("tool_plan") or ""
            elif kind in ("tool-call-start", "tool-call-delta"):
                piece = said.get("tool_calls") or {}
                call = calls.setdefault(at, {"function": {"name": "", "arguments": ""}})
                call["id"] = call.get("id") or piece.get("id")
                function = piece.get("function") or {}
                call["function"]["name"] = call["function"]["name"] or function.get("name") or ""
                call["function"]["arguments"] += function.get("arguments") or ""
            elif kind == "message-end":
                reply["finish_reason"] = delta.get("finish_reason")
                reply["usage"] = delta.get("usage")
                if delta.get("error"):
                    answer.error = error_of({"error": delta["error"]})
    finally:
        message["content"] = [blocks[at] for at in sorted(blocks)]
        message["tool_calls"] = [calls[at] for at in sorted(calls)]
        whole_v2(answer, reply)


def whole_v1(answer, reply):
    # It has an id for the reply and one for what was generated in it.
    answer.id = [
        reply[name] for name in ("response_id", "generation_id") if reply.get(name)
    ] or None
    answer.text = [reply.get("text") or ""]
    for call in reply.get("tool_calls") or []:
        answer.call(None, call.get("name"), call.get("parameters"))
    answer.finish_reasons = [reply.get("finish_reason")]
    usage(answer, reply.get("meta") or {})


def usage(answer, counts):
    """What went through the model; what is billed where nothing else is told."""
    tokens = counts.get("tokens") or {}
    billed = counts.get("billed_units") or {}
    pick = lambda name: tokens.get(name) if tokens.get(name) is not None else billed.get(name)  # noqa: E731
    prompt, pictures = pick("input_tokens"), tokens.get("image_tokens")
    answer.count(
        # Pictures are counted beside the words.
        input=[prompt, prompt + int(pictures)] if prompt is not None and pictures else prompt,
        input_cached=counts.get("cached_tokens"),
        output=pick("output_tokens"),
        reasoning=tokens.get("reasoning_tokens"),
    )
