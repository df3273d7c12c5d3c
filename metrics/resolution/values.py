"""A row of a table as something that can be drawn again: its values, or its features, of the clips of a pool.

Shape legend: B draws, C clips of the pool.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from metrics.families.feature_sets import FeatureSet

MANY_DIMENSIONS, FEW_DRAWS = 1024, 20
"""A distance in more dimensions takes seconds; there are then at most so many draws, which gives a standard deviation
to a sixth of itself."""


class Row(Protocol):
    """One run and seed: what it has of the pool, and its value over any choice of that."""

    has_C: np.ndarray
    most_draws: float
    limit: str

    def over(self, counts_BC: np.ndarray, kept_C: np.ndarray) -> np.ndarray:
        """(B,) values over the drawn clips that are `kept_C`; NaN for a draw that holds too few of them."""


class ClipValues:
    """A metric with a value a clip, whose value over clips is their mean."""

    most_draws, limit = np.inf, ""

    def __init__(self, values_C: np.ndarray) -> None:
        """Keep (C,) values, NaN where there is none."""
        self.has_C = np.isfinite(values_C)
        self._values_C = np.where(self.has_C, values_C, 0.0)

    def over(self, counts_BC: np.ndarray, kept_C: np.ndarray) -> np.ndarray:
        """(B,) means over the drawn clips that are kept and have a value."""
        weights_BC = counts_BC * (kept_C & self.has_C)
        n = weights_BC.sum(1)
        return np.divide(weights_BC @ self._values_C, n, out=np.full(len(n), np.nan), where=n > 0)


@dataclass
class SetValues:
    """A Frechet distance: the value over clips is that between all their generated and all their true features."""

    features: FeatureSet
    pool: Sequence[str]
    _known: dict[bytes, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Find the clips of the pool that give features."""
        self.features = self.features.filled()
        places = {name: place for place, name in enumerate(self.features.clip_ids)}
        self._place_C = np.array([places.get(name, -1) for name in self.pool])
        self.has_C = self._place_C >= 0
        dimensions = self.features.truth[0].shape[1] if self.features.truth else 0
        slow = dimensions > MANY_DIMENSIONS
        self.most_draws = FEW_DRAWS if slow else np.inf
        self.limit = f"at most {FEW_DRAWS} draws of {dimensions} dimensions" if slow else ""

    def over(self, counts_BC: np.ndarray, kept_C: np.ndarray) -> np.ndarray:
        """(B,) distances over the drawn clips that are kept and give features; computed once for each choice."""
        chosen_BC = counts_BC * (kept_C & self.has_C)
        for row in chosen_BC:
            if row.tobytes() not in self._known:
                self._known[row.tobytes()] = self._distance(np.repeat(self._place_C, row))
        return np.array([self._known[row.tobytes()] for row in chosen_BC])

    def _distance(self, places: np.ndarray) -> float:
        if not len(places):
            return np.nan
        sides = (
            np.concatenate([clips[place] for place in places])
            for clips in (self.features.generated, self.features.truth)
        )
        return self.features.distance(*sides)
