"""The registry of metrics: what each key means, its version, unit and direction.

A key is ``name@variant``; the variant says what a number depends on: ``region`` (pixels of the generated region),
``mediapipe`` (FaceMesh landmarks) or ``corpus-v1`` (a judge trained on this corpus's real train clips). Anything that
can move a number bumps the version of its family. Imports nothing heavy: the workflow and the reports read it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal


class SpecError(ValueError):
    """A metric or family that does not exist; the message names those that do."""


@dataclass(frozen=True)
class Family:
    """Metrics that are computed together, from the same inputs, by one module."""

    name: str
    module: str
    version: int
    judge: str | None
    description: str


@dataclass(frozen=True)
class MetricSpec:
    """What one metric key means.

    `level`: one value a clip, or one for the whole set. `higher_is_better` is None where neither direction is an
    improvement; `target` then names the ideal value, if there is one. `bounds` are the values that can occur.
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

    def __post_init__(self) -> None:
        """Check that the key names a variant and the family exists."""
        name, _, variant = self.key.partition("@")
        if not name or not variant:
            raise SpecError(f"{self.key}: a metric key is name@variant")
        if self.family not in FAMILIES:
            raise SpecError(f"{self.key}: no family {self.family}")

    @property
    def name(self) -> str:
        """The key without its variant."""
        return self.key.partition("@")[0]

    @property
    def variant(self) -> str:
        """What the number depends on."""
        return self.key.partition("@")[2]

    @property
    def version(self) -> int:
        """Version of the family: bumped with any change that can move a number."""
        return family_version(self.family)

    @property
    def is_category(self) -> bool:
        """True where the value is an index, of which no mean exists."""
        return self.unit == "class"


FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Family("image", "metrics.image", 1, None, "Pixels of the generated region against the true ones."),
        Family("lip_sync", "metrics.sync", 1, "sync", "Do the lips fit the sound, says a judge."),
        Family("landmarks", "metrics.landmarks", 1, None, "Mouth, face and eyelids against the true ones."),
        Family("frechet", "metrics.frechet", 1, "video", "Are the frames, and the clips, distributed as real ones."),
        Family("emotion", "metrics.emotion", 1, "emotion", "Is the wanted emotion seen, says a judge."),
        Family("temporal", "metrics.temporal", 1, None, "How much the picture moves and trembles."),
    )
}

INFINITY = float("inf")
WANG = "Wang et al., Image quality assessment, IEEE TIP 2004; scikit-image structural_similarity"
SYNCNET = "Chung & Zisserman, Out of time, ACCV-W 2016; joonson/syncnet_python@6efbb1c"
EAT = "Gan et al., EAT, ICCV 2023; yuangan/evaluation_eat code/test_lmd.py"
FID = "Heusel et al., TTUR, NeurIPS 2017; Dowson & Landau 1982 for the distance"
FVD = "Unterthiner et al., FVD, 2019"
MESH = "Kartynnik et al., Real-time facial surface geometry, 2019 (MediaPipe FaceMesh)"
OURS = "this benchmark"

