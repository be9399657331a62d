"""Langfuse 4: spans over OTLP, and the part of its API that says whether it has one.

What it checks and says: langfuse/langfuse `web/src/pages/api/public/otel/v1/traces`, and beside it
`observations`. Like the real one it accepts first and reads later, so an observation can be seen a
second after it was accepted; and it knows no duplicates: what comes twice is there twice.
"""

import base64
import json
import time
from datetime import datetime
from urllib.parse import parse_qs, unquote, urlsplit

import otlp
from receiver import Receiver, Refused, serve

SPAN_BYTES_MAX = 9_500_000
WRONG = "Invalid credentials. Confirm that you've configured the correct host."


def error(status, name, message):
    return Refused(
        status, json.dumps({"message": message, "error": name}), {"Content-Type": "application/json"}
    )


class Langfuse(Receiver):
    def authorize(self, headers):
        given = headers.get("Authorization")
        if given is None:
            raise error(401, "UnauthorizedError", "No authorization header")
        scheme, _, value = given.partition(" ")
        if scheme != "Basic":
            raise error(401, "UnauthorizedError", "Invalid authorization header")
        try:
            given = base64.b64decode(value, validate=True).decode()
        except ValueError:
            given = None
        if given != f"{self.options.public}:{self.options.secret}":
            raise error(401, "UnauthorizedError", WRONG)

    def post(self, path, headers, body):
        if urlsplit(path).path != "/api/public/otel/v1/traces":
            raise Refused(404, "<!DOCTYPE html><html>404</html>", {"Content-Type": "text/html"})
        self.authorize(headers)

        def bad(words):
            return Refused(400, json.dumps({"error": words}), {"Content-Type": "application/json"})

        # The real one takes JSON too, and no version at all; we send neither.
        if "application/x-protobuf" not in (headers.get("Content-Type") or "").lower():
            raise bad("Invalid content type")
        version = headers.get("x-langfuse-ingestion-version")
        if version != "4":
            raise bad(f'Unsupported x-langfuse-ingestion-version: "{version}".')
        if headers.get("Content-Encoding") != "gzip":
            raise bad("Failed to decompress request body")
        if len(body) > SPAN_BYTES_MAX + 500_000:
            raise Refused(413, "Body exceeded 10mb limit", {"Content-Type": "text/plain"})
        try:
            spans = otlp.spans(body)
        except otlp.Bad as wrong:
            raise bad("Failed to parse OTel Protobuf Trace") from wrong
        now = time.time()
        for span in spans:
            span["accepted_at"] = now
        return spans, 200, b"{}", {"Content-Type": "application/json"}

    def visible(self):
        last = time.time() - self.options.delay
        with self.lock:
            return [span for span in self.log.lines if span["accepted_at"] <= last]

    def get(self, path, headers):
        self.authorize(headers)
        url = urlsplit(path)
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        if url.path.rstrip("/") in ("/api/public/v2/observations", "/api/public/observations"):
            return 200, json.dumps(self.list(query))
        before = "/api/public/observations/"
        if url.path.startswith(before):
            wanted = unquote(url.path[len(before) :])
            for span in self.visible():
                if span["span"] == wanted:
                    return 200, json.dumps(observation(span))
            name = "LangfuseNotFoundError"
            raise error(404, name, "Observation not found within authorized project")
        raise Refused(404, "<!DOCTYPE html><html>404</html>")

    def list(self, query):
        found = self.visible()
        if "traceId" in query:
            found = [span for span in found if span["trace"] == query["traceId"]]
        if "parentObservationId" in query:
            found = [span for span in found if span["parent"] == query["parentObservationId"]]
        if "fromStartTime" in query:
            first = nanoseconds(query["fromStartTime"])
            found = [span for span in found if span["start"] >= first]
        if "toStartTime" in query:
            behind = nanoseconds(query["toStartTime"])
            found = [span for span in found if span["start"] < behind]
        for condition in json.loads(query.get("filter", "[]")):
            if condition["column"] not in ("id", "traceId"):
                raise error(400, "InvalidRequestError", f"Invalid column {condition['column']}")
            field = {"id": "span", "traceId": "trace"}[condition["column"]]
            wanted = condition["value"]
            wanted = wanted if isinstance(wanted, list) else [wanted]
            found = [span for span in found if span[field] in wanted]
        limit = int(query.get("limit", 50))
        if not 0 < limit <= 1000:
            raise error(400, "InvalidRequestError", "Invalid request data")
        meta = {"cursor": "more"} if len(found) > limit else {}
        return {"data": [observation(span) for span in found[:limit]], "meta": meta}


def nanoseconds(text):
    try:
        return int(datetime.fromisoformat(text).timestamp() * 1e9)
    except ValueError as wrong:
        raise error(400, "InvalidRequestError", "Invalid request data") from wrong


def observation(span):
    attributes = span["attributes"]
    kind = attributes.get("langfuse.observation.type", "span")
    return {
        "id": span["span"],
        "traceId": span["trace"],
        "parentObservationId": span["parent"] or None,
        "type": kind.upper(),
        "name": span["name"],
        "level": attributes.get("langfuse.observation.level", "DEFAULT"),
    }


def more(arguments):
    arguments.add_argument("--public", default="pk-lf-fake")
    arguments.add_argument("--secret", default="sk-lf-fake")
    arguments.add_argument("--delay", type=float, default=1.0)


if __name__ == "__main__":
    serve(Langfuse, more)
