"""Mistral's filling in of code. Its chat is in `openai_chat.py`."""

import openai_chat


def fill(request, body):
    said = [body.get("prompt") or "", body.get("suffix") or ""]
    messages = [{"role": "user", "content": text} for text in said]
    return openai_chat.answer(request, {**body, "messages": messages})
