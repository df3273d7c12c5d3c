"""A local web server for the server engine: it speaks OpenAI's chat completions, and misbehaves by script."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Script = Callable[[dict[str, Any], int], "Reply"]


@dataclass
class Reply:
    """One reply: a status and a body, or a fault.

    Attributes:
        body: Sent as JSON, or as it is where it is bytes.
        status: HTTP status.
        headers: Further headers.
        delay: Seconds before anything is sent.
        drop: Whether the connection is cut halfway through the body.
        drip: Seconds between the bytes of the body.
    """

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    drop: bool = False
    drip: float = 0.0


def completion(content: Any, finish_reason: str = "stop", **message: Any) -> dict[str, Any]:
    """A chat completion."""
    message = {"role": "assistant", "content": content, **message}
    choice = {"index": 0, "message": message, "finish_reason": finish_reason}
    return {"id": "1", "object": "chat.completion", "created": 0, "model": "tiny", "choices": [choice]}


def failure(status: int, message: str, **headers: str) -> Reply:
    """An error as OpenAI words it."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply({"error": {"message": message, "type": "error", "code": None}}, status, headers)


class CaptionServer(ThreadingHTTPServer):
    """Asks `script` what to reply to each chat completion.

    The script is given the request and how often the same question was asked before. `asked` holds the requests in
    the order they came, `times` when each came by question, `most` the most that were under way at once.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, script: Script, models: Any = ("tiny",), key: str = "") -> None:
        """Listen on a free port."""
        super().__init__(("127.0.0.1", 0), Handler)
        self.script, self.models, self.key = script, models, key
        self.asked: list[dict[str, Any]] = []
        self.times: dict[str, list[float]] = {}
        self.paths: Counter[str] = Counter()
        self.under_way = self.most = 0
        self.lock, self.closing = threading.Lock(), threading.Event()

    @property
    def address(self) -> str:
        """The base address of the API."""
        return f"http://127.0.0.1:{self.server_port}/v1"

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are what is tested."""


def question_of(request: dict[str, Any]) -> str:
    """The text of the first user message."""
    content = request["messages"][-1 if len(request["messages"]) == 1 else 1]["content"]
    return content if isinstance(content, str) else content[-1]["text"]


class Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    server: CaptionServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body go out apart: waiting for each other costs 40 ms a reply

    def do_GET(self) -> None:  # noqa: N802 - the library's name
        self.server.paths[self.path] += 1
        if not self._welcome():
            return self._send(failure(401, f"Incorrect API key provided: {self.headers.get('Authorization')}"))
        models = self.server.models
        if isinstance(models, Reply):
            return self._send(models)
        self._send(Reply({"object": "list", "data": [{"id": name, "object": "model"} for name in models]}))

    def do_POST(self) -> None:  # noqa: N802 - the library's name
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server, question = self.server, question_of(request)
        with server.lock:
            server.paths[self.path] += 1
            server.asked.append(request)
            before = len(server.times.setdefault(question, []))
            server.times[question].append(time.monotonic())
            server.under_way += 1
            server.most = max(server.most, server.under_way)
        try:
            if not self._welcome():
                return self._send(failure(401, f"Incorrect API key provided: {self.headers.get('Authorization')}"))
            self._send(server.script(request, before))
        finally:
            with server.lock:
                server.under_way -= 1

    def _welcome(self) -> bool:
        return not self.server.key or self.headers.get("Authorization") == f"Bearer {self.server.key}"

    def _send(self, reply: Reply) -> None:
        self.server.closing.wait(reply.delay)
        body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        self.send_response(reply.status)
        for name, value in {"Content-Type": "application/json", **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if reply.drop:
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
        elif reply.drip:
            for place in range(len(body)):
                if self.server.closing.wait(reply.drip):
                    break
                self.wfile.write(body[place : place + 1])
        else:
            self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Keep the tests' output clean."""


@contextmanager
def serving(script: Script, models: Any = ("tiny",), key: str = "") -> Iterator[CaptionServer]:
    """A running server."""
    with CaptionServer(script, models, key) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.closing.set()
            server.shutdown()
            thread.join()
