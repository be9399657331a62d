"""Google's generateContent: whole, as events, as an array that grows, and embeddings."""

import json

from exchange import Cut, event, stream, whole
from plan import Asked, embedding, new, pieces, plan


def text_of(content):
    if isinstance(content, str):
        return content
    texts = []
    for part in content.get("parts", []):
        if "functionResponse" in part:
            texts.append(json.dumps(part["functionResponse"].get("response"), ensure_ascii=False))
        texts.append(part.get("text") or "")
    return " ".join(text for text in texts if text)


def asked_of(body, model):
    contents = body.get("contents", [])
    texts = [text_of(content) for content in contents]
    last = contents[-1] if contents else {}
    answers = any("functionResponse" in part for part in last.get("parts", []))
    declared = [
        one for tool in body.get("tools") or [] for one in tool.get("functionDeclarations", [])
    ]
    config = body.get("generationConfig") or {}
    thinks = bool((config.get("thinkingConfig") or {}).get("includeThoughts"))
    if "systemInstruction" in body:
        texts.append(text_of(body["systemInstruction"]))
    said = text_of(last) if last else ""
    schema = config.get("responseJsonSchema") or config.get("responseSchema")
    return Asked(model, said, answers, texts, [one["name"] for one in declared], thinks, schema)


def usage(planned):
    told = {
        "promptTokenCount": planned.input,
        "candidatesTokenCount": planned.output - planned.thought,
        "totalTokenCount": planned.total,
        "cachedContentTokenCount": planned.cached,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": planned.input}],
    }
    if planned.thought:
        told["thoughtsTokenCount"] = planned.thought
    return told


def parts(planned, cut):
    """The parts of an answer, each text in one or in many."""
    several = pieces if cut else lambda text: [text]
    for piece in several(planned.reasoning):
        if piece:
            yield {"text": piece, "thought": True}
    for piece in several(planned.text):
        if piece:
            yield {"text": piece}
    for call in planned.calls:
        called = {"id": call.id, "name": call.name, "args": call.arguments}
        yield {"functionCall": called, "thoughtSignature": "bm9ib2R5IHNpZ25lZA=="}


def reply(about, parts, planned=None):
    candidate = {"content": {"role": "model", "parts": parts}, "index": 0}
    told = {"candidates": [candidate]}
    if planned is not None:
        candidate["finishReason"] = "STOP"
        told["usageMetadata"] = usage(planned)
    return {**told, **about}


def failure(code, message, status):
    return {"error": {"code": code, "message": message, "status": status}}


def answer(request, body, model, method):
    if method in ("embedContent", "batchEmbedContents"):
        return embed(body, method)
    asked = asked_of(body, model)
    if method == "countTokens":
        return whole({"totalTokens": plan(asked).input})
    if asked.says("error") and not asked.says("mid-stream"):
        told = failure(429, "Too many requests for nobody.", "RESOURCE_EXHAUSTED")
        in_array = method.startswith("stream") and "alt=sse" not in request.query
        return whole([told] if in_array else told, 429)
    planned = plan(asked)
    about = {"modelVersion": asked.answering, "responseId": f"gemini-{new():04}"}
    if method == "generateContent":
        return whole(reply(about, list(parts(planned, False)), planned))
    chunks = checked(asked, planned, about)
    if "alt=sse" in request.query:
        return stream(event(chunk, end="\r\n") for chunk in chunks)
    return stream(array(chunks), "application/json; charset=UTF-8")


def checked(asked, planned, about):
    for number, part in enumerate(parts(planned, True)):
        if number == 4 and asked.says("error-mid-stream"):
            yield failure(500, "Nobody broke down.", "INTERNAL")
            return
        if number == 4 and asked.says("cut"):
            raise Cut
        yield reply(about, [part])
    # The last chunk has no text of its own.
    yield reply(about, [{"text": ""}], planned)


def array(chunks):
    """One JSON array over many lines, each element sent when it is there."""
    for number, chunk in enumerate(chunks):
        before = "," if number else "["
        yield f"{before}{json.dumps(chunk, indent=2, ensure_ascii=False)}\r\n".encode()
    yield b"]"


def embed(body, method):
    def values(one):
        return {"values": embedding(text_of(one["content"]))}

    if method == "embedContent":
        return whole({"embedding": values(body)})
    return whole({"embeddings": [values(one) for one in body["requests"]]})