_SPECS = (
    MetricSpec(
        "psnr@region", "image", "clip", "dB", True, (0, 100),
        "Peak signal-to-noise ratio of the generated region.",
        "10 log10(255^2 / MSE), the MSE pooled over all region pixels, channels and frames of the clip's aligned "
        "crops; identical clips read 100.",
        "ITU-T; pooled as skimage.metrics.peak_signal_noise_ratio on the stacked clip",
    ),
    MetricSpec(
        "ssim@region", "image", "clip", "", True, (-1, 1),
        "Structural similarity of the generated region.",
        "Gaussian window of sigma 1.5, population covariance, mean over channels; the map is averaged over the "
        "region's pixels, then over frames.",
        WANG,
    ),
    MetricSpec(
        "lse_c@corpus-v1", "lip_sync", "clip", "", True, (0, 8),
        "Lip-sync confidence: how much closer the best audio shift is than the typical one.",
        "Median minus minimum over up to 31 shifts (15 frames either way) of the mean embedding distance; a shift "
        "averages only windows that have a partner (no zero padding) and needs 10 of them.",
        SYNCNET,
    ),
    MetricSpec(
        "lse_d@corpus-v1", "lip_sync", "clip", "", False, (0, 8),
        "Lip-sync distance: embedding distance at the best audio shift.",
        "Minimum over the shifts of the mean embedding distance (embeddings have length 4).",
        SYNCNET,
    ),
    MetricSpec(
        "sync_offset@corpus-v1", "lip_sync", "clip", "frames", None, (-15, 15),
        "Audio-video offset at the best shift; negative where the sound comes late.",
        "Minus the shift of the minimum, as syncnet_python prints it.",
        SYNCNET, target=0.0,
    ),
    MetricSpec(
        "mouth_correlation@mediapipe", "landmarks", "clip", "", True, (-1, 1),
        "Does the mouth open when the true mouth opens?",
        "Pearson correlation over frames of the inner-lip gap (points 13, 14) over the inter-ocular distance; a mouth "
        "that never moves reads 0.",
        f"{MESH}; {OURS}",
    ),
    MetricSpec(
        "mouth_amplitude@mediapipe", "landmarks", "clip", "ratio", None, (0, INFINITY),
        "Does the mouth move as much as the true one?",
        "Standard deviation of the lip gap, generated over truth.",
        OURS, target=1.0,
    ),
    MetricSpec(
        "m_lmd@mediapipe", "landmarks", "clip", "inter-ocular", False, (0, INFINITY),
        "Landmark distance of the mouth, position removed.",
        "The 40 lip points less their mean, per frame; mean Euclidean distance over the truth's mean inter-ocular "
        "distance.",
        EAT,
    ),
    MetricSpec(
        "f_lmd@mediapipe", "landmarks", "clip", "inter-ocular", False, (0, INFINITY),
        "Landmark distance of the whole face, position removed.",
        "The same over the 468 mesh points (irises left out).",
        EAT,
    ),
    MetricSpec(
        "m_lmd_px@mediapipe", "landmarks", "clip", "px", False, (0, INFINITY),
        "Landmark distance of the mouth in pixels of the aligned crop.",
        "As m_lmd, with both point sets mapped into the crop by the true clip's transforms.",
        EAT,
    ),
    MetricSpec(
        "f_lmd_px@mediapipe", "landmarks", "clip", "px", False, (0, INFINITY),
        "Landmark distance of the whole face in pixels of the aligned crop.",
        "As f_lmd, with both point sets mapped into the crop by the true clip's transforms.",
        EAT,
    ),
    MetricSpec(
        "blink_correlation@mediapipe", "landmarks", "clip", "", True, (-1, 1),
        "Do the eyes close when the true eyes close?",
        "Pearson correlation of the eye opening; only for clips in which the true eyes blink.",
        f"{MESH}; {OURS}",
    ),
    MetricSpec(
        "fid@corpus-v1", "frechet", "set", "", False, (0, INFINITY),
        "Frechet distance between generated and true frames.",
        "Gaussians fitted to the video judge's whitened frame features of all frames; covariances shrunk to their "
        "mean variance by d / (d + n); interval by jackknife over clips.",
        FID,
    ),
    MetricSpec(
        "fvd@corpus-v1", "frechet", "set", "", False, (0, INFINITY),
        "Frechet distance between generated and true 16-frame windows.",
        "As fid, over the video judge's clip features of 16-frame windows every 4 frames.",
        FVD,
    ),
    MetricSpec(
        "acc_emo@corpus-v1", "emotion", "clip", "", True, (0, 1),
        "Is the clip's labelled emotion the one that is seen?",
        "1 where the judge's mean frame probability is greatest for the label, else 0; unlabelled clips do not count.",
        "Gan et al., EAT, ICCV 2023 (protocol); judge trained here",
    ),
    MetricSpec(
        "predicted_emotion@corpus-v1", "emotion", "clip", "class", None, (0, 7),
        "The emotion that is seen, as an index into eadnet.config.EMOTIONS.",
        "Greatest mean frame probability of the emotion judge.",
        OURS,
    ),
    MetricSpec(
        "flicker_ratio@region", "temporal", "clip", "ratio", None, (0, INFINITY),
        "How much neighbouring frames differ, compared with the truth.",
        "Mean absolute first difference over time in the region of the aligned crops, generated over truth; a frozen "
        "face reads 0.",
        f"VBench temporal flickering, relative to the truth; {OURS}", target=1.0,
    ),
    MetricSpec(
        "jitter_ratio@region", "temporal", "clip", "ratio", None, (0, INFINITY),
        "How much the picture trembles, compared with the truth.",
        "The same with second differences.",
        OURS, target=1.0,
    ),
    MetricSpec(
        "landmark_jitter@mediapipe", "temporal", "clip", "inter-ocular", False, (0, INFINITY),
        "How much the landmarks tremble; compare with the row of ground_truth, since a frozen face reads least.",
        "Mean length of the second difference over time of the 468 mesh points over the inter-ocular distance.",
        OURS,
    ),
)  # fmt: skip

