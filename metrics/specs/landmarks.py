"""Family ``landmarks``: mouth, face and eyelids against the true ones."""

from metrics.specs.reasons import CORRELATION, EYE_SPAN, PIXEL, RATIO
from metrics.specs.types import INFINITY, Family, MetricSpec

EAT = "Gan et al., EAT, ICCV 2023"
EAT_CODE = "in kind yuangan/evaluation_eat code/test_lmd.py"
MESH = "Kartynnik et al., Real-time facial surface geometry, 2019 (MediaPipe FaceMesh)"
OURS = "this benchmark"
POINTS = "FaceMesh points of whole frames at 25 fps; frames with a face in both videos"
SAME_POINTS = f"{POINTS}, in the size of the true source"
CROP_POINTS = f"{SAME_POINTS}; seen in the aligned crop by the true clip's transforms"
UNITS = (
    "published LMDs carry no unit: OmniSync's on HDTF are 7 to 19, SIDGAN's 3 to 7, FixTalk's on MEAD 1.3 to 2; point "
    "sets (dlib 68, FAN 68, mesh), centring and resolution differ"
)
PAIRED = "without a true video of the same words and head motion"
PACKAGE = "package:mediapipe"

FAMILY = Family("landmarks", 2, None, "Mouth, face and eyelids against the true ones.", needs="timing")

SPECS = (
    MetricSpec(
        "mouth_correlation@mediapipe", "landmarks", "clip", "", True, (-1, 1),
        "Does the mouth open when the true mouth opens?",
        "Pearson correlation over frames of the inner-lip gap (points 13, 14) over the inter-ocular distance; a mouth "
        "that never moves reads 0.",
        f"{MESH}; {OURS}", inputs=POINTS, reference=OURS, avoid=PAIRED, evaluator=PACKAGE,
        smallest=0.05, why_smallest=CORRELATION,
    ),
    MetricSpec(
        "mouth_amplitude@mediapipe", "landmarks", "clip", "ratio", None, (0, INFINITY),
        "Does the mouth move as much as the true one?",
        "Standard deviation of the lip gap, generated over truth.",
        OURS, target=1.0, inputs=POINTS, reference=OURS, avoid="alone: noise moves a mouth too", evaluator=PACKAGE,
        smallest=0.05, why_smallest=RATIO,
    ),
    MetricSpec(
        "m_lmd@mediapipe", "landmarks", "clip", "inter-ocular", False, (0, INFINITY),
        "Landmark distance of the mouth, position removed.",
        "The 40 lip points less their mean, per frame; mean Euclidean distance over the truth's mean inter-ocular "
        "distance.",
        EAT, inputs=SAME_POINTS, reference=EAT_CODE, disagreement=UNITS, avoid=PAIRED, evaluator=PACKAGE,
        needs="frames",
        smallest=0.005, why_smallest=EYE_SPAN,
    ),
    MetricSpec(
        "f_lmd@mediapipe", "landmarks", "clip", "inter-ocular", False, (0, INFINITY),
        "Landmark distance of the whole face, position removed.",
        "The same over the 468 mesh points (irises left out).",
        EAT, inputs=SAME_POINTS, reference=EAT_CODE, disagreement=UNITS, avoid=PAIRED, evaluator=PACKAGE,
        needs="frames",
        smallest=0.005, why_smallest=EYE_SPAN,
    ),
    MetricSpec(
        "m_lmd_px@mediapipe", "landmarks", "clip", "px", False, (0, INFINITY),
        "Landmark distance of the mouth in pixels of the aligned crop.",
        "As m_lmd, with both point sets mapped into the crop by the true clip's transforms.",
        EAT, inputs=CROP_POINTS, reference=EAT_CODE, disagreement=UNITS,
        avoid="between crops of different resolution; use m_lmd", evaluator=PACKAGE, needs="frames",
        smallest=0.5, why_smallest=PIXEL,
    ),
    MetricSpec(
        "f_lmd_px@mediapipe", "landmarks", "clip", "px", False, (0, INFINITY),
        "Landmark distance of the whole face in pixels of the aligned crop.",
        "As f_lmd, with both point sets mapped into the crop by the true clip's transforms.",
        EAT, inputs=CROP_POINTS, reference=EAT_CODE, disagreement=UNITS,
        avoid="between crops of different resolution; use f_lmd", evaluator=PACKAGE, needs="frames",
        smallest=0.5, why_smallest=PIXEL,
    ),
    MetricSpec(
        "blink_correlation@mediapipe", "landmarks", "clip", "", True, (-1, 1),
        "Do the eyes close when the true eyes close?",
        "Pearson correlation of the eye opening; only for clips in which the true eyes blink.",
        f"{MESH}; {OURS}", inputs=POINTS, reference=OURS,
        avoid="for methods that are free to blink when they like: a blink elsewhere is no fault", evaluator=PACKAGE,
        smallest=0.05, why_smallest=CORRELATION,
    ),
)  # fmt: skip
