"""Gemini's generateContent and its stream, read by the `google-genai` package."""

import re
import warnings

from google import genai
from google.genai import errors, types

from answer import Answer, error_of, plain

# Enum members of tomorrow are read all the same, with a warning each.
warnings.filterwarnings("ignore", module="google.genai")


def client(row, origin):
    options = types.HttpOptions(base_url=origin, retry_options=types.HttpRetryOptions(attempts=1))
    return genai.Client(api_key="-", vertexai=row.vendor == "vertex", http_options=options)


def generate(row, origin):
    answer = Answer(sdk="google-genai")
    api = client(row, origin)  # Named, for it closes its connections when it is forgotten.
    models = api.models
    candidates = {}

    def read():
        if row.api == "gemini.streamGenerateContent":
            chunks = models.generate_content_stream(model="m", contents="-")
        else:
            chunks = [models.generate_content(model="m", contents="-")]
        for chunk in chunks:
            take(answer, candidates, plain(chunk))

    guarded(answer, read)
    for _, (parts, reason) in sorted(candidates.items()):
        said = [p["text"] for p in parts if p.get("text") and not p.get("thought")]
        answer.text.append("".join(said))
        answer.reasoning += [p["text"] for p in parts if p.get("text") and p.get("thought")]
        for call in calls(part["function_call"] for part in parts if part.get("function_call")):
            answer.call(call.get("id"), call.get("name"), call.get("args"))
        answer.finish_reasons.append(reason)
    return answer


def count_tokens(row, origin):
    answer = Answer(sdk="google-genai")

    def read():
        api = client(row, origin)
        reply = api.models.count_tokens(model="m", contents="-")
        answer.count(input=reply.total_tokens, input_cached=reply.cached_content_token_count)

    guarded(answer, read)
    return answer


def guarded(answer, read):
    try:
        read()
    except errors.APIError as error:
        answer.error = (
            error_of(error.details)
            if error.details
            else {"type": error.status, "message": error.message}
        )
    except Exception as error:
        answer.fail(error)


def take(answer, candidates, reply):
    answer.id = reply.get("response_id") or answer.id
    answer.model = reply.get("model_version") or answer.model
    for candidate in reply.get("candidates") or []:
        at = candidate.get("index") or 0
        parts, reason = candidates.setdefault(at, ([], None))
        parts += (candidate.get("content") or {}).get("parts") or []
        candidates[at] = (parts, candidate.get("finish_reason") or reason)
    if not candidates and (reply.get("prompt_feedback") or {}).get("block_reason"):
        answer.error = {"type": "prompt_blocked", "message": None}
    usage(answer, reply.get("usage_metadata") or {})


def calls(pieces):
    """Whole calls; one that streams its arguments goes on until a piece says that it does not."""
    grown = None
    for piece in pieces:
        if grown is None and not piece.get("will_continue") and not piece.get("partial_args"):
            yield piece
            continue
        if grown is None:
            grown = {"id": piece.get("id"), "name": piece.get("name"), "args": {}}
        for partial in piece.get("partial_args") or []:
            put(grown["args"], partial)
        if not piece.get("will_continue"):
            yield grown
            grown = None
    if grown is not None:
        yield grown


def put(args, partial):
    """Sets, or lengthens, what a JSON path such as `$.guests[0].age` leads to."""
    steps = [
        int(step) if step.isdigit() else step
        for step in re.findall(r"[^.\[\]'\"$]+", partial["json_path"])
    ]
    for step, then in zip(steps, steps[1:]):
        args = at(args, step, [] if isinstance(then, int) else {})
    kinds = ("string_value", "number_value", "bool_value")
    value = next((partial[kind] for kind in kinds if partial.get(kind) is not None), None)
    had = at(args, steps[-1], value if not isinstance(value, str) else "")
    args[steps[-1]] = had + value if isinstance(value, str) else value


def at(args, step, default):
    if isinstance(args, list):
        args.extend([None] * (step + 1 - len(args)))
        args[step] = default if args[step] is None else args[step]
        return args[step]
    return args.setdefault(step, default)


def usage(answer, counts):
    """Gemini counts thoughts beside the candidates."""
    outputs = [counts.get("candidates_token_count"), counts.get("thoughts_token_count")]
    outputs = [count for count in outputs if count is not None]
    prompt, by_tools = counts.get("prompt_token_count"), counts.get("tool_use_prompt_token_count")
    answer.count(
        # What its own tools put into the prompt is counted beside it.
        input=[prompt, prompt + by_tools] if prompt and by_tools else prompt,
        input_cached=counts.get("cached_content_token_count"),
        output=sum(outputs) if outputs else None,
        reasoning=counts.get("thoughts_token_count"),
    )
