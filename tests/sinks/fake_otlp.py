"""A collector: OTLP over HTTP in protobuf, as the OpenTelemetry specification has it.

Refuses JSON (as Phoenix does). With `--partial` a span with poison in it is refused alone by a
partial success; else the whole request is refused. Knows no duplicates: what comes twice is kept
twice.
"""

import otlp
from receiver import Receiver, Refused, serve

PROTOBUF = {"Content-Type": "application/x-protobuf"}
INVALID_ARGUMENT = 3


class Collector(Receiver):
    aside = ("/v1/metrics",)

    def post(self, path, headers, body):
        if path != "/v1/traces":
            raise Refused(404, "404 page not found\n", {"Content-Type": "text/plain"})
        if headers.get("Content-Type") != "application/x-protobuf":
            words = "415 unsupported media type, supported: [application/x-protobuf]"
            raise Refused(415, words, {"Content-Type": "text/plain"})
        wanted = self.options.header
        if wanted:
            name, _, value = wanted.partition("=")
            if headers.get(name) != value:
                raise Refused(401, otlp.status(16, f"{name} is wrong"), PROTOBUF)
        try:
            spans = otlp.spans(body)
        except otlp.Bad as bad:
            raise Refused(400, otlp.status(INVALID_ARGUMENT, str(bad)), PROTOBUF) from bad
        return spans, 200, b"", PROTOBUF


class Partial(Collector):
    """Of a request the spans without poison are taken."""

    def __init__(self, options):
        super().__init__(options)
        self.word, self.poison = options.poison or "", None

    def post(self, path, headers, body):
        spans, status, answer, answer_headers = super().post(path, headers, body)
        good = [one for one in spans if self.word not in str(one)]
        rejected = len(spans) - len(good)
        if rejected:
            answer = otlp.partial_success(rejected, "there is poison in it")
        return good, status, answer, answer_headers


def more(arguments):
    arguments.add_argument("--partial", action="store_true")
    arguments.add_argument("--header", help="NAME=VALUE that every request must have")


if __name__ == "__main__":
    serve(lambda options: (Partial if options.partial else Collector)(options), more)
