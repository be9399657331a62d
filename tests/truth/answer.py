"""What a reply says, in the words of docs/exchange.md; filled by the readers in `sdk/`."""

from dataclasses import dataclass, field

USAGE = ("input", "input_cached", "input_cache_written", "output", "reasoning")


@dataclass
class Answer:
    sdk: str = ""
    # One entry a choice; a reply without choices has none.
    text: list = field(default_factory=list)
    # Pieces in the order of the wire; they compare joined.
    reasoning: list = field(default_factory=list)
    # {id, name, arguments}: arguments parsed if they are JSON.
    tool_calls: list = field(default_factory=list)
    # One entry a choice: a word, None, or a list of words of which any will do.
    finish_reasons: list = field(default_factory=list)
    usage: dict = field(default_factory=dict)
    # A word, None, or a list of which any will do, as for `finish_reasons`.
    model: str | list | None = None
    id: str | list | None = None
    # {type, message}, None where nothing went wrong.
    error: dict | None = None
    # The exception that kept the SDK from reading; what was read before it stands above.
    sdk_error: str | None = None
    # Where the SDK's own accumulator reads otherwise than its typed events say.
    quirks: list = field(default_factory=list)

    def count(self, **counts):
        """Takes totals, or lists of totals of which any will do; `None` does not overwrite."""
        for name, value in counts.items():
            assert name in USAGE
            if isinstance(value, list):
                self.usage[name] = value
            elif isinstance(value, (int, float)) and not isinstance(value, bool):
                self.usage[name] = int(value)

    def call(self, id, name, arguments):
        self.tool_calls.append({"id": id or None, "name": name, "arguments": parsed(arguments)})

    def fail(self, exception):
        self.sdk_error = "%s: %s" % (type(exception).__name__, str(exception)[:300])


def parsed(arguments):
    """JSON if it is JSON, else the text."""
    import json

    if not isinstance(arguments, str):
        return arguments
    try:
        return json.loads(arguments)
    except ValueError:
        return arguments


def plain(value):
    """An SDK's object as dicts and lists, fields that it does not know included."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", by_alias=False, exclude_unset=True, warnings=False)
    return value


def error_of(body, status=None):
    """{type, message} of an error in any of the shapes that providers give it."""
    if isinstance(body, list) and body:
        body = body[0]
    if not isinstance(body, dict):
        return {"type": None, "message": body if isinstance(body, str) else None}
    inner = next((body[key] for key in ("error", "errors", "detail") if body.get(key)), body)
    if isinstance(inner, str):
        return {"type": body.get("type") or body.get("code"), "message": inner}
    if isinstance(inner, list):
        words = [
            item.get("msg") or item.get("message") if isinstance(item, dict) else item
            for item in inner
        ]
        return {"type": None, "message": "\n".join(word for word in words if isinstance(word, str))}
    kind = next(
        (
            inner[key]
            for key in ("type", "code", "status")
            if isinstance(inner.get(key), str) and inner[key]
        ),
        None,
    )
    message = inner.get("message") or inner.get("Message")
    return {"type": kind, "message": message if isinstance(message, str) else None}
