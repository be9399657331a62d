"""A fake provider for the tests: every LLM API in one place, with made-up answers.

    python tests/clients/provider [--folder DIR] [--port PORT] [--coding zstd,br,gzip]
        [--received FILE] [--no-websocket]

It says `PORT` and the path of its authority's certificate on one line of stdout, and serves
until it is killed. The first byte of a connection decides what it speaks: TLS, plain HTTP, or
`CONNECT`, after which any name is the provider itself. So `HTTPS_PROXY` set to its address
leads a client to it under the real names, with nobody between.

FILE gets a JSON line for each request once its body has come to its end, and for each message
of a WebSocket.
"""

import argparse
import base64
import json
import socket
import ssl
import tempfile
import threading


import coding
import http1
import http2
import route
from authority import Authority

# Longest wait for the client's own end of TLS, in seconds.
GOODBYE = 1


class Service:
    def __init__(self, options, authority):
        self.codings = [name for name in options.coding.split(",") if name]
        self.sockets = not options.no_websocket
        self.received = open(options.received, "a", encoding="utf-8") if options.received else None
        self.tls = authority.server()
        self.lock = threading.Lock()

    def answer(self, request):
        self.note(request, body=request.body)
        request.body = coding.decoded(request.body, request.header("content-encoding"))
        reply = route.answer(request)
        return coding.compress(reply, request.header("accept-encoding"), self.codings)

    def socket(self, request):
        self.note(request)
        return route.socket(request) if self.sockets else None

    def refuse_socket(self):
        return route.no_socket()

    def received_message(self, request, message):
        self.note(request, message=message if isinstance(message, bytes) else message.encode())

    def note(self, request, **bytes_of):
        if self.received is None:
            return
        told = {
            "connection": request.connection,
            "name": request.name,
            "version": request.version,
            "method": request.method,
            "target": request.target,
        }
        if "message" not in bytes_of:
            told["head"] = request.head
        for field, data in bytes_of.items():
            try:
                told[field] = data.decode()
            except UnicodeDecodeError:
                told[f"{field}_base64"] = base64.b64encode(data).decode()
        with self.lock:
            self.received.write(json.dumps(told, ensure_ascii=False) + "\n")
            self.received.flush()


def serve(tcp, service, number):
    """A connection, from its first byte to its end."""
    tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        with tcp:
            if tcp.recv(8, socket.MSG_PEEK).startswith(b"CONNECT "):
                head = b""
                # One byte at a time: what follows is the client's handshake.
                while not head.endswith(b"\r\n\r\n"):
                    byte = tcp.recv(1)
                    if not byte:
                        return
                    head += byte
                tcp.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            if tcp.recv(1, socket.MSG_PEEK) == b"\x16":
                with service.tls.wrap_socket(tcp, server_side=True) as tls:
                    speak(tls, service, getattr(tls, "server_name", None), number)
                    tls.settimeout(GOODBYE)
                    tls.unwrap()
            else:
                speak(tcp, service, None, number)
    except (ConnectionError, ssl.SSLError, TimeoutError, OSError):
        # Clients end as they like; a test sees what they got.
        return


def speak(stream, service, name, number):
    if isinstance(stream, ssl.SSLSocket) and stream.selected_alpn_protocol() == "h2":
        http2.Connection(stream, service, name, number).serve()
    else:
        http1.serve(stream, service, name, number)


def main():
    reader = argparse.ArgumentParser(description="A fake provider for the tests.")
    reader.add_argument("--folder", help="for certificates; else a temporary one")
    reader.add_argument("--port", type=int, default=0)
    reader.add_argument("--coding", default="", help="codings of replies, the best first")
    reader.add_argument("--received", help="a file for what was received")
    reader.add_argument("--protocols", default="h2,http/1.1", help="for ALPN")
    reader.add_argument("--no-websocket", action="store_true", help="refuse every upgrade")
    options = reader.parse_args()
    folder = options.folder or tempfile.mkdtemp(prefix="fake-provider-")
    authority = Authority(folder, options.protocols.split(","))
    service = Service(options, authority)
    listener = socket.create_server(("127.0.0.1", options.port), backlog=64)
    print(listener.getsockname()[1], authority.pem, flush=True)
    number = 0
    while True:
        tcp, _ = listener.accept()
        number += 1
        threading.Thread(target=serve, args=(tcp, service, number), daemon=True).start()


main()
