"""Family ``syncnet``: lip sync by the published SyncNet v2, in the variants that papers print."""

from metrics.specs.reasons import COSINE, EDGE, FRAME, LSE
from metrics.specs.types import INFINITY, Family, MetricSpec

CHUNG = "Chung & Zisserman, Out of time, ACCV-W 2016"
WEIGHTS = "asset:syncnet-v2/syncnet_v2.model"
JOONSON = "joonson/syncnet_python@6efbb1c SyncNetInstance.py, run_pipeline.py"
TRACK_CROP = (
    "S3FD at a quarter of the size in every frame, score over 0.9; tracks by overlap over 0.5 with at most 25 frames "
    "missed, cut at PySceneDetect 0.5.1's content cuts; boxes bridged, then a median of 13 frames; cut at whole pixels "
    "from 1 half-side above to 1.8 below and 1.4 to either side, grey 110 beyond; 224 pixels. No JPEG and no second "
    "encoding lies between, as it does in the reference"
)
MESH_CROP = (
    "the same square about the box of the face mesh instead of S3FD's, cut between pixels; 224 pixels; gaps in the "
    "mesh are bridged"
)
COVERAGE = (
    "Clips of up to 4 s have no track of over 100 frames and get no score in the reference, without a word; here a row "
    "states it."
)
SHORT = (
    "Zero padding at the ends lowers LSE-C of short clips for identical lips: by about 1.7 at 1 s, 0.7 at 2 s, 0.3 at "
    "4 s (simulated with features of length 10 and correlation 0.75). LSE-D is not touched at offset 0. @valid-v1 is "
    "free of it."
)
SPREAD = (
    "Real HDTF video reads 7.7 to 9.0 in five papers, SadTalker's 4.6 to 7.8; the audio codec alone moves it by 0.4 to "
    "1.2."
)
TRAINED = "For models trained with a SyncNet loss: they can beat real video. Nor between corpora of other clip lengths."
PADDED = (
    "Mean Euclidean distance between 1024 features of 5 frames and of 20 MFCC columns, at each of 31 shifts (15 frames "
    "either way), zeros beyond the ends; "
)
MEDIAN = "the median of the 31 less their minimum"

FAMILY = Family(
    "syncnet", 3, None, "Lip sync by the published SyncNet v2, in the variants that papers print, of the video's own "
    "pixels at 25 fps and its own sound.",
    assets=("syncnet-v2", "sfd-face", "insightface-buffalo-l"), extractor="syncnet", needs_truth=True, needs="sound",
)  # fmt: skip

