"""What a metric and a family of metrics are, before any is named. Imports nothing heavy."""

from dataclasses import dataclass
from typing import Literal

INFINITY = float("inf")
BY_CORPUS = ("lse_c", "lse_d")
"""Names of metrics of clips whose level depends on the corpus, so that no mean over corpora is a headline."""

Scored = Literal["videos", "captions", "networks"]
Needs = Literal["nothing", "sound", "clip", "timing", "frames"]
NEEDS: dict[Needs, str] = {
    "nothing": "the video alone",
    "sound": "the video with its own sound",
    "clip": "the video and its true clip, in no order (a picture of the person, the truth's own level)",
    "timing": "the true clip in step: the same sound and length, in any size and at any rate",
    "frames": "the true clip frame by frame, pixel on pixel: the same aspect, sound and length",
}
"""What a metric needs beside the video's picture. The last reads the video aligned with the true clip, the others its
own pixels, and the first three score every video that can be read."""


@dataclass(frozen=True)
class Family:
    """Metrics that are computed together, from the same inputs, by one module.

    `of` is what is scored: generated videos (by ``metrics.families.<name>``), captions of real ones (by
    ``metrics.captions``) or trained networks without any video (by ``metrics.scoring.latents``); a list of families
    that score videos never names the others. `judge` names the corpus's judge that the family uses, `assets` the
    published weights that it needs, `extractor` what must be taken from whole frames
    for it (``metrics.measuring.extractors``), `needs_truth` whether from the true ones too. `needs` is what its metrics
    need beside the picture, but for those that state their own. `uses_gpu` says whether its network runs on a GPU where
    there is one; the others compute on the CPU everywhere.
    """

    name: str
    version: int
    judge: str | None
    description: str
    assets: tuple[str, ...] = ()
    extractor: str | None = None
    needs_truth: bool = False
    of: Scored = "videos"
    needs: Needs = "frames"
    uses_gpu: bool = False

    @property
    def module(self) -> str:
        """Name of the module that scores it."""
        others = {"captions": "metrics.captions.scoring", "networks": "metrics.scoring.latents"}
        return others.get(self.of, f"metrics.families.{self.name}")


@dataclass(frozen=True)
class MetricSpec:
    """What one metric key means, in words that the documentation prints.

    `level`: one value a clip, or one for the whole set. `higher_is_better` is None where neither direction is an
    improvement; `target` then names the ideal value, if there is one. `bounds` are the values that can occur. `inputs`
    states at which resolution and crop pictures are compared, `reference` whose implementation is followed,
    `disagreement` how far others are known to differ, `avoid` when not to use it. `evaluator` names what judges:
    ``judge:sync``, ``asset:<asset>/<file>``, ``package:mediapipe``, ``package:silero-vad``, ``sha256:<digest>`` (of a
    file inside a package) or ``region``; "" where a formula alone does.
    `needs` is what it needs beside the picture; None: what its family does.
    `smallest` is the smallest difference of interest and `why_smallest` its reason: in the metric's unit, or, if
    `smallest_is_share`, as a share of the level of the run that is compared with. Every metric with a direction or a
    target has one. `yes_no` marks metrics that are 0 or 1 for every clip, whose mean is a share. `headline` is the
    slice of clips whose value stands for the metric in short tables.
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
    needs: Needs | None = None
    smallest: float | None = None
    why_smallest: str = ""
    smallest_is_share: bool = False
    yes_no: bool = False
    headline: Literal["all", "unseen_people"] = "all"

    def __post_init__(self) -> None:
        """Check that the key names a variant and the bounds an interval."""
        name, _, variant = self.key.partition("@")
        if not name or not variant:
            raise ValueError(f"{self.key}: a metric key is name@variant")
        if not self.bounds[0] < self.bounds[1]:
            raise ValueError(f"{self.key}: bounds {self.bounds} are no interval")
        if self.smallest is not None and not (self.smallest > 0 and self.why_smallest):
            raise ValueError(f"{self.key}: smallest must be above 0 and have a reason; give why_smallest")

    @property
    def name(self) -> str:
        """The key without its variant."""
        return self.key.partition("@")[0]

    @property
    def variant(self) -> str:
        """What the number depends on."""
        return self.key.partition("@")[2]

    @property
    def pooled(self) -> bool:
        """Whether clips of several corpora make one headline; a distance of sets changes with the mix of corpora."""
        return self.level == "clip" and self.name not in BY_CORPUS

    @property
    def is_category(self) -> bool:
        """True where the value is an index, of which no mean exists."""
        return self.unit == "class"

    @property
    def by_distance(self) -> bool:
        """Whether runs are judged by how far each clip lies from the target, not by the value itself."""
        return self.higher_is_better is None and self.target is not None

    @property
    def is_judged(self) -> bool:
        """Whether one value can be better than another."""
        return self.higher_is_better is not None or self.target is not None

    def smallest_beside(self, level: float) -> float:
        """The smallest difference of interest in the metric's unit, beside a run of that level.

        Infinite if none is stated, so that nothing is decided by such a metric.
        """
        if self.smallest is None:
            return INFINITY
        return self.smallest * abs(level) if self.smallest_is_share else self.smallest
