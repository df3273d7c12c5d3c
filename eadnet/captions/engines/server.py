"""Captions from a language model behind an OpenAI-compatible server: ``vllm serve``, or a hosted service.

Requests run side by side, never more than ``compute.captioning.concurrency``; a clip's pictures are encoded only once a
place is free, so memory does not grow with the number of clips. What goes wrong is sorted:

- the server is busy, broken or away (429, 408, 409, 425, 5xx, no connection, nothing in time, a reply that is no chat
  completion): asked again after 1, 2, 4, ... seconds, and not before ``Retry-After`` is over, in all
  ``compute.captioning.attempts`` tries; then a transient failure of that request, which is not remembered, unless the
  server broke down over it (500, no chat completion) while others were answered: then it is that request's failure;
- this request is refused (400, 413, 422: prompt too long, content filter): that request's failure;
- anything else (401, 403, 404, a redirect, no quota), or nothing but refusals from the start: the engine cannot work.

When all tries of a request are used up and nobody else got a reply meanwhile, a question of one token decides whether
the server lives. If not, or if that happens too often in a row, nothing further is asked: the rest of the batch fails
at once, and each later batch begins with that question. A dead server costs a job one round of tries, not one a clip.

Answers are held to the record's JSON schema (``response_format``, ``strict`` off: hosted services refuse schemas with
bounds in their strict mode; vLLM enforces it either way), at temperature 0 and seed 0. A server spoken to by plain http
is taken for vLLM, or for one that skips what it does not know: it is told not to think aloud, as `vllm` is.
"""

import asyncio
import base64
import json
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from eadnet.captions.engines.answers import MAX_CHARACTERS, Answer, one_line
from eadnet.captions.engines.conversations import Conversation, png_bytes
from eadnet.captions.engines.endpoint import KEY_VARIABLE, Endpoint, check_endpoint
from eadnet.captions.requests import CaptionError
from eadnet.captions.schema import answer_schema
from eadnet.config.captions import LanguageModel
from eadnet.config.machine import Captioning

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds between tries: doubled from the first to the longest
HOPELESS = 16  # requests in a row, refused from the start or given up, after which the others are not tried
MAX_BODY = 1 << 20  # bytes of a reply that are read; an answer takes a few thousand
REPORT_EVERY = 20.0  # seconds between lines on progress

_AGAIN = (408, 409, 425, 429)  # and all from 500
_REFUSED = (400, 413, 422)
_HINTS = {
    401: f"check {KEY_VARIABLE}",
    403: f"check {KEY_VARIABLE} and what it allows",
    404: "check language_model.endpoint and language_model.served_model",
}


class AwayError(Exception):
    """A try without an answer, which may go better later.

    Attributes:
        wait: How many seconds the server asks to wait.
        own: Whether it may be this request that the server cannot cope with.
    """

    def __init__(self, message: str, wait: float = 0.0, own: bool = False) -> None:
        super().__init__(message)
        self.wait, self.own = wait, own


class OversizedError(Exception):
    """A reply of more than `MAX_BODY` bytes."""


