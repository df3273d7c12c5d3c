"""What a metric and a family of metrics are, before any is named. Imports nothing heavy."""

from dataclasses import dataclass
from typing import Literal

INFINITY = float("inf")


@dataclass(frozen=True)
class Family:
    """Metrics that are computed together, from the same inputs, by one module.

    `of` is what is scored: generated videos (by ``metrics.families.<name>``) or captions of real ones (by
    ``metrics.captions``); a list of families that score videos never names the latter. `judge` names the corpus's judge
    that the family uses, `assets` the published weights that it needs, `extractor` what must be taken from whole frames
    for it (``metrics.measuring.extractors``), `needs_truth` whether from the true ones too.
    """

    name: str
    version: int
    judge: str | None
    description: str
    assets: tuple[str, ...] = ()
    extractor: str | None = None
    needs_truth: bool = False
    of: Literal["videos", "captions"] = "videos"

    @property
    def module(self) -> str:
        """Name of the module that scores it."""
        return f"metrics.families.{self.name}" if self.of == "videos" else "metrics.captions.scoring"


@dataclass(frozen=True)
class MetricSpec:
    """What one metric key means, in words that the documentation prints.

    `level`: one value a clip, or one for the whole set. `higher_is_better` is None where neither direction is an
    improvement; `target` then names the ideal value, if there is one. `bounds` are the values that can occur. `inputs`
    states at which resolution and crop pictures are compared, `reference` whose implementation is followed,
    `disagreement` how far others are known to differ, `avoid` when not to use it. `evaluator` names what judges:
    ``judge:sync``, ``asset:<asset>/<file>``, ``package:mediapipe``, ``sha256:<digest>`` (of a file inside a package)
    or ``region``; "" where a formula alone does.
    """

    key: str
    family: str
    level: Literal["clip", "set"]
    unit: str
    higher_is_better: bool | None
    bounds: tuple[float, float]
    description: str
    computed: str
    citation: str
    target: float | None = None
    inputs: str = ""
    reference: str = ""
    disagreement: str = ""
    avoid: str = ""
    evaluator: str = ""

    def __post_init__(self) -> None:
        """Check that the key names a variant and the bounds an interval."""
        name, _, variant = self.key.partition("@")
        if not name or not variant:
            raise ValueError(f"{self.key}: a metric key is name@variant")
        if not self.bounds[0] < self.bounds[1]:
            raise ValueError(f"{self.key}: bounds {self.bounds} are no interval")

    @property
    def name(self) -> str:
        """The key without its variant."""
        return self.key.partition("@")[0]

    @property
    def variant(self) -> str:
        """What the number depends on."""
        return self.key.partition("@")[2]

    @property
    def is_category(self) -> bool:
        """True where the value is an index, of which no mean exists."""
        return self.unit == "class"
