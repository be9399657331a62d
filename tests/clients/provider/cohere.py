"""Cohere's chat of both versions, its embeddings and its reranking."""

import openai_chat
from exchange import Cut, event, line, stream, whole
from plan import Asked, embedding, new, pieces, plan

PLANNED = "I will ask a tool."


def failure():
    return whole({"id": f"cohere-{new():04}", "message": "Too many requests for nobody."}, 429)


def chat_asked(body):
    asked = openai_chat.asked_of(body)
    asked.thinks = (body.get("thinking") or {}).get("type") == "enabled"
    return asked


def usage(planned):
    return {
        "billed_units": {"input_tokens": planned.input, "output_tokens": planned.output},
        "tokens": {"input_tokens": planned.input + 60, "output_tokens": planned.output},
        "cached_tokens": planned.cached,
    }


def calls(planned):
    return [openai_chat.call(one) for one in planned.calls]


def finish(planned):
    return "TOOL_CALL" if planned.calls else "COMPLETE"


def chat(request, body):
    asked = chat_asked(body)
    if asked.says("error") and not asked.says("mid-stream"):
        return failure()
    planned = plan(asked)
    id = f"cohere-{new():04}"
    if body.get("stream"):
        events = checked(asked, chat_events(planned, id))
        return stream(chat_stream(events))
    message = {"role": "assistant"}
    content = []
    if planned.reasoning:
        content.append({"type": "thinking", "thinking": planned.reasoning})
    if planned.text:
        content.append({"type": "text", "text": planned.text})
    if content:
        message["content"] = content
    if planned.calls:
        message |= {"tool_plan": PLANNED, "tool_calls": calls(planned)}
    told = {"id": id, "finish_reason": finish(planned), "message": message}
    return whole({**told, "usage": usage(planned)})


def chat_stream(events):
    for one in events:
        yield event(one, one["type"])
    yield event("[DONE]")


def chat_events(planned, id):
    empty = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    yield {"id": id, "type": "message-start", "delta": {"message": empty}}
    index = 0
    for kind, words in (("thinking", planned.reasoning), ("text", planned.text)):
        if not words:
            continue
        content = {"type": kind, kind: ""}
        yield {"type": "content-start", "index": index, "delta": {"message": {"content": content}}}
        for piece in pieces(words):
            delta = {"message": {"content": {kind: piece}}}
            yield {"type": "content-delta", "index": index, "delta": delta}
        yield {"type": "content-end", "index": index}
        index += 1
    if planned.calls:
        for piece in pieces(PLANNED):
            yield {"type": "tool-plan-delta", "delta": {"message": {"tool_plan": piece}}}
    for at, call in enumerate(calls(planned)):
        arguments, call["function"]["arguments"] = call["function"]["arguments"], ""
        yield {"type": "tool-call-start", "index": at, "delta": {"message": {"tool_calls": call}}}
        for piece in pieces(arguments):
            delta = {"message": {"tool_calls": {"function": {"arguments": piece}}}}
            yield {"type": "tool-call-delta", "index": at, "delta": delta}
        yield {"type": "tool-call-end", "index": at}
    delta = {"finish_reason": finish(planned), "usage": usage(planned)}
    yield {"id": id, "type": "message-end", "delta": delta}


def checked(asked, events):
    for number, one in enumerate(events):
        if number == 4 and asked.says("error-mid-stream"):
            ended = {"finish_reason": "ERROR", "error": "nobody broke down"}
            yield {"type": "message-end", "delta": ended}
            return
        if number == 4 and asked.says("cut"):
            raise Cut
        yield one


def first_chat(request, body):
    """The first version: one message and a history, JSON lines as a stream."""
    history = [one.get("message") or "" for one in body.get("chat_history") or []]
    message = body.get("message") or ""
    texts = [*history, message, body.get("preamble") or ""]
    asked = Asked(body.get("model") or "fake", message, False, texts)
    if asked.says("error"):
        return failure()
    planned = plan(asked)
    counted = usage(planned)
    told = {
        "response_id": f"cohere-{new():04}",
        "generation_id": f"generation-{new():04}",
        "text": planned.text,
        "finish_reason": "COMPLETE",
        "meta": {"api_version": {"version": "1"}, **counted},
    }
    if not body.get("stream"):
        return whole(told)
    return stream(first_events(planned, told), "application/stream+json")


def first_events(planned, told):
    yield line(
        {"is_finished": False, "event_type": "stream-start", "generation_id": told["generation_id"]}
    )
    for piece in pieces(planned.text):
        yield line({"is_finished": False, "event_type": "text-generation", "text": piece})
    ended = {"is_finished": True, "event_type": "stream-end", "finish_reason": "COMPLETE"}
    yield line({**ended, "response": told})


def embed(request, body):
    texts = body.get("texts") or []
    words = sum(len(text.split()) for text in texts)
    meta = {"api_version": {"version": "2"}, "billed_units": {"input_tokens": words}}
    vectors = {"float": [embedding(text) for text in texts]}
    told = {"id": f"cohere-{new():04}", "embeddings": vectors, "texts": texts, "meta": meta}
    return whole({**told, "response_type": "embeddings_by_type"})


def rerank(request, body):
    places = range(len(body["documents"]))
    results = [{"index": place, "relevance_score": 0.5} for place in reversed(places)]
    meta = {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}}
    return whole({"id": f"cohere-{new():04}", "results": results, "meta": meta})
