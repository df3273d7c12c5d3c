"""Family ``lip_sync``: do the lips fit the sound, by a judge trained on the corpus itself?"""

from metrics.specs.reasons import COSINE, EDGE, FRAME, LSE_CORPUS
from metrics.specs.types import Family, MetricSpec

SYNCNET = "Chung & Zisserman, Out of time, ACCV-W 2016"
JOONSON = "joonson/syncnet_python@6efbb1c SyncNetInstance.py, but for the zero padding"
INPUTS = "aligned crop, lower face brought to the judge's size; log-mel of the video's own sound"
SCALE = (
    "embeddings here have length 4, SyncNet v2's are not normalised: numbers of this key compare with each other only, "
    "within one workflow"
)
TRAINED = "to compare with published LSE values; use lse_c@ref-v1 for that"

FAMILY = Family(
    "lip_sync", 4, "sync",
    "Do the lips fit the sound, by a judge trained on this corpus's real train clips?", needs="sound",
)  # fmt: skip

SPECS = (
    MetricSpec(
        "lse_c@corpus-v1", "lip_sync", "clip", "", True, (0, 8),
        "Lip-sync confidence: how much closer the best audio shift is than the typical one.",
        "Median minus minimum over up to 31 shifts (15 frames either way) of the mean embedding distance; a shift "
        "averages only windows that have a partner (no zero padding) and needs 10 of them.",
        SYNCNET, inputs=INPUTS, reference=JOONSON, disagreement=SCALE, avoid=TRAINED, evaluator="judge:sync",
        smallest=0.1, why_smallest=LSE_CORPUS,
    ),
    MetricSpec(
        "lse_d@corpus-v1", "lip_sync", "clip", "", False, (0, 8),
        "Lip-sync distance: embedding distance at the best audio shift.",
        "Minimum over the shifts of the mean embedding distance (embeddings have length 4).",
        SYNCNET, inputs=INPUTS, reference=JOONSON, disagreement=SCALE, avoid=TRAINED, evaluator="judge:sync",
        smallest=0.1, why_smallest=LSE_CORPUS,
    ),
    MetricSpec(
        "sync_offset@corpus-v1", "lip_sync", "clip", "frames", None, (-15, 15),
        "Audio-video offset at the best shift; negative where the sound comes late.",
        f"Minus the shift of the minimum, as syncnet_python prints it. {EDGE}",
        SYNCNET, target=0.0, inputs=INPUTS, reference=JOONSON, evaluator="judge:sync",
        avoid="where lse_c is near that of shuffled_audio: the best of 31 equal shifts is chance",
        smallest=1.0, why_smallest=FRAME,
    ),
    MetricSpec(
        "lip_cosine@corpus-v1", "lip_sync", "clip", "", True, (-1, 1),
        "Do the lips look like the true lips, frame by frame, to the judge that knows lips?",
        "Cosine between the judge's embeddings of the generated and the true 5 frames, mean over windows.",
        "Bigata et al., KeySync (LipScore), 2025", inputs=INPUTS,
        reference="in kind antonibigata/keysync@cfff7cf evaluation/lipscore.py, with this judge for auto_avsr",
        disagreement="LipScore is made with auto_avsr's encoder; this is not LipScore", evaluator="judge:sync",
        avoid="without a true video of the same words", needs="timing",
        smallest=0.02, why_smallest=COSINE,
    ),
)  # fmt: skip
