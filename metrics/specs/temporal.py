"""Family ``temporal``: how much the picture moves and trembles."""

from metrics.specs.reasons import RATIO, SHARE_OF_LEVEL
from metrics.specs.types import INFINITY, Family, MetricSpec

OURS = "this benchmark"
CROP = "region of the aligned crop, at its own resolution"
FROZEN = "A frozen face trembles least: read it beside the rows of ground_truth and still."

FAMILY = Family("temporal", 4, None, "How much the picture moves and trembles.")

SPECS = (
    MetricSpec(
        "flicker_ratio@region", "temporal", "clip", "ratio", None, (0, INFINITY),
        "How much neighbouring frames differ, compared with the truth.",
        "Mean absolute first difference over time in the region of the aligned crops, generated over truth; a frozen "
        "face reads 0.",
        f"VBench temporal flickering, relative to the truth; {OURS}", target=1.0, inputs=CROP,
        reference="Vchitect/VBench vbench/temporal_flickering.py@45e79ec for the difference",
        disagreement="VBench reports (255 - difference) / 255 of static scenes, unusable where a face moves (its issue "
        "110).", avoid="Motion in the wrong place counts like motion in the right one: see tof.", evaluator="region",
        smallest=0.05, why_smallest=RATIO,
    ),
    MetricSpec(
        "jitter_ratio@region", "temporal", "clip", "ratio", None, (0, INFINITY),
        "How much the picture trembles, compared with the truth.",
        "The same with second differences.",
        OURS, target=1.0, inputs=CROP, reference="none",
        avoid="Noise of the camera counts: a clean rendering of a grainy clip reads below 1.", evaluator="region",
        smallest=0.05, why_smallest=RATIO,
    ),
    MetricSpec(
        "landmark_jitter@mediapipe", "temporal", "clip", "inter-ocular", False, (0, INFINITY),
        "How much the landmarks tremble; compare with the row of ground_truth, since a frozen face reads least.",
        "Mean length of the second difference over time of the 468 mesh points over the inter-ocular distance.",
        OURS, inputs="whole frames of the video itself, at 25 fps", reference="none", needs="nothing",
        disagreement="VLOGGER reports a jitter error without code; papers differ in points and normalisation.",
        avoid=FROZEN, evaluator="package:mediapipe",
        smallest=0.05, why_smallest=SHARE_OF_LEVEL, smallest_is_share=True,
    ),
    MetricSpec(
        "landmark_jitter_ratio@mediapipe", "temporal", "clip", "ratio", None, (0, INFINITY),
        "Do the landmarks tremble as much as the true ones?",
        "landmark_jitter of the generated clip over that of the true one.",
        OURS, target=1.0, inputs="whole frames of either video itself, at 25 fps", reference="none", needs="clip",
        avoid="Near a still truth the tracker's own trembling is all that is compared.", evaluator="package:mediapipe",
        smallest=0.05, why_smallest=RATIO,
    ),
)  # fmt: skip