class UnusableError(CaptionError):
    """A server that refuses what every request has in common; `status` is the HTTP status it says so with."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def make_backend(
    chosen: LanguageModel, machine: Captioning, folder: Path | None = None, identity: str = ""
) -> "Server":
    """A server that was reached and serves the chosen model.

    Args:
        chosen: The model, its endpoint and how it answers.
        machine: Concurrency, time-out and tries.
        folder: Not used: the weights are the server's.
        identity: Not used: the model is called as the server calls it, at its host.

    Raises:
        CaptionError: the address is not admissible, the server is out of reach or refuses the key, or
            `served_model` is null and it serves not exactly one model.
    """
    try:
        import openai  # noqa: F401 - the failure is better here than at the first request
    except ImportError as error:
        raise CaptionError(f"engine `server` needs the package openai ({error}); run `make environment`") from None
    server = Server(check_endpoint(chosen.endpoint), chosen, machine)
    server.served = asyncio.run(server.find_model())
    return server


@dataclass
class Server:
    """The backend of one server, made by `make_backend`.

    Attributes:
        endpoint: Where it is.
        chosen: What is asked of it.
        machine: How hard it is asked.
        served: The model's name there.
        first_pause: Seconds between the first try and the second.
        report: Takes lines on progress.
    """

    endpoint: Endpoint
    chosen: LanguageModel
    machine: Captioning
    served: str = ""
    first_pause: float = FIRST_PAUSE
    report: Callable[[str], None] = field(default=lambda line: print(line, file=sys.stderr, flush=True))
    _replies: int = field(default=0, init=False)  # answers and refusals so far
    _refusals: int = field(default=0, init=False)
    _given_up: int = field(default=0, init=False)  # requests in a row without a reply
    _stopped: str = field(default="", init=False)  # why nothing further is asked

    @property
    def model(self) -> str:
        """What answers: ``<served model>@<host>``."""
        return f"{self.served}@{self.endpoint.host}"

    def answer(self, conversations: Sequence[Conversation]) -> list[Answer]:
        """Answer every conversation, in order; a request that fails is a failure in its answer.

        Raises:
            CaptionError: the server refuses everything, for a reason that trying again does not mend.
        """
        try:
            return asyncio.run(self._answer_all(conversations))
        except ExceptionGroup as group:
            raise group.exceptions[0] from None

    async def find_model(self) -> str:
        """The model's name at the server; asking for it also shows that the server is there and takes the key.

        Raises:
            CaptionError: see `make_backend`.
        """
        async with self._client() as client:
            try:
                names = await self._patiently(lambda: self._served_models(client))
            except AwayError as error:
                raise CaptionError(
                    f"{self.endpoint.address}: {error}; start a server there (`vllm serve MODEL`) or mend the endpoint"
                ) from None
        if self.chosen.served_model:
            return self.chosen.served_model
        if len(names) != 1:
            listed = one_line(", ".join(names)) or "no model"
            raise CaptionError(f"{self.endpoint.host} serves {listed}: name one in language_model.served_model")
        return names[0]

    def _client(self) -> Any:
        """A client without tries and redirects of its own."""
        import openai

        secure = not self.endpoint.plain  # plain http is spoken directly, and has no certificates to load
        direct = openai.DefaultAsyncHttpxClient(follow_redirects=False, trust_env=secure, verify=secure)
        return openai.AsyncOpenAI(
            api_key=self.endpoint.key,
            base_url=self.endpoint.address,
            max_retries=0,
            timeout=self.machine.timeout,
            http_client=direct,
        )

    async def _answer_all(self, conversations: Sequence[Conversation]) -> list[Answer]:
        """Workers take the next conversation as soon as they are free."""
        found: list[Answer] = [Answer()] * len(conversations)
        waiting, done, told = iter(range(len(conversations))), 0, time.monotonic()
        probing = asyncio.Lock()
        async with self._client() as client:
            if self._stopped:
                await self._probe(client)

            async def work() -> None:
                nonlocal done, told
                for index in waiting:
                    found[index] = await self._one(client, conversations, index, probing)
                    done += 1
                    if time.monotonic() - told > REPORT_EVERY:
                        told = time.monotonic()
                        self.report(f"{self.model}: {done} of {len(found)} answers")

            async with asyncio.TaskGroup() as group:
                for _ in range(min(self.machine.concurrency, len(found))):
                    group.create_task(work())
        return found

    async def _one(
        self, client: Any, conversations: Sequence[Conversation], index: int, probing: asyncio.Lock
    ) -> Answer:
        """The answer to one conversation, or why there is none."""
        if self._stopped:
            return Answer(failure=f"not asked: {self._stopped}", transient=True)
        messages = await asyncio.to_thread(lambda: conversations[index].messages(_image_part))
        before = self._replies
        try:
            return await self._patiently(lambda: self._ask(client, messages))
        except AwayError as error:
            failure = f"{self.endpoint.host}: {error}"
            lasting = error.own and self._replies != before  # others were answered meanwhile
        async with probing:  # one at a time: what the first finds out spares the others
            if self._replies == before and not self._stopped:
                self._given_up += 1
                await self._probe(client)
        return Answer(failure=failure, transient=not lasting)

    async def _probe(self, client: Any) -> None:
        """Decide by the shortest possible question whether the server lives."""
        question = [{"role": "user", "content": "Say yes."}]
        self._stopped = ""
        try:
            await self._tried(client, question, {"max_tokens": 1})
            if self._given_up >= HOPELESS:
                self._stopped = f"{self.endpoint.host} left {HOPELESS} requests in a row without an answer"
        except AwayError as error:
            self._stopped = f"{self.endpoint.host} gives no answers any more ({error})"
        if self._stopped:
            self._given_up = 0
            self.report(f"{self.model}: {self._stopped}")

    async def _patiently(self, ask: Callable[[], Any]) -> Any:
        """Try, wait and try again.

        Raises:
            AwayError: the tries are used up, the server asks for more patience than the time-out, or it was found dead
                meanwhile.
        """
        for number in range(1, self.machine.attempts + 1):
            try:
                return await ask()
            except AwayError as error:
                if number == self.machine.attempts or self._stopped:
                    tries = "1 try" if number == 1 else f"{number} tries"
                    raise AwayError(f"no answer in {tries} ({error})", own=error.own) from None
                if error.wait > max(self.machine.timeout, LONGEST_PAUSE):
                    raise AwayError(f"no answer ({error}), not to be asked for {error.wait:.0f} s") from None
                pause = max(error.wait, min(self.first_pause * 2 ** (number - 1), LONGEST_PAUSE))
            await asyncio.sleep(pause)
        raise AssertionError("attempts is at least 1")

    @cached_property
    def _form(self) -> dict[str, Any]:
        """What an answer must be like, and for a server of one's own what only vLLM knows."""
        shape = {"name": "caption", "schema": answer_schema(), "strict": False}
        form = {
            "max_tokens": self.chosen.max_answer,
            "response_format": {"type": "json_schema", "json_schema": shape},
        }
        further = {"extra_body": {"chat_template_kwargs": {"enable_thinking": False}}}
        return form | further if self.endpoint.plain else form

    async def _ask(self, client: Any, messages: list[dict[str, Any]]) -> Answer:
        """One try of a request.

        Raises:
            AwayError: no answer, perhaps later.
            CaptionError: no answer, ever.
        """
        answer = await self._tried(client, messages, self._form)
        self._replies, self._given_up = self._replies + 1, 0
        self._refusals += bool(answer.failure)
        if self._refusals == self._replies >= HOPELESS:
            raise CaptionError(f"all of {HOPELESS} requests failed: {answer.failure}")
        return answer

    async def _tried(self, client: Any, messages: list[dict[str, Any]], form: dict[str, Any]) -> Answer:
        """One chat completion; raises as `_ask` does."""
        create = client.chat.completions.with_streaming_response.create
        body, failure = await self._reply(create(model=self.served, messages=messages, temperature=0, seed=0, **form))
        return Answer(failure=failure) if failure else _read_completion(body)

    async def _served_models(self, client: Any) -> list[str]:
        """The names of the models that the server lists; none where it has no list."""
        try:
            body, refused = await self._reply(client.models.with_streaming_response.list())
            return [] if refused else [str(model["id"]) for model in json.loads(body)["data"]]
        except UnusableError as error:
            if error.status in (404, 405) and self.chosen.served_model:
                return []
            raise
        except (ValueError, LookupError, TypeError, RecursionError):
            raise AwayError("the reply to /models is no list of models") from None

    async def _reply(self, request: AbstractAsyncContextManager[Any]) -> tuple[bytes, str]:
        """The body of a reply, or why this request is refused.

        Raises:
            AwayError, CaptionError: see `_ask`.
        """
        import httpx2
        import openai

        try:
            async with asyncio.timeout(self.machine.timeout), request as response:
                return await _bounded(response.iter_bytes()), ""
        except OversizedError:
            return b"", f"the reply of {self.endpoint.host} has more than {MAX_BODY} bytes"
        except (TimeoutError, openai.APITimeoutError, httpx2.TimeoutException):
            raise AwayError(f"nothing within {self.machine.timeout:g} s") from None
        except openai.APIStatusError as error:
            return b"", self._sorted_out(error)
        except (openai.APIError, httpx2.HTTPError) as error:
            raise AwayError(
                f"no connection ({one_line(str(error.__cause__ or error)) or type(error).__name__})"
            ) from None

    def _sorted_out(self, error: Any) -> str:
        """Why a request is refused, in one line.

        Raises:
            AwayError, CaptionError: see `_ask`.
        """
        body = error.body if isinstance(error.body, dict) else {"message": error.body}
        said = one_line(self.endpoint.without_key(str(body.get("message") or error.message)))
        if error.status_code in _REFUSED:
            return f"{self.endpoint.host} refuses this request: {error.status_code} {said}"
        if (error.status_code in _AGAIN or error.status_code >= 500) and body.get("code") != "insufficient_quota":
            wait = _asked_wait(error.response.headers.get("Retry-After"))
            raise AwayError(f"{error.status_code} {said}", wait, own=error.status_code == 500)
        hint = _HINTS.get(error.status_code, "check language_model.endpoint")
        raise UnusableError(f"{self.endpoint.host}: {error.status_code} {said}; {hint}", error.status_code)


