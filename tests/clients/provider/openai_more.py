"""OpenAI's embeddings, its legacy completions, and lists of models."""

import base64
import struct

from exchange import Cut, event, stream, whole
from openai_chat import BROKEN, CREATED, RATE, usage
from plan import Asked, embedding, new, pieces, plan


def models(request, body):
    names = ("fake", "fake-reasoner")
    told = [
        {"id": name, "object": "model", "created": CREATED, "owned_by": "nobody"} for name in names
    ]
    return whole({"object": "list", "data": told})


def codex_models(request, body):
    return whole({"models": []})


def chatgpt_account(request, body):
    """What a signed-in Codex asks first: which workspace, and where that is served."""
    account = {
        "id": request.header("chatgpt-account-id"),
        "account_user_id": "user-fake__account-fake",
        "plan_type": "plus",
        "structure": "personal",
        "workspace_backend_origin": "NO_CONSTRAINT",
        "account_routing_override": "NO_CONSTRAINT",
    }
    told = {"accounts": [account], "account_ordering": [account["id"]]}
    return whole({**told, "default_account_id": account["id"]})


def embeddings(request, body):
    given = body.get("input", [])
    texts = [given] if isinstance(given, str) else given
    if "error" in body.get("model", ""):
        return whole({"error": RATE}, 429)
    data = []
    for place, text in enumerate(texts):
        vector = embedding(text)
        if body.get("encoding_format") == "base64":
            vector = base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
        data.append({"object": "embedding", "index": place, "embedding": vector})
    words = sum(len(text.split()) for text in texts)
    counted = {"prompt_tokens": words, "total_tokens": words}
    told = {"object": "list", "data": data, "model": body["model"], "usage": counted}
    # Mistral's have an id.
    return whole({"id": f"embd-{new():04}", **told} if "stral" in body["model"] else told)


def completions(request, body):
    given = body.get("prompt", "")
    texts = [given] if isinstance(given, str) else given
    asked = Asked(body.get("model"), texts[-1], False, texts)
    if asked.says("error") and not asked.says("mid-stream"):
        return whole({"error": RATE}, 429)
    planned = plan(asked)
    about = {"id": f"cmpl-{new():04}", "object": "text_completion", "created": CREATED}
    about["model"] = asked.answering
    if body.get("stream"):
        return stream(chunks(asked, planned, about))
    choice = {"text": planned.text, "index": 0, "logprobs": None, "finish_reason": "stop"}
    return whole({**about, "choices": [choice], "usage": usage(planned)})


def chunks(asked, planned, about):
    for number, piece in enumerate([*pieces(planned.text), ""]):
        if number == 4 and asked.says("error-mid-stream"):
            yield event({"error": BROKEN})
            return
        if number == 4 and asked.says("cut"):
            raise Cut
        reason = None if piece else "stop"
        choice = {"text": piece, "index": 0, "logprobs": None, "finish_reason": reason}
        yield event({**about, "choices": [choice]})
    yield event({**about, "choices": [], "usage": usage(planned)})
    yield event("[DONE]")
