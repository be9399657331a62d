"""For a program of your own whose client takes no variable, such as aiohttp's default."""

import os
import ssl

import aiohttp


def session() -> aiohttp.ClientSession:
    """A session that obeys HTTPS_PROXY and trusts the bundle of SSL_CERT_FILE."""
    context = ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE"))
    connector = aiohttp.TCPConnector(ssl=context)
    return aiohttp.ClientSession(trust_env=True, connector=connector)
