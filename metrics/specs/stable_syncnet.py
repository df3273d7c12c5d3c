"""Family ``stable_syncnet``: the accuracy of LatentSync's own evaluation, by the SyncNet that supervises training."""

from metrics.specs.reasons import COSINE
from metrics.specs.types import Family, MetricSpec

LATENTSYNC = "Li et al., LatentSync, 2024"
WEIGHTS = "asset:latentsync-syncnet/stable_syncnet.pt"
INPUTS = (
    "the video's own frames at 25 fps, the face laid on LatentSync's template by its own mesh (256 pixels, lower "
    "half), windows of 16 frames, 8 apart; 52 log-mel columns of its own sound"
)
REFERENCE = "bytedance/LatentSync@a229c39 eval/eval_syncnet_acc.py"
OTHERS = (
    "The original draws 2048 windows of a whole set at random, half of them with sound from elsewhere in the same "
    "video, in half precision, and finds the face by InsightFace; here every window of a clip meets every sound of it"
)
NEVER = (
    "As evidence that lips fit: this network supervises training here and in LatentSync, so that a model can learn to "
    "please it. To see how far a judge and a supervisor part"
)
SHARE = "a convention: one window in fifty"

FAMILY = Family(
    "stable_syncnet", 2, None,
    "The accuracy of LatentSync's own evaluation, by StableSyncNet. It supervises training and is never evidence.",
    assets=("latentsync-syncnet",), extractor="stable_syncnet", needs="sound",
)  # fmt: skip

SPECS = (
    MetricSpec(
        "sync_accuracy@stable-syncnet", "stable_syncnet", "clip", "", True, (0, 1),
        "How often StableSyncNet knows a window's own sound from other sound of the same video; chance is .5.",
        "Mean of the share of windows whose cosine with their own sound exceeds .5 and of the share of wrong pairs "
        "whose cosine does not.",
        LATENTSYNC, inputs=INPUTS, reference=REFERENCE, disagreement=OTHERS, avoid=NEVER, evaluator=WEIGHTS,
        smallest=0.02, why_smallest=SHARE,
    ),
    MetricSpec(
        "sync_hits@stable-syncnet", "stable_syncnet", "clip", "", True, (0, 1),
        "Share of windows that StableSyncNet calls in sync with their own sound.",
        "Share of windows whose cosine with their own sound exceeds .5.",
        LATENTSYNC, inputs=INPUTS, reference=REFERENCE, disagreement=OTHERS, avoid=NEVER, evaluator=WEIGHTS,
        smallest=0.02, why_smallest=SHARE,
    ),
    MetricSpec(
        "sync_cosine@stable-syncnet", "stable_syncnet", "clip", "", True, (0, 1),
        "Mean cosine of the windows and their own sound.",
        "Mean over windows; embeddings are not negative, so that the cosine lies in [0, 1].",
        LATENTSYNC, inputs=INPUTS, reference=REFERENCE, disagreement=OTHERS,
        avoid=f"{NEVER}. Papers print such cosines as LSE-D, which they are not.", evaluator=WEIGHTS,
        smallest=0.02, why_smallest=COSINE,
    ),
)  # fmt: skip
