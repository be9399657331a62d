"""Certificates for whatever name a client asks for, made by the `openssl` command."""

import pathlib
import ssl
import subprocess
import threading

DAYS = "30"
KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


def openssl(*words):
    subprocess.run(["openssl", *words], check=True, capture_output=True)


class Authority:
    """A throw-away authority in a folder, and a server's TLS context for each name."""

    def __init__(self, folder, protocols):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.protocols = protocols
        self.pem = self.folder / "ca.pem"
        self.key = self.folder / "ca.key"
        self.contexts = {}
        self.lock = threading.Lock()
        if not self.pem.exists():
            subject = ["-subj", "/CN=Fake provider of the tests"]
            uses = ["-addext", "keyUsage=critical,keyCertSign,cRLSign"]
            out = ["-keyout", str(self.key), "-out", str(self.pem), "-days", DAYS]
            openssl("req", "-x509", *KEY, *subject, *uses, *out)

    def server(self):
        """The context of a connection that has not said a name yet."""
        context = self.context("localhost")

        def named(connection, name, _first):
            connection.server_name = name
            if name:
                connection.context = self.context(name)

        context.sni_callback = named
        return context

    def context(self, name):
        with self.lock:
            if name not in self.contexts:
                self.contexts[name] = self.make(name)
            return self.contexts[name]

    def make(self, name):
        stem = self.folder / f"leaf-{len(self.contexts)}"
        key, request, leaf = (str(stem.with_suffix(end)) for end in (".key", ".csr", ".pem"))
        extensions = stem.with_suffix(".ext")
        names = f"DNS:{name}, DNS:localhost, IP:127.0.0.1"
        extensions.write_text(f"subjectAltName={names}\nextendedKeyUsage=serverAuth\n")
        # A common name has at most 64 characters; the names that count are the others.
        openssl("req", "-new", *KEY, "-subj", "/CN=fake", "-keyout", key, "-out", request)
        signer = ["-CA", str(self.pem), "-CAkey", str(self.key), "-CAcreateserial"]
        out = ["-out", leaf, "-days", DAYS, "-extfile", str(extensions)]
        openssl("x509", "-req", "-in", request, *signer, *out)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(leaf, key)
        context.set_alpn_protocols(self.protocols)
        return context
