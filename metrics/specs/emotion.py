"""Family ``emotion``: is the wanted emotion seen, by a judge of the corpus?"""

from metrics.specs.recognition import recogniser_specs
from metrics.specs.types import Family

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

FAMILY = Family("emotion", 4, "emotion", "Is the wanted emotion seen, by a judge of the corpus?", needs="nothing")

SPECS = recogniser_specs(
    "emotion", "corpus-v1", "the judge", "the judge's mean frame probability",
    "Gan et al., EAT, ICCV 2023 (protocol); judge trained here",
    inputs=INPUTS, reference="none", disagreement=SPREAD, avoid=JUDGED, evaluator="judge:emotion",
    headline="unseen_people",
)  # fmt: skip
