"""Family ``hsemotion``: emotion, valence and arousal by the EfficientNets of HSEmotion."""

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
    "hsemotion", 1, None, "Emotion, valence and arousal by HSEmotion.",
    assets=("hsemotion", "hsemotion-va"),
)  # fmt: skip

SPECS = (
    MetricSpec(
        "acc_emo@hsemotion", "hsemotion", "clip", "", True, (0, 1),
        "Is the clip's labelled emotion the one that HSEmotion sees?",
        "1 where the mean frame probability is greatest for the label, else 0; unlabelled clips do not count.",
        HSE,
        inputs=INPUTS, reference=REFERENCE, disagreement=DISAGREEMENT, avoid=AVOID, evaluator=EMOTION,
    ),
    MetricSpec(
        "macro_f1_emo@hsemotion", "hsemotion", "set", "", True, (0, 1),
        "Mean F1 of the emotions by HSEmotion, so that a frequent one does not decide.",
        "F1 = 2 TP / (labels + answers) of every emotion that occurs as a label, averaged; interval by bootstrap over "
        "clips (2000 seeded draws).",
        HSE,
        inputs=INPUTS, reference="scikit-learn f1_score(labels=<present>, average='macro')", avoid=AVOID,
        evaluator=EMOTION,
    ),
    MetricSpec(
        "predicted_emotion@hsemotion", "hsemotion", "clip", "class", None, (0, 7),
        "The emotion that HSEmotion sees, as an index into eadnet.tables.EMOTIONS.",
        "Greatest mean frame probability.",
        HSE,
        inputs=INPUTS, reference=REFERENCE, avoid="as a number: it is a class", evaluator=EMOTION,
    ),
    MetricSpec(
        "valence@hsemotion-va", "hsemotion", "clip", "", None, (-INFINITY, INFINITY),
        "How pleasant the expression is.",
        "Mean over frames of the network's valence, a linear output trained on [-1, 1].",
        HSE,
        inputs=INPUTS, reference=REFERENCE, avoid=AVOID, evaluator=AFFECT,
    ),
    MetricSpec(
        "arousal@hsemotion-va", "hsemotion", "clip", "", None, (-INFINITY, INFINITY),
        "How excited the expression is.",
        "Mean over frames of the network's arousal, a linear output trained on [-1, 1].",
        HSE,
        inputs=INPUTS, reference=REFERENCE, avoid=AVOID, evaluator=AFFECT,
    ),
    MetricSpec(
        "valence_mae@hsemotion-va", "hsemotion", "clip", "", False, (0, INFINITY),
        "How far the valence is from the true clip's.",
        "Mean over frames of the absolute difference of the network's valence, generated and true.",
        HSE,
        inputs=INPUTS, reference="none", avoid="where the speech, and so the mouth, is not the true clip's",
        evaluator=AFFECT,
    ),
    MetricSpec(
        "arousal_mae@hsemotion-va", "hsemotion", "clip", "", False, (0, INFINITY),
        "How far the arousal is from the true clip's.",
        "Mean over frames of the absolute difference of the network's arousal, generated and true.",
        HSE,
        inputs=INPUTS, reference="none", avoid="where the speech, and so the mouth, is not the true clip's",
        evaluator=AFFECT,
    ),
)  # fmt: skip
