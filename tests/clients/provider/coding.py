"""Compressed replies, flushed after each piece."""

import zlib

import brotli
import zstandard


class Gzip:
    def __init__(self):
        self.stream = zlib.compressobj(wbits=31)

    def piece(self, data):
        return self.stream.compress(data) + self.stream.flush(zlib.Z_SYNC_FLUSH)

    def end(self):
        return self.stream.flush()


class Brotli:
    def __init__(self):
        self.stream = brotli.Compressor(quality=4)

    def piece(self, data):
        return self.stream.process(data) + self.stream.flush()

    def end(self):
        return self.stream.finish()


class Zstandard:
    def __init__(self):
        self.stream = zstandard.ZstdCompressor().compressobj()

    def piece(self, data):
        compressed = self.stream.compress(data)
        return compressed + self.stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)

    def end(self):
        return self.stream.flush()


CODINGS = {"gzip": Gzip, "br": Brotli, "zstd": Zstandard}
# AWS signs and counts its own frames and compresses none.
NEVER = "application/vnd.amazon.eventstream"


def compress(reply, accepted, wanted):
    """The same reply in the first coding of `wanted` that the client accepts."""
    kind = dict(reply.headers).get("Content-Type")
    accepts = [word.partition(";")[0].strip() for word in (accepted or "").split(",")]
    name = next((name for name in wanted if name in accepts), None)
    if name is None or kind == NEVER or not reply.body:
        return reply
    coder = CODINGS[name]()
    reply.headers.append(("Content-Encoding", name))
    if reply.streamed:
        reply.body = coded(reply.body, coder)
    else:
        reply.body = coder.piece(reply.body) + coder.end()
    return reply


def coded(pieces, coder):
    for piece in pieces:
        yield coder.piece(piece)
    yield coder.end()


def decoded(body, name):
    """A request's body as its sender meant it."""
    if name == "zstd":
        return zstandard.ZstdDecompressor().decompressobj().decompress(body)
    if name in ("gzip", "x-gzip"):
        return zlib.decompress(body, wbits=47)
    if name == "br":
        return brotli.decompress(body)
    return body
