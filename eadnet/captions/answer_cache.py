"""A cache of captions: a killed job continues where it stopped, and a second run asks about no captioned clip again.

Only accepted answers are kept. An answer that was refused, empty or absent may be the fault of a server that is
repaired under the same name, so such a clip is asked about again.

One folder per shard, ``{corpus}/{shard}``, so answers stay valid however shards are put together in jobs
(`ShardCaches`). One file per batch of clips, ``{digest}.jsonl``, one line per outcome, written all or nothing: jobs may
share the folder, and a killed one loses its current batch only. The key of an outcome covers all that can change it
(`key_of`). Deleting the folder costs time only.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from eadnet.captions.requests import Outcome, Row
from eadnet.provenance import atomic_path


def key_of(parts: Mapping[str, object]) -> str:
    """Hex digest of everything that an outcome depends on."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class AnswerCache:
    """Outcomes in a folder; with None, nothing is kept."""

    folder: Path | None

    def get(self, key: str) -> Outcome | None:
        """The outcome of a key; None if it is not there, is damaged, has no caption, or today's schema refuses it."""
        try:
            found = Outcome.from_json(self._stored[key])
        except (ValueError, KeyError, TypeError):
            return None
        return found if found.record else None

    def put(self, outcomes: Mapping[str, Outcome]) -> None:
        """Store those outcomes of a batch that have a caption, by key."""
        accepted = {key: outcome.to_json() for key, outcome in outcomes.items() if outcome.record}
        if self.folder is None or not accepted:
            return
        self._stored.update(accepted)
        lines = [json.dumps([key, text]) for key, text in sorted(accepted.items())]
        with atomic_path(self.folder / f"{key_of(accepted)[:32]}.jsonl") as temporary:
            temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")

    @cached_property
    def _stored(self) -> dict[str, str]:
        """Everything in the folder, by key; unreadable lines are skipped."""
        found: dict[str, str] = {}
        for path in sorted(self.folder.glob("*.jsonl")) if self.folder else ():
            for line in path.read_bytes().splitlines():
                try:
                    key, text = json.loads(line)
                except (ValueError, TypeError):
                    continue
                found[key] = text
        return found


@dataclass(frozen=True)
class ShardCaches:
    """The answer caches of all shards below a folder; with None, nothing is kept."""

    folder: Path | None
    _opened: dict[tuple[str, str], AnswerCache] = field(default_factory=dict)

    def of(self, row: Row) -> AnswerCache:
        """The cache of a clip's shard, given its row of the clips table."""
        place = (row["corpus"], row["shard"])
        if place not in self._opened:
            self._opened[place] = AnswerCache(self.folder.joinpath(*place) if self.folder else None)
        return self._opened[place]
