"""Family ``pose``: does the head turn as the true one, as far, as fast, and on the beat of the speech?"""

from metrics.specs.reasons import CORRELATION, RATIO, SHARE_OF_LEVEL
from metrics.specs.types import INFINITY, Family, MetricSpec

OURS = "this benchmark"
THEVAL = "THEval, CVPR 2026 Findings (arXiv 2511.04520)"
CODE = "in kind THEval 0.1.0@cfe23fe"
MATRIX = (
    "whole frames at 25 fps, each on its own (image mode); FaceLandmarker's pose matrix, its scale divided away; Euler "
    "angles are intrinsic yaw, pitch, roll (YXZ)"
)
BOX = "FaceMesh points of the video in its own pixels and rate; centre of the box round all points"
VIDEO_MODE = "FaceLandmarker's video mode smooths over time and reads lower"
AMOUNT = "alone: motion in the wrong direction or at the wrong time counts like the true one"
EVALUATOR = "asset:face-landmarker/face_landmarker.task"
MESH = "package:mediapipe"

DEGREE = "a convention: half a degree"


def _ratio(of: str, key: str, citation: str, inputs: str = MATRIX, evaluator: str = EVALUATOR) -> MetricSpec:
    return MetricSpec(
        key, "pose", "clip", "ratio", None, (0, INFINITY),
        f"{of}, compared with the truth.",
        f"{key.replace('_ratio', '')} of the generated clip over that of the true one.",
        f"{citation}; relative to the truth: {OURS}", target=1.0, inputs=inputs, reference="none",
        disagreement="published values are not relative to the truth", avoid=AMOUNT, evaluator=evaluator,
        smallest=0.05, why_smallest=RATIO, needs="clip",
    )  # fmt: skip


FAMILY = Family(
    "pose", 2, None,
    "Does the head turn as the true one, as far, as fast, and on the beat of the speech?",
    assets=("face-landmarker",), extractor="blendshapes", needs_truth=True, needs="nothing",
)  # fmt: skip

