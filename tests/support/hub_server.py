"""A server on this machine that answers as the Hugging Face hub does; huggingface_hub talks to it (``HF_ENDPOINT``)."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(ThreadingHTTPServer):
    """One repository of files with the branch `main` and the tag `v1`, which a token may guard.

    Attributes:
        asked: (method, path) of every request.
    """

    daemon_threads = True

    def __init__(self, name: str, folder: Path, token: str | None) -> None:
        """Listen on a free port."""
        super().__init__(("127.0.0.1", 0), Handler)
        self.name, self.token, self.asked = name, token, []
        self.files = {
            path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
        }

    @property
    def address(self) -> str:
        """The hub's address."""
        return f"http://127.0.0.1:{self.server_port}"

    def fetched(self) -> set[str]:
        """Files whose content was sent."""
        start = f"/{self.name}/resolve/{COMMIT}/"
        return {path.removeprefix(start) for method, path in self.asked if method == "GET" and path.startswith(start)}


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    server: Hub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:  # noqa: N802 - the library's name
        self.do_GET()

    def do_GET(self) -> None:  # noqa: N802 - the library's name
        path, hub = unquote(urlsplit(self.path).path), self.server
        hub.asked.append((self.command, path))
        known = path.startswith((f"/api/models/{hub.name}/", f"/{hub.name}/resolve/"))
        if not known or (hub.token and self.headers.get("Authorization") != f"Bearer {hub.token}"):
            return self._answer(404, b"", {"X-Error-Code": "RepoNotFound"})
        rest = path.removeprefix("/api/models").removeprefix(f"/{hub.name}/")
        kind, revision, *file = rest.split("/", 2)
        if revision not in ("main", "v1", COMMIT):
            return self._answer(404, b"", {"X-Error-Code": "RevisionNotFound"})
        if kind == "revision":
            return self._json({"id": hub.name, "sha": COMMIT, "siblings": [{"rfilename": name} for name in hub.files]})
        if kind == "tree":
            return self._json([self._entry(name) for name in hub.files])
        if file[0] not in hub.files:
            return self._answer(404, b"", {"X-Error-Code": "EntryNotFound"})
        tags = {"ETag": f'"{self._entry(file[0])["oid"]}"', "X-Repo-Commit": COMMIT}
        return self._answer(200, hub.files[file[0]], tags)

    def _entry(self, name: str) -> dict:
        body = self.server.files[name]
        return {"type": "file", "path": name, "size": len(body), "oid": hashlib.sha1(body).hexdigest()}

    def _json(self, value: object) -> None:
        self._answer(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Keep the tests' output clean."""


@contextmanager
def serving_hub(name: str, folder: Path, token: str | None = None) -> Iterator[Hub]:
    """A running hub that has the folder's files as the repository `name`."""
    with Hub(name, folder, token) as hub:
        thread = threading.Thread(target=hub.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield hub
        hub.shutdown()
        thread.join()