SPECS = (
    MetricSpec(
        "lse_c@ref-v1", "syncnet", "clip", "", True, (0, INFINITY),
        "Lip-sync confidence (Sync-C) as syncnet_python computes it.",
        PADDED + MEDIAN + "; mean over the clip's tracks.", CHUNG,
        inputs=TRACK_CROP, reference=JOONSON, disagreement=f"{SHORT} {SPREAD} {COVERAGE}", avoid=TRAINED,
        evaluator=WEIGHTS,
        smallest=0.4, why_smallest=LSE,
    ),
    MetricSpec(
        "lse_d@ref-v1", "syncnet", "clip", "", False, (0, INFINITY),
        "Lip-sync distance (Sync-D) as syncnet_python computes it.",
        PADDED + "the minimum of the 31; mean over the clip's tracks.", CHUNG,
        inputs=TRACK_CROP, reference=JOONSON,
        disagreement=f"Wav2Lip's script prints LSE-D before LSE-C, and columns are often swapped. {COVERAGE}",
        avoid=TRAINED, evaluator=WEIGHTS,
        smallest=0.4, why_smallest=LSE,
    ),
    MetricSpec(
        "sync_offset@ref-v1", "syncnet", "clip", "frames", None, (-15, 15),
        "Audio-video offset as syncnet_python prints it; negative where the sound comes late.",
        PADDED + f"15 less the index of the minimum; mean over the clip's tracks. {EDGE}", CHUNG, target=0.0,
        inputs=TRACK_CROP, reference=JOONSON,
        disagreement="LatentSync truncates the mean over tracks to a whole number, Verse-Bench takes its size.",
        avoid="Where LSE-C is low (below 3 or so): the minimum is then anywhere.", evaluator=WEIGHTS,
        smallest=1.0, why_smallest=FRAME,
    ),
    MetricSpec(
        "lse_c@ref-valid-v1", "syncnet", "clip", "", True, (0, INFINITY),
        "Lip-sync confidence on the reference's tracks, without its zero padding.",
        "As @ref-v1, but a shift averages only windows that have a partner; mean over the clip's tracks.", CHUNG,
        inputs=TRACK_CROP, reference=f"{JOONSON} for tracks and crops; the maths is that of metrics.families.lip_sync",
        disagreement=f"Its difference to @ref-v1 is the padding's, to @valid-v1 the crop's. {SPREAD} {COVERAGE}",
        avoid=f"To compare with published numbers. {TRAINED}", evaluator=WEIGHTS,
        smallest=0.4, why_smallest=LSE,
    ),
    MetricSpec(
        "lse_d@ref-valid-v1", "syncnet", "clip", "", False, (0, INFINITY),
        "Lip-sync distance on the reference's tracks, windows with a partner only.",
        "Minimum over the shifts of the mean distance of windows that have a partner; mean over the clip's tracks.",
        CHUNG, inputs=TRACK_CROP, reference=f"{JOONSON} for tracks and crops",
        disagreement="Equals @ref-v1 at offset 0.", avoid=f"To compare with published numbers. {TRAINED}",
        evaluator=WEIGHTS,
        smallest=0.4, why_smallest=LSE,
    ),
    MetricSpec(
        "sync_offset@ref-valid-v1", "syncnet", "clip", "frames", None, (-15, 15),
        "Audio-video offset on the reference's tracks, windows with a partner only; negative where the sound comes "
        "late.",
        f"Minus the shift of the minimum; mean over the clip's tracks. {EDGE}", CHUNG, target=0.0, inputs=TRACK_CROP,
        reference=f"{JOONSON} for tracks and crops",
        avoid="Where LSE-C is low (below 3 or so): the minimum is then anywhere.", evaluator=WEIGHTS,
        smallest=1.0, why_smallest=FRAME,
    ),
    MetricSpec(
        "lse_c@valid-v1", "syncnet", "clip", "", True, (0, INFINITY),
        "Lip-sync confidence without the bias of short clips.",
        "As @ref-v1, but a shift averages only windows that have a partner, and needs 10 of them (15 windows at least, "
        "so clips from 20 frames on); one crop over the whole clip, no tracks.", CHUNG,
        inputs=MESH_CROP, reference="none; the maths is that of metrics.families.lip_sync",
        disagreement="Higher than @ref-v1, the more so the shorter the clip: simulated 6.98 against 5.33 at 1 s, 7.10 "
        "against 6.75 at 4 s, 7.06 against 6.99 at 20 s.",
        avoid="To compare with published numbers.", evaluator=WEIGHTS,
        smallest=0.4, why_smallest=LSE,
    ),
    MetricSpec(
        "lse_d@valid-v1", "syncnet", "clip", "", False, (0, INFINITY),
        "Lip-sync distance at the best shift, windows with a partner only.",
        "Minimum over the shifts of the mean distance of windows that have a partner.", CHUNG,
        inputs=MESH_CROP, reference="none; the maths is that of metrics.families.lip_sync",
        disagreement="Equals @ref-v1 at offset 0 but for the crop.", avoid="To compare with published numbers.",
        evaluator=WEIGHTS,
        smallest=0.4, why_smallest=LSE,
    ),
    MetricSpec(
        "sync_offset@valid-v1", "syncnet", "clip", "frames", None, (-15, 15),
        "Audio-video offset at the best shift, windows with a partner only; negative where the sound comes late.",
        f"Minus the shift of the minimum. {EDGE}", CHUNG, target=0.0,
        inputs=MESH_CROP, reference="none; the maths is that of metrics.families.lip_sync",
        avoid="Where LSE-C is low (below 3 or so): the minimum is then anywhere.", evaluator=WEIGHTS,
        smallest=1.0, why_smallest=FRAME,
    ),
    MetricSpec(
        "lse_c@latentsync", "syncnet", "clip", "", True, (0, INFINITY),
        "Lip-sync confidence over LatentSync's shorter tracks.",
        PADDED + MEDIAN + "; tracks of over 50 frames; mean over the clip's tracks.",
        f"Li et al., LatentSync, 2024; {CHUNG}",
        inputs=TRACK_CROP, reference="bytedance/LatentSync@a229c39 eval/eval_sync_conf.py, eval/syncnet_detect.py",
        disagreement=f"{SHORT} The original drops clips without a track from its mean, cuts shots as PySceneDetect 0.6 "
        "does (threshold 27), and encodes crops as mp4v and their sound as AAC.",
        avoid=TRAINED, evaluator=WEIGHTS,
        smallest=0.4, why_smallest=LSE,
    ),
    MetricSpec(
        "lse_c@wav2lip-fullframe", "syncnet", "clip", "", True, (0, INFINITY),
        "Lip-sync confidence on the whole frame, squashed.",
        PADDED + MEDIAN + ".", f"Prajwal et al., Wav2Lip, ACM MM 2020; {CHUNG}",
        inputs="the whole frame resized to 224 x 224 (bilinear), whatever its aspect",
        reference="Rudrabha/Wav2Lip@5c90fa9 evaluation/scores_LSE/calculate_scores_LRS.py", disagreement=SHORT,
        avoid="Unless the face fills the frame, as in LRS2: SyncNet was trained on face crops.", evaluator=WEIGHTS,
        smallest=0.4, why_smallest=LSE,
    ),
    MetricSpec(
        "lse_d@wav2lip-fullframe", "syncnet", "clip", "", False, (0, INFINITY),
        "Lip-sync distance on the whole frame, squashed.",
        PADDED + "the minimum of the 31.", f"Prajwal et al., Wav2Lip, ACM MM 2020; {CHUNG}",
        inputs="the whole frame resized to 224 x 224 (bilinear), whatever its aspect",
        reference="Rudrabha/Wav2Lip@5c90fa9 evaluation/scores_LSE/calculate_scores_LRS.py",
        avoid="Unless the face fills the frame, as in LRS2: SyncNet was trained on face crops.", evaluator=WEIGHTS,
        smallest=0.4, why_smallest=LSE,
    ),
    MetricSpec(
        "lse_c@versebench", "syncnet", "clip", "", True, (0, INFINITY),
        "Lip-sync confidence of Verse-Bench.",
        PADDED + MEDIAN + "; mean over tracks; no value where a track's offset is 14 frames or more.", CHUNG,
        inputs="InsightFace's best box of each frame (buffalo_l's SCRFD), unsmoothed, cut at whole pixels from 1 "
        "half-side above to 1.6 below and 1.3 to either side; tracks of 2 s or more, cut wherever no face is seen; 224 "
        "pixels",
        reference="Dorniwang/Verse-Bench@5645a09 syncnet/syncnet_inferencer.py",
        disagreement=f"{SHORT} The original detects at 640 x 480, here at InsightFace's own pair of sizes (128, 640).",
        avoid=TRAINED, evaluator=WEIGHTS,
        smallest=0.4, why_smallest=LSE,
    ),
    MetricSpec(
        "lse_d@versebench", "syncnet", "clip", "", False, (0, INFINITY),
        "Distance of Verse-Bench: the mean over all shifts, not their minimum.",
        PADDED + "the mean of the 31; mean over tracks; no value where a track's offset is 14 frames or more.", CHUNG,
        inputs="as lse_c@versebench", reference="Dorniwang/Verse-Bench@5645a09 syncnet/syncnet_inferencer.py",
        disagreement="13.30 instead of 8.10 on the same videos (MOVA issue 40).",
        avoid="As a lip-sync distance: most shifts are out of sync by design.", evaluator=WEIGHTS,
        smallest=0.4, why_smallest=LSE,
    ),
    MetricSpec(
        "lip_cosine@syncnet-v2", "syncnet", "clip", "", True, (-1, 1),
        "Do the lips look like the true ones, window by window?",
        "Mean over windows of the cosine between SyncNet's visual features of the generated and of the true video, in "
        "the manner of LipScore.",
        f"Bigata et al., KeySync, 2025 (LipScore, by a lip reader); {CHUNG}",
        inputs=MESH_CROP, reference="none (manner: antonibigata/keysync@cfff7cf evaluation/lipscore.py)",
        disagreement="Not comparable with LipScore: another network.",
        avoid="Where the generated head may move otherwise than the true one.", evaluator=WEIGHTS, target=1.0,
        needs="timing",
        smallest=0.02, why_smallest=COSINE,
    ),
)  # fmt: skip
