"""Family ``captions``: do the captions of real clips follow the rules, and do they describe what is there?"""

from metrics.specs.reasons import ATTEMPTS, CAPTION_SHARE, CORRELATION, ONE_CLIP
from metrics.specs.types import INFINITY, Family, MetricSpec

OURS = "this benchmark"
TABLE = "captions table; every clip that could be preprocessed, of every split: no captioner is trained on them"
PARSED = "a caption record, as the caption stage stored it"
UNCAPTIONED = (
    "a clip without caption has no value and lowers the coverage, not the agreement: see captioned@answers beside it"
)
LABEL_GIVEN = (
    "a captioner that was given the label only repeats it: such clips have no value here (status told). One that reads "
    "measures is never wholly blind: they are relative to the speaker's neutral clips, which labels name"
)
DRAWN = "clips of the drawn corpora that carry no label, whose drawn emotion and level are known"
NOT_REAL = "as a claim about real faces: the truth is that of drawn ones; " + UNCAPTIONED
CELLS = "Interval by bootstrap over clips (2000 seeded draws)."
UNITS = (
    "Units stated against units drawn at a strength of 0.4 or more, one-sided names as the unit itself. Units that "
    "speech moves (eadnet.captions.schema.SPEECH_UNITS) are left out on both sides: they come and go with the words, "
    "whatever is felt, and no caption may name them. "
)
UNIT_INPUTS = "clips of the drawn corpora, labelled or not: no captioner is given the units"
UNSAID = (
    "the drawn face also shows what no unit of its truth names (a fold beside a smile): to state it counts as wrong, "
    "as does a unit that is never drawn"
)
F1 = "van Rijsbergen, Information Retrieval, 1979"
SCIKIT = "scikit-learn sklearn/metrics/_classification.py f1_score"
RANKS = (
    "Spearman's coefficient, ties by mean ranks, of the stated intensity (none, slight, moderate, strong) and the "
    "level (1 to 3). Neutral clips are left out: they have no strength of feeling, and to separate them from the rest "
    "is what emotion_right counts. "
) + CELLS
SPEARMAN = "Spearman, The proof and measurement of association between two things, Am. J. Psychology 15, 1904"

FAMILY = Family(
    "captions", 2, None,
    "Do the captions of real clips follow the rules, and do they describe what is there? Scored from captions tables "
    "by `python -m metrics score-captions`, a captioner a run (`captions:<name>`); never part of `evaluation.metrics`.",
    of="captions", needs="nothing",
)  # fmt: skip

