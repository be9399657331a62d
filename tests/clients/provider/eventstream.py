"""AWS's event stream: frames with two checksums."""

import base64
import json
import struct
import zlib

KIND = "application/vnd.amazon.eventstream"


def header(name, value):
    """A header whose value is a text."""
    told = value.encode()
    return bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(told)) + told


def frame(headers, payload):
    told = b"".join(header(name, value) for name, value in headers)
    total = 12 + len(told) + len(payload) + 4
    prelude = struct.pack(">II", total, len(told))
    prelude += struct.pack(">I", zlib.crc32(prelude))
    message = prelude + told + payload
    return message + struct.pack(">I", zlib.crc32(message))


def event(name, value):
    headers = [
        (":event-type", name),
        (":content-type", "application/json"),
        (":message-type", "event"),
    ]
    return frame(headers, json.dumps(value, ensure_ascii=False).encode())


def exception(name, message):
    headers = [(":exception-type", name), (":content-type", "application/json")]
    headers.append((":message-type", "exception"))
    return frame(headers, json.dumps({"message": message}).encode())


def chunk(value):
    """What a model of another company says in its own words."""
    told = base64.b64encode(json.dumps(value, ensure_ascii=False).encode()).decode()
    return event("chunk", {"bytes": told, "p": "abcdefgh"})
