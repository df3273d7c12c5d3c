"""Family ``insightface``: is it the same person, as the package InsightFace computes it from end to end?"""

from metrics.specs.identity import ARCFACE, FROZEN, WEIGHTS
from metrics.specs.reasons import COSINE
from metrics.specs.types import Family, MetricSpec

INPUT = (
    "whole frames in the video's own size, true frames in the source's; the largest face that SCRFD finds "
    "(insightface-buffalo-l), its five points onto the 112-pixel template (face_align.norm_crop)"
)
PACKAGE = "insightface 2.1: model_zoo SCRFD and ArcFaceONNX, utils/face_align.py norm_crop"
DIFFERS = (
    "Published CSIM of one method spans 0.64 to 0.93 (SadTalker on HDTF): networks, alignment and the frame compared "
    "with differ. @arcface-mesh takes the same network on points of the FaceMesh."
)

FAMILY = Family(
    "insightface", 1, None, "Is it the same person, by InsightFace's own detector, alignment and recogniser.",
    assets=("insightface-buffalo-l", "arcface-r50"), needs="timing",
)  # fmt: skip

SPECS = (
    MetricSpec(
        "csim@insightface", "insightface", "clip", "", True, (-1, 1),
        "Is the face in every frame that of the true frame?",
        "Cosine of the ArcFace embeddings of each true frame and of the video's frame nearest in time, mean over those "
        "in which both show a face.",
        ARCFACE, inputs=INPUT, reference=PACKAGE, disagreement=DIFFERS,
        avoid=f"{FROZEN} For videos that were driven by another clip.", evaluator=WEIGHTS,
        smallest=0.02, why_smallest=COSINE,
    ),
    MetricSpec(
        "csim@insightface-portrait", "insightface", "clip", "", True, (-1, 1),
        "Does the person stay the one of the portrait? For one-shot videos, whatever drives them.",
        "Cosine of the ArcFace embeddings of each of the video's frames and of the portrait, the first true frame that "
        "shows a face; mean over frames with a face.",
        ARCFACE, inputs=INPUT, reference=PACKAGE,
        disagreement=f"{DIFFERS} Some compare with the first generated frame, which hides an identity that is wrong "
        "from the start.",
        avoid=FROZEN, evaluator=WEIGHTS,
        smallest=0.02, why_smallest=COSINE, needs="clip",
    ),
)  # fmt: skip