SPECS = (
    MetricSpec(
        "first_answer_valid@answers", "captions", "clip", "", True, (0, 1),
        "Was the first answer a valid caption record?",
        "1 where the first answer was accepted, or refused for forbidden content alone; 0 where it was cut off, no "
        "JSON, of another shape, too long in words, or declined. Clips without any answer have no value.",
        OURS,
        inputs=TABLE, reference="none",
        avoid="to hold a language model against the descriptor engine, which fills the record itself: always valid",
        smallest=0.02, why_smallest=CAPTION_SHARE, yes_no=True,
    ),
    MetricSpec(
        "captioned@answers", "captions", "clip", "", True, (0, 1),
        "Has the clip a caption at all?",
        "1 where an answer was accepted within the tries allowed, else 0, whatever the cause; never without a value.",
        OURS,
        inputs=TABLE, reference="none",
        smallest=0.02, why_smallest=CAPTION_SHARE, yes_no=True,
    ),
    MetricSpec(
        "forbidden@answers", "captions", "clip", "", False, (0, 1),
        "Did any answer hold content that no caption may hold?",
        "1 where an answer was refused for forbidden content, or an accepted text holds some "
        "(eadnet.captions.schema.forbidden_content), else 0. Clips without any answer have no value.",
        OURS,
        inputs=TABLE, reference="none",
        disagreement="an answer that is refused for another fault is not searched, so the rate is a lower bound where "
        "first_answer_valid is low; words decide, not meaning",
        smallest=0.02, why_smallest=CAPTION_SHARE, yes_no=True,
    ),
    MetricSpec(
        "attempts@answers", "captions", "clip", "tries", False, (1, INFINITY),
        "How often was asked until an answer was accepted, or the last was refused?",
        "Number of tries, answered or not, for a clip that was sent to a captioner.",
        OURS,
        inputs=TABLE, reference="none",
        smallest=0.1, why_smallest=ATTEMPTS,
    ),
    MetricSpec(
        "emotion_right@labels", "captions", "clip", "", True, (0, 1),
        "Is the stated emotion the corpus's label?",
        "1 where both are the same of the eight emotions, else 0.",
        OURS,
        inputs=PARSED + "; clips with a label", reference="none", avoid=f"{LABEL_GIVEN}; {UNCAPTIONED}",
        smallest=1 / 30, why_smallest=ONE_CLIP, yes_no=True,
    ),
    MetricSpec(
        "emotion_right@truth", "captions", "clip", "", True, (0, 1),
        "Is the stated emotion the one that was drawn?",
        "1 where both are the same of the eight emotions, else 0.",
        OURS,
        inputs=f"{PARSED}; {DRAWN}", reference="none", avoid=NOT_REAL,
        smallest=1 / 30, why_smallest=ONE_CLIP, yes_no=True,
    ),
    MetricSpec(
        "emotion_macro_f1@labels", "captions", "set", "", True, (0, 1),
        "Mean F1 of the emotions against the labels, so that a frequent one does not decide.",
        f"F1 = 2 TP / (labels + answers) of every emotion that occurs as a label, averaged. {CELLS}",
        F1,
        inputs=PARSED + "; clips with a label", reference=SCIKIT,
        disagreement="scikit-learn's default also averages over emotions that are answered but never labelled, as 0",
        avoid=f"{LABEL_GIVEN}; {UNCAPTIONED}",
        smallest=1 / 30, why_smallest=ONE_CLIP,
    ),
    MetricSpec(
        "emotion_macro_f1@truth", "captions", "set", "", True, (0, 1),
        "Mean F1 of the emotions against those that were drawn.",
        f"As emotion_macro_f1@labels, against the drawn emotion. {CELLS}",
        F1,
        inputs=f"{PARSED}; {DRAWN}", reference=SCIKIT,
        disagreement="as emotion_macro_f1@labels", avoid=NOT_REAL,
        smallest=1 / 30, why_smallest=ONE_CLIP,
    ),
    MetricSpec(
        "intensity_rank_correlation@labels", "captions", "set", "", True, (-1, 1),
        "Does the stated intensity rise with the acted level?",
        RANKS,
        SPEARMAN,
        inputs=PARSED + "; clips labelled with an emotion other than neutral, and with a level",
        reference="scipy.stats.spearmanr",
        disagreement="levels are instructions to actors: how strongly one acts level 3 differs from person to person",
        avoid=f"{LABEL_GIVEN}; {UNCAPTIONED}; there is no value where either side is the same for all clips",
        smallest=0.05, why_smallest=CORRELATION,
    ),
    MetricSpec(
        "intensity_rank_correlation@truth", "captions", "set", "", True, (-1, 1),
        "Does the stated intensity rise with the drawn level?",
        f"As intensity_rank_correlation@labels, against the drawn level. {CELLS}",
        SPEARMAN,
        inputs=f"{PARSED}; {DRAWN}, neutral left out", reference="scipy.stats.spearmanr", avoid=NOT_REAL,
        smallest=0.05, why_smallest=CORRELATION,
    ),
    MetricSpec(
        "unit_micro_f1@truth", "captions", "set", "", True, (0, 1),
        "Are the stated action units those that were drawn, every unit of every clip counting alike?",
        f"{UNITS}F1 = 2 TP / (drawn + stated) over all units and clips together. {CELLS}",
        F1,
        inputs=UNIT_INPUTS, reference=SCIKIT + " (average='micro')", disagreement=UNSAID, avoid=NOT_REAL,
        smallest=0.02, why_smallest=CAPTION_SHARE,
    ),
    MetricSpec(
        "unit_macro_f1@truth", "captions", "set", "", True, (0, 1),
        "Are the stated action units those that were drawn, every kind of unit counting alike?",
        f"{UNITS}F1 of every unit that is drawn in some clip, averaged. {CELLS}",
        f"{F1}; averaged over units as in Luo et al., ME-GraphAU, IJCAI 2022",
        inputs=UNIT_INPUTS, reference=SCIKIT + " (labels=<drawn>, average='macro')",
        disagreement="a replicate averages over the units that it drew; " + UNSAID, avoid=NOT_REAL,
        smallest=0.02, why_smallest=CAPTION_SHARE,
    ),
    MetricSpec(
        "distinct@texts", "captions", "set", "", True, (0, 1),
        "Do captions differ from clip to clip?",
        "Distinct full captions over captions, case and spacing aside.",
        f"{OURS}; after distinct-n, Li et al., NAACL 2016, with the whole caption as the unit",
        inputs=TABLE, reference="none",
        avoid="between sets of different size: the share falls with n. A caption drawn at random differs, too. No "
        "interval: a bootstrap draws clips twice and is biased downwards",
        smallest=0.02, why_smallest=CAPTION_SHARE,
    ),
    MetricSpec(
        "words@texts", "captions", "clip", "words", None, (1, 60),
        "How long is the full caption?",
        "Words of the full caption, split at spaces.",
        OURS,
        inputs=TABLE, reference="none", avoid="as a merit: the text encoder cuts what exceeds its tokens",
    ),
)  # fmt: skip
