#!/usr/bin/env python3
"""Turns golden cases into what `truth.py` and `compare.py` take.

    golden.py FOLDER ROWS.jsonl EXCHANGES.jsonl

Takes every FOLDER/DIALECT/CASE with request.http, reply.http and exchange.json; what speaks over
a WebSocket and what no SDK here reads is left out.
"""

import base64
import json
import sys
from pathlib import Path


def message(path):
    """(first line, headers, body) of a recorded half; None if there is none."""
    if not path.exists():
        return None
    head, _, body = path.read_bytes().partition(b"\r\n\r\n")
    first, *headers = head.decode().split("\r\n")
    return first, [[part.strip() for part in header.split(":", 1)] for header in headers], body


def api_of(exchange, path):
    """The name by which `readers.py` knows the API; None if it does not."""
    dialect, operation = exchange["dialect"], exchange["operation"]
    last = path.split("?")[0].rstrip("/").rsplit("/", 1)[-1]
    return {
        ("openai.chat", "chat"): "openai.chat",
        ("openai.chat", "fim"): "openai.chat",
        ("openai.completions", "completion"): "openai.completions",
        ("openai.embeddings", "embeddings"): "openai.embeddings",
        ("openai.responses", "chat"): "openai.responses",
        ("openai.responses", "respond"): "openai.responses",
        ("openai.responses", "retrieve"): "openai.responses",
        ("anthropic.messages", "chat"): "anthropic.messages",
        ("anthropic.messages", "count_tokens"): "anthropic.count_tokens",
        ("gemini", "chat"): {"interactions": "gemini.interactions"}.get(
            last, "gemini." + last.rsplit(":", 1)[-1]
        ),
        ("gemini", "count_tokens"): "gemini.countTokens",
        ("bedrock", "chat"): {
            "converse": "bedrock.converse",
            "converse-stream": "bedrock.converse_stream",
            "invoke": "bedrock.invoke",
            "invoke-with-response-stream": "bedrock.invoke_stream",
        }.get(last),
        ("cohere", "chat"): "cohere.chat.v1" if "/v1/" in path else "cohere.chat.v2",
        ("ollama", "chat"): "ollama.generate" if last == "generate" else "ollama.chat",
        ("ollama", "generate"): "ollama.generate",
    }.get((dialect, operation))


def row(case):
    exchange = json.loads((case / "exchange.json").read_text())
    (first, headers, asked), reply = message(case / "request.http"), message(case / "reply.http")
    method, path, _ = first.split(" ", 2)
    host = next((value for name, value in headers if name.lower() == "host"), "example.test")
    status, reply_headers, answer = 200, [], b""
    if reply:
        line, reply_headers, answer = reply
        status = int(line.split(" ")[1])
    kind = next((value for name, value in reply_headers if name.lower() == "content-type"), "")
    streams = ("event-stream", "eventstream", "ndjson", "stream+json")
    return exchange, {
        "id": "%s/%s" % (case.parent.name, case.name),
        "api": api_of(exchange, path),
        "vendor": "vertex" if "aiplatform" in host else "mistral" if "mistral" in host else None,
        "method": method,
        "url": "https://" + host + path,
        "status": status,
        "streaming": any(word in kind for word in streams),
        "resp_recorded": reply is not None,
        "resp_headers": reply_headers,
        "req_body_b64": base64.b64encode(asked).decode(),
        "resp_body_b64": base64.b64encode(answer).decode(),
    }


def main():
    folder, rows, exchanges = sys.argv[1:]
    with open(rows, "w") as rows, open(exchanges, "w") as exchanges:
        for case in sorted(Path(folder).glob("*/*/")):
            if not (case / "request.http").exists() or not (case / "exchange.json").exists():
                continue
            exchange, found = row(case)
            if found["api"]:
                rows.write(json.dumps(found) + "\n")
                exchanges.write(json.dumps({"id": found["id"], **exchange}) + "\n")


if __name__ == "__main__":
    main()