SPECS = (
    MetricSpec(
        "apd@mediapipe", "pose", "clip", "deg", False, (0, 180),
        "How far the head is turned from the true one.",
        "Angle of the one rotation that carries the generated to the true pose, mean over frames with a face in both.",
        "average pose distance: Ren et al., PIRenderer, ICCV 2021 (no code)", inputs=MATRIX, reference="none",
        disagreement="elsewhere the mean absolute difference of 3 Euler angles of Deep3DFaceRecon in radians, for some "
        "with the translation: a turn about one axis reads a third there",
        avoid="where the head is not meant to follow the true clip's; between framings: the matrix assumes a camera "
        "before the middle of the picture, and a square cut about the head of the true video reads 1.6", 
        evaluator=EVALUATOR, smallest=0.5, why_smallest=DEGREE, needs="timing",
    ),
    MetricSpec(
        "pose_diversity@mediapipe-yxz", "pose", "clip", "deg", None, (0, INFINITY),
        "How much the head turns over the clip.",
        "Standard deviation over time of yaw, pitch and roll, mean of the three.",
        "in kind diversity of head motion: Zhang et al., SadTalker, CVPR 2023", inputs=MATRIX, reference="none",
        disagreement="SadTalker's is of Hopenet's features, in logits; its code was never released",
        avoid="more is not better: read the ratio", evaluator=EVALUATOR,
    ),
    _ratio("How much the head turns over the clip", "pose_diversity_ratio@mediapipe-yxz",
           "in kind diversity of head motion: Zhang et al., SadTalker, CVPR 2023"),
    MetricSpec(
        "delta_p@mediapipe-yxz", "pose", "clip", "deg/frame", None, (0, INFINITY),
        "How fast the head turns.",
        "Mean absolute difference of yaw, pitch and roll between neighbouring frames with a face, over angles and "
        "frames.",
        "pose variation intensity: Xu et al., VASA-1, NeurIPS 2024 (no code)", inputs=MATRIX, reference="none",
        disagreement=f"VASA-1's poses are of its own estimator; {VIDEO_MODE}",
        avoid="more is not better: read the ratio; the tracker's own trembling is in it", evaluator=EVALUATOR,
    ),
    _ratio("How fast the head turns", "delta_p_ratio@mediapipe-yxz", "Xu et al., VASA-1, NeurIPS 2024"),
    MetricSpec(
        "head_motion@theval-matrix", "pose", "clip", "px", None, (0, INFINITY),
        "THEval's head motion, with poses by MediaPipe.",
        "Root of the rotation's part (mean standard deviation of the angles times mean variance of their changes from "
        "frame to frame, deg^3) and the translation's (mean of the variances of the face's centre, px^2).",
        THEVAL, inputs=f"{MATRIX}; {BOX}", reference=CODE,
        disagreement="THEval's angles are of FaceXFormer and its box of RetinaFace. Rotation is 0.2 to 3 % of the "
        "square on real clips: this is the face's path in pixels, and grows with the video's size",
        avoid="between videos of different size or framing; use head_rotation and head_translation",
        evaluator=EVALUATOR,
    ),
    MetricSpec(
        "head_rotation@theval-matrix", "pose", "clip", "deg^1.5/frame", None, (0, INFINITY),
        "The rotation's part of THEval's head motion.",
        "Root of the mean standard deviation of yaw, pitch and roll times the mean variance of their changes; changes "
        "bridge frames without a face.",
        THEVAL, inputs=MATRIX, reference=CODE,
        disagreement=f"THEval does not report it apart, and its angles are of FaceXFormer; {VIDEO_MODE}",
        avoid="more is not better: read the ratio; the tracker's own trembling is in it", evaluator=EVALUATOR,
    ),
    _ratio("The rotation's part of THEval's head motion", "head_rotation_ratio@theval-matrix", THEVAL),
    MetricSpec(
        "head_translation@theval-matrix", "pose", "clip", "% inter-ocular", None, (0, INFINITY),
        "The translation's part of THEval's head motion, in units of the face.",
        "Root of the mean of the variances of the face's centre, over the median distance of the outer corners of the "
        "eyes.",
        THEVAL, inputs=BOX, reference=CODE,
        disagreement="THEval does not report it apart, measures it in pixels, and its box is RetinaFace's",
        avoid="a turning or speaking face moves the centre of its box too", evaluator=MESH,
    ),
    _ratio("The translation's part of THEval's head motion", "head_translation_ratio@theval-matrix", THEVAL,
           f"{BOX}; the truth's at 25 fps", MESH),
    MetricSpec(
        "beat_align@onsets", "pose", "clip", "", None, (-1, 1),
        "Exploratory: does the head rest where the sound begins, more often than by chance?",
        "Events of motion: minima of the head's angular speed, Gaussian of 2 frames. Events of sound: peaks of the "
        "spectrum's rise (25 ms every 10 ms, up to 4 kHz). Mean over both of exp(-d^2 / 2 s^2), d to the other's "
        "nearest event, s = 0.1 s; less its mean over 50 even shifts of the sound round the clip.",
        "in kind beat alignment: Siyao et al., Bailando, CVPR 2022; KDTalker, IJCV 2025", inputs=f"{MATRIX}; own sound",
        reference="none (onsets by SciPy)",
        disagreement="no two published ones compare: they average over either side's events, in frames of different "
        "rates, without a chance level. KDTalker's needs librosa's beats and the mesh's depth, which are not kept",
        avoid="as evidence: 8 true videos read -0.07 to 0.09, about 0 in the median, and no more than with their sound "
        "reversed; a short clip has few events", evaluator=EVALUATOR,
        needs="sound",
    ),
    MetricSpec(
        "beat_align_gap@onsets", "pose", "clip", "", None, (-2, 2),
        "Exploratory: is the head as much on the beat as the true one?",
        "beat_align of the generated video and its own sound, less that of the true clip.",
        OURS, target=0.0, inputs=f"{MATRIX}; own and true sound", reference="none (onsets by SciPy)",
        disagreement="not published", avoid="as evidence: see beat_align", evaluator=EVALUATOR,
        smallest=0.05, why_smallest=CORRELATION, needs="clip",
    ),
    MetricSpec(
        "pfid@mediapipe-yxz", "pose", "set", "", False, (0, INFINITY),
        "Frechet distance between generated and true poses.",
        "Yaw, pitch, roll in degrees and the translation in cm of the canonical head, less its mean over the clip "
        "(the head's place does not count), of frames with a face in both; Gaussians of all frames of all clips, 1e-6 "
        "added to the variances; interval by jackknife over clips.",
        "P-FID: Ki et al., FLOAT, ICCV 2025; Dowson & Landau 1982 for the distance", inputs=MATRIX, reference="none",
        disagreement="FLOAT's is of its own pose parameters; no published number compares",
        avoid="as a measure of when the head moves: swapped clips read 0. Videos of another framing are left out: the "
        "matrix assumes one camera, and a square cut about the head of the true video read 3.6", evaluator=EVALUATOR,
        smallest=0.05, why_smallest=SHARE_OF_LEVEL, smallest_is_share=True, needs="timing",
    ),
)  # fmt: skip
