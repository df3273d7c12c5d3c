"""The HTTP below the OpenAI client: each reply is read whole, within bounds of size and time, and checked.

A reply that is no answer gets the status that it should have had (408 too late, 413 too large, 500 no chat completion,
503 no connection, or a server that goes down). The client's retries then deal with it as with any other status.
"""

import asyncio
import json
from collections.abc import Callable
from contextlib import aclosing

import anyio
import httpx2
import openai

from eadnet.captions.answers import MAX_CHARACTERS, Answer, one_line

MAX_BODY = 1 << 20  # bytes of a reply that are read; an answer takes a few thousand


class CheckedClient(openai.DefaultAsyncHttpxClient):
    """Sends one try of a request.

    Attributes:
        seconds: For a whole try. The library's own limits are per read: a server that drips would never exceed them.
        given_up: Why no request may be sent any more; "" while they may.
    """

    def __init__(self, plain: bool, seconds: float, given_up: Callable[[], str]) -> None:
        """A client for plain http needs no certificates, and its servers are near: no proxy stands before them."""
        super().__init__(follow_redirects=False, trust_env=not plain, verify=not plain, timeout=None)
        self.seconds, self.given_up = seconds, given_up

    async def send(self, request: httpx2.Request, **options: object) -> httpx2.Response:
        """The reply with its body, or one of ours in its place."""
        if reason := self.given_up():
            return _reply(request, 503, reason, {"x-should-retry": "false"})  # a header that the OpenAI client obeys
        body = bytearray()
        try:
            async with asyncio.timeout(self.seconds):
                response = await super().send(request, **options | {"stream": True})
                async with aclosing(response):
                    async for piece in response.aiter_bytes():
                        body += piece
                        if len(body) > MAX_BODY:
                            return _reply(request, 413, f"the reply has more than {MAX_BODY} bytes")
            if response.is_success and request.method == "POST":
                read_completion(body)
        except TimeoutError:
            return _reply(request, 408, f"nothing within {self.seconds:g} s")
        except (httpx2.RequestError, OSError, anyio.EndOfStream) as error:
            return _reply(request, 503, f"no connection ({one_line(str(error)) or type(error).__name__})")
        except NoAnswerError as error:
            return _reply(request, *error.args)
        headers = {name: text for name, text in response.headers.items() if name != "content-encoding"}  # it is decoded
        if response.status_code == 425 or b'"insufficient_quota"' in body:  # what the client would judge otherwise
            headers["x-should-retry"] = "true" if response.status_code == 425 else "false"
        return httpx2.Response(response.status_code, headers=headers, content=bytes(body), request=request)


class NoAnswerError(ValueError):
    """A body that holds no answer: the status it should have had, and why."""


def _reply(
    request: httpx2.Request, status: int, message: str, headers: dict[str, str] | None = None
) -> httpx2.Response:
    return httpx2.Response(status, headers=headers, json={"error": {"message": message}}, request=request)


def read_completion(body: bytes | bytearray) -> Answer:
    """The answer in a chat completion.

    Raises:
        NoAnswerError: it is none (500), or one that the server broke off because it is going down (503).
    """
    try:
        choice = json.loads(body)["choices"][0]
        text, refusal = choice["message"].get("content") or "", choice["message"].get("refusal")
        finish = str(choice.get("finish_reason") or "none")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise NoAnswerError(500, "the reply is no chat completion") from None
    if finish in ("abort", "error"):
        raise NoAnswerError(503, f"the answer was broken off ({finish})")
    if refusal:
        return Answer(one_line(str(refusal)), "refusal")
    if not isinstance(text, str):
        raise NoAnswerError(500, f"the reply's content is no text but a {type(text).__name__}")
    kept = text[: MAX_CHARACTERS + 1]  # what is longer is refused unread
    return Answer(kept.encode("utf-8", "replace").decode(), one_line(finish))  # half characters cannot be sent back
