"""Anthropic's messages, read by the `anthropic` package."""

import anthropic

from answer import Answer, error_of, plain

PROMPT = {"model": "-", "max_tokens": 1, "messages": [{"role": "user", "content": "-"}]}
CALLS = ("tool_use", "server_tool_use", "mcp_tool_use")


def client(origin):
    return anthropic.Anthropic(base_url=origin, api_key="-", max_retries=0, timeout=20)


def messages(row, origin):
    answer = Answer(sdk="anthropic")
    api = client(origin)

    def read():
        if row.is_stream:
            stream(answer, api)
        else:
            whole(answer, plain(api.messages.create(**PROMPT)))

    guarded(answer, read)
    return answer


def count_tokens(row, origin):
    answer = Answer(sdk="anthropic")

    def read():
        reply = client(origin).messages.count_tokens(model="-", messages=PROMPT["messages"])
        answer.count(input=reply.input_tokens)

    guarded(answer, read)
    return answer


def guarded(answer, read):
    try:
        read()
    except anthropic.APIStatusError as error:
        # Also raised for an error event inside a stream that began with status 200.
        answer.error = error_of(error.body if error.body is not None else error.response.text)
    except Exception as error:
        answer.fail(error)


def stream(answer, api):
    """The SDK's accumulator up to where the stream ends or breaks.

    `stream()` knows the blocks of the stable API; what it cannot join (a compaction) is joined
    by the beta accumulator, which knows the others.
    """
    snapshot = None
    try:
        with api.beta.messages.stream(**PROMPT) as events:
            for _ in events:
                snapshot = events.current_message_snapshot
    finally:
        if snapshot is not None:
            whole(answer, plain(snapshot))


def whole(answer, reply):
    answer.id, answer.model = reply.get("id") or None, reply.get("model") or None
    text = ""
    for block in reply.get("content") or []:
        kind = block.get("type")
        if kind == "text":
            text += block.get("text") or ""
        elif kind == "thinking":
            answer.reasoning.append(block.get("thinking") or "")
        elif kind in CALLS:
            answer.call(block.get("id"), block.get("name"), block.get("input"))
    answer.text.append(text)
    answer.finish_reasons.append(reply.get("stop_reason") or None)
    usage(answer, reply.get("usage") or {})


def usage(answer, counts):
    """Anthropic's input is what was neither read from nor written to a cache: all are added."""
    fresh = counts.get("input_tokens")
    read = counts.get("cache_read_input_tokens")
    written = counts.get("cache_creation_input_tokens")
    answer.count(
        input=None if fresh is None else fresh + (read or 0) + (written or 0),
        input_cached=read,
        input_cache_written=written,
        output=counts.get("output_tokens"),
        reasoning=(counts.get("output_tokens_details") or {}).get("thinking_tokens"),
    )
