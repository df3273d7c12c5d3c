"""Family ``hsemotion``: emotion, valence and arousal by the EfficientNets of HSEmotion."""

from metrics.specs.reasons import VALENCE
from metrics.specs.recognition import recogniser_specs
from metrics.specs.types import INFINITY, Family, MetricSpec

HSE = "Savchenko, Facial expression recognition with EfficientNet, CVPRW 2022 (HSEmotion, now EmotiEffLib)"
REFERENCE = "av-savchenko/hsemotion-onnx hsemotion_onnx/facial_emotions.py@bd500bd"
INPUTS = (
    "bounding box of the mesh in the aligned crop, bilinear to 224 x 224, ImageNet mean and deviation; every frame "
    "with a face"
)
DISAGREEMENT = "published uses differ in the face box (MTCNN, MediaPipe, RetinaFace) and in averaging logits or shares"
AVOID = (
    "without the row of run ground_truth beside it: trained on stills of AffectNet, whose classes are not MEAD's acted "
    "ones; a speaking mouth alone moves its answer"
)
EMOTION, AFFECT = "asset:hsemotion/enet_b0_8_best_afew.onnx", "asset:hsemotion-va/enet_b0_8_va_mtl.onnx"

FAMILY = Family(
    "hsemotion", 3, None, "Emotion, valence and arousal by HSEmotion.",
    assets=("hsemotion", "hsemotion-va"), needs="nothing",
)  # fmt: skip

SPECS = (
    *recogniser_specs(
        "hsemotion", "hsemotion", "HSEmotion", "the mean frame probability", HSE,
        inputs=INPUTS, reference=REFERENCE, disagreement=DISAGREEMENT, avoid=AVOID, evaluator=EMOTION,
    ),
    *(
        MetricSpec(
            f"{name}@hsemotion-va", "hsemotion", "clip", "", None, (-INFINITY, INFINITY),
            f"How {adjective} the expression is.",
            f"Mean over frames of the network's {name}, a linear output trained on [-1, 1].", HSE,
            inputs=INPUTS, reference=REFERENCE, avoid=AVOID, evaluator=AFFECT,
        )
        for name, adjective in (("valence", "pleasant"), ("arousal", "excited"))
    ),
    *(
        MetricSpec(
            f"{name}_mae@hsemotion-va", "hsemotion", "clip", "", False, (0, INFINITY),
            f"How far the {name} is from the true clip's.",
            f"Mean over frames of the absolute difference of the network's {name}, generated and true.", HSE,
            inputs=INPUTS, reference="none", avoid="where the speech, and so the mouth, is not the true clip's",
            evaluator=AFFECT, needs="timing",
            smallest=0.05, why_smallest=VALENCE,
        )
        for name in ("valence", "arousal")
    ),
)  # fmt: skip
