"""Addresses of OpenAI-compatible servers: which are allowed, and with which key.

Pictures of people and an API key are sent there, so plain http is for this machine and its own network only: loopback
and private addresses, names without a dot (nodes of a cluster) and names with a local suffix. Names are judged as
written; nothing is looked up. The key comes from the environment variable ``OPENAI_API_KEY`` only, and is in no file,
message or row.
"""

import ipaddress
import os
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from eadnet.captions.requests import CaptionError

KEY_VARIABLE = "OPENAI_API_KEY"
NO_KEY = "none"  # the package wants some text
LOCAL_SUFFIXES = (".localhost", ".local", ".internal", ".lan", ".home.arpa")
"""Endings that no public name has: RFC 6761, 6762, 8375; ``.internal`` by ICANN's resolution of 29 July 2024."""


@dataclass(frozen=True)
class Endpoint:
    """A server that captions may be requested from.

    Attributes:
        address: Base address of the API without a slash at the end, such as ``http://127.0.0.1:8000/v1``.
        host: Name or address of the machine, for messages and for the `model` column; no port, no credentials.
        plain: Whether it is reached by plain http, and so without a proxy of the environment.
        key: The API key; any text for servers that need none.
    """

    address: str
    host: str
    plain: bool
    key: str = field(repr=False)

    def without_key(self, text: str) -> str:
        """A text from the server without the key, which it may repeat."""
        return text if self.key == NO_KEY else text.replace(self.key, "...")


def check_endpoint(address: str | None) -> Endpoint:
    """Check an address and take the key from the environment.

    Raises:
        CaptionError: no address, another scheme than http or https, credentials within the address, plain http to a
            host of the public network, or a public host without a key.
    """
    parts, host = _split(address)
    if parts.scheme not in ("http", "https") or not host:
        raise CaptionError(f"language_model.endpoint is {address!r}; expected http://host:port/v1 or https://host/v1")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise CaptionError(f"language_model.endpoint ({host}) is a bare address; the key belongs in {KEY_VARIABLE}")
    local, key = _is_local(host), os.environ.get(KEY_VARIABLE, "").strip()
    if parts.scheme == "http" and not local:
        raise CaptionError(f"{host} is no machine of this network: use https, or a tunnel to 127.0.0.1")
    if not key and not local:
        raise CaptionError(f"{host} wants a key: export {KEY_VARIABLE}")
    if not (key.isascii() and key.isprintable()):
        raise CaptionError(f"{KEY_VARIABLE} holds characters that no key has")
    return Endpoint(address.rstrip("/"), host, parts.scheme == "http", key or NO_KEY)


def _split(address: str | None):
    """The parts of an address and its host; empty for an address that cannot be parsed."""
    try:
        parts = urlsplit((address or "").strip())
        _ = parts.port  # raises for a port that is no number
        return parts, parts.hostname or ""
    except ValueError:
        return urlsplit(""), ""


def _is_local(host: str) -> bool:
    """Whether a host is this machine or in its own network, judged by its spelling."""
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host or host.endswith(LOCAL_SUFFIXES)
    return found.is_loopback or found.is_private or found.is_link_local
