"""Family ``memory``: does the expression hold where the true one holds, and is it as strong?"""

from metrics.specs.reasons import RATIO
from metrics.specs.types import INFINITY, Family, MetricSpec

OURS = "this benchmark"
INPUTS = "MediaPipe mesh of whole frames in source pixels; frames in which both videos have a face"
LAGS = (1, 25, 100, 250)
"""Frames apart."""
BEYOND = 25
"""Frames by which a clip is longer than the lag, at least."""
COEFFICIENTS = "The 18 coefficients of expression of aed@mesh-v1, the head's motion taken out by rigid points"
NEUTRAL = "the mean face of the clip that shows the person's appearance, a neutral one of the corpus where there is one"
PACKAGE = "package:mediapipe"


def _change(lag: int) -> MetricSpec:
    apart = f"{lag} frame{'s' * (lag > 1)}"
    return MetricSpec(
        f"expression_change_{lag}@mesh-v1", "memory", "clip", "ratio", None, (0, INFINITY),
        f"How much the expression changes within {apart} ({lag / 25:g} s), compared with the truth.",
        f"{COEFFICIENTS}; mean absolute difference of those of frames {apart} apart, generated over truth. Above 1: "
        "the expression wanders where the true one holds. Speech moves the mouth in both, so that it is never 0.",
        OURS, target=1.0, inputs=INPUTS, reference="none", disagreement="none is published",
        avoid="alone: a face that never changes reads below 1, and a wrong expression that holds reads 1; read "
        f"expression_strength and the lags together. Clips of fewer than {lag + BEYOND} frames have no value",
        evaluator=PACKAGE, smallest=0.05, why_smallest=RATIO,
    )  # fmt: skip


FAMILY = Family(
    "memory", 1, None, "Does the expression hold where the true one holds, and is it as strong?", needs="timing"
)

SPECS = (
    *map(_change, LAGS),
    MetricSpec(
        "expression_strength@mesh-v1", "memory", "clip", "ratio", None, (0, INFINITY),
        "Is the clip's expression as strong as the true one?",
        f"{COEFFICIENTS}; their mean over the clip, less that of {NEUTRAL}; mean absolute value over coefficients, "
        "generated over truth. A model that always shows the mean face reads below 1.",
        OURS, target=1.0, inputs=INPUTS, reference="none", disagreement="none is published",
        avoid="alone: a wrong expression can be as strong (read aed and the emotion's accuracy beside it), and the "
        "landmarks of a blurred face read as a strong one. Neutral clips, clips without a label and people without "
        "another clip have no value",
        evaluator=PACKAGE, smallest=0.05, why_smallest=RATIO,
    ),
)  # fmt: skip
