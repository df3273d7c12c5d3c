"""Family ``theval``: THEval's lip dynamics, eyebrows, silent lips and lip-sync, and its score of these four."""

from metrics.specs.reasons import RATIO
from metrics.specs.types import INFINITY, Family, MetricSpec

OURS = "this benchmark"
THEVAL = "THEval, CVPR 2026 Findings (arXiv 2511.04520)"
CODE = "THEval 0.1.0@cfe23fe (its code, not its paper, where they differ)"
OWN = "FaceMesh points of the video in its own pixels and rate, with a face"
SQUARE = f"{OWN}; pixels squashed to 256 x 256 as there"
SPEECH = "speech by Silero VAD 6 on the video's own sound, times rounded to 0.1 s as there"
MESH = "THEval finds the mesh in frames already squashed, with a tracker whose state passes from video to video"
SILERO = "there Silero VAD 5.1.2"
LEVEL = "more is not better and the values depend on people and framing: read the ratio"
FACE, VOICE = "package:mediapipe", "package:silero-vad"

FAMILY = Family(
    "theval", 1, None, "THEval's lip dynamics, eyebrows, silent lips and lip-sync, and its score of these four.",
    needs="nothing",
)  # fmt: skip

SCORE = "a convention: two hundredths of the truth's own level"


def _ratio(of: str, key: str, inputs: str, disagreement: str, avoid: str, evaluator: str) -> MetricSpec:
    return MetricSpec(
        key, "theval", "clip", "ratio", None, (0, INFINITY),
        f"{of}, compared with the truth.",
        "The measure of the generated clip over that of the true one, both at 25 fps in square pixels"
        + (", each over its median distance of the outer corners of the eyes." if "normalised" in key else "."),
        f"{THEVAL}; relative to the truth of each clip: {OURS}", target=1.0, inputs=inputs, reference=CODE,
        disagreement=f"{disagreement}; THEval compares means of the sets, in which a too still clip pays for a too "
        "lively one",
        avoid=avoid, evaluator=evaluator, smallest=0.05, why_smallest=RATIO, needs="clip",
    )  # fmt: skip


SPECS = (
    MetricSpec(
        "lip_dynamics@theval", "theval", "clip", "px", None, (0, INFINITY),
        "How much the lips change their shape.",
        "Standard deviation over time (divided by n) of each of the 780 distances between two of 40 lip points, mean.",
        THEVAL, inputs=SQUARE, reference=CODE,
        disagreement=f"the paper divides by n - 1; {MESH}; without a face it reads 0, here there is no value",
        avoid=f"{LEVEL}; not divided by the face's size, so a close-up reads high", evaluator=FACE,
    ),
    _ratio("How much the lips change their shape", "lip_dynamics_ratio@theval-normalised", f"{OWN}; at 25 fps", MESH,
           "alone: noise moves lips too, and in time or not counts alike", FACE),
    MetricSpec(
        "eyebrow@theval", "theval", "clip", "", None, (0, INFINITY),
        "How fast the brows move.",
        "Distance of a brow's centre (10 points) from its eye's (16 points) over the distance of the eyes' centres; "
        "mean absolute change from frame to frame, both sides.",
        THEVAL, inputs=OWN, reference=CODE,
        disagreement="the paper describes the standard deviation of a vertical distance, which reads .004 to .037 on "
        "real clips where this reads .003 to .008; changes bridge frames without a face; a clip without a face counts "
        "as 0 there and has no value here",
        avoid=f"{LEVEL}; at 30 fps changes are smaller than at 25, and the tracker's trembling is in it",
        evaluator=FACE,
    ),
    _ratio("How fast the brows move", "eyebrow_ratio@theval", f"{OWN}; at 25 fps", MESH,
           "alone: a trembling face reads 1 as well as a lively one", FACE),
    MetricSpec(
        "silent_lip@theval", "theval", "clip", "", None, (0, INFINITY),
        "How restless the lips are in silence.",
        "Mean height of 8 pairs of inner lip points over the distance of the eyes' outer corners, of frames in runs of "
        "at least 0.3 s without speech; median distance from their mean.",
        THEVAL, inputs=f"{SQUARE}; {SPEECH}", reference=CODE,
        disagreement=f"the paper takes the distance from the median, which is about a third; {SILERO}; {MESH}",
        avoid=f"{LEVEL}. Clips without a silence have no value: few of MEAD have one", evaluator=VOICE,
        needs="sound",
    ),
    _ratio("How restless the lips are in silence", "silent_lip_ratio@theval", f"{OWN}; at 25 fps; {SPEECH}",
           f"{SILERO}; {MESH}", "in clips with a single short silence, and where the truth's lips hardly move", VOICE),
    MetricSpec(
        "lip_sync@theval", "theval", "clip", "", None, (0, 1),
        "Blind: THEval's lip-sync, which does not see whether lips and sound are in time.",
        "Height of the inner lips over the horizontal distance of the eyes, and the sound's root mean square (50 ms), "
        "of frames of speech, each brought to 0 to 1; mean absolute difference.",
        THEVAL, inputs=f"{OWN}; {SPEECH}", reference=CODE,
        disagreement=f"THEval reads sound at its own rate (here 16 kHz) and gives its mesh swapped colours; {SILERO}",
        avoid="as a measure of sync: on real clips true sound reads .303, the same sound reversed .304; lower is no "
        "better", evaluator=VOICE,
        needs="sound",
    ),
    _ratio("Blind: THEval's lip-sync", "lip_sync_ratio@theval", f"{OWN}; at 25 fps; {SPEECH}", SILERO,
           "as a measure of sync: see lip_sync@theval", VOICE),
    MetricSpec(
        "score@theval-4of8", "theval", "set", "", True, (-INFINITY, 1),
        "THEval's score of lip dynamics, eyebrows, silent lips and lip-sync.",
        "Per measure 1 - |m - t| / |t| of the means m of generated and t of true clips; mean of the four. Both means "
        "are of the clips in which both videos have a value; measures with fewer than two such clips are left out.",
        THEVAL, target=None, inputs=f"{SQUARE}; {SPEECH}", reference=CODE,
        disagreement="THEval's is the mean of eight measures: mouth and face quality, aesthetics (networks, not here) "
        "and head motion are missing; there the two means may be of different clips",
        avoid="against a published THEval score; one of the four is blind to sync", evaluator=VOICE,
        smallest=0.02, why_smallest=SCORE, needs="clip",
    ),
)  # fmt: skip