def _image_part(frame: np.ndarray) -> dict[str, Any]:
    encoded = base64.b64encode(png_bytes(frame)).decode()
    return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{encoded}"}}


async def _bounded(pieces: AsyncIterator[bytes]) -> bytes:
    """A body of at most `MAX_BODY` bytes; whatever a broken server sends beyond stays unread."""
    body = bytearray()
    async for piece in pieces:
        body += piece
        if len(body) > MAX_BODY:
            raise OversizedError
    return bytes(body)


def _read_completion(body: bytes) -> Answer:
    """The answer in a chat completion.

    Raises:
        AwayError: it is none, or one that the server broke off because it is going down.
    """
    try:
        choice = json.loads(body)["choices"][0]
        text, refusal = choice["message"].get("content") or "", choice["message"].get("refusal")
        finish = str(choice.get("finish_reason") or "none")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise AwayError("the reply is no chat completion", own=True) from None
    if finish in ("abort", "error"):
        raise AwayError(f"the answer was broken off ({finish})")
    if refusal:
        return Answer(one_line(str(refusal)), "refusal")
    if not isinstance(text, str):
        raise AwayError(f"the reply's content is no text but a {type(text).__name__}", own=True)
    kept = text[: MAX_CHARACTERS + 1]  # what is longer is refused unread
    return Answer(kept.encode("utf-8", "replace").decode(), one_line(finish))  # half characters cannot be sent back


def _asked_wait(header: str | None) -> float:
    """Seconds of a ``Retry-After`` header, which holds seconds or a date (RFC 9110, 10.2.3); 0 for anything else."""
    try:
        seconds = float(header or 0)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return 0.0
    return seconds if seconds > 0 else 0.0  # NaN is not more than 0
