"""A web server on this machine that misbehaves as servers do; used by test_downloads.py."""

import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TYPES = {".mp4": "video/mp4", ".m4a": "audio/mp4", ".mpd": "application/dash+xml", ".tar": "application/x-tar"}


class Server(ThreadingHTTPServer):
    """Serves `files` by path, with ranges.

    The first folder of an address names a fault: ``/drop/`` cuts the first answer of each file in half, ``/busy/``
    answers 503 twice, ``/whole/`` knows no ranges, ``/stall/`` sends half and then nothing, ``/held/`` sends the second
    half once `released` is set, ``/short/`` always promises a byte too many, ``/plain/`` has none.
    """

    daemon_threads = True

    def __init__(self, files: dict[str, bytes]) -> None:
        """Listen on a free port."""
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.asked, self.sent = files, Counter(), Counter()
        self.released = threading.Event()

    def address(self, path: str) -> str:
        """The whole address of a path."""
        return f"http://127.0.0.1:{self.server_port}{path}"


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    server: Server
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:  # noqa: N802 - the library's name
        self.do_GET()

    def do_GET(self) -> None:  # noqa: N802 - the library's name
        _, fault, name = self.path.split("?")[0].split("/", 2)
        body = self.server.files.get(name)
        first = self.command == "GET" and not self.server.asked[self.path]
        self.server.asked[self.path] += self.command == "GET"
        if body is None:
            return self.send_error(404)
        if fault == "busy" and self.command == "GET" and self.server.asked[self.path] <= 2:
            return self.send_error(503)
        if fault == "whole":
            del self.headers["Range"]
        start = int(found[1]) if (found := re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))) else 0
        if start >= len(body):
            return self.send_error(416)
        self._head(body, start, name, extra=fault == "short")
        if self.command == "GET":
            self._body(body[start:], fault, first)

    def _head(self, body: bytes, start: int, name: str, extra: bool) -> None:
        self.send_response(206 if "Range" in self.headers else 200)
        self.send_header("Content-Type", TYPES.get(name[-4:], "text/plain"))
        self.send_header("Content-Length", str(len(body) - start + extra))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Connection", "close")
        if "Range" in self.headers:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.end_headers()
        self.close_connection = True

    def _body(self, body: bytes, fault: str, first: bool) -> None:
        part = body[: len(body) // 2] if fault == "stall" or (fault == "drop" and first) else body
        if fault == "held":
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            self.server.released.wait(120)
            part = body[len(body) // 2 :]
        with suppress(ConnectionError):  # the client may have been killed
            self.wfile.write(part)
        self.wfile.flush()
        self.server.sent[self.path] += len(part)
        if fault == "stall":
            time.sleep(3)

    def log_message(self, *arguments: object) -> None:
        """Keep the tests' output clean."""


@contextmanager
def serving(files: dict[str, bytes]) -> Iterator[Server]:
    """A running server."""
    with Server(files) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
