"""Google's live sessions: JSON in binary messages."""

import json

from gemini import text_of, usage
from plan import Asked, pieces, plan


class Session:
    def __init__(self, request):
        self.headers = []
        self.setup = {}
        self.texts = []

    def opened(self):
        return []

    def take(self, message):
        # Google takes both spellings, and its SDKs send both.
        given = {camel(name): value for name, value in json.loads(message).items()}
        if "setup" in given:
            self.setup = given["setup"]
            return [told({"setupComplete": {"sessionId": "session-0001"}})]
        if "clientContent" in given:
            return self.answer(given["clientContent"])
        if "toolResponse" in given:
            answers = given["toolResponse"].get("functionResponses")
            turns = [{"parts": [{"functionResponse": one}]} for one in answers]
            return self.answer({"turns": turns, "turnComplete": True}, answers=True)
        return []

    def answer(self, content, answers=False):
        turns = content.get("turns", [])
        self.texts += [text_of(turn) for turn in turns]
        if not content.get("turnComplete", True):
            return
        declared = [
            one["name"]
            for tool in self.setup.get("tools") or []
            for one in tool.get("functionDeclarations", [])
        ]
        system = text_of(self.setup.get("systemInstruction") or {})
        texts = [*self.texts, system]
        planned = plan(Asked(self.setup.get("model"), self.texts[-1], answers, texts, declared))
        for piece in pieces(planned.text):
            turn = {"role": "model", "parts": [{"text": piece}]}
            yield told({"serverContent": {"modelTurn": turn}})
        for call in planned.calls:
            called = {"id": call.id, "name": call.name, "args": call.arguments}
            yield told({"toolCall": {"functionCalls": [called]}})
        counted = usage(planned)
        counted["responseTokenCount"] = counted.pop("candidatesTokenCount")
        if not planned.calls:
            yield told({"serverContent": {"generationComplete": True}})
        ended = {"usageMetadata": counted}
        if not planned.calls:
            ended["serverContent"] = {"turnComplete": True}
        yield told(ended)


def camel(name):
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)


def told(value):
    return json.dumps(value, ensure_ascii=False).encode()
