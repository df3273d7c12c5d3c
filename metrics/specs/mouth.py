"""Family ``mouth``: does the mouth take the true shapes at the true time?"""

from metrics.specs.reasons import EYE_SPAN
from metrics.specs.types import INFINITY, Family, MetricSpec

OURS = "this benchmark"
ALIGNED = "aligned evaluation: arXiv 2606.01031 (2026, no code); band: Sakoe & Chiba, IEEE TASSP 1978"
INPUTS = (
    "FaceMesh points of both videos in their own pixels, at 25 fps; frames with a face in both. The inter-ocular "
    "distance is here that of the outer corners of the eyes (33, 263), about 1.4 times that of the eyes' centres"
)
SHAPE = (
    "The 40 lip points, turned so that the eyes are level, less their mean, in per cent of the video's median "
    "inter-ocular distance; "
)
UNPUBLISHED = (
    "the published aligned metrics are of networks' features, by a soft minimum of unstated temperature and without a "
    "band, under which half a second of delay costs less than half the amplitude; no published number is of landmarks"
)
PAIRED = "without a true video of the same words; a frozen mouth reads better than other speech: see mouth_amplitude"
PACKAGE = "package:mediapipe"

FAMILY = Family("mouth", 1, None, "Does the mouth take the true shapes at the true time?", needs="timing")

SPECS = (
    MetricSpec(
        "mouth_dtw@r3", "mouth", "clip", "% inter-ocular", False, (0, INFINITY),
        "How far the lips' shape is from the true one, if either may run up to 3 frames early or late.",
        SHAPE + "least sum of mean squared point distances over monotone paths within 3 frames (120 ms) of the "
        "diagonal, over the number of frames; the root of that.",
        ALIGNED, inputs=INPUTS, reference="the path's cost as tslearn 0.10 (squared, Sakoe-Chiba radius 3)",
        disagreement=UNPUBLISHED,
        avoid=f"{PAIRED}; as a measure of sync, since it forgives 120 ms: see mouth_frame and lse_c",
        evaluator=PACKAGE,
        smallest=0.5, why_smallest=EYE_SPAN,
    ),
    MetricSpec(
        "mouth_frame@r0", "mouth", "clip", "% inter-ocular", False, (0, INFINITY),
        "How far the lips' shape is from the true one, frame by frame.",
        SHAPE + "root of the mean squared point distance over frames and points: mouth_dtw with radius 0.",
        ALIGNED, inputs=INPUTS, reference="none",
        disagreement=f"m_lmd is the mean of unsquared distances without levelling; {UNPUBLISHED}",
        avoid=f"{PAIRED}; a delay of one frame already costs as much as half the amplitude", evaluator=PACKAGE,
        smallest=0.5, why_smallest=EYE_SPAN,
    ),
    MetricSpec(
        "mod@mediapipe", "mouth", "clip", "% inter-ocular", False, (0, INFINITY),
        "Mouth opening difference: how far the lip gap is from the true one.",
        "Mean absolute difference of the gaps of the inner lips (13, 14), each over the distance of the eyes' centres "
        "in its own frame, in per cent.",
        "Sun et al., DiffPoseTalk, ACM ToG 2024", inputs=INPUTS.partition(". The")[0], reference="none",
        disagreement="DiffPoseTalk measures vertices of a 3-D head in millimetres", avoid=PAIRED, evaluator=PACKAGE,
        smallest=0.5, why_smallest=EYE_SPAN,
    ),
)  # fmt: skip
