#!/usr/bin/env python3
"""Says where Overhear's exchanges differ from what the providers' SDKs read.

    compare.py truth.jsonl exchanges.jsonl [--beyond beyond.json] [--all]

`truth.jsonl` is what `truth.py` prints; each line of `exchanges.jsonl` is
{id, dialect, operation, is_complete, decoded} of the same row. Prints a table, then a line for
each field that is wrong, or with `--all` for those that are explained as well. A difference is
explained if Overhear's notes or the SDK's exception account for it, or if the row's id is in
`beyond.json`, with the reason for which Overhear knows more than the SDK. Exits 1 if any is not.
"""

import argparse
import json
import re
import sys
from collections import Counter, defaultdict
from pathlib import Path

EXCERPT = 150
REQUEST = ("model_asked", "system", "messages", "tools")
REPLY = (
    "text",
    "reasoning",
    "tool_calls",
    "finish_reasons",
    "usage",
    "reply_model",
    "reply_id",
    "error",
)
# Notes that tell of what is in place, not of what could not be read.
HARMLESS_NOTES = ("the request has no body",)


def differences(truth, found):
    """[(field, expected, found)] of one row."""
    if found.get("dialect") is None:
        return [
            ("dialect", truth["api"], "no dialect claims it" if "panic" not in found else "panic")
        ]
    expected, seen = truth["expected"], exchange(found["decoded"])
    fields = list(REQUEST) if truth["request_recorded"] else []
    if truth["answered"]:
        fields += REPLY
    wrong = []
    for field in fields:
        if field not in expected or field in REQUEST and expected[field] is None:
            if field != "system" or not expected.get("messages"):
                continue
        if truth["sdk_error"] and field in REPLY:
            continue  # What the SDK could not read says nothing about who can.
        if (
            field in ("reply_id", "reply_model", "finish_reasons")
            and expected["error"]
            and not (any(expected[field]) if field == "finish_reasons" else expected[field])
        ):
            continue  # The SDK's exceptions do not tell.
        told = CHECKS.get(field, equal)(expected[field], seen[field], truth)
        if told is not None:
            wrong += told if isinstance(told, list) else [(field, expected[field], seen[field])]
    return wrong


def exchange(decoded):
    """The fields that `truth.py` gives, out of an exchange."""
    request, reply = decoded["request"], decoded.get("reply") or {}
    choices = reply.get("choices") or []
    parts = [part for choice in choices for part in choice["parts"]]
    return {
        "model_asked": request["model"],
        "system": request["system"],
        "messages": [{"role": m["role"], "text": words(m["parts"])} for m in request["messages"]],
        "tools": [tool["name"] for tool in request["tools"]],
        "text": [texts(choice["parts"]) for choice in choices],
        "reasoning": "\n".join(p["text"] for p in parts if p["type"] == "reasoning" and p["text"]),
        "tool_calls": [
            {name: p.get(name) for name in ("id", "name", "arguments")}
            for p in parts
            if p["type"] == "tool_call"
        ],
        "finish_reasons": [choice["finish_reason"] for choice in choices],
        "usage": decoded["usage"],
        "reply_model": reply.get("model"),
        "reply_id": reply.get("id"),
        "error": decoded["error"],
    }


def texts(parts):
    return "".join(part["text"] for part in parts if part["type"] == "text")


def words(parts):
    """Words of a message, those of tool results in it included."""
    return "".join(
        part["text"] if part["type"] == "text" else words(part["parts"])
        for part in parts
        if part["type"] in ("text", "tool_result")
    )


# Checks: (expected, found, truth) -> None if right, True or a list of differences if wrong.


def equal(expected, found, _):
    return None if expected == found else True


def any_of(expected, found, _):
    """A list is of words of which any will do."""
    if isinstance(expected, list):
        return None if found in expected else True
    return equal(expected, found, None)


def same_messages(expected, found, truth):
    def alike(one, other):
        return len(one) == len(other) and all(
            a["text"] == b["text"] and a["role"] in (None, "", b["role"])
            for a, b in zip(one, other)
        )

    if alike(expected, found):
        return None
    # Where an API has items, what is one message is a matter of taste; the words are not.
    if truth["api"] in ("openai.responses", "gemini.interactions"):
        said = [m for m in expected if m["text"]], [m for m in found if m["text"]]
        if alike(*said):
            return None
    for at, (one, other) in enumerate(zip(expected, found)):
        if not alike([one], [other]):
            return [("messages[%d]" % at, one, other)]
    return [("messages", "%d" % len(expected), "%d: %s" % (len(found), found[len(expected) :]))]


def same_text(expected, found, _):
    """A choice without words and no choice at all are the same."""
    trim = lambda list_: list_ if any(list_) else []  # noqa: E731
    return None if trim(expected) == trim(found) else True


