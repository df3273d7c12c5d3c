"""What families and extractors need to know: judges, the generated region, published weights, cached features."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from eadnet.assets import AssetError, AssetSettings, fetch
from metrics.scoring.cache import cached


class WeightsAbsent(ValueError):
    """Published weights that a family needs are not here; `brief` names them for tables, the message adds the cause."""

    def __init__(self, asset: str, reason: str = "") -> None:
        self.brief = f"weights absent: {asset}"
        super().__init__(self.brief + (f" ({reason})" if reason else ""))


@cache
def _log_once(line: str) -> None:
    """Every family asks for its weights; the log has the cause of their absence once."""
    print(line, file=sys.stderr)


@dataclass(frozen=True)
class ScoringSettings:
    """What families need to know.

    `judges` is the judges' folder; `mask`, `resolution` and `cells` define the generated pixels of the crop;
    `assets` is where published weights lie (None: nowhere), `cache` where features are kept (None: nowhere),
    `syncnet_python` the Python that runs the package syncnet-python (None: that of `make syncnet`).
    """

    judges: Path | None
    mask: str
    resolution: int
    cells: int
    assets: AssetSettings | None = None
    cache: Path | None = None
    syncnet_python: str | None = None

    def region(self) -> np.ndarray:
        """(resolution, resolution) bool mask of the generated pixels."""
        from eadnet.faces.regions import region_mask

        return region_mask(self.mask, self.resolution, self.cells)

    def judge(self, name: str) -> Path:
        """Folder of a judge.

        Raises:
            ValueError: no judges were given.
        """
        if self.judges is None:
            raise ValueError(f"this family needs the {name} judge; give --judges")
        return self.judges / name

    def weights(self, asset: str) -> Path:
        """Folder of published weights, every file checked against its digest.

        Raises:
            WeightsAbsent: they are not here and cannot be fetched, or are not those that were published.
        """
        if self.assets is None:
            raise WeightsAbsent(asset, "give --assets")
        try:
            return fetch(asset, self.assets)
        except AssetError as error:
            _log_once(str(error))  # rows name the weights alone
            raise WeightsAbsent(asset, str(error)) from None

    def cached(self, digest: str, evaluator: str, compute: Callable[[], np.ndarray]) -> np.ndarray:
        """Features of the pictures with that digest by `evaluator`, from the cache where it has them."""
        return cached(self.cache, digest, evaluator, compute)
