"""Amazon Bedrock: Converse and Invoke, read by `boto3`; Claude's invoke streams by `anthropic`."""

import json
import logging

import anthropic
import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError

from answer import Answer
from sdk import anthropic_messages, openai_chat

PROMPT = {"modelId": "m", "messages": [{"role": "user", "content": [{"text": "-"}]}]}
logging.getLogger("botocore").setLevel(logging.CRITICAL)


def client(origin):
    return boto3.client(
        "bedrock-runtime",
        endpoint_url=origin,
        region_name="us-east-1",
        aws_access_key_id="-",
        aws_secret_access_key="-",
        config=Config(retries={"total_max_attempts": 1}),
    )


def guarded(answer, read):
    try:
        read()
    except (ClientError, EventStreamError) as error:
        told = error.response["Error"]
        answer.error = {"type": told.get("Code"), "message": told.get("Message")}
    except Exception as error:
        answer.fail(error)


def converse(row, origin):
    answer = Answer(sdk="boto3")

    def read():
        reply = client(origin).converse(**PROMPT)
        answer.id = request_id(reply)
        content = (reply.get("output") or {}).get("message", {}).get("content") or []
        said(answer, content, reply)

    guarded(answer, read)
    return answer


def request_id(reply):
    return reply["ResponseMetadata"].get("RequestId")


def said(answer, content, reply):
    """A message of Converse, or of Nova's invoke, which looks alike."""
    answer.text.append("".join(words(block) for block in content))
    for block in content:
        thought = (block.get("reasoningContent") or {}).get("reasoningText") or {}
        if thought.get("text"):
            answer.reasoning.append(thought["text"])
        if block.get("toolUse"):
            call = block["toolUse"]
            answer.call(call.get("toolUseId"), call.get("name"), call.get("input"))
    answer.finish_reasons.append(reply.get("stopReason"))
    router = (reply.get("trace") or {}).get("promptRouter") or {}
    answer.model = router.get("invokedModelId") or answer.model
    usage(answer, reply.get("usage") or {})


def words(block):
    """The text of a block; a cited text is inside its citations."""
    cited = (block.get("citationsContent") or {}).get("content") or []
    return (block.get("text") or "") + "".join(piece.get("text") or "" for piece in cited)


def usage(answer, counts):
    """As Anthropic, Converse counts what was read from and written to a cache beside the input."""
    fresh = counts.get("inputTokens")
    read = counts.get("cacheReadInputTokens", counts.get("cacheReadInputTokenCount"))
    written = counts.get("cacheWriteInputTokens", counts.get("cacheWriteInputTokenCount"))
    answer.count(
        input=None if fresh is None else fresh + (read or 0) + (written or 0),
        input_cached=read,
        input_cache_written=written,
        output=counts.get("outputTokens"),
    )


def converse_stream(row, origin):
    answer = Answer(sdk="boto3")

    def read():
        reply = client(origin).converse_stream(**PROMPT)
        answer.id = request_id(reply)
        merge(answer, reply["stream"])

    guarded(answer, read)
    return answer


def merge(answer, events):
    blocks, whole = {}, {}
    try:
        for event in events:
            if "contentBlockStart" in event:
                start = event["contentBlockStart"]
                if start.get("start", {}).get("toolUse"):
                    blocks[start.get("contentBlockIndex")] = {
                        "toolUse": {**start["start"]["toolUse"], "input": ""}
                    }
            elif "contentBlockDelta" in event:
                at = event["contentBlockDelta"].get("contentBlockIndex")
                grow(blocks.setdefault(at, {}), event["contentBlockDelta"].get("delta") or {})
            elif "messageStop" in event:
                whole["stopReason"] = event["messageStop"].get("stopReason")
            elif "metadata" in event:
                whole["usage"] = event["metadata"].get("usage")
                whole["trace"] = event["metadata"].get("trace")
    finally:
        for block in blocks.values():
            if "toolUse" in block:
                text = block["toolUse"]["input"]
                block["toolUse"]["input"] = parsed_or_empty(text)
        said(answer, [blocks[at] for at in sorted(blocks)], whole)


def parsed_or_empty(text):
    try:
        return json.loads(text) if text else {}
    except ValueError:
        return text


def grow(block, delta):
    if "text" in delta:
        block["text"] = block.get("text", "") + delta["text"]
    elif "toolUse" in delta:
        call = block.setdefault("toolUse", {"input": ""})
        more = delta["toolUse"].get("input")
        call["input"] = call["input"] + more if isinstance(more, str) else more
    elif "reasoningContent" in delta:
        thought = block.setdefault("reasoningContent", {}).setdefault("reasoningText", {"text": ""})
        thought["text"] += delta["reasoningContent"].get("text") or ""


