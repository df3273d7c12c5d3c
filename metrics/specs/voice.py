"""Family ``voice``: does the mouth rest where the video's own sound does, and move when it grows loud?"""

from metrics.specs.reasons import CORRELATION
from metrics.specs.types import Family, MetricSpec

OURS = "this benchmark"
INPUTS = "FaceMesh points of the video in its own pixels, brought to 25 fps; its own sound at 16 kHz; no truth"
EXPLORATORY = (
    "as evidence: the best of three variants tried. It exceeded its control in 8 of 8 real clips, with their sound "
    "reversed in 3 of 8; read it beside its control and the row of ground_truth"
)
LAGGED = (
    "of the lip gap's absolute change from frame to frame (over the inter-ocular distance) with the loudness in dB "
    "(root mean square of 50 ms), the greatest over lags of up to 6 frames either way"
)
SHARE = "a convention: one frame in twenty"

FAMILY = Family(
    "voice",
    1,
    None,
    "Does the mouth rest where the video's own sound does, and move when it grows loud?",
    needs="sound",
)

SPECS = (
    MetricSpec(
        "open_in_silence@mar25", "voice", "clip", "share", False, (0, 1),
        "How often the mouth is open where the sound is silent.",
        "Share of the frames in runs of at least 0.3 s without speech (Silero VAD 6, not rounded) in which the gap of "
        "the inner lips exceeds a quarter of the distance of the mouth's corners.",
        "in kind LipLeak: Bigata et al., KeySync, 2025, section 4.2 (no code)", inputs=INPUTS, reference="none",
        disagreement="LipLeak drives a talking video with a silent file and counts all of its frames",
        avoid="as a fault of its own: people part their lips before speech and to breathe; compare with ground_truth. "
        "Clips without a silence have no value", evaluator="package:silero-vad",
        smallest=0.05, why_smallest=SHARE,
    ),
    MetricSpec(
        "mouth_speed_loudness@lag6", "voice", "clip", "", True, (-1, 1),
        "Exploratory: does the mouth move when the sound is loud?",
        f"Correlation {LAGGED}.",
        OURS, inputs=INPUTS, reference="none", disagreement="not published", avoid=EXPLORATORY,
        evaluator="package:mediapipe",
        smallest=0.05, why_smallest=CORRELATION,
    ),
    MetricSpec(
        "mouth_speed_loudness_control@lag6", "voice", "clip", "", None, (-1, 1),
        "Exploratory: what mouth_speed_loudness reads with the same sound at the wrong time.",
        f"Mean over 20 even shifts of the sound round the clip of the correlation {LAGGED}; no shift within the lags.",
        OURS, inputs=INPUTS, reference="none", disagreement="not published",
        avoid="on its own: it is the chance level of mouth_speed_loudness", evaluator="package:mediapipe",
    ),
)  # fmt: skip
