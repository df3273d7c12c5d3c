"""Family ``eyes``: do eyes and face flicker as the true ones, and are they as sharp?"""

from metrics.specs.reasons import RATIO
from metrics.specs.types import INFINITY, Family, MetricSpec

OURS = "this benchmark"
BOXES = (
    "boxes of .72 x .44 inter-ocular distances round both eyes, at the medians over time of the true eyes' centres in "
    "the aligned crop, so that all frames of both videos give the same pixels"
)
EYES = f"aligned crops of the generated region at their own resolution; {BOXES}"
REST = "aligned crops at their own resolution; the generated region without the boxes of the eyes"
FLICKER = "Mean absolute difference of neighbouring frames, generated over truth."
SHARP = "Mean length of the gradient (Sobel, 3 x 3) of the grey picture, generated over truth."
AUTOENCODER = (
    "alone: an autoencoder alone moves it; divide by the row of reconstruction to see what a model adds, and read "
    "flicker and sharpness together, since a blurred or frozen face flickers least"
)


def _spec(key: str, words: str, computed: str, inputs: str, disagreement: str) -> MetricSpec:
    return MetricSpec(
        key, "eyes", "clip", "ratio", None, (0, INFINITY), words, computed, OURS, target=1.0, inputs=inputs,
        reference="none", disagreement=disagreement, avoid=AUTOENCODER, evaluator="region", smallest=0.05,
        why_smallest=RATIO,
    )  # fmt: skip


FAMILY = Family("eyes", 1, None, "Do eyes and face flicker as the true ones, and are they as sharp?")

SPECS = (
    _spec(
        "eye_flicker@eyes", "How much the picture of the eyes changes from frame to frame, compared with the truth.",
        FLICKER, EYES, "flicker_ratio@region is of the whole generated region",
    ),
    _spec(
        "eye_sharpness@eyes", "Are the eyes as sharp as the true ones?", SHARP, EYES,
        "noise counts as sharpness; blur_ratio@region is of Crete's measure, which does not count it so",
    ),
    _spec(
        "face_flicker@region", "How much the picture of the face beside the eyes changes, compared with the truth.",
        FLICKER, REST, "flicker_ratio@region includes the eyes",
    ),
    _spec(
        "face_sharpness@region", "Is the face beside the eyes as sharp as the true one?", SHARP, REST,
        "noise counts as sharpness; blur_ratio@region is of Crete's measure, and of the whole region",
    ),
)  # fmt: skip
