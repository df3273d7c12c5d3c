"""Family ``emotion``: is the wanted emotion seen, by the corpus's emotion judge?

An accuracy is a property of its judge: the judge's accuracy on real held-out clips stands in its report and beside
every table.
"""

from collections.abc import Iterator

from eadnet.config import EMOTIONS
from metrics.judges import load, read_report
from metrics.pairs import Pair, Value, per_clip
from metrics.scoring import Settings, empty
from metrics.spec import family_specs


def score(pairs: list[Pair], settings: Settings) -> Iterator[Value]:
    """Predicted emotion of every pair, and whether it is the labelled one."""
    specs = family_specs("emotion")
    report = read_report(settings.judge("emotion"))
    if not report["usable"]:
        return iter(empty(specs, pairs, "no_judge", report["reason"]))
    network = load(settings.judge("emotion"))
    return per_clip(pairs, [spec.key for spec in specs], lambda pair: _measure(pair, network))


def _measure(pair: Pair, network: object) -> Iterator[Value]:
    from metrics.judge_emotion import probabilities

    shares = probabilities(network, pair.generated_crops)
    answer, frames = int(shares.argmax()), len(pair.generated_crops)
    note = f"{EMOTIONS[answer]} at {shares[answer]:.2f}"
    yield Value("predicted_emotion@corpus-v1", pair.clip_id, answer, frames, reason=note)
    label = pair.row["emotion"]
    if label in EMOTIONS:
        yield Value("acc_emo@corpus-v1", pair.clip_id, float(EMOTIONS[answer] == label), frames, reason=note)
    else:
        yield Value("acc_emo@corpus-v1", pair.clip_id, None, 0, "no_label", "the corpus gives this clip no emotion")
