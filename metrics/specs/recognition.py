"""What every recogniser of emotion measures, in the words of its family: accuracy, macro F1 and the answer itself."""

from metrics.specs.reasons import ONE_CLIP
from metrics.specs.types import MetricSpec

CLASS = "as a number: it is a class"


def recogniser_specs(
    family: str, variant: str, seen: str, rule: str, citation: str, **facts: str
) -> tuple[MetricSpec, MetricSpec, MetricSpec]:
    """The metrics ``acc_emo``, ``macro_f1_emo`` and ``predicted_emotion`` of a variant.

    Args:
        family: of the metrics.
        variant: of the keys.
        seen: who sees, as in "the emotion that HSEmotion sees".
        rule: what is greatest for the answer.
        citation: of the recogniser and its protocol.
        **facts: further fields of `MetricSpec`; `disagreement` is that of the accuracy alone.
    """
    same = {name: text for name, text in facts.items() if name != "disagreement"}
    return (
        MetricSpec(
            f"acc_emo@{variant}", family, "clip", "", True, (0, 1),
            f"Is the clip's labelled emotion the one that {seen} sees?",
            f"1 where {rule} is greatest for the label, else 0; unlabelled clips do not count.", citation,
            smallest=1 / 30, why_smallest=ONE_CLIP, yes_no=True, **facts,
        ),
        MetricSpec(
            f"macro_f1_emo@{variant}", family, "set", "", True, (0, 1),
            f"Mean F1 of the emotions that {seen} sees, so that a frequent one does not decide.",
            "F1 = 2 TP / (labels + answers) of every emotion that occurs as a label, averaged; interval by bootstrap "
            "over clips (2000 seeded draws).",
            "van Rijsbergen, Information Retrieval, 1979", smallest=1 / 30, why_smallest=ONE_CLIP,
            **same | {"reference": "scikit-learn f1_score(labels=<present>, average='macro')", "disagreement":
                      "scikit-learn's default also averages over emotions that are answered but never labelled, as 0"},
        ),
        MetricSpec(
            f"predicted_emotion@{variant}", family, "clip", "class", None, (0, 7),
            f"The emotion that {seen} sees, as an index into eadnet.tables.EMOTIONS.",
            f"The emotion for which {rule} is greatest.", citation,
            **same | {"avoid": CLASS + "; the columns emotion and emotion_level of its row hold the truth"},
        ),
    )  # fmt: skip