def invoke(row, origin):
    answer = Answer(sdk="boto3")

    def read():
        reply = client(origin).invoke_model(modelId="m", body=b"{}")
        headers = reply["ResponseMetadata"]["HTTPHeaders"]
        body = json.loads(reply["body"].read())
        family(answer, body)
        # The model's own id, or that of the request.
        own = [str(body[name]) for name in ("id", "response_id", "generation_id") if body.get(name)]
        answer.id = own + [request_id(reply)]
        counted(
            answer,
            headers.get("x-amzn-bedrock-input-token-count"),
            headers.get("x-amzn-bedrock-output-token-count"),
        )

    guarded(answer, read)
    return answer


def invoke_stream(row, origin):
    if b'"anthropic_version"' in row.request_body:
        answer = Answer(sdk="anthropic")
        api = anthropic.AnthropicBedrock(
            base_url=origin,
            aws_access_key="-",
            aws_secret_key="-",
            aws_region="us-east-1",
            max_retries=0,
            timeout=20,
        )
        anthropic_messages.guarded(answer, lambda: anthropic_messages.stream(answer, api))
        answer.id = [answer.id, row.header("x-amzn-requestid")]
        return answer
    answer = Answer(sdk="boto3")

    def read():
        reply = client(origin).invoke_model_with_response_stream(modelId="m", body=b"{}")
        answer.id = request_id(reply)
        chunks = [
            json.loads(event["chunk"]["bytes"]) for event in reply["body"] if "chunk" in event
        ]
        ids = [chunk["id"] for chunk in chunks if chunk.get("id")]
        if any("contentBlockDelta" in chunk for chunk in chunks):
            merge(answer, chunks)
        elif any(
            "choices" in chunk and "delta" in (chunk["choices"] or [{}])[0] for chunk in chunks
        ):
            choices = {}
            for chunk in chunks:
                openai_chat.take_chunk(answer, chunk, choices)
            for _, (message, reason) in sorted(choices.items()):
                message["tool_calls"] = list(message["tool_calls"].values())
                openai_chat.take_choice(answer, message, reason)
        else:
            for chunk in chunks:
                family(answer, chunk)
        answer.id = [request_id(reply)] + ids
        for chunk in chunks:
            metrics = chunk.get("amazon-bedrock-invocationMetrics") or {}
            counted(answer, metrics.get("inputTokenCount"), metrics.get("outputTokenCount"))

    guarded(answer, read)
    return answer


def counted(answer, input, output):
    """Counts of Bedrock itself stand in where the model's own body has none."""
    for name, value in (("input", input), ("output", output)):
        if value is not None and name not in answer.usage:
            answer.count(**{name: int(value)})


def family(answer, body):
    """One reply, or one chunk of a stream, in the shape of the model's maker."""
    if body.get("type") == "message":
        return anthropic_messages.whole(answer, body)
    if isinstance(body.get("choices"), list) and "message" in (body["choices"] or [{}])[0]:
        return openai_chat.whole(answer, body)
    if isinstance((body.get("output") or None), dict) and "message" in body["output"]:
        return said(answer, body["output"]["message"].get("content") or [], body)
    if body.get("object") == "text_completion":
        return openai_chat.completion(answer, body)
    results = (
        body.get("results")
        or body.get("outputs")
        or body.get("generations")
        or body.get("completions")
        or [body]
    )
    for at, result in enumerate(results):
        text = next(
            (
                result[name]
                for name in ("generation", "outputText", "text", "completion")
                if isinstance(result.get(name), str)
            ),
            None,
        )
        if isinstance(result.get("finishReason"), dict):  # AI21's Jurassic
            result["finishReason"] = result["finishReason"].get("reason")
        if isinstance(result.get("data"), dict):
            text = result["data"].get("text")
        reason = next(
            (
                result[name]
                for name in ("stop_reason", "completionReason", "finish_reason", "finishReason")
                if isinstance(result.get(name), str)
            ),
            None,
        )
        if text is None and reason is None:
            continue
        while len(answer.text) <= at:
            answer.text.append("")
            answer.finish_reasons.append(None)
        answer.text[at] += text or ""
        answer.finish_reasons[at] = reason or answer.finish_reasons[at]
    answer.count(
        input=body.get("prompt_token_count", body.get("inputTextTokenCount")),
        output=body.get("generation_token_count", body.get("totalOutputTextTokenCount")),
    )
    results = body.get("results")
    if results and isinstance(results[0], dict):
        answer.count(output=results[0].get("tokenCount"))
