"""What is answered: a function of the prompt alone, so that the same requests in the same order
get the same bytes from every provider that was just started.

| in the request | gives |
|---|---|
| last user text has `use the tool` | a call of the first tool, or of one that `TOOLS` knows |
| ... `use the tools` | calls of the first two tools |
| a schema for the answer | JSON that fits it |
| the answer of a tool is last | a text that repeats it |
| anything else | how many words were sent, then a text in many scripts |
| model has `reason`, or thinking is on | reasoning before the answer |
| model has `error-mid-stream` | an error after some events |
| model has `error` | the API's error of too many requests |
| model has `cut` | the connection closes after some events |
"""

import dataclasses
import itertools
import json
import re

ANSWER = (
    'Hello from nobody: {words} words came. Grüße, 世界 👋 Γειά, привет, مرحبا. "Quoted"\n\\ end.'
)
THOUGHT = "Nobody thinks: 你好 is hello, and so is γειά."
# Real tools by name, and a call that harms nothing.
TOOLS = {
    # Codex: a script, which is no JSON.
    "exec": 'text("quokka" + "-says-hello")',
    "exec_command": {"cmd": "echo quokka-says-hello"},
    "shell": {"command": ["echo", "quokka-says-hello"]},
    "shell_command": {"command": "echo quokka-says-hello"},
    "run_shell_command": {"command": "echo quokka-says-hello"},
    "bash": {"command": "echo quokka-says-hello", "description": "Says hello"},
}
ARGUMENTS = {"place": 'Gent, "Oude" Dok 🚲', "days": 2}
PIECE = 5

numbers = itertools.count(1)


@dataclasses.dataclass
class Asked:
    model: str
    # The last text of the user, or what a tool gave if that came after.
    last: str = ""
    answers_tool: bool = False
    # All texts, to be counted.
    texts: list = dataclasses.field(default_factory=list)
    tools: list = dataclasses.field(default_factory=list)
    thinks: bool = False
    # What the answer must fit, as a JSON schema.
    schema: dict | None = None

    def says(self, word):
        return word in (self.model or "")

    @property
    def answering(self):
        """The model that answers: a closer name, but for tools that would take it for another."""
        return f"{self.model}-1" if self.says("fake") else self.model


@dataclasses.dataclass
class Call:
    id: str
    name: str
    # A text for a tool that takes no JSON.
    arguments: dict | str


@dataclasses.dataclass
class Plan:
    text: str
    reasoning: str
    calls: list
    input: int
    cached: int
    output: int
    thought: int

    @property
    def total(self):
        return self.input + self.output


def plan(asked):
    calls = []
    wanted = asked.last.lower()
    if "use the tool" in wanted and not asked.answers_tool and asked.tools:
        known = [name for name in asked.tools if name in TOOLS]
        names = asked.tools[:2] if "use the tools" in wanted else (known or asked.tools)[:1]
        calls = [Call(f"call_{new():04}", name, TOOLS.get(name, ARGUMENTS)) for name in names]
    reasoning = THOUGHT if asked.thinks or asked.says("reason") else ""
    words = sum(len(text.split()) for text in asked.texts)
    text = "" if calls else ANSWER.format(words=words)
    if asked.schema:
        calls, text = [], json.dumps(fitting(asked.schema))
    elif asked.answers_tool:
        # No numbers: tools say how long they took.
        gave = re.sub(r"[0-9]+", "#", asked.last.strip()[-300:])
        text = f"The tool gave: {gave}. {text}"
    thought = len(reasoning.split())
    output = len(text.split()) + 7 * len(calls) + thought
    return Plan(text, reasoning, calls, words, words // 2, output, thought)


def fitting(schema):
    """The plainest value that fits a schema."""
    if "enum" in schema:
        return schema["enum"][0]
    kind = str(schema.get("type", "string")).lower()
    if kind == "object":
        return {name: fitting(one) for name, one in schema.get("properties", {}).items()}
    plain = {"array": [], "integer": 1, "number": 1, "boolean": True}
    return plain.get(kind, "grün")


def new():
    """The next number for an id."""
    return next(numbers)


def pieces(text):
    return [text[at : at + PIECE] for at in range(0, len(text), PIECE)]


def embedding(text, size=6):
    """A vector of numbers that floats of 32 bits hold exactly."""
    return [((len(text) * 7 + place * 5) % 16 - 8) / 8 for place in range(size)]
