"""Loki's push API, with the limits that it has by default and the words that it refuses by.

Checked against grafana/loki: `pkg/distributor/validator.go`, `pkg/validation/validate.go`,
`pkg/chunkenc/unordered.go`, `pkg/ingester/stream.go`. As with the real one the good lines of a push that is refused
with 400 are kept, and a line that a stream has with the same time is dropped.
"""

import json
import re
import time
from datetime import datetime, timezone

from receiver import Receiver, Refused, serve

LINE_BYTES_MAX = 256 << 10
LABELS_MAX = 15
NAME_BYTES_MAX = 1024
VALUE_BYTES_MAX = 2048
METADATA_BYTES_MAX = 64 << 10
METADATA_MAX = 128
BURST_BYTES = 6 << 20
FUTURE_NS = 600 * 10**9
BEHIND_NS = 3600 * 10**9
TEXT = {"Content-Type": "text/plain; charset=utf-8"}


def refused(status, words, keep=()):
    return Refused(status, words + "\n", TEXT, keep)


def when(ns):
    return datetime.fromtimestamp(ns / 1e9, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def written(labels):
    return "{" + ", ".join(f"{name}={json.dumps(labels[name])}" for name in sorted(labels)) + "}"


def strings(value):
    return isinstance(value, dict) and all(isinstance(one, str) for one in value.values())


class Loki(Receiver):
    def __init__(self, options):
        super().__init__(options)
        self.known, self.newest = set(), {}
        for record in self.log.lines:
            self.remember(record)

    def remember(self, record):
        stream, at = written(record["stream"]), int(record["at"])
        self.known.add((stream, at, record["line"]))
        self.newest[stream] = max(at, self.newest.get(stream, 0))

    def post(self, path, headers, body):
        if path != "/loki/api/v1/push":
            raise refused(404, "404 page not found")
        tenant = headers.get("X-Scope-OrgID")
        if self.options.tenants and not tenant:
            raise refused(401, "no org id")
        if not (headers.get("Content-Type") or "").startswith("application/json"):
            raise refused(400, "snappy: corrupt input")
        streams = self.parsed(body)
        if not streams:
            raise refused(422, "error at least one valid stream is required for ingestion")
        size = sum(len(line.encode()) for _, values in streams for _, line, _ in values)
        if size > BURST_BYTES:
            count = sum(len(values) for _, values in streams)
            raise refused(
                429,
                "Ingestion rate limit exceeded for user fake (limit: 4194304 bytes/sec) while "
                f"attempting to ingest '{count}' lines totaling '{size}' bytes, reduce log volume "
                "or contact your Loki administrator to see if the limit can be increased",
            )
        records, wrong, dropped = [], [], 0
        for stream, values in streams:
            kept, words, repeated = self.ingest(stream, values)
            records += kept
            wrong += words
            dropped += repeated
        if dropped:
            self.requests.append([{"dropped": dropped}])
        if wrong:
            raise refused(400, wrong[-1], records)
        return records, 204, b"", {}

    def parsed(self, body):
        """Labels and values of each stream."""
        try:
            push = json.loads(body)
            streams = push["streams"]
            read = []
            for stream in streams:
                if not strings(stream["stream"]):
                    raise ValueError("labels are strings")
                values = []
                for value in stream["values"]:
                    at, line, metadata = (*value, {})[:3]
                    if len(value) > 3 or not isinstance(at, str) or not at.isdecimal():
                        raise ValueError("a value is a time, a line and structured metadata")
                    if not isinstance(line, str) or not strings(metadata):
                        raise ValueError("lines and metadata are strings")
                    values.append((int(at), line, metadata))
                read.append((stream["stream"], values))
            return read
        except (ValueError, KeyError, TypeError) as error:
            words = f"loghttp.PushRequest.Streams: []loghttp.LogProtoStream: {error}"
            raise refused(400, words) from error

    def ingest(self, stream, values):
        """The records, what is wrong with the others, and how many were there already."""
        name = written(stream)
        if words := wrong_labels(stream, name):
            return [], [words], 0
        records, wrong, dropped, behind = [], [], 0, []
        now = time.time_ns()
        for at, line, metadata in values:
            if words := wrong_entry(name, at, line, metadata, now, self.options.max_age):
                wrong.append(words)
            elif (name, at, line) in self.known:
                dropped += 1
            elif at < self.newest.get(name, 0) - BEHIND_NS:
                behind.append(
                    f"entry with timestamp {when(at)} ignored, reason: 'entry too far behind, "
                    f"entry timestamp is: {when(at)}, oldest acceptable timestamp is: "
                    f"{when(self.newest[name] - BEHIND_NS)}',\n"
                )
            else:
                record = {"stream": stream, "at": str(at), "line": line, "metadata": metadata}
                records.append(record)
                self.remember(record)
        if behind:
            total = f"total ignored: {len(behind)} out of {len(values)} for stream: {name}"
            wrong.append("".join(behind[:10]) + f"user 'fake', {total}")
        return records, wrong, dropped


def wrong_labels(stream, name):
    if not stream:
        return "error at least one label pair is required per stream"
    for label, value in stream.items():
        if not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", label):
            return f"Error parsing labels '{name}' with error: 1:2: parse error"
        if len(label.encode()) > NAME_BYTES_MAX:
            return f"stream '{name}' has label name too long: '{label}'"
        if len(value.encode()) > VALUE_BYTES_MAX:
            return f"stream '{name}' has label value too long: '{value}'"
        # Not Loki's rule but ours: an empty label is none.
        if not value:
            return f"stream '{name}' has an empty label: '{label}'"
    if len(stream) > LABELS_MAX:
        return f"entry for stream '{name}' has {len(stream)} label names; limit {LABELS_MAX}"
    return None


def wrong_entry(name, at, line, metadata, now, max_age):
    oldest = now - int(max_age * 3600 * 10**9)
    if at < oldest:
        return (
            f"entry for stream '{name}' has timestamp too old: {when(at)}, "
            f"oldest acceptable timestamp is: {when(oldest)}"
        )
    if at > now + FUTURE_NS:
        return f"entry for stream '{name}' has timestamp too new: {when(at)}"
    if len(line.encode()) > LINE_BYTES_MAX:
        return (
            f"Max entry size '{LINE_BYTES_MAX}' bytes exceeded for stream '{name}' while adding "
            f"an entry with length '{len(line.encode())}' bytes"
        )
    size = sum(len(key.encode()) + len(value.encode()) for key, value in metadata.items())
    if size > METADATA_BYTES_MAX:
        return (
            f"stream '{name}' has structured metadata too large: '{size}' bytes, limit: "
            f"'{METADATA_BYTES_MAX}' bytes. Please see `limits_config.max_structured_metadata_size`"
        )
    if len(metadata) > METADATA_MAX:
        return (
            f"stream '{name}' has too many structured metadata labels: '{len(metadata)}', limit: "
            f"'{METADATA_MAX}'."
        )
    return None


def more(arguments):
    arguments.add_argument("--tenants", action="store_true", help="refuse who names no tenant")
    arguments.add_argument("--max-age", type=float, default=168, help="in hours")


if __name__ == "__main__":
    serve(Loki, more)
