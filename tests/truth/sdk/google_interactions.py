"""Gemini's interactions, read by the `google-genai` package."""

from answer import Answer, error_of, plain
from sdk.google_genai import client

CALLS = ("function_call",)


def interactions(row, origin):
    answer = Answer(sdk="google-genai")
    steps, last = {}, {}

    def read():
        google = client(row, origin)
        api = google.interactions
        if not row.is_stream:
            reply = api.get("i") if row.method == "GET" else api.create(model="m", input="-")
            last.update(plain(reply))
            steps.update(enumerate(last.get("steps") or []))
            return
        for event in api.create(model="m", input="-", stream=True):
            take(answer, steps, last, plain(event))

    try:
        read()
    except Exception as error:
        if body := getattr(error, "body", None):
            answer.error = error_of(parsed_body(body))
        else:
            answer.fail(error)
    finish(answer, [steps[at] for at in sorted(steps)], last)
    return answer


def parsed_body(body):
    import json

    try:
        return json.loads(body) if isinstance(body, (str, bytes)) else body
    except ValueError:
        return body


def take(answer, steps, last, event):
    if not isinstance(event, dict):
        return  # An event that was cut in the middle comes as its text.
    event = event["raw"] if isinstance(event.get("raw"), dict) else event
    kind = event.get("event_type")
    if isinstance(event.get("interaction"), dict):
        last.update({k: v for k, v in event["interaction"].items() if v is not None})
    if kind == "interaction.status_update":
        last["status"] = event.get("status") or last.get("status")
    elif kind == "step.start":
        steps[event.get("index")] = dict(event.get("step") or {})
    elif kind == "step.delta":
        grow(steps.setdefault(event.get("index"), {}), event.get("delta") or {})
    elif kind == "error":
        answer.error = error_of({"error": event.get("error")})


def grow(step, delta):
    delta = delta["raw"] if isinstance(delta.get("raw"), dict) else delta
    kind = delta.get("type")
    if kind == "text":
        step.setdefault("content", []).append({"type": "text", "text": delta.get("text") or ""})
    elif kind == "thought_summary":
        step.setdefault("summary", []).append(delta.get("content") or {})
    elif kind == "arguments_delta":
        had = step.get("arguments")
        more = delta.get("arguments") or delta.get("partial_arguments") or ""
        step["arguments"] = (had if isinstance(had, str) else "") + more


def finish(answer, steps, last):
    answer.id, answer.model = last.get("id") or None, last.get("model") or None
    text = ""
    for step in steps:
        kind = step.get("type")
        if kind == "model_output":
            text += "".join(
                part.get("text") or ""
                for part in step.get("content") or []
                if part.get("type") == "text"
            )
        elif kind == "thought":
            answer.reasoning += [part.get("text") or "" for part in step.get("summary") or []]
        elif kind in CALLS:
            answer.call(step.get("id"), step.get("name"), step.get("arguments"))
    if steps or last.get("status") != "in_progress":  # Else the answer is another exchange.
        answer.text.append(text)
        status = last.get("status")
        answer.finish_reasons.append(None if status == "in_progress" else status)
    counts = last.get("usage") or {}
    outputs = [counts.get("total_output_tokens"), counts.get("total_thought_tokens")]
    outputs = [count for count in outputs if count is not None]
    prompt, by_tools = counts.get("total_input_tokens"), counts.get("total_tool_use_tokens")
    answer.count(
        input=[prompt, prompt + by_tools] if prompt and by_tools else prompt,
        input_cached=counts.get("total_cached_tokens"),
        output=sum(outputs) if outputs else None,
        reasoning=counts.get("total_thought_tokens"),
    )
    if isinstance(last.get("error"), dict):
        answer.error = error_of({"error": last["error"]})
