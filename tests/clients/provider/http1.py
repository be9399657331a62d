"""HTTP/1.1 as a server, WebSocket upgrades included."""

import base64
import hashlib

import websocket
from exchange import Cut, Request

HEAD_MAX = 256 << 10
REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found"}


class Reader:
    def __init__(self, socket):
        self.socket = socket
        self.kept = b""

    def more(self):
        piece = self.socket.recv(64 << 10)
        self.kept += piece
        return bool(piece)

    def head(self):
        while b"\r\n\r\n" not in self.kept:
            if len(self.kept) > HEAD_MAX or not self.more():
                return None
        head, _, self.kept = self.kept.partition(b"\r\n\r\n")
        return head + b"\r\n\r\n"

    def exactly(self, length):
        while len(self.kept) < length:
            if not self.more():
                raise ConnectionError("the request's body ends early")
        taken, self.kept = self.kept[:length], self.kept[length:]
        return taken

    def line(self):
        while b"\r\n" not in self.kept:
            if not self.more():
                raise ConnectionError("the request's body ends early")
        taken, _, self.kept = self.kept.partition(b"\r\n")
        return taken

    def chunks(self):
        body = b""
        while size := int(self.line().partition(b";")[0], 16):
            body += self.exactly(size)
            self.exactly(2)
        while self.line():
            pass
        return body


def parse(head):
    first, *lines = head.decode("latin-1").split("\r\n")[:-2]
    method, target, _version = first.split(" ")
    headers = []
    for one in lines:
        name, _, value = one.partition(":")
        headers.append((name.lower(), value.strip()))
    return Request(method, target, headers, head=head.decode("latin-1"))


def serve(socket, service, name, connection):
    reader = Reader(socket)
    while (head := reader.head()) is not None:
        request = parse(head)
        request.name, request.connection = name, connection
        if (request.header("upgrade") or "").lower() == "websocket":
            if upgrade(socket, reader, service, request):
                return
            continue
        if request.header("expect"):
            socket.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if (request.header("transfer-encoding") or "").lower() == "chunked":
            request.body = reader.chunks()
        else:
            request.body = reader.exactly(int(request.header("content-length") or 0))
        send(socket, request, service.answer(request))
        if (request.header("connection") or "").lower() == "close":
            return


def send(socket, request, reply):
    length = None if reply.streamed else len(reply.body)
    framing = ("Transfer-Encoding", "chunked") if length is None else ("Content-Length", length)
    lines = [f"HTTP/1.1 {reply.status} {REASONS.get(reply.status, 'Told')}"]
    lines += [f"{name}: {value}" for name, value in [*reply.headers, framing]]
    head = ("\r\n".join(lines) + "\r\n\r\n").encode()
    if length is not None:
        socket.sendall(head + (b"" if request.method == "HEAD" else reply.body))
        return
    socket.sendall(head)
    try:
        for piece in reply.body:
            socket.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
    except Cut as cut:
        raise ConnectionError("cut as asked for") from cut
    socket.sendall(b"0\r\n\r\n")


def upgrade(socket, reader, service, request):
    """Whether the connection became a WebSocket, which is over now."""
    session = service.socket(request)
    if session is None:
        send(socket, request, service.refuse_socket())
        return False
    key = request.header("sec-websocket-key").encode()
    proof = hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
    taken, extensions = websocket.negotiate(request.header("sec-websocket-extensions"))
    lines = [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {base64.b64encode(proof).decode()}",
    ]
    if taken:
        lines.append(f"Sec-WebSocket-Extensions: {taken}")
    lines += [f"{name}: {value}" for name, value in session.headers]
    socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
    websocket.serve(socket, reader.kept, extensions, session, service, request)
    return True
