"""Family ``identity``: is it the same person?"""

from metrics.specs.reasons import COSINE
from metrics.specs.types import Family, MetricSpec

ARCFACE = "Deng et al., ArcFace, CVPR 2019; deepinsight/insightface buffalo_l w600k_r50 (ResNet-50, WebFace600K)"
WEIGHTS = "asset:arcface-r50/w600k_r50.onnx"
ALIGNED = (
    "whole frame at the video's own size and 25 fps; similarity of irises, nose tip and mouth corners (of the "
    "FaceMesh) to InsightFace's 112-pixel template, RGB, (x - 127.5) / 127.5"
)
OTHERS = (
    "Published CSIM of one method spans 0.64 to 0.93 (SadTalker on HDTF): networks, alignment and the frame compared "
    "with differ. InsightFace itself (@insightface) aligns by SCRFD's five points; here they are the FaceMesh's, 1.5 "
    "pixels of 112 from those on 21 real clips."
)
FROZEN = "Alone: a still picture of the person scores best. Frames without a face are left out; read n."

FAMILY = Family(
    "identity", 3, None, "Is it the same person, in ArcFace's eyes.",
    assets=("arcface-r50",), extractor="identity", needs_truth=True, needs="timing",
)  # fmt: skip

SPECS = (
    MetricSpec(
        "csim@arcface-mesh", "identity", "clip", "", True, (-1, 1),
        "Is the face in every frame that of the true frame?",
        "Cosine of the ArcFace embeddings of generated and true frame, mean over frames in which both show a face.",
        ARCFACE,
        inputs=ALIGNED,
        reference="insightface 2.1 utils/face_align.py, model_zoo/arcface_onnx.py (template and input; not the points)",
        disagreement=OTHERS,
        avoid=FROZEN,
        evaluator=WEIGHTS,
        smallest=0.02, why_smallest=COSINE,
    ),
    MetricSpec(
        "csim@arcface-mesh-first", "identity", "clip", "", True, (-1, 1),
        "Does the person stay the one of the true clip's first frame?",
        "Cosine of every generated frame's embedding and that of the first true frame that shows a face, mean over "
        "frames.",
        ARCFACE,
        inputs=ALIGNED,
        reference="none; as AnyTalker and other one-shot papers describe it",
        disagreement=f"{OTHERS} Some compare with the reference picture or with the first generated frame, which hides "
        "an identity that is wrong from the start.",
        avoid=FROZEN,
        evaluator=WEIGHTS,
        needs="clip",
        smallest=0.02, why_smallest=COSINE,
    ),
    MetricSpec(
        "csim@vico", "identity", "clip", "", True, (-1, 1),
        "CSIM as the ViCo challenge takes it: whole frames squashed, no alignment.",
        "Cosine of the embeddings of generated and true frame, each resized (cv2, bilinear) to 112 x 112 as it is; "
        "mean over frames.",
        f"Zhou et al., Responsive listening head generation (ViCo), ECCV 2022; {ARCFACE}",
        inputs="whole frame at the video's own size, squashed to 112 x 112, RGB, (x - 127.5) / 127.5",
        reference="dc3ea9f/vico_challenge_baseline evaluations/arcface_torch/compute_csim.py@16424c0",
        disagreement="ViCo's network is a ResNet-100 trained on MS1MV3, here it is the ResNet-50. Its first version "
        "(@01dc5ce) averaged the cosines of all generated with all true frames of the set.",
        avoid="To judge identity: background and pose weigh as much as the face. For comparison with papers only.",
        evaluator=WEIGHTS,
        needs="frames",
        smallest=0.02, why_smallest=COSINE,
    ),
)  # fmt: skip
