"""Chat completions, legacy completions and embeddings, read by the `openai` package."""

import openai
from openai.lib.streaming.chat import ChatCompletionStreamState

from answer import Answer, error_of, plain

PROMPT = [{"role": "user", "content": "-"}]
# The same words come in two of them at some providers: the first that has words counts.
REASONING = ("reasoning_content", "reasoning", "reasoning_text")

# What counts are of, apart: of the input, and of the output. Writer drops an s.
DETAILS = (
    ("prompt_tokens_details", "prompt_token_details", "input_tokens_details"),
    ("completion_tokens_details", "completion_token_details", "output_tokens_details"),
)


def client(origin):
    return openai.OpenAI(base_url=origin, api_key="-", max_retries=0, timeout=20)


def chat(row, origin):
    answer = Answer(sdk="openai")
    ask = client(origin).chat.completions.create
    guarded(
        answer,
        lambda: (
            stream(answer, ask(model="-", messages=PROMPT, stream=True))
            if row.is_stream
            else whole(answer, ask(model="-", messages=PROMPT))
        ),
    )
    return answer


def completions(row, origin):
    answer = Answer(sdk="openai")
    ask = client(origin).completions.create

    def read():
        if not row.is_stream:
            return completion(answer, plain(ask(model="-", prompt="-")))
        for chunk in ask(model="-", prompt="-", stream=True):
            completion(answer, plain(chunk))

    guarded(answer, read)
    return answer


def embeddings(row, origin):
    answer = Answer(sdk="openai")

    def read():
        # Without an encoding the SDK asks for base64 and unpacks it; some answer with lists.
        reply = plain(
            client(origin).embeddings.create(model="-", input="-", encoding_format="float")
        )
        answer.model, answer.id = reply.get("model") or None, reply.get("id") or None
        usage(answer, reply.get("usage"))

    guarded(answer, read)
    return answer


def guarded(answer, read):
    """Runs `read`; what the SDK raises for the provider's errors is no failure to read."""
    try:
        read()
    except openai.APIStatusError as error:
        answer.error = error_of(error.body if error.body is not None else error.response.text)
    except openai.APIError as error:
        if isinstance(error.body, (dict, str)):  # An error event in a stream.
            answer.error = error_of({"error": error.body})
        else:
            answer.fail(error)
    except Exception as error:
        answer.fail(error)


def whole(answer, reply):
    reply = plain(reply)
    if not isinstance(reply, dict):
        raise ValueError("the SDK gave %s" % type(reply).__name__)
    if reply.get("error") and not reply.get("choices"):
        answer.error = error_of({"error": reply["error"]})
    answer.id, answer.model = reply.get("id") or None, reply.get("model") or None
    for choice in reply.get("choices") or []:
        take_choice(answer, choice.get("message") or {}, choice.get("finish_reason"))
    usage(answer, reply.get("usage") or (reply.get("x_groq") or {}).get("usage"))


def stream(answer, chunks):
    """Merges what the SDK's chunks say, beside the SDK's own accumulator."""
    state, quirk, choices = ChatCompletionStreamState(), None, {}
    try:
        for chunk in chunks:
            if quirk is None:
                try:
                    list(state.handle_chunk(chunk))
                except Exception as error:
                    quirk = "accumulator: %s: %s" % (type(error).__name__, str(error)[:100])
            take_chunk(answer, plain(chunk), choices)
    finally:
        for _, (message, reason) in sorted(choices.items()):
            message["tool_calls"] = list(message["tool_calls"].values())
            take_choice(answer, message, reason)
        if quirk is None and choices:
            quirk = accumulated_otherwise(answer, state)
        if quirk:
            answer.quirks.append(quirk)


def take_chunk(answer, chunk, choices):
    answer.id = answer.id or chunk.get("id") or None
    answer.model = answer.model or chunk.get("model") or None
    for choice in chunk.get("choices") or []:
        at = choice.get("index") or 0
        message, reason = choices.setdefault(at, ({"tool_calls": {}}, None))
        choices[at] = (message, choice.get("finish_reason") or reason)
        delta = choice.get("delta") or {}
        for name in ("content", "refusal") + REASONING:
            if delta.get(name):
                message[name] = joined(message.get(name) or "", delta[name])
        message.setdefault("reasoning_details", []).extend(delta.get("reasoning_details") or [])
        function = delta.get("function_call")
        if isinstance(function, dict):
            had = message.setdefault("function_call", {"name": "", "arguments": ""})
            had["name"] = had["name"] or function.get("name") or ""
            had["arguments"] += function.get("arguments") or ""
        for call in delta.get("tool_calls") or []:
            take_call(message["tool_calls"], call)
    usage(answer, (chunk.get("x_groq") or {}).get("usage"))
    usage(answer, chunk.get("usage"))


