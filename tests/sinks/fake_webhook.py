"""Takes what is signed as https://www.standardwebhooks.com says, and nothing else.

A receiver of webhooks is to know a repeated message by its id; this one does: what comes again is
answered 200 and not kept.
"""

import base64
import hashlib
import hmac
import json
import re
import time

from receiver import Receiver, Refused, serve

TOLERANCE = 300


class Webhook(Receiver):
    def post(self, path, headers, body):
        if "Content-Encoding" in headers:
            raise Refused(415, "what is signed is the body as it comes")
        if headers.get("Content-Type") != "application/x-ndjson":
            raise Refused(415, "lines of JSON are wanted")
        if self.options.gone:
            raise Refused(410, "gone")
        batch = self.verify(headers, body)
        known = {record["id"] for record in self.log.lines}
        records = []
        if not body.endswith(b"\n"):
            raise Refused(400, "the last line has no end")
        for line in body.split(b"\n")[:-1]:
            try:
                message = json.loads(line)
                kind, one = message["type"], message["id"]
                if kind != "exchange" or message["exchange"]["id"] != one:
                    raise ValueError("it is no exchange")
            except (ValueError, KeyError, TypeError) as error:
                raise Refused(400, f"a line: {error}") from error
            if one not in known:
                records.append({"id": one, "batch": batch, "message": message})
        repeated = body.count(b"\n") - len(records)
        if repeated:
            self.requests.append([{"dropped": repeated}])
        return records, 200, b"", {}

    def verify(self, headers, body):
        batch, at = headers.get("webhook-id"), headers.get("webhook-timestamp") or ""
        if not batch or not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", batch):
            raise Refused(400, "webhook-id is missing or wrong")
        if not at.isdecimal() or abs(time.time() - int(at)) > TOLERANCE:
            raise Refused(400, "webhook-timestamp is missing or not now")
        if not self.options.secret:
            return batch
        key = base64.b64decode(self.options.secret.removeprefix("whsec_"), validate=True)
        signed = f"{batch}.{at}.".encode() + body
        expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        given = (headers.get("webhook-signature") or "").split(" ")
        if not any(hmac.compare_digest(one, f"v1,{expected}") for one in given):
            raise Refused(401, "no signature fits")
        return batch


def more(arguments):
    arguments.add_argument("--secret", default="")
    arguments.add_argument("--gone", action="store_true")


if __name__ == "__main__":
    serve(Webhook, more)