REGISTRY: dict[str, MetricSpec] = {spec.key: spec for spec in _SPECS}


def family(name: str) -> Family:
    """Look a family up by name.

    Raises:
        SpecError: there is no such family; the message names those there are.
    """
    if name not in FAMILIES:
        raise SpecError(f"no metric family '{name}'; there are: {', '.join(FAMILIES)}")
    return FAMILIES[name]


def check_families(names: Iterable[str]) -> None:
    """Check the config key `evaluation.metrics`.

    Raises:
        SpecError: it is empty, names a family twice or one that does not exist; the message names the key.
    """
    names = tuple(names)
    unknown = [name for name in names if name not in FAMILIES]
    if unknown or not names or len(set(names)) < len(names):
        fault = f"unknown family '{unknown[0]}'" if unknown else "empty, or a family twice"
        raise SpecError(f"config: evaluation.metrics: {fault}; use any of {', '.join(FAMILIES)}, each once")


def family_version(name: str) -> int:
    """Integer version of a family; bumping it makes the workflow score that family anew, and only that."""
    return family(name).version


def family_specs(name: str) -> tuple[MetricSpec, ...]:
    """Metrics of a family, in the order in which tables show them."""
    return tuple(spec for spec in _SPECS if spec.family == family(name).name)


def direction(spec: MetricSpec) -> str:
    """Arrow or target that a table shows beside a metric's name."""
    if spec.higher_is_better is None:
        return "" if spec.target is None else f"→ {spec.target:g}"
    return "↑" if spec.higher_is_better else "↓"


def list_table() -> str:
    """One aligned line a metric: key, version, level, unit, direction, family, meaning."""
    rows = [("key", "version", "level", "unit", "better", "family", "meaning")]
    rows += [
        (spec.key, str(spec.version), spec.level, spec.unit or "-", direction(spec) or "-", spec.family,
         spec.description)
        for spec in _SPECS
    ]  # fmt: skip
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    return "\n".join("  ".join([*map(str.ljust, row, widths), row[6]]) for row in rows)


def document() -> str:
    """The registry as Markdown: the generated part of docs/metrics.md."""
    lines = ["| key | version | level | unit | range | better | family |", "|---|---|---|---|---|---|---|"]
    lines += [
        f"| `{spec.key}` | {spec.version} | {spec.level} | {spec.unit or '–'} | {_range(spec)} "
        f"| {direction(spec) or '–'} | {spec.family} |"
        for spec in _SPECS
    ]
    for item in FAMILIES.values():
        judge = f" Judge: `{item.judge}`." if item.judge else ""
        lines += ["", f"### {item.name} (version {item.version})", "", item.description + judge, ""]
        lines += [
            f"- **`{spec.key}`** {spec.description} *Computed:* {spec.computed} *Source:* {spec.citation}."
            for spec in family_specs(item.name)
        ]
    return "\n".join(lines) + "\n"


def _range(spec: MetricSpec) -> str:
    low, high = ("∞" if bound == INFINITY else f"{bound:g}" for bound in spec.bounds)
    return f"{low} to {high}"
