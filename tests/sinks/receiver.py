"""What the fake receivers share: a server of HTTP/1.1, a log that survives `kill -9`, faults.

A receiver is a process of its own: `python3 fake_NAME.py --log FILE [--port PORT] …`. It says
`listening on PORT` on stdout. What it accepts is a line of JSON in FILE, on the disk before it is
answered; started again with the same FILE it goes on from there. Each request is a line in
FILE.requests: what was answered, and why.

`POST /_faults` takes a list of faults; the next requests meet one each:

    {"how": "answer", "status": 503, "headers": {"Retry-After": "2"}, "body": "words"}
    {"how": "reset-unread"}      the connection is reset before the request is read
    {"how": "reset"}             … after it is read; nothing is accepted
    {"how": "accept-reset"}      … after it is accepted: the sender cannot know
    {"how": "accept-half"}       accepted, and closed in the middle of the answer
    {"how": "accept-garbage"}    accepted, and the answer is no HTTP
    {"how": "hang", "seconds": 9}  read, then silence, then closed; nothing is accepted
    {"how": "slow", "seconds": 2}  accepted, answered late

With "times": N a fault meets N requests, with -1 all of them until others are set. `POST /_poison`
takes a text: a request with it in it is refused.
"""

import argparse
import gzip
import json
import os
import socket
import struct
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Refused(Exception):
    """The request is answered by this and nothing of it is accepted."""

    def __init__(self, status, body, headers=None, keep=()):
        super().__init__(body)
        self.status, self.body, self.headers = status, body, headers or {}
        # Records that are accepted nevertheless.
        self.keep = list(keep)


class Log:
    """Lines of JSON; one that a kill cut is taken away."""

    def __init__(self, path):
        self.path = path
        self.lines = []
        if os.path.exists(path):
            with open(path, "rb+") as file:
                text = file.read()
                whole = text.rfind(b"\n") + 1
                file.truncate(whole)
            self.lines = [json.loads(line) for line in text[:whole].splitlines()]
        self.file = open(path, "ab")

    def append(self, records):
        if not records:
            return
        self.file.write(b"".join(json.dumps(one).encode() + b"\n" for one in records))
        self.file.flush()
        os.fsync(self.file.fileno())
        self.lines += records


class Receiver:
    """Says by `post` what a request is: records to keep and an answer, or `Refused`."""

    # Paths of what else comes: it is taken, and nobody asks for it.
    aside = ()

    def __init__(self, options):
        self.options = options
        self.lock = threading.RLock()
        self.log = Log(options.log)
        self.requests = Log(options.log + ".requests")
        self.faults = []
        self.poison = options.poison.encode() if options.poison else None

    def post(self, path, headers, body):
        """Records, status, headers, body of the answer."""
        raise NotImplementedError

    def get(self, path, headers):
        """Status and body."""
        raise Refused(404, "not found")

    def fault(self):
        with self.lock:
            if not self.faults:
                return {"how": None}
            fault = self.faults[0]
            times = fault.get("times", 1)
            if times == 1:
                self.faults.pop(0)
            elif times > 1:
                fault["times"] = times - 1
            return fault


def plain(headers, body):
    """The body without its coding."""
    coding = headers.get("Content-Encoding", "identity")
    if coding == "gzip":
        try:
            return gzip.decompress(body)
        except (OSError, EOFError) as error:
            raise Refused(400, f"gzip: {error}") from error
    if coding != "identity":
        raise Refused(415, f"Content-Encoding {coding!r} not supported")
    return body


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    receiver = None

    def log_message(self, *_):
        pass

    def send(self, status, body=b"", headers=None):
        body = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def body(self):
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        if len(body) != length:
            raise ConnectionError("the request's body ends early")
        return body

    def reset(self):
        # No FIN but RST: the sender's reads and writes fail.
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.close()
        self.close_connection = True

    def do_GET(self):
        try:
            status, body = self.receiver.get(self.path, self.headers)
        except Refused as refused:
            status, body = refused.status, refused.body
        self.send(status, body, {"Content-Type": "application/json"})

    def do_POST(self):
        receiver = self.receiver
        if self.path == "/_faults":
            receiver.faults = json.loads(self.body())
            return self.send(200)
        if self.path == "/_poison":
            receiver.poison = self.body() or None
            return self.send(200)
        if self.path in receiver.aside:
            body = self.body()
            with open(receiver.options.log + ".aside", "ab") as aside:
                aside.write(gzip.decompress(body))
            return self.send(200)
        fault = receiver.fault()
        how = fault["how"]
        if how == "reset-unread":
            return self.reset()
        body = self.body()
        if how == "reset":
            return self.reset()
        if how == "hang":
            time.sleep(fault["seconds"])
            return self.reset()
        if how == "answer":
            self.note(fault["status"], 0, "a fault")
            return self.send(fault["status"], fault.get("body", ""), fault.get("headers"))
        with receiver.lock:
            status, answer, headers = self.accept(body)
        if how == "accept-reset":
            return self.reset()
        if how == "accept-garbage":
            self.wfile.write(b"\x00\x01 this is no HTTP\r\n\r\n")
            return self.reset()
        if how == "accept-half":
            self.wfile.write(f"HTTP/1.1 {status} OK\r\nContent-Length: 99\r\n\r\nhalf".encode())
            return self.reset()
        if how == "slow":
            time.sleep(fault["seconds"])
        self.send(status, answer, headers)

    def accept(self, body):
        receiver = self.receiver
        try:
            content = plain(self.headers, body)
            if receiver.poison and receiver.poison in content:
                raise Refused(400, "there is poison in it")
            records, status, answer, headers = receiver.post(self.path, self.headers, content)
            why = None
        except Refused as refused:
            records, why = refused.keep, refused.body
            status, answer, headers = refused.status, refused.body, refused.headers
            if isinstance(why, bytes):
                why = why.decode("utf-8", "replace")
        receiver.log.append(records)
        self.note(status, len(records), why)
        return status, answer, headers

    def note(self, status, count, why):
        record = {"at": time.time(), "status": status, "count": count, "why": why}
        with self.receiver.lock:
            self.receiver.requests.append([record])


class Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        # A sender that was killed.
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def serve(make, more=lambda arguments: None):
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--log", required=True)
    arguments.add_argument("--port", type=int, default=0)
    arguments.add_argument("--poison")
    more(arguments)
    Handler.receiver = make(arguments.parse_args())
    server = Server(("127.0.0.1", Handler.receiver.options.port), Handler)
    print(f"listening on {server.server_address[1]}", flush=True)
    server.serve_forever()
