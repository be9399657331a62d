"""Responses, read by the `openai` package: created, streamed, and fetched later."""

import openai
from openai.lib.streaming.responses._responses import ResponseStreamState

from answer import Answer, error_of, plain
from sdk.openai_chat import client, guarded, usage

# Events that carry the whole response; the last one counts.
WHOLE = ("created", "queued", "in_progress", "completed", "incomplete", "failed", "cancelled")
TERMINAL = WHOLE[3:]


def responses(row, origin):
    answer = Answer(sdk="openai")
    api = client(origin).responses

    def read():
        if row.is_stream:
            stream(answer, api.create(model="-", input="-", stream=True))
        elif row.method == "GET":
            whole(answer, plain(api.retrieve("resp_0")))
        else:
            whole(answer, plain(api.create(model="-", input="-")))

    guarded(answer, read)
    return answer


def input_tokens(row, origin):
    answer = Answer(sdk="openai")

    def read():
        counted = client(origin).responses.input_tokens.count(model="-", input="-")
        answer.count(input=counted.input_tokens)

    guarded(answer, read)
    return answer


def stream(answer, events):
    """Merges the SDK's events: an item that is done counts, and a terminal response that has
    output counts above all. The SDK's accumulator runs beside and must find the same."""
    state, quirk, response, items, failure = (
        ResponseStreamState(input_tools=openai.omit, text_format=openai.omit),
        None,
        {},
        {},
        None,
    )
    try:
        for event in events:
            if quirk is None:
                try:
                    state.handle_event(event)
                except Exception as error:
                    quirk = "accumulator: %s: %s" % (type(error).__name__, str(error)[:100])
            event = plain(event)
            kind = str(event.get("type")).removeprefix("response.")
            if kind == "error":
                failure = error_of(
                    {"error": {k: event.get(k) for k in ("code", "message")}}
                    if event.get("message")
                    else {"error": event.get("error")}
                )
            elif kind in WHOLE and isinstance(event.get("response"), dict):
                told = event["response"]
                response = {**response, **{k: v for k, v in told.items() if v is not None}}
                if kind in TERMINAL:
                    response["status"] = told.get("status") or kind
            else:
                take(items, kind, event)
    finally:
        merged = [items[at] for at in sorted(items, key=lambda at: (at is None, at))]
        if response.get("output"):
            merged = response["output"]
        if response or merged:
            whole(answer, {**response, "output": merged})
        answer.error = answer.error or failure
        done = state._completed_response
        if quirk is None and done is not None and done.output_text != "".join(answer.text):
            quirk = "accumulator: text is %s" % done.output_text[:100]
        if quirk:
            answer.quirks.append(quirk)


def take(items, kind, event):
    at = event.get("output_index")
    if at is None and isinstance(event.get("item"), dict):
        at = next(
            (at for at, item in items.items() if item.get("id") == event["item"].get("id")),
            len(items),
        )
    if kind in ("output_item.added", "output_item.done") and isinstance(event.get("item"), dict):
        items[at] = event["item"]
    item = items.setdefault(at, {})
    if kind in TEXTS:
        type, name, index, of = TEXTS[kind]
        item.setdefault("type", type)
        part(item, name, event.get(index), of)["text"] += event["delta"]
    elif kind.endswith(".done") and kind.replace(".done", ".delta") in TEXTS:
        type, name, index, of = TEXTS[kind.replace(".done", ".delta")]
        item.setdefault("type", type)
        part(item, name, event.get(index), of)["text"] = event.get("text") or ""
    elif kind.rpartition(".")[0] in ARGUMENTS:
        name = ARGUMENTS[kind.rpartition(".")[0]]
        whole, more = event.get(name), event.get("delta")
        item[name] = whole if isinstance(whole, str) else (item.get(name) or "") + (more or "")


# Events that grow a text: the item, its list, the place in the list, the kind of part.
TEXTS = {
    "output_text.delta": ("message", "content", "content_index", "output_text"),
    "reasoning_text.delta": ("reasoning", "content", "content_index", "reasoning_text"),
    "reasoning_summary_text.delta": ("reasoning", "summary", "summary_index", "summary_text"),
}
# Events that grow what a tool is called with, and the field of the item.
ARGUMENTS = {
    "function_call_arguments": "arguments",
    "custom_tool_call_input": "input",
    "mcp_call_arguments": "arguments",
}


def part(item, name, at, kind):
    parts = item.get(name)
    if not isinstance(parts, list):
        parts = item[name] = []
    while len(parts) <= (at or 0):
        parts.append({"type": kind, "text": ""})
    parts[at or 0].setdefault("text", "")
    return parts[at or 0]


def whole(answer, response):
    answer.id, answer.model = response.get("id") or None, response.get("model") or None
    text = ""
    for item in response.get("output") or []:
        kind = item.get("type")
        if kind == "message":
            text += "".join(
                part.get("text") or ""
                for part in item.get("content") or []
                if part.get("type") == "output_text"
            )
        elif kind == "reasoning":
            for part in (item.get("summary") or []) + (item.get("content") or []):
                answer.reasoning.append(part.get("text") or "")
        elif kind == "function_call":
            answer.call(item.get("call_id"), item.get("name"), item.get("arguments"))
        elif kind == "mcp_call":
            answer.call(item.get("id"), item.get("name"), item.get("arguments"))
        elif kind == "custom_tool_call":
            answer.call(item.get("call_id"), item.get("name"), item.get("input"))
    usage(answer, response.get("usage"))
    if response.get("error"):
        answer.error = error_of({"error": response["error"]})
    status = response.get("status")
    if status in ("queued", "in_progress"):
        if not response.get("output"):
            return  # The answer is another exchange.
        status = None
    if answer.error and not response.get("output"):
        return
    answer.text.append(text)
    # The provider has two words: why it is incomplete, and that it is.
    reason = (response.get("incomplete_details") or {}).get("reason")
    answer.finish_reasons.append([word for word in (reason, status) if word] or None)