def same_reasoning(expected, found, _):
    """Pieces are joined in more than one way: white space does not count."""
    squeeze = lambda text: re.sub(r"\s", "", text or "")  # noqa: E731
    choices = expected if isinstance(expected, list) else [expected]
    return None if squeeze(found) in map(squeeze, choices) else True


def same_calls(expected, found, truth):
    if len(expected) != len(found):
        return True
    for one, other in zip(expected, found):
        no_ids = one["id"] is None and truth["api"].startswith("ollama.")
        if one["name"] != other["name"] or one["id"] != other["id"] and not no_ids:
            return True
        if not same_arguments(one["arguments"], other["arguments"]):
            return True
    return None


def same_arguments(expected, found):
    if expected == found or not expected and not found:
        return True
    if isinstance(found, str):  # Cut in the middle: the SDK closes what is open.
        try:
            import jiter

            return jiter.from_json(found.encode(), partial_mode=True) == expected
        except (ImportError, ValueError):
            return False
    return False


def same_reasons(expected, found, _):
    if not any(expected) and not any(found):
        return None
    if len(expected) != len(found):
        return True
    return None if all(any_of(a, b, None) is None for a, b in zip(expected, found)) else True


def same_usage(expected, found, _):
    if not expected or not found:
        return None if not expected and not found else True
    wrong = [
        ("usage." + name, count, found.get(name))
        for name, count in expected.items()
        if any_of(count, found.get(name), None)
    ]
    return wrong or None


def same_error(expected, found, _):
    if not expected or not found:
        return None if not expected and not found else True
    told = expected.get("message")
    return None if not told or told.strip() == (found.get("message") or "").strip() else True


CHECKS = {
    "system": any_of,
    "messages": same_messages,
    "text": same_text,
    "reasoning": same_reasoning,
    "tool_calls": same_calls,
    "finish_reasons": same_reasons,
    "usage": same_usage,
    "error": same_error,
    "reply_id": any_of,
    "reply_model": any_of,
    "model_asked": any_of,
}


def lines(path):
    with open(path) as file:
        return {row["id"]: row for row in map(json.loads, file)}


def excerpt(value):
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= EXCERPT else text[: EXCERPT - 1] + "…"


def around(expected, found):
    """Excerpts of two long texts from where they part."""
    one, other = (
        v if isinstance(v, str) else json.dumps(v, ensure_ascii=False) for v in (expected, found)
    )
    at = next((i for i, (a, b) in enumerate(zip(one, other)) if a != b), min(len(one), len(other)))
    start = max(0, at - 30)
    cut = "…" if start else ""
    return excerpt(cut + one[start:]), excerpt(cut + other[start:])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("truth")
    parser.add_argument("exchanges")
    parser.add_argument("--beyond", help="{row id: why the SDK cannot tell}")
    parser.add_argument("--all", action="store_true", help="show what is explained, too")
    options = parser.parse_args()
    beyond = json.loads(Path(options.beyond).read_text()) if options.beyond else {}
    truths, found = lines(options.truth), lines(options.exchanges)
    table, fields, shown = defaultdict(Counter), defaultdict(Counter), []
    for id, truth in truths.items():
        if id not in found:
            continue
        api = truth["api"]
        wrong = differences(truth, found[id])
        notes = [
            n
            for n in (found[id].get("decoded") or {}).get("notes") or []
            if n not in HARMLESS_NOTES
        ]
        reasons = [r for r in [beyond.get(id), truth["sdk_error"], *notes] if r]
        verdict = "exact" if not wrong else "explained" if reasons else "wrong"
        if not wrong and truth["sdk_error"]:
            verdict = "explained"
        table[api]["rows"] += 1
        table[api][verdict] += 1
        if verdict == "wrong" or wrong and options.all:
            for field, one, other in wrong:
                fields[api][re.sub(r"\[\d+\]", "", field)] += verdict == "wrong"
                one, other = around(one, other)
                why = "" if verdict == "wrong" else "  (explained: %s)" % "; ".join(reasons)
                shown.append(
                    "%s %s %s: expected %s, found %s%s" % (id, api, field, one, other, why)
                )
    print("%-30s %6s %6s %9s %6s  %s" % ("api", "rows", "exact", "explained", "wrong", "fields"))
    for api, counts in sorted(table.items()):
        named = ", ".join("%s %d" % item for item in fields[api].most_common() if item[1])
        print(
            "%-30s %6d %6d %9d %6d  %s"
            % (api, counts["rows"], counts["exact"], counts["explained"], counts["wrong"], named)
        )
    print()
    print("\n".join(shown))
    missing = [id for id in truths if id not in found]
    if missing:
        print("%d rows have no exchange, the first is %s" % (len(missing), missing[0]))
    return 1 if missing or any(counts["wrong"] for counts in table.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
