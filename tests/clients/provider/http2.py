"""HTTP/2 as a server: one request after another, as their bodies come to an end."""

import collections

import h2.config
import h2.connection
import h2.events
from exchange import Cut, Request


class Connection:
    def __init__(self, socket, service, name, number):
        self.socket, self.service, self.name, self.number = socket, service, name, number
        config = h2.config.H2Configuration(client_side=False, header_encoding="latin-1")
        self.frames = h2.connection.H2Connection(config)
        self.requests = {}
        self.whole = collections.deque()
        self.over = False

    def serve(self):
        self.frames.initiate_connection()
        self.flush()
        while not self.over or self.whole:
            while self.whole:
                number = self.whole.popleft()
                request = self.requests.pop(number)
                self.send(number, request, self.service.answer(request))
            if not self.over:
                self.read()

    def flush(self):
        data = self.frames.data_to_send()
        if data:
            self.socket.sendall(data)

    def read(self):
        piece = self.socket.recv(64 << 10)
        if not piece:
            self.over = True
            return
        for event in self.frames.receive_data(piece):
            self.take(event)
        self.flush()

    def take(self, event):
        if isinstance(event, h2.events.RequestReceived):
            fields = dict(event.headers)
            request = Request(fields[":method"], fields[":path"], list(event.headers))
            request.head = "".join(f"{name}: {value}\r\n" for name, value in event.headers)
            request.version, request.name = "HTTP/2", self.name
            request.connection = self.number
            self.requests[event.stream_id] = request
            if fields.get("expect"):
                self.frames.send_headers(event.stream_id, [(":status", "100")])
        elif isinstance(event, h2.events.DataReceived):
            self.requests[event.stream_id].body += event.data
            size = event.flow_controlled_length
            self.frames.acknowledge_received_data(size, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            self.whole.append(event.stream_id)
        elif isinstance(event, h2.events.StreamReset):
            self.requests.pop(event.stream_id, None)

    def send(self, number, request, reply):
        head = [(":status", str(reply.status))]
        head += [(name.lower(), str(value)) for name, value in reply.headers]
        if not reply.streamed:
            head.append(("content-length", str(len(reply.body))))
        try:
            self.frames.send_headers(number, head)
            pieces = reply.body if reply.streamed else [reply.body]
            for piece in pieces:
                self.data(number, piece)
            self.frames.end_stream(number)
        except Cut:
            self.frames.reset_stream(number)
        except h2.exceptions.StreamClosedError:
            return
        self.flush()

    def data(self, number, piece):
        while piece:
            room = min(
                self.frames.local_flow_control_window(number), self.frames.max_outbound_frame_size
            )
            if room == 0:
                self.read()
                if self.over:
                    raise ConnectionError("the client left")
                continue
            self.frames.send_data(number, piece[:room])
            self.flush()
            piece = piece[room:]