def take_call(calls, call):
    """Adds a piece of a call: by its index, and where there is none a new id begins a new call."""
    key = call.get("index")
    if key is None:
        key = call.get("id") or next(reversed(calls), 0)
    elif key in calls and call.get("id") and calls[key]["id"] not in (None, "", call["id"]):
        key = (key, call["id"])
    had = calls.setdefault(key, {"id": None, "function": {"name": "", "arguments": ""}})
    had["id"] = had["id"] or call.get("id")
    kind = "custom" if isinstance(call.get("custom"), dict) else "function"
    piece = call.get(kind) or {}
    had["function"]["name"] = had["function"]["name"] or piece.get("name") or ""
    more = piece.get("arguments", piece.get("input"))
    if isinstance(more, str):
        had["function"]["arguments"] += more
    elif more is not None:
        had["function"]["arguments"] = more


def take_choice(answer, message, reason):
    content = message.get("content")
    answer.text.append(words(content))
    answer.reasoning.append(reasoning(message))
    answer.finish_reasons.append(reason or None)
    for call in message.get("tool_calls") or []:
        piece = call.get("function") or call.get("custom") or {}
        answer.call(call.get("id"), piece.get("name"), piece.get("arguments", piece.get("input")))
    function = message.get("function_call")
    if isinstance(function, dict) and function.get("name"):
        answer.call(None, function["name"], function.get("arguments"))


def accumulated_otherwise(answer, state):
    try:
        snapshot = plain(state.current_completion_snapshot)
        other = Answer()
        for choice in sorted(snapshot.get("choices") or [], key=lambda c: c.get("index") or 0):
            take_choice(other, choice.get("message") or {}, choice.get("finish_reason"))
    except Exception as error:
        return "accumulator: %s: %s" % (type(error).__name__, str(error)[:100])
    for name in ("text", "tool_calls", "finish_reasons"):
        if getattr(other, name) != getattr(answer, name):
            return "accumulator: %s is %s" % (name, str(getattr(other, name))[:100])
    return None


def words(content):
    if isinstance(content, str):
        return content
    return "".join(
        block.get("text") or ""
        for block in content or []
        if isinstance(block, dict) and block.get("type") == "text"
    )


def reasoning(message):
    for name in REASONING:
        if isinstance(message.get(name), str) and message[name]:
            return message[name]
    details = "".join(
        detail.get("text") or detail.get("summary") or ""
        for detail in message.get("reasoning_details") or []
        if isinstance(detail, dict)
    )
    if details:
        return details
    content = message.get("content")
    thoughts = (
        [
            block["thinking"]
            for block in content
            if isinstance(block, dict) and block.get("type") == "thinking"
        ]
        if isinstance(content, list)
        else []
    )
    return "".join(thought if isinstance(thought, str) else words(thought) for thought in thoughts)


def usage(answer, counts):
    """Totals; reasoning that the total proves to be beside the completion is added (xAI)."""
    if not isinstance(counts, dict):
        return
    inner, outer = (
        {name: value for place in places for name, value in (counts.get(place) or {}).items()}
        for places in DETAILS
    )
    prompt = first(counts.get("prompt_tokens"), counts.get("input_tokens"))
    output = first(counts.get("completion_tokens"), counts.get("output_tokens"))
    thought = first(outer.get("reasoning_tokens"), counts.get("reasoning_tokens"))
    if None not in (prompt, output, thought) and thought:
        if counts.get("total_tokens") == prompt + output + thought:
            output += thought
    answer.count(
        input=prompt,
        input_cached=first(
            inner.get("cached_tokens"),
            counts.get("prompt_cache_hit_tokens"),
            counts.get("cache_read_input_tokens"),
            counts.get("cached_tokens"),
            counts.get("num_cached_tokens"),
        ),
        input_cache_written=first(
            inner.get("cache_write_tokens"),
            inner.get("cache_creation_tokens"),
            counts.get("cache_creation_input_tokens"),
            counts.get("cache_write_tokens"),
        ),
        output=output,
        reasoning=thought,
    )


def completion(answer, reply):
    """A whole legacy completion or a chunk of one; Writer's chunks are a `value` and no more."""
    if isinstance(reply.get("value"), str):
        reply = {"choices": [{"text": reply["value"]}]}
    answer.id = answer.id or reply.get("id") or None
    answer.model = answer.model or reply.get("model") or None
    for choice in reply.get("choices") or []:
        at = choice.get("index") or 0
        while len(answer.text) <= at:
            answer.text.append("")
            answer.finish_reasons.append(None)
        answer.text[at] += choice.get("text") or ""
        answer.finish_reasons[at] = choice.get("finish_reason") or answer.finish_reasons[at]
    usage(answer, reply.get("usage"))


def first(*values):
    return next((value for value in values if value is not None), None)


def joined(had, more):
    """A content that grows: as text, and as blocks from the first block on."""
    if isinstance(had, str) and isinstance(more, str):
        return had + more
    blocks = [had, more]
    blocks = [[{"type": "text", "text": b}] if isinstance(b, str) else b for b in blocks if b]
    return [block for list_ in blocks for block in list_]
