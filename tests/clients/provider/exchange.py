"""What passes between the connections and the APIs."""

import dataclasses
import json
import time
import typing

# Between two pieces of a stream, for the first ones: a client must get each when it is sent.
PAUSE = 0.003
PAUSES_MAX = 12


@dataclasses.dataclass
class Request:
    method: str
    target: str
    # Names in lower case, in the order of the wire.
    headers: list
    body: bytes = b""
    # Of HTTP/1.1: its bytes. Of HTTP/2: its fields as such lines.
    head: str = ""
    version: str = "HTTP/1.1"
    # The name in the TLS handshake; none over plain HTTP.
    name: str | None = None
    connection: int = 0

    @property
    def path(self):
        return self.place.partition("?")[0]

    @property
    def query(self):
        return self.place.partition("?")[2]

    @property
    def place(self):
        """The target without the origin that a proxy is told, one slash before it."""
        if self.target.startswith("http://"):
            return "/" + self.target.split("/", 3)[3]
        # Google's SDK begins a socket's path with two.
        return "/" + self.target.lstrip("/")

    def header(self, name):
        return next((value for at, value in self.headers if at == name), None)

    @property
    def host(self):
        return (self.header("host") or self.header(":authority") or "").partition(":")[0]


@dataclasses.dataclass
class Reply:
    """`body` is bytes, or a stream: pieces that are sent as they come."""

    status: int
    headers: list
    body: typing.Any = b""

    @property
    def streamed(self):
        return not isinstance(self.body, bytes)


class Cut(Exception):
    """Raised in a stream: the connection ends here, in the middle."""


def whole(value, status=200, headers=()):
    body = json.dumps(value, ensure_ascii=False).encode()
    return Reply(status, [("Content-Type", "application/json"), *headers], body)


def stream(pieces, kind="text/event-stream", headers=()):
    return Reply(200, [("Content-Type", kind), *headers], paced(pieces))


def paced(pieces):
    for number, piece in enumerate(pieces):
        yield piece
        if number < PAUSES_MAX:
            time.sleep(PAUSE)


def event(value, name=None, end="\n"):
    """A server-sent event."""
    told = f"event: {name}{end}" if name else ""
    data = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"{told}data: {data}{end}{end}".encode()


def line(value):
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"
