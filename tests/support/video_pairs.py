"""Pairs of crops that lie in memory, and settings that know where a few things lie, for tests of set metrics."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from metrics.scoring.settings import WeightsAbsent


def pair_of(clip_id: str, generated: np.ndarray, truth: np.ndarray) -> SimpleNamespace:
    """What `metrics.scoring.pairs.Pair` says of two (T, R, R, 3) uint8 clips."""
    return SimpleNamespace(
        clip_id=clip_id, status="ok", reason=None, n_frames=len(truth), generated_crops=generated, true_crops=truth,
        generated_digest=digest(generated), true_digest=digest(truth), notes=None, own_notes=None, video=None,
        row={"source": None, "corpus": "drawn"}, seen=np.ones(len(truth), bool), in_step=True,
    )  # fmt: skip


def digest(crops: np.ndarray) -> str:
    """Content of crops."""
    return hashlib.sha256(crops.tobytes()).hexdigest()


@dataclass
class FakeSettings:
    """`judges` and `assets` are folders; `looked` counts what was computed; crops have `side` pixels."""

    judges: Path | None = None
    assets: Path | None = None
    looked: int = 0
    side: int = 32
    known: dict = field(default_factory=dict)

    def region(self) -> np.ndarray:
        """(side, side) bool, the lower half."""
        return np.repeat(np.arange(self.side) >= self.side // 2, self.side).reshape(self.side, self.side)

    def judge(self, name: str) -> Path:
        """Folder of a judge."""
        return self.judges / name

    def weights(self, asset: str) -> Path:
        """Folder of published weights."""
        if self.assets is None:
            raise WeightsAbsent(asset)
        return self.assets

    def cached(self, digest: str, evaluator: str, compute: Callable[[], np.ndarray]) -> np.ndarray:
        """Features, computed once."""
        if (digest, evaluator) not in self.known:
            self.looked += 1
            self.known[digest, evaluator] = compute()
        return self.known[digest, evaluator]
