"""Family ``emotion``: is the wanted emotion seen, by the corpus's emotion judge?

An accuracy is a property of its judge: the judge's accuracy on real held-out clips stands in its report and beside
every table.
"""

from collections.abc import Iterator

from metrics.families.judged import with_doubts
from metrics.families.recognition import Answer, recognised
from metrics.judges import load, read_report
from metrics.scoring.pairs import Pair, empty
from metrics.scoring.settings import ScoringSettings
from metrics.scoring.values import Value
from metrics.spec import family_specs


def score(pairs: list[Pair], settings: ScoringSettings) -> Iterator[Value]:
    """Predicted emotion of every pair, whether it is the labelled one, and the macro F1 of all."""
    report = read_report(settings.judge("emotion"))
    if not report["usable"]:
        return iter(empty(family_specs("emotion"), pairs, "no_judge", report["reason"]))
    from metrics.judges.emotion import probabilities

    network = load(settings.judge("emotion"))

    def answer(pair: Pair) -> Answer:
        faces = pair.faces
        crops = faces.shown
        return Answer(probabilities(network, crops), len(crops), len(faces.crops), faces.notes)

    return with_doubts(recognised(pairs, "corpus-v1", answer), pairs, report)
