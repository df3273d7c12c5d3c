"""A circuit breaker: gives up on a server once and with one line, so a dead server costs one round of tries a job.

A request whose tries are used up does not decide, since the fault may be its own. If others were answered meanwhile,
the server lives. If not, a probe (the shortest possible request) decides; a server that answers nothing but probes is
given up after `HOPELESS` requests in a row. Each later batch begins with a probe, and goes on if it is answered.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tqdm import tqdm

from eadnet.captions.engines.answers import Answer
from eadnet.captions.requests import CaptionError

HOPELESS = 16  # requests in a row that are lost, or refused from the start


@dataclass
class Breaker:
    """Whether requests may be sent to one server.

    Attributes:
        reason: Why not; "" while they may.
        replies: Requests with a reply so far, refusals included.
    """

    reason: str = ""
    replies: int = 0
    _refusals: int = field(default=0, init=False)
    _lost: int = field(default=0, init=False)  # in a row, without a reply

    async def begin(self, probe: Callable[[], Awaitable[tuple[Answer, int]]]) -> None:
        """Begin a batch; `probe` sends the shortest possible request, once."""
        self._probe, self._probing = probe, asyncio.Lock()  # both belong to the batch's event loop
        if self.reason:
            await self._decide()

    def count_reply(self, refusal: str) -> None:
        """Note a reply; `refusal` is "" for an answer.

        Raises:
            CaptionError: all replies are refusals.
        """
        self.replies, self._refusals, self._lost = self.replies + 1, self._refusals + bool(refusal), 0
        if self._refusals == self.replies >= HOPELESS:
            raise CaptionError(f"all of {HOPELESS} requests failed: {refusal}")

    async def count_loss(self, before: int) -> None:
        """Note a request whose tries are used up, with the number of replies when it began."""
        async with self._probing:  # one at a time: what the first finds out spares the others
            if self.replies == before and not self.reason:
                self._lost += 1
                await self._decide()

    async def _decide(self) -> None:
        answer, _ = await self._probe()
        if answer.transient:
            self.reason = f"the server does not answer any more: {answer.failure}"
        elif self._lost >= HOPELESS:
            self.reason = f"the server left {HOPELESS} requests in a row without an answer"
        else:
            self.reason = ""
        if self.reason:
            self._lost = 0
            tqdm.write(f"no further requests: {self.reason}", file=sys.stderr)
