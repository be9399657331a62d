"""Amazon's Bedrock: Converse, and models of Anthropic in their own words."""

import json
import urllib.parse

import anthropic
import eventstream
from exchange import Cut, Reply, paced, whole
from plan import Asked, new, pieces, plan

LATENCY = 12


def text_of(blocks):
    texts = []
    for block in blocks or []:
        if "toolResult" in block:
            for one in block["toolResult"].get("content", []):
                texts.append(one.get("text") or json.dumps(one.get("json"), ensure_ascii=False))
        texts.append(block.get("text") or "")
    return " ".join(text for text in texts if text)


def asked_of(body, model):
    messages = body.get("messages", [])
    texts = [text_of(message.get("content")) for message in messages]
    last = messages[-1]["content"] if messages else []
    specs = [tool["toolSpec"] for tool in (body.get("toolConfig") or {}).get("tools", [])]
    thinking = (body.get("additionalModelRequestFields") or {}).get("thinking")
    texts.append(text_of(body.get("system")))
    answers = any("toolResult" in block for block in last)
    names = [spec["name"] for spec in specs]
    return Asked(model, text_of(last), answers, texts, names, bool(thinking))


def usage(planned):
    return {
        "inputTokens": planned.input - planned.cached,
        "cacheReadInputTokens": planned.cached,
        "cacheWriteInputTokens": 0,
        "outputTokens": planned.output,
        "totalTokens": planned.total,
    }


def blocks(planned):
    if planned.reasoning:
        text = {"text": planned.reasoning, "signature": anthropic.SIGNATURE}
        yield {"reasoningContent": {"reasoningText": text}}
    if planned.text:
        yield {"text": planned.text}
    for call in planned.calls:
        yield {"toolUse": {"toolUseId": call.id, "name": call.name, "input": call.arguments}}


def answer(request, body, model, method):
    model = urllib.parse.unquote(model)
    if "error" in model and "mid-stream" not in model:
        kind = ("x-amzn-ErrorType", "ThrottlingException")
        return whole({"message": "Too many requests for nobody."}, 429, [kind])
    make = {
        "converse": converse,
        "converse-stream": converse_stream,
        "invoke": invoke,
        "invoke-with-response-stream": invoke_stream,
    }.get(method)
    if make is None:
        return whole({"message": f"{method} is nothing here"}, 404)
    reply = make(body, model)
    reply.headers.append(("x-amzn-RequestId", f"request-{new():04}"))
    return reply


def converse(body, model):
    planned = plan(asked_of(body, model))
    message = {"role": "assistant", "content": list(blocks(planned))}
    told = {"output": {"message": message}, "stopReason": reason(planned), "usage": usage(planned)}
    return whole({**told, "metrics": {"latencyMs": LATENCY}})


def reason(planned):
    return "tool_use" if planned.calls else "end_turn"


def converse_stream(body, model):
    asked = asked_of(body, model)
    frames = framed(asked, events(plan(asked)))
    return Reply(200, [("Content-Type", eventstream.KIND)], paced(frames))


def framed(asked, told):
    for number, (name, value) in enumerate(told):
        if number == 5 and asked.says("error-mid-stream"):
            yield eventstream.exception("modelStreamErrorException", "Nobody broke down.")
            return
        if number == 5 and asked.says("cut"):
            raise Cut
        yield eventstream.event(name, value)


def events(planned):
    yield "messageStart", {"role": "assistant", "p": "abc"}
    for index, block in enumerate(blocks(planned)):
        at = {"contentBlockIndex": index, "p": "abcdef"}
        if "reasoningContent" in block:
            text = block["reasoningContent"]["reasoningText"]
            for piece in pieces(text["text"]):
                yield "contentBlockDelta", {**at, "delta": {"reasoningContent": {"text": piece}}}
            signed = {"reasoningContent": {"signature": text["signature"]}}
            yield "contentBlockDelta", {**at, "delta": signed}
        elif "text" in block:
            for piece in pieces(block["text"]):
                yield "contentBlockDelta", {**at, "delta": {"text": piece}}
        else:
            use = block["toolUse"]
            start = {"toolUse": {"toolUseId": use["toolUseId"], "name": use["name"]}}
            yield "contentBlockStart", {**at, "start": start}
            for piece in pieces(json.dumps(use["input"], ensure_ascii=False)):
                yield "contentBlockDelta", {**at, "delta": {"toolUse": {"input": piece}}}
        yield "contentBlockStop", at
    yield "messageStop", {"stopReason": reason(planned), "p": "ab"}
    yield "metadata", {"usage": usage(planned), "metrics": {"latencyMs": LATENCY}, "p": "a"}


def counted(planned):
    """The headers with which Bedrock counts a model's tokens."""
    return [
        ("X-Amzn-Bedrock-Input-Token-Count", planned.input),
        ("X-Amzn-Bedrock-Output-Token-Count", planned.output),
        ("X-Amzn-Bedrock-Invocation-Latency", LATENCY),
    ]


def invoke(body, model):
    asked = anthropic.asked_of(body, model)
    planned = plan(asked)
    return whole(anthropic.message(asked, planned), headers=counted(planned))


def invoke_stream(body, model):
    asked = anthropic.asked_of(body, model)
    planned = plan(asked)

    def frames():
        for one in anthropic.checked(asked, planned):
            if one["type"] == "message_stop":
                metrics = {
                    "inputTokenCount": planned.input,
                    "outputTokenCount": planned.output,
                    "invocationLatency": LATENCY,
                    "firstByteLatency": 5,
                }
                one = {**one, "amazon-bedrock-invocationMetrics": metrics}
            yield eventstream.chunk(one)

    return Reply(200, [("Content-Type", eventstream.KIND)], paced(frames()))
