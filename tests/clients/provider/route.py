"""Which API a request is for, by its path alone: one provider is all of them."""

import json
import re

import anthropic
import bedrock
import cohere
import gemini
import live
import mistral
import ollama
import openai_chat
import openai_more
import openai_realtime
import openai_responses
from exchange import whole

# The first that matches the path answers. Names of groups are arguments.
ROUTES = [
    ("POST", r".*/chat/completions", openai_chat.answer),
    ("POST", r".*/embeddings", openai_more.embeddings),
    ("GET", r"/(openai/)?v1/models|/models", openai_more.models),
    ("GET", r"/backend-api/codex/models", openai_more.codex_models),
    ("GET", r"/backend-api/wham/accounts/check", openai_more.chatgpt_account),
    ("POST", r"/v1/fim/completions", mistral.fill),
    ("POST", r".*/completions", openai_more.completions),
    ("POST", r"(/v1|/backend-api/codex)/responses", openai_responses.answer),
    ("POST", r"(/v1|/backend-api/codex)/responses/compact", openai_responses.compact),
    ("POST", r"/v1/messages", anthropic.answer),
    ("POST", r"/v1/messages/count_tokens", anthropic.count),
    ("POST", r"/v1(beta)?/models/(?P<model>[^/:]+):(?P<method>\w+)", gemini.answer),
    ("POST", r"/model/(?P<model>[^/]+)/(?P<method>[a-z-]+)", bedrock.answer),
    ("POST", r"/api/(?P<method>chat|generate|embed|show)", ollama.answer),
    ("GET", r"/api/(?P<method>tags|version)", ollama.answer),
    ("POST", r"/v2/chat", cohere.chat),
    ("POST", r"/v1/chat", cohere.first_chat),
    ("POST", r"/v[12]/embed", cohere.embed),
    ("POST", r"/v2/rerank", cohere.rerank),
]
SOCKETS = [
    (r"(/v1|/backend-api/codex)/responses", openai_responses.Session),
    (r"/v1/realtime", openai_realtime.Session),
    (
        r"/ws/google\.ai\.generativelanguage\.\w+\.GenerativeService\.BidiGenerateContent",
        live.Session,
    ),
]


def answer(request):
    for method, path, make in ROUTES:
        found = re.fullmatch(path, request.path)
        if found and method == request.method:
            try:
                asked = json.loads(request.body) if request.body else {}
            except ValueError:
                return whole({"error": {"message": "this is no JSON", "type": "invalid"}}, 400)
            return make(request, asked, **found.groupdict())
    return nothing(request)


def socket(request):
    for path, session in SOCKETS:
        if re.fullmatch(path, request.path):
            return session(request)
    return None


def no_socket():
    return whole({"error": {"message": "no WebSockets here", "type": "upgrade_required"}}, 426)


def nothing(request):
    message = f"{request.method} {request.path} is nothing here"
    return whole({"error": {"message": message, "type": "not_found", "code": 404}}, 404)
