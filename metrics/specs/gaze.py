"""Family ``gaze``: are the paths of eyes, lids, brows and mouth as smooth as the true ones, and the same?"""

from metrics.specs import reasons
from metrics.specs.types import INFINITY, Family, MetricSpec

OURS = "this benchmark"
INPUTS = "FaceMesh points of both videos in their own pixels, at 25 fps, in units of the face"
ROUGH = (
    "Mean length of the second difference over time, of frames whose neighbours have a face too, generated over truth"
)
CORRELATION = "of frames with a face in both videos; a path that never moves reads 0"
NOISE = (
    "the tracker's own trembling is in both videos, and most of what is compared where the true path hardly moves: on "
    "drawn faces of 192 px, whose motion is known, it reads 1.1 (mouth), 1.7 (lids), 4 (gaze) and 8 (brows) times what "
    "was drawn; a blurred face reads below 1"
)
FREE = "for methods that are free to move where they like; only what follows from speech or time can be predicted"
TIMELESS = "alone: a path that is smooth in the wrong direction reads 1 as well"
PATHS = (
    ("gaze", "the gaze",
     "The centres of the irises (468, 473) in the eyes, mean of both: along and across the line of the eye's corners, "
     "in eye widths (2 numbers)"),
    ("lid", "the lids", "The gap of the lids over the eye's width, mean of both eyes"),
    ("brow", "the brows",
     "The distance of a brow's centre from its eye's, mean of both sides, over the distance of the eyes' centres"),
    ("mouth", "the lip gap", "The gap of the inner lips over the distance of the eyes' centres"),
)  # fmt: skip
PACKAGE = "package:mediapipe"


def _roughness(name: str, words: str, path: str) -> MetricSpec:
    return MetricSpec(
        f"{name}_roughness@mediapipe", "gaze", "clip", "ratio", None, (0, INFINITY),
        f"How rough the path of {words} is, compared with the truth.",
        f"{path}. {ROUGH}.",
        OURS, target=1.0, inputs=INPUTS, reference="none",
        disagreement="no published metric of landmarks' paths has code; smoothness is elsewhere of pixels or flow",
        avoid=f"{TIMELESS}; {NOISE}", evaluator=PACKAGE, smallest=0.05, why_smallest=reasons.RATIO,
    )  # fmt: skip


def _correlation(name: str, words: str, path: str) -> MetricSpec:
    several = " (of both numbers at once: sum of products over the root of both sums of squares)"
    return MetricSpec(
        f"{name}_correlation@mediapipe", "gaze", "clip", "", True, (-1, 1),
        f"Does the path of {words} follow the true one?",
        f"{path}. Pearson correlation over time{several if name == 'gaze' else ''}, {CORRELATION}.",
        OURS, inputs=INPUTS, reference="none",
        disagreement="blink_correlation is of the same lids, only in clips in which the true eyes blink"
        if name == "lid" else "none is published",
        avoid=FREE, evaluator=PACKAGE, smallest=0.05, why_smallest=reasons.CORRELATION,
    )  # fmt: skip


FAMILY = Family(
    "gaze", 1, None, "Are the paths of eyes, lids, brows and mouth as smooth as the true ones, and the same?",
    needs="timing",
)  # fmt: skip

SPECS = (
    *(_roughness(*path) for path in PATHS),
    *(_correlation(*path) for path in PATHS[:3]),
    MetricSpec(
        "fdd@brows-lids", "gaze", "clip", "% inter-ocular", None, (-INFINITY, INFINITY),
        "Upper-face dynamics deviation: are brows and lids livelier (above 0) or stiller (below) than the true ones?",
        "Per video, the head's motion is taken out by rigid points; the distance of each of 52 points of brows and "
        "lids from the mean face, its standard deviation over time, mean over points; generated less truth.",
        "in kind FDD: Xing et al., CodeTalker, CVPR 2023", target=0.0, inputs=INPUTS, reference="none",
        disagreement="CodeTalker measures vertices of a 3-D head about its neutral template, truth less generated",
        avoid="alone: only the amount of motion counts, neither its place nor its time", evaluator=PACKAGE,
        smallest=0.5, why_smallest=reasons.EYE_SPAN,
    ),
)  # fmt: skip
