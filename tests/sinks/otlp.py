"""Reads spans of OTLP in protobuf (opentelemetry-proto v1, `collector/trace/v1`), strictly."""

import struct


class Bad(Exception):
    """It is no such message, or a field of it is not as OTLP wants it."""


def varint(data, at):
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise Bad("a varint ends early or is too long")
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def fields(data):
    """Number and value of each field: an integer, or bytes."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        number, kind = key >> 3, key & 7
        if number == 0:
            raise Bad("a field has the number 0")
        if kind == 0:
            value, at = varint(data, at)
        elif kind in (1, 5, 2):
            if kind == 2:
                length, at = varint(data, at)
            else:
                length = 8 if kind == 1 else 4
            value = data[at : at + length]
            if len(value) != length:
                raise Bad("a field ends early")
            at += length
        else:
            raise Bad(f"wire type {kind}")
        yield number, value


def text(data):
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Bad(f"a string is no UTF-8: {error}") from error


def any_value(data):
    value = None
    for number, field in fields(data):
        if number == 1:
            value = text(field)
        elif number == 2:
            value = bool(field)
        elif number == 3:
            value = field - (1 << 64) if field >> 63 else field
        elif number == 4:
            (value,) = struct.unpack("<d", field)
        elif number == 5:
            value = [any_value(one) for key, one in fields(field) if key == 1]
        elif number == 6:
            value = dict(key_value(one) for key, one in fields(field) if key == 1)
        elif number == 7:
            value = {"bytes": field.hex()}
    return value


def key_value(data):
    key, value = "", None
    for number, field in fields(data):
        if number == 1:
            key = text(field)
        elif number == 2:
            value = any_value(field)
    if not key:
        raise Bad("an attribute has no key")
    return key, value


def attributes(pairs):
    found = {}
    for pair in pairs:
        key, value = key_value(pair)
        if key in found:
            raise Bad(f"the attribute {key} is there twice")
        found[key] = value
    return found


def span(data):
    raw = {"attributes": [], "parent": b"", "name": "", "state": "", "kind": 0, "start": 0, "end": 0}
    raw |= {"trace": b"", "span": b"", "status": {}, "events": 0, "links": 0}
    for number, field in fields(data):
        if number in (1, 2, 4):
            raw[{1: "trace", 2: "span", 4: "parent"}[number]] = field
        elif number in (3, 5):
            raw[{3: "state", 5: "name"}[number]] = text(field)
        elif number == 6:
            raw["kind"] = field
        elif number in (7, 8):
            (raw[{7: "start", 8: "end"}[number]],) = struct.unpack("<Q", field)
        elif number == 9:
            raw["attributes"].append(field)
        elif number == 11:
            raw["events"] += 1
        elif number == 13:
            raw["links"] += 1
        elif number == 15:
            raw["status"] = {n: text(v) if n == 2 else v for n, v in fields(field)}
    for name, length in (("trace", 16), ("span", 8)):
        if len(raw[name]) != length or not any(raw[name]):
            raise Bad(f"the {name} id is {raw[name].hex()!r}")
    if raw["parent"] and (len(raw["parent"]) != 8 or raw["parent"] == raw["span"]):
        raise Bad(f"the parent's id is {raw['parent'].hex()!r}")
    if not raw["name"]:
        raise Bad("a span has no name")
    if not 0 < raw["start"] <= raw["end"]:
        raise Bad(f"a span lasts from {raw['start']} to {raw['end']}")
    if not 0 <= raw["kind"] <= 5:
        raise Bad(f"the kind is {raw['kind']}")
    raw["attributes"] = attributes(raw["attributes"])
    for name in ("trace", "span", "parent"):
        raw[name] = raw[name].hex()
    return raw


def spans(body):
    """All spans of an `ExportTraceServiceRequest`, each with its resource and its scope."""
    found = []
    for number, resource_spans in fields(body):
        if number != 1:
            raise Bad(f"field {number} of the request")
        resource, scopes = {}, []
        for key, value in fields(resource_spans):
            if key == 1:
                resource = attributes(v for k, v in fields(value) if k == 1)
            elif key == 2:
                scopes.append(value)
        for scope in scopes:
            name = ""
            for key, value in fields(scope):
                if key == 1:
                    name = "".join(text(v) for k, v in fields(value) if k == 1)
            for key, value in fields(scope):
                if key == 2:
                    found.append(span(value) | {"resource": resource, "scope": name})
    return found


def encoded(number, value):
    """A field: an integer or bytes."""

    def number_of(value):
        out = b""
        while value >= 0x80:
            out += bytes([value & 0x7F | 0x80])
            value >>= 7
        return out + bytes([value])

    if isinstance(value, int):
        return number_of(number << 3) + number_of(value)
    return number_of(number << 3 | 2) + number_of(len(value)) + value


def status(code, words):
    """`google.rpc.Status`, which a collector answers with when it refuses."""
    return encoded(1, code) + encoded(2, words.encode())


def partial_success(rejected, words):
    """`ExportTraceServiceResponse` with its only field."""
    return encoded(1, encoded(1, rejected) + encoded(2, words.encode()))
