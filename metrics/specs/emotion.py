"""Family ``emotion``: is the wanted emotion seen, by a judge of the corpus?"""

from metrics.specs.types import Family, MetricSpec

OURS = "this benchmark"
INPUTS = "aligned crop, its face box (8 to 94 % down, 14 to 86 % across) shrunk to 64 x 56 by area; every frame"
SPREAD = (
    "accuracy is a property of the classifier: EAT's own method on MEAD is reported at 35 to 75 % by eleven "
    "papers with classifiers of their own"
)
JUDGED = (
    "never without the accuracy on ground truth beside it (the row of run ground_truth), nor beside another "
    "classifier's numbers; a judge trained on few people may know the speaker: see accuracy_unseen_people and "
    "leave_speaker_out in its report"
)

FAMILY = Family("emotion", 2, "emotion", "Is the wanted emotion seen, by a judge of the corpus?")

SPECS = (
    MetricSpec(
        "acc_emo@corpus-v1", "emotion", "clip", "", True, (0, 1),
        "Is the clip's labelled emotion the one that is seen?",
        "1 where the judge's mean frame probability is greatest for the label, else 0; unlabelled clips do not count.",
        "Gan et al., EAT, ICCV 2023 (protocol); judge trained here",
        inputs=INPUTS, reference="none", disagreement=SPREAD, avoid=JUDGED, evaluator="judge:emotion",
    ),
    MetricSpec(
        "macro_f1_emo@corpus-v1", "emotion", "set", "", True, (0, 1),
        "Mean F1 of the emotions, so that a frequent one does not decide.",
        "F1 = 2 TP / (labels + answers) of every emotion that occurs as a label, averaged; interval by bootstrap over "
        "clips (2000 seeded draws).",
        "van Rijsbergen, Information Retrieval, 1979; sklearn.metrics.f1_score(labels=<present>, average='macro')",
        inputs=INPUTS, reference="scikit-learn sklearn/metrics/_classification.py f1_score",
        disagreement="scikit-learn's default also averages over emotions that are answered but never labelled, as 0",
        avoid=JUDGED, evaluator="judge:emotion",
    ),
    MetricSpec(
        "predicted_emotion@corpus-v1", "emotion", "clip", "class", None, (0, 7),
        "The emotion that is seen, as an index into eadnet.tables.EMOTIONS.",
        "Greatest mean frame probability of the emotion judge.",
        OURS,
        inputs=INPUTS, reference="none", evaluator="judge:emotion",
        avoid="as a number: it is a class; the confusion matrix and the accuracy of each level of intensity are "
        "counted from these rows, whose columns emotion and emotion_level hold the truth",
    ),
)  # fmt: skip
