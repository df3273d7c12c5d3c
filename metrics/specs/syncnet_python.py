"""Family ``syncnet_python``: lip sync as the package syncnet-python scores the video's own file."""

from metrics.specs.reasons import EDGE, FRAME, LSE
from metrics.specs.syncnet import CHUNG, MEDIAN, PADDED, SHORT, TRAINED, WEIGHTS
from metrics.specs.types import INFINITY, Family, MetricSpec

PACKAGE = "syncnet-python 0.2.3 on PyPI: SyncNetPipeline.inference, run in envs/syncnet"
INPUT = (
    "the video's own file with its own sound, by the package: ffmpeg to 25 fps MPEG-4, then JPEG; S3FD at a quarter of "
    "the size, score over 0.9; tracks of over 50 detections in one shot, faces of over 100 pixels; crops of 224 pixels "
    "encoded as MPEG-4 and JPEG once more"
)
DIFFERS = (
    "@ref-v1 takes tracks of over 100 detections and the mean over tracks, and has no encoding between frame and crop; "
    "on the same crops both agree to 1e-4 (tests). The package's step from AVI to JPEG repeats the first picture (76 "
    "of 75, 166 of 165 and 154 of 153 frames, with ffmpeg 7.0 and 9.0), so that pictures come one frame late. Where "
    "there is no track it returns 0 and 0; here a row states it."
)
OFFSET = "LSE-C and LSE-D may be of two different tracks; the notes of a row give every track."

FAMILY = Family(
    "syncnet_python", 2, None, "Lip sync by the package syncnet-python, in an environment of its own.",
    assets=("syncnet-v2", "sfd-face"), needs="sound", uses_gpu=True,
)  # fmt: skip

SPECS = (
    MetricSpec(
        "lse_c@syncnet-python", "syncnet_python", "clip", "", True, (0, INFINITY),
        "Lip-sync confidence (Sync-C) that the package prints of the video.",
        PADDED + MEDIAN + "; the greatest over the video's tracks.", CHUNG,
        inputs=INPUT, reference=PACKAGE, disagreement=f"{DIFFERS} {OFFSET} {SHORT}", avoid=TRAINED, evaluator=WEIGHTS,
        smallest=0.4, why_smallest=LSE,
    ),
    MetricSpec(
        "lse_d@syncnet-python", "syncnet_python", "clip", "", False, (0, INFINITY),
        "Lip-sync distance (Sync-D) that the package prints of the video.",
        PADDED + "the minimum of the 31; the least over the video's tracks.", CHUNG,
        inputs=INPUT, reference=PACKAGE, disagreement=f"{DIFFERS} {OFFSET}", avoid=TRAINED, evaluator=WEIGHTS,
        smallest=0.4, why_smallest=LSE,
    ),
    MetricSpec(
        "sync_offset@syncnet-python", "syncnet_python", "clip", "frames", None, (-15, 15),
        "The package's AV offset of the video's first track: negative where the sound comes late.",
        f"15 less the place of the least of the 31 distances, in frames. {EDGE}", CHUNG, target=0,
        inputs=INPUT, reference=PACKAGE, disagreement=DIFFERS, avoid=TRAINED, evaluator=WEIGHTS,
        smallest=1.0, why_smallest=FRAME,
    ),
)  # fmt: skip
