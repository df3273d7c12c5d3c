"""Captions from a language model behind an OpenAI-compatible server: ``vllm serve``, or a hosted service.

The client of the package `openai` retries: its pauses double from half a second to eight, and it waits as long as
``Retry-After`` says, up to two minutes. What goes wrong is sorted:

- the server is busy, broken or away (408, 409, 429, 5xx, no connection, no reply in time, a reply that is no chat
  completion): ``compute.captioning.attempts`` tries, then a transient failure of that request, which is not cached. If
  it broke down over this request (500, no chat completion) and answered others meanwhile, the failure is lasting;
- this request is refused (400, 413, 422: prompt too long, content filter): a lasting failure of that request;
- anything else (401, 403, 404, a redirect, no quota), or from the start only refusals and answers in another field
  than the content (a parser of reasoning takes them): the engine cannot work.

Answers are held to the record's JSON schema (``response_format``, ``strict`` off: hosted services refuse schemas with
bounds in their strict mode; vLLM enforces it either way), at temperature 0 and seed 0. A server reached by plain http
is taken for vLLM, or for one that ignores unknown keys: thinking is switched off there, as in `vllm`.
"""

import asyncio
import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import openai

from eadnet.captions.engines.answers import Answer, misplaced, one_line
from eadnet.captions.engines.breaker import Breaker
from eadnet.captions.engines.conversations import Conversation, png_bytes
from eadnet.captions.engines.endpoint import Endpoint, check_endpoint
from eadnet.captions.engines.replies import ONE_REQUEST, CheckedClient, explain, may_pass, read_completion, status_of
from eadnet.captions.requests import CaptionError
from eadnet.captions.schema import answer_schema
from eadnet.config.captions import LanguageModel
from eadnet.config.machine import Captioning
from eadnet.progress import progress_bar


def make_backend(
    chosen: LanguageModel, machine: Captioning, folder: Path | None = None, identity: str = ""
) -> "Server":
    """A server that was reached and serves the chosen model.

    Folder and identity are not used: the server has the weights, and names the model.

    Raises:
        CaptionError: the address is not admissible, the server is out of reach or refuses the key, or
            `served_model` is null and it serves not exactly one model.
    """
    server = Server(check_endpoint(chosen.endpoint), chosen, machine)
    server.served = asyncio.run(server.find_model())
    return server


@dataclass
class Server:
    """The backend of one server, made by `make_backend`; `served` is the model's name there."""

    endpoint: Endpoint
    chosen: LanguageModel
    machine: Captioning
    served: str = ""
    breaker: Breaker = field(default_factory=Breaker)

    @property
    def model(self) -> str:
        """What answers: ``<served model>@<host>``."""
        return f"{self.served}@{self.endpoint.host}"

    def answer(self, conversations: Sequence[Conversation]) -> list[Answer]:
        """Answer every conversation, in order; a request that fails is a failure in its answer.

        Raises:
            CaptionError: the server refuses everything, for a reason that trying again does not change.
        """
        try:
            return asyncio.run(self._answer_all(conversations))
        except ExceptionGroup as group:
            raise group.exceptions[0] from None

    async def find_model(self) -> str:
        """The model's name at the server; the request also shows that the server is there and takes the key.

        Raises:
            CaptionError: see `make_backend`.
        """
        named = self.chosen.served_model
        try:
            async with self._client() as client:
                reply = await client.models.with_raw_response.list()
            names = [str(model["id"]) for model in json.loads(reply.content)["data"]]
        except openai.APIError as error:
            if named and status_of(error) in (404, 405):  # a host without this list may serve the model all the same
                return named
            advice = f"; start a server at {self.endpoint.address} (`vllm serve MODEL`)" if may_pass(error) else ""
            raise CaptionError(f"{explain(error, self.endpoint)}{advice}") from None
        except (LookupError, TypeError, ValueError, RecursionError):
            raise CaptionError(
                f"{self.endpoint.address}/models is no list of models: check language_model.endpoint"
            ) from None
        if not named and len(names) != 1:
            shown = one_line(", ".join(names)) or "no model"
            raise CaptionError(f"{self.endpoint.host} serves {shown}: name one in language_model.served_model")
        return named or names[0]

    def _client(self) -> openai.AsyncOpenAI:
        """A client for one event loop."""
        return openai.AsyncOpenAI(
            api_key=self.endpoint.key,
            base_url=self.endpoint.address,
            max_retries=self.machine.attempts - 1,
            http_client=CheckedClient(self.endpoint.plain, self.machine.timeout),
        )

    async def _answer_all(self, conversations: Sequence[Conversation]) -> list[Answer]:
        """The answers in the order of the conversations, whatever the order in which they come."""
        places = asyncio.Semaphore(self.machine.concurrency)

        async def answer(index: int) -> Answer:
            # A place is held through all tries and pauses: a busy server gets fewer requests, not other ones. Pictures
            # are encoded only now, so memory does not grow with the batch.
            async with places:
                found = await self._answer(client, conversations, index)
            bar.update()
            return found

        async with self._client() as client:
            probe, once = [{"role": "user", "content": "Say yes."}], client.with_options(max_retries=0)
            await self.breaker.begin(lambda: self._ask(once, probe, max_tokens=1))
            with progress_bar(self.model, len(conversations), "answers") as bar:
                async with asyncio.TaskGroup() as group:
                    tasks = [group.create_task(answer(index)) for index in range(len(conversations))]
        return [task.result() for task in tasks]

    async def _answer(self, client: openai.AsyncOpenAI, conversations: Sequence[Conversation], index: int) -> Answer:
        """The answer to one conversation, or why there is none."""
        if self.breaker.reason:
            return Answer(failure=f"not asked: {self.breaker.reason}", transient=True)
        messages = await asyncio.to_thread(lambda: conversations[index].messages(_image_part))
        before = self.breaker.replies
        answer, status = await self._ask(client, messages, **self._form())
        if not answer.transient:
            misled = answer.elsewhere and answer.finish_reason == "stop"  # so will every other answer be
            self.breaker.count_reply(misplaced(answer.elsewhere).explained if misled else answer.failure)
            return answer
        own = status == 500 and self.breaker.replies != before  # it broke down over this, and answered others
        await self.breaker.count_loss(before)
        return replace(answer, transient=not own)

    async def _ask(self, client: openai.AsyncOpenAI, messages: list[dict[str, Any]], **form: Any) -> tuple[Answer, int]:
        """One chat completion, tries included: the answer or the failure, and the status of the reply.

        Raises:
            CaptionError: the status concerns all requests.
        """
        create = client.chat.completions.with_raw_response.create
        try:
            reply = await create(model=self.served, messages=messages, temperature=0, seed=0, **form)
            return read_completion(reply.content), reply.status_code
        except openai.APIError as error:
            failure, transient = explain(error, self.endpoint), may_pass(error)
            if not transient and status_of(error) not in ONE_REQUEST:
                raise CaptionError(failure) from None
            return Answer(failure=failure, transient=transient), status_of(error)

    def _form(self) -> dict[str, Any]:
        """What an answer must be like."""
        shape = {"name": "caption", "schema": answer_schema(), "strict": False}
        form = {"response_format": {"type": "json_schema", "json_schema": shape}, "max_tokens": self.chosen.max_answer}
        further = {"extra_body": {"chat_template_kwargs": {"enable_thinking": False}}}
        return form | further if self.endpoint.plain else form


def _image_part(frame: np.ndarray) -> dict[str, Any]:
    encoded = base64.b64encode(png_bytes(frame)).decode()
    return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{encoded}"}}
