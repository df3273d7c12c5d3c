"""Replies of an OpenAI-compatible server: read whole, within bounds of size and time, checked, and explained.

A reply that is no answer gets the status that it should have had: 408 too late, 413 too large, 500 no chat completion,
503 broken off by a server that goes down. The client's retries then deal with it as with any other status.
"""

import asyncio
import json
from contextlib import aclosing
from typing import Any

import httpx2
import openai

from eadnet.captions.engines.answers import MAX_CHARACTERS, REASONING, TOOL_CALLS, Answer, AnswerError, one_line
from eadnet.captions.engines.endpoint import KEY_VARIABLE, Endpoint
from eadnet.captions.engines.json_object import BLANK, after_thinking

MAX_BODY = 1 << 20  # bytes of a reply that are read; an answer takes a few thousand
ONE_REQUEST = (400, 413, 422)  # statuses that concern one request
_PASSING = (408, 409, 425, 429, *range(500, 600))  # that may pass; any other concerns all requests
_NO_ANSWER = {"json": 500, "unreachable": 503}  # statuses that such a body should have had
_TEXT_OF = {"text": "text", "output_text": "text", "refusal": "refusal"}  # kinds of parts of a content
_THOUGHTS = ("thinking", "reasoning")  # further kinds, which are no part of an answer
_HINTS = {
    401: f"check {KEY_VARIABLE}",
    403: f"check {KEY_VARIABLE} and what it allows",
    404: "check language_model.endpoint and language_model.served_model",
}


class CheckedClient(openai.DefaultAsyncHttpxClient):
    """Sends one try of a request.

    Attributes:
        seconds: For a whole try. The library's own limits are per read: a server that drips would never exceed them.
    """

    def __init__(self, plain: bool, seconds: float) -> None:
        """A client for plain http needs no certificates, and its servers are near: no proxy stands before them."""
        super().__init__(follow_redirects=False, trust_env=not plain, verify=not plain, timeout=None)
        self.seconds = seconds

    async def send(self, request: httpx2.Request, **options: object) -> httpx2.Response:
        """The reply with its body, or one of ours in its place."""
        body = bytearray()
        try:
            async with asyncio.timeout(self.seconds):
                response = await super().send(request, **options | {"stream": True})
                async with aclosing(response):
                    async for piece in response.aiter_bytes():
                        body += piece
                        if len(body) > MAX_BODY:
                            return _reply(request, 413, f"the reply would have more than {MAX_BODY} bytes")
            if response.is_success and request.method == "POST":
                read_completion(body)
        except TimeoutError:
            return _reply(request, 408, f"nothing within {self.seconds:g} s")
        except AnswerError as error:
            return _reply(request, _NO_ANSWER[error.kind], str(error))
        headers = {name: text for name, text in response.headers.items() if name != "content-encoding"}  # it is decoded
        if b'"insufficient_quota"' in body:  # a 429 that does not pass
            headers["x-should-retry"] = "false"  # the OpenAI client obeys this header
        return httpx2.Response(response.status_code, headers=headers, content=bytes(body), request=request)


def _reply(request: httpx2.Request, status: int, message: str) -> httpx2.Response:
    return httpx2.Response(status, json={"error": {"message": message}}, request=request)


def read_completion(body: bytes | bytearray) -> Answer:
    """The answer in a chat completion.

    Raises:
        AnswerError: it is none (`json`), or one that the server broke off because it is going down (`unreachable`).
    """
    reply = None
    try:
        reply = json.loads(body)
        choice = reply["choices"][0]
        message = dict(choice["message"])
        finish = str(choice.get("finish_reason") or "none")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        error = reply.get("error") if isinstance(reply, dict) else None
        raise AnswerError("json", f"the reply is no chat completion{f': {error}' if error else ''}") from None
    if finish in ("abort", "error"):
        raise AnswerError("unreachable", f"the answer was broken off ({finish})")
    parts = _parts(message.get("content"))
    refusal = message.get("refusal") or "".join(said for kind, said in parts if kind == "refusal")
    if refusal:
        return Answer(one_line(str(refusal)), "refusal")
    text = "".join(said for kind, said in parts if kind != "refusal")
    kept = text if len(text) <= MAX_CHARACTERS else after_thinking(text)[: MAX_CHARACTERS + 1]  # longer: refused unread
    kept = kept.encode("utf-8", "replace").decode()  # half characters cannot be sent back
    return Answer(kept, one_line(finish), "" if kept.strip(BLANK) else _elsewhere(message))


def _parts(content: Any) -> list[tuple[str, str]]:
    """Kinds and texts of a content, which is a text or a list of parts; parts with thinking are left out.

    Raises:
        AnswerError: it is something else (`json`).
    """
    if content is None or isinstance(content, str):
        return [("text", content or "")]
    try:
        said = [(part["type"], part[_TEXT_OF[part["type"]]]) for part in content if part["type"] not in _THOUGHTS]
    except (TypeError, LookupError):
        said = [("", None)]
    if not all(isinstance(text, str) for _, text in said):
        raise AnswerError("json", "the reply's content is neither a text nor a list of texts")
    return said


def _elsewhere(message: dict[str, Any]) -> str:
    """The field in which a message without a text has a content; "" for none."""
    said = {name: message.get(name) for name in (*TOOL_CALLS, *REASONING)}
    return next((name for name, found in said.items() if found and str(found).strip(BLANK)), "")


def status_of(error: openai.APIError) -> int:
    """The status of a failed request; 503 where there was no connection."""
    return getattr(error, "status_code", 503)


def may_pass(error: openai.APIError) -> bool:
    """Whether the same request may be answered later."""
    return status_of(error) in _PASSING and error.code != "insufficient_quota"


def explain(error: openai.APIError, endpoint: Endpoint) -> str:
    """Why a request failed in one line, with the tries where it may pass and with a hint where it does not."""
    status, cause, wait = status_of(error), error.__cause__, None
    if isinstance(error, openai.APIStatusError):
        body = error.body if isinstance(error.body, dict) else {"message": error.body}
        said = f"{status} {one_line(endpoint.without_key(str(body.get('message') or error.message)))}"
        wait = error.response.headers.get("Retry-After")
    else:
        said = f"no connection ({one_line(str(cause)) or type(cause).__name__})"
    if status in ONE_REQUEST:
        return f"{endpoint.host} refuses this request: {said}"
    if not may_pass(error):
        return f"{endpoint.host}: {said}; {_HINTS.get(status, 'check language_model.endpoint')}"
    if wait:
        said += f"; Retry-After: {one_line(wait)}"
    tries = 1 + int(error.request.headers.get("x-stainless-retry-count", 0))  # the client counts them there
    return f"{endpoint.host}: no answer in {tries} {'try' if tries == 1 else 'tries'} ({said})"
