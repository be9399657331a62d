#!/usr/bin/env python3
"""The comparer finds what differs and lets pass what does not: python3 -m unittest"""

import copy
import unittest

import compare

TRUTH = {
    "id": "r-1",
    "api": "openai.chat",
    "request_recorded": True,
    "answered": True,
    "sdk_error": None,
    "quirks": [],
    "expected": {
        "model_asked": "fake-1",
        "system": "Be brief.",
        "messages": [{"role": "system", "text": "Be brief."}, {"role": "user", "text": "Hi"}],
        "tools": ["add"],
        "text": ["Hello"],
        "reasoning": "a\nb",
        "tool_calls": [{"id": "c1", "name": "add", "arguments": {"x": 1}}],
        "finish_reasons": ["stop"],
        "usage": {
            "input": 9,
            "input_cached": None,
            "input_cache_written": None,
            "output": 4,
            "reasoning": None,
        },
        "reply_model": "fake-1-0101",
        "reply_id": "r1",
        "error": None,
    },
}
FOUND = {
    "id": "r-1",
    "dialect": "openai.chat",
    "operation": "chat",
    "is_complete": True,
    "decoded": {
        "request": {
            "model": "fake-1",
            "system": "Be brief.",
            "tools": [{"name": "add"}],
            "messages": [
                {"role": "system", "parts": [{"type": "text", "text": "Be brief."}]},
                {"role": "user", "parts": [{"type": "text", "text": "Hi"}]},
            ],
        },
        "reply": {
            "id": "r1",
            "model": "fake-1-0101",
            "choices": [
                {
                    "parts": [
                        {"type": "reasoning", "text": "a"},
                        {"type": "reasoning", "text": "b"},
                        {"type": "text", "text": "Hello"},
                        {"type": "tool_call", "id": "c1", "name": "add", "arguments": {"x": 1}},
                    ],
                    "finish_reason": "stop",
                }
            ],
        },
        "usage": {
            "input": 9,
            "input_cached": None,
            "input_cache_written": None,
            "output": 4,
            "reasoning": None,
            "source": "provider",
            "raw": {},
        },
        "error": None,
        "notes": [],
    },
}


def changed(whole, path, value):
    """A copy of `whole` in which the place that `path` leads to is `value`."""
    whole = copy.deepcopy(whole)
    place = whole
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return whole


class Differences(unittest.TestCase):
    def test_what_is_equal_passes(self):
        self.assertEqual(compare.differences(TRUTH, FOUND), [])

    def test_every_field_is_compared(self):
        decoded, choice = ("decoded",), ("decoded", "reply", "choices", 0)
        for field, path, value in [
            ("dialect", ("dialect",), None),
            ("model_asked", decoded + ("request", "model"), "other"),
            ("system", decoded + ("request", "system"), None),
            ("messages[1]", decoded + ("request", "messages", 1, "role"), "assistant"),
            ("messages[1]", decoded + ("request", "messages", 1, "parts"), []),
            (
                "messages",
                decoded + ("request", "messages"),
                FOUND["decoded"]["request"]["messages"][:1],
            ),
            ("tools", decoded + ("request", "tools"), []),
            ("text", choice + ("parts", 2, "text"), "Hullo"),
            ("reasoning", choice + ("parts", 0, "text"), "c"),
            ("tool_calls", choice + ("parts", 3, "arguments"), {"x": 2}),
            ("tool_calls", choice + ("parts", 3, "id"), "c2"),
            ("finish_reasons", choice + ("finish_reason",), "length"),
            ("usage.output", decoded + ("usage", "output"), 5),
            ("usage", decoded + ("usage",), None),
            ("reply_model", decoded + ("reply", "model"), None),
            ("reply_id", decoded + ("reply", "id"), "r2"),
            ("error", decoded + ("error",), {"type": "x", "message": "y"}),
        ]:
            found = compare.differences(TRUTH, changed(FOUND, path, value))
            self.assertEqual([name for name, _, _ in found], [field], (path, value))

    def test_what_may_differ_passes(self):
        expected = ("expected",)
        for rule, path, value in [
            (
                "a list is of words of which any will do",
                expected + ("finish_reasons",),
                [["stop", "end"]],
            ),
            ("so it is for a count", expected + ("usage", "input"), [7, 9]),
            ("and for the system prompt", expected + ("system",), ["Be.", "Be brief."]),
            ("white space in reasoning does not count", expected + ("reasoning",), "ab"),
            ("a role that is not known matches any", expected + ("messages", 1, "role"), None),
            ("what the SDK could not read is not compared", ("sdk_error",), "Boom"),
        ]:
            truth = changed(TRUTH, path, value)
            if rule.startswith("what the SDK"):
                truth = changed(truth, expected + ("text",), [])
            self.assertEqual(compare.differences(truth, FOUND), [], rule)

    def test_arguments_that_were_cut_are_those_that_the_sdk_closed(self):
        truth = changed(TRUTH, ("expected", "tool_calls", 0, "arguments"), {"x": 1, "y": [2]})
        found = changed(
            FOUND, ("decoded", "reply", "choices", 0, "parts", 3, "arguments"), '{"x": 1, "y": [2'
        )
        try:
            import jiter  # noqa: F401 comes with the SDKs
        except ImportError:
            self.skipTest("no jiter")
        self.assertEqual(compare.differences(truth, found), [])


if __name__ == "__main__":
    unittest.main()
