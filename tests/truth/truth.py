#!/usr/bin/env python3
"""Reads recorded exchanges with the providers' own SDKs.

    truth.py ROWS.jsonl[.gz] ... [--api API] [--id ID]   > truth.jsonl

One JSON object a row: {id, api, vendor, streamed, sdk, expected, sdk_error, quirks}. `expected`
has what docs/exchange.md calls for, request and answer; a half that was not recorded or that the
SDK could not read has `null` in the place of its fields.
"""

import argparse
import base64
import gzip
import json
import sys
import urllib.parse
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from answer import USAGE  # noqa: E402
from asked import asked  # noqa: E402
from readers import reader_of  # noqa: E402
from replay import serving  # noqa: E402


class Row:
    """One recorded exchange."""

    def __init__(self, line):
        self.raw = json.loads(line)
        raw = self.raw
        self.id, self.api, self.vendor = raw["id"], raw["api"], raw.get("vendor")
        self.method, self.url = raw["method"], raw["url"]
        url = urllib.parse.urlsplit(self.url)
        self.path = url.path + ("?" + url.query if url.query else "")
        self.status = raw.get("status") or 200
        self.headers = [tuple(header) for header in raw.get("resp_headers") or []]
        self.request_body = base64.b64decode(raw.get("req_body_b64") or "")
        self.reply_body = base64.b64decode(raw.get("resp_body_b64") or "")
        self.is_answered = raw.get("resp_recorded") is not False
        self.is_stream = bool(raw.get("streaming")) and self.status < 400

    def header(self, name):
        return next((value for key, value in self.headers if key.lower() == name), None)


def ended(body):
    """SDKs drop a last event that no empty line ends; where it is whole, they are given the line.

    An exchange keeps what came. An event that was cut in the middle stays cut.
    """
    if body.endswith((b"\n\n", b"\r\n\r\n")) or not body.lstrip().startswith(SSE_BEGINNINGS):
        return body
    last = body.replace(b"\r\n", b"\n").rstrip(b"\n").rsplit(b"\n", 1)[-1]
    try:
        json.loads(last.removeprefix(b"data:"))
    except ValueError:
        return body
    return body + b"\n\n"


SSE_BEGINNINGS = (b"data:", b"event:", b"id:", b"retry:", b":")


def rows(paths):
    for path in paths:
        opened = gzip.open(path, "rt") if str(path).endswith(".gz") else open(path)
        with opened as lines:
            for line in lines:
                if line.strip():
                    yield Row(line)


def truth(row, replay):
    """None for a row of an API that no SDK here reads."""
    read = reader_of(row)
    if read is None:
        return None
    expected = dict.fromkeys(("model_asked", "system", "messages", "tools"))
    expected.update(asked(row) or {})
    answer = None
    if row.is_answered:
        replay.load(row.status, row.headers, ended(row.reply_body))
        answer = read(row, replay.url)
        expected.update(
            text=answer.text,
            reasoning="\n".join(piece for piece in answer.reasoning if piece),
            tool_calls=answer.tool_calls,
            finish_reasons=answer.finish_reasons,
            usage={name: answer.usage.get(name) for name in USAGE} if answer.usage else None,
            reply_model=answer.model,
            reply_id=answer.id,
            error=answer.error,
        )
    return {
        "id": row.id,
        "api": row.api,
        "vendor": row.vendor,
        "streamed": row.is_stream,
        "request_recorded": bool(row.request_body),
        "answered": row.is_answered,
        "sdk": answer.sdk if answer else None,
        "expected": expected,
        "sdk_error": answer.sdk_error if answer else None,
        "quirks": answer.quirks if answer else [],
    }


def main():
    # Fields of other types than the SDK's are read all the same.
    warnings.filterwarnings("ignore", message="Pydantic serializer warnings")
    parser = argparse.ArgumentParser()
    parser.add_argument("rows", nargs="+")
    parser.add_argument("--api", help="only APIs that begin with this")
    parser.add_argument("--id", action="append", help="only this row; may come again")
    options = parser.parse_args()
    with serving() as replay:
        for row in rows(options.rows):
            if options.api and not row.api.startswith(options.api):
                continue
            if options.id and row.id not in options.id:
                continue
            found = truth(row, replay)
            if found is not None:
                print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
