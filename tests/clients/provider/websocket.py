"""A WebSocket once it is open, with permessage-deflate if the client offers it."""

import time

import exchange
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, TextMessage
from wsproto.extensions import PerMessageDeflate
from wsproto.handshake import server_extensions_handshake
from wsproto.utilities import split_comma_header


def negotiate(offered):
    """The reply's header, or none, and the extensions that are in use."""
    deflate = PerMessageDeflate()
    offers = split_comma_header(offered.encode()) if offered else []
    taken = server_extensions_handshake(offers, [deflate])
    return (taken.decode() if taken else None), ([deflate] if taken else [])


def serve(socket, begun, extensions, session, service, request):
    """Hands each whole message to the session and sends what that answers."""
    frames = Connection(ConnectionType.SERVER, extensions, begun)
    whole = None
    send(socket, frames, session.opened())
    while True:
        for event in frames.events():
            if isinstance(event, (TextMessage, BytesMessage)):
                whole = event.data if whole is None else whole + event.data
                if event.message_finished:
                    message, whole = whole, None
                    service.received_message(request, message)
                    send(socket, frames, session.take(message))
            elif isinstance(event, Ping):
                socket.sendall(frames.send(event.response()))
            elif isinstance(event, CloseConnection):
                socket.sendall(frames.send(event.response()))
                return
        piece = socket.recv(64 << 10)
        if not piece:
            return
        frames.receive_data(piece)


def send(socket, frames, messages):
    for number, message in enumerate(messages):
        kind = TextMessage if isinstance(message, str) else BytesMessage
        socket.sendall(frames.send(kind(data=message)))
        if number < exchange.PAUSES_MAX:
            time.sleep(exchange.PAUSE)
