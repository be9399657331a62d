"""The fakes refuse what the real ones refuse: a fake that takes everything proves nothing."""

import base64
import gzip
import hashlib
import hmac
import http.client
import json
import os
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

import otlp

HERE = os.path.dirname(os.path.abspath(__file__))
SECRET = "whsec_" + base64.b64encode(b"fake fake fake fake fake").decode()


class Fake:
    def __init__(self, name, *words):
        self.log = os.path.join(tempfile.mkdtemp(), "log")
        self.name, self.words, self.port = name, words, "0"
        self.start()

    def start(self):
        script = os.path.join(HERE, f"fake_{self.name}.py")
        command = [sys.executable, script, "--log", self.log, "--port", self.port, *self.words]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.port = self.process.stdout.readline().split()[-1]

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()

    def ask(self, path, body=None, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        url = f"http://127.0.0.1:{self.port}{path}"
        request = urllib.request.Request(url, data=body, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as reply:
                return reply.status, reply.read(), reply.headers
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read(), error.headers

    def accepted(self):
        with open(self.log) as file:
            return [json.loads(line) for line in file]


def span(name="chat", span_id=b"\1" * 8, trace=b"\2" * 16, start=5, end=6, attribute="words"):
    text = otlp.encoded(1, b"key") + otlp.encoded(2, otlp.encoded(1, attribute.encode()))
    times = b"\x39" + struct.pack("<Q", start) + b"\x41" + struct.pack("<Q", end)
    ids = otlp.encoded(1, trace) + otlp.encoded(2, span_id)
    return ids + otlp.encoded(5, name.encode()) + times + otlp.encoded(9, text)


def request(*spans):
    scope = b"".join(otlp.encoded(2, one) for one in spans)
    return otlp.encoded(1, otlp.encoded(2, scope))


class Case(unittest.TestCase):
    words = ()

    def setUp(self):
        self.fake = Fake(self.name, *self.words)
        self.addCleanup(self.fake.kill)


class Otlp(Case):
    name = "otlp"
    path = "/v1/traces"

    def send(self, body, content="application/x-protobuf", path=None, **headers):
        headers = {"Content_Type": content, "Content_Encoding": "gzip"} | headers
        return self.fake.ask(path or self.path, gzip.compress(body), **headers)

    def test_refusals(self):
        for rule, expected, args in [
            ("a good one", 200, (request(span()),)),
            ("JSON", 415, (b"{}", "application/json")),
            ("another path", 404, (request(span()), "application/x-protobuf", "/v2/traces")),
            ("no protobuf", 400, (b"\xff\xff",)),
            ("cut", 400, (request(span())[:-3],)),
            ("no trace id", 400, (request(span(trace=b"\0" * 16)),)),
            ("a short span id", 400, (request(span(span_id=b"\1" * 7)),)),
            ("no name", 400, (request(span(name="")),)),
            ("an end before the beginning", 400, (request(span(start=7)),)),
        ]:
            self.assertEqual(self.send(*args)[0], expected, rule)
        accepted = self.fake.accepted()
        self.assertEqual(len(accepted), 1)
        self.assertEqual(accepted[0]["attributes"], {"key": "words"})
        self.assertEqual(accepted[0]["span"], "01" * 8)

    def test_what_it_accepted_outlives_a_kill(self):
        self.send(request(span()))
        self.fake.kill()
        with open(self.fake.log, "ab") as file:
            file.write(b'{"half')
        self.fake.start()
        self.send(request(span()))
        self.assertEqual(len(self.fake.accepted()), 2, "it knows no duplicates")

    def test_faults(self):
        def fault(**fault):
            self.fake.ask("/_faults", json.dumps([fault]).encode())
            return self.send(request(span()))

        status, _, headers = fault(how="answer", status=429, headers={"Retry-After": "7"})
        self.assertEqual((status, headers["Retry-After"]), (429, "7"))
        for how, kept in [("reset-unread", 0), ("reset", 0), ("hang", 0), ("accept-reset", 1),
                          ("accept-half", 2), ("accept-garbage", 3)]:
            with self.assertRaises((OSError, http.client.HTTPException), msg=how):
                fault(how=how, seconds=0.1)
            time.sleep(0.05)
            self.assertEqual(len(self.fake.accepted()), kept, how)
        self.assertEqual(fault(how="slow", seconds=0.1)[0], 200)


class OtlpPartial(Case):
    name = "otlp"
    words = ("--partial", "--poison", "hemlock")

    def test_partial_success(self):
        body = request(span(), span(span_id=b"\3" * 8, attribute="some hemlock"))
        status, answer, _ = self.fake.ask("/v1/traces", body, Content_Type="application/x-protobuf")
        self.assertEqual((status, len(self.fake.accepted())), (200, 1))
        self.assertEqual(answer, otlp.partial_success(1, "there is poison in it"))


class Langfuse(Case):
    name = "langfuse"
    words = ("--delay", "0.2")
    path = "/api/public/otel/v1/traces"
    headers = {
        "Authorization": "Basic " + base64.b64encode(b"pk-lf-fake:sk-lf-fake").decode(),
        "Content_Type": "application/x-protobuf",
        "Content_Encoding": "gzip",
        "x_langfuse_ingestion_version": "4",
    }

    def send(self, body, **changed):
        return self.fake.ask(self.path, gzip.compress(body), **(self.headers | changed))

    def test_refusals(self):
        wrong = "Basic " + base64.b64encode(b"pk-lf-fake:sk-lf-other").decode()
        for rule, expected, changed in [
            ("a good one", 200, {}),
            ("a wrong key", 401, {"Authorization": wrong}),
            ("a bearer", 401, {"Authorization": "Bearer sk-lf-fake"}),
            ("another type", 400, {"Content_Type": "text/plain"}),
            ("another version", 400, {"x_langfuse_ingestion_version": "5"}),
        ]:
            self.assertEqual(self.send(request(span()), **changed)[0], expected, rule)
        self.assertEqual(self.send(b"\xff")[0], 400)
        self.assertEqual(self.send(request(span(name="x" * 11_000_000)))[0], 413)

    def test_an_observation_is_seen_a_little_later(self):
        path = "/api/public/observations/" + "01" * 8
        auth = {"Authorization": self.headers["Authorization"]}
        self.send(request(span()))
        status, answer, _ = self.fake.ask(path, **auth)
        self.assertEqual((status, json.loads(answer)["error"]), (404, "LangfuseNotFoundError"))
        time.sleep(0.3)
        status, answer, _ = self.fake.ask(path, **auth)
        self.assertEqual((status, json.loads(answer)["traceId"]), (200, "02" * 16))
        listed = self.fake.ask("/api/public/v2/observations?traceId=" + "02" * 16, **auth)
        self.assertEqual(len(json.loads(listed[1])["data"]), 1)
        self.assertEqual(self.fake.ask(path)[0], 401)


class Loki(Case):
    name = "loki"

    def push(self, *values, stream=None, encoding=None):
        body = {"streams": [{"stream": stream or {"app": "a"}, "values": list(values)}]}
        body = gzip.compress(json.dumps(body).encode())
        headers = {"Content_Type": "application/json", "Content_Encoding": "gzip"}
        status, answer, _ = self.fake.ask("/loki/api/v1/push", body, **headers)
        return status, answer.decode()

    def test_refusals(self):
        now = time.time_ns()
        old, line = now - 169 * 3600 * 10**9, "words"
        for rule, expected, words, value in [
            ("a good one", 204, "", [str(now), line, {"a": "b"}]),
            ("the same again", 204, "", [str(now), line, {"a": "c"}]),
            ("a number for a time", 400, "loghttp", [now, line]),
            ("a number in metadata", 400, "strings", [str(now), line, {"a": 1}]),
            ("too old", 400, "has timestamp too old", [str(old), line]),
            ("too new", 400, "too new", [str(now + 3600 * 10**9), line]),
            ("too long", 400, "Max entry size", [str(now), "x" * 262145]),
            ("far behind", 400, "total ignored: 1 out of 1", [str(now - 2 * 3600 * 10**9), line]),
            ("metadata", 400, "metadata too large", [str(now), line, {"a": "x" * 70000}]),
        ]:
            status, answer = self.push(value)
            self.assertEqual(status, expected, f"{rule}: {answer}")
            self.assertIn(words, answer, rule)
        self.assertEqual(len(self.fake.accepted()), 1)

    def test_labels(self):
        value = [str(time.time_ns()), "words"]
        for rule, words, stream in [
            ("many", "label names; limit 15", {f"a{n}": "b" for n in range(16)}),
            ("long", "label value too long", {"a": "b" * 2049}),
            ("a name", "Error parsing labels", {"a-b": "c"}),
        ]:
            status, answer = self.push(value, stream=stream)
            self.assertEqual(status, 400, rule)
            self.assertIn(words, answer, rule)

    def test_the_good_lines_of_a_refused_push_are_kept(self):
        now = time.time_ns()
        status, _ = self.push([str(now), "good"], [str(now), "x" * 262145])
        self.assertEqual((status, len(self.fake.accepted())), (400, 1))

    def test_never_more_than_the_burst(self):
        now = time.time_ns()
        status, answer = self.push(*([str(now + n), "x" * 250_000] for n in range(26)))
        self.assertEqual(status, 429)
        self.assertIn("totaling '6500000' bytes", answer)


class LokiOfTenants(Case):
    name = "loki"
    words = ("--tenants",)

    def test_a_tenant(self):
        status, answer, _ = self.fake.ask("/loki/api/v1/push", b"{}")
        self.assertEqual((status, answer), (401, b"no org id\n"))


class Webhook(Case):
    name = "webhook"
    words = ("--secret", SECRET)

    def send(self, body, signed=None, at=None, **more):
        at = str(int(time.time()) if at is None else at)
        key = base64.b64decode(SECRET.removeprefix("whsec_"))
        signed = f"msg_1.{at}.".encode() + (body if signed is None else signed)
        mac = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        headers = {
            "Content_Type": "application/x-ndjson",
            "webhook_id": "msg_1",
            "webhook_timestamp": at,
            "webhook_signature": f"v1,{mac}",
        }
        return self.fake.ask("/", body, **(headers | more))[0]

    def test_refusals(self):
        body = b'{"type":"exchange","id":"1","exchange":{"id":"1"}}\n'
        for rule, expected, args, more in [
            ("a good one", 200, (body,), {}),
            ("again", 200, (body,), {}),
            ("another body is signed", 401, (body, b"{}\n"), {}),
            ("an old time", 400, (body, None, 1_000_000), {}),
            ("no line end", 400, (body[:-1],), {}),
            ("compressed", 415, (gzip.compress(body),), {"Content_Encoding": "gzip"}),
        ]:
            self.assertEqual(self.send(*args, **more), expected, rule)
        self.assertEqual(len(self.fake.accepted()), 1)


if __name__ == "__main__":
    unittest.main()
