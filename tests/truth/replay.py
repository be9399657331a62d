"""A server on loopback that gives one recorded reply to whatever it is asked."""

import socket
import threading
from contextlib import contextmanager

# They described the recorded connection; the bodies are stored decoded and go out whole.
CONNECTION_HEADERS = {
    "connection",
    "content-encoding",
    "content-length",
    "keep-alive",
    "location",
    "transfer-encoding",
}


class Replay:
    """Serves `reply` to every request on every connection, until it is closed."""

    def __init__(self):
        self._reply = b"HTTP/1.1 500 -\r\ncontent-length: 0\r\n\r\n"
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def load(self, status, headers, body):
        """What the next requests are answered with."""
        head = ["HTTP/1.1 %d -" % status]
        for name, value in headers:
            if name.lower() not in CONNECTION_HEADERS and not name.startswith(":"):
                head.append("%s: %s" % (name, value.replace("\n", " ").replace("\r", " ")))
        head.append("content-length: %d" % len(body))
        self._reply = "\r\n".join(head).encode() + b"\r\n\r\n" + body

    def close(self):
        self._listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            with connection, connection.makefile("rb") as stream:
                while _read_request(stream):
                    connection.sendall(self._reply)
        except OSError:
            pass  # An SDK that stops reading in the middle closes its connection.


@contextmanager
def serving():
    replay = Replay()
    try:
        yield replay
    finally:
        replay.close()


def _read_request(stream):
    """Takes one request off `stream`; False at its end."""
    if not stream.readline():
        return False
    length, chunked = 0, False
    while (line := stream.readline().strip()) != b"":
        name, _, value = line.partition(b":")
        name, value = name.lower(), value.strip().lower()
        if name == b"content-length":
            length = int(value)
        chunked = chunked or (name == b"transfer-encoding" and b"chunked" in value)
    if not chunked:
        stream.read(length)
        return True
    while size := int(stream.readline().split(b";")[0], 16):
        stream.read(size + 2)
    stream.readline()
    return True
