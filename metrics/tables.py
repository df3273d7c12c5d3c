"""The tables of the protocol: what was measured on each generated video, the scores, and their summary.

Written and read with ``eadnet.tables``. SCORES is long: one row a clip and metric, and one row a set-level metric,
whatever happened; SUMMARY aggregates it. Imports nothing heavy.
"""

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa

from eadnet.config.section import ConfigError

_text, _int, _real, _flag = pa.string(), pa.int64(), pa.float64(), pa.bool_()

MEASUREMENTS = pa.schema(
    [
        ("clip_id", _text), ("video", _text), ("n_frames", _int), ("video_frames", _int), ("truth_frames", _int),
        ("width", _int), ("height", _int), ("fps", _real), ("detected", _real), ("seconds", _real),
        ("video_sha256", _text), ("status", _text), ("reason", _text), ("notes", _text), ("own_status", _text),
        ("own_reason", _text), ("own_notes", _text), ("own_frames", _int), ("own_detected", _real),
        ("has_sound", _flag), ("model_commit", _text), ("videos_commit", _text),
    ]
)  # fmt: skip
"""One row per generated video, which is seen in two views.

*Aligned* with the true clip (its size, 25 fps, its transforms): `status`, `reason`, `notes` (frames trimmed, picture
scaled, rate changed), `n_frames`, the frames compared (the shorter of video and truth), and `detected`, the share of
them with a face. A video of another sound or length has no such view, nor has one of another aspect (`OTHER_SIZE`),
which has `n_frames` still, since it is in step.

*Own*: `width`, `height` and `fps` of the file, `own_frames` at that rate, `own_detected`, `has_sound`, `own_notes`, and
`own_status`, ``ok`` wherever the file can be read. `video_frames` are those at 25 fps. Commits are those of
``eadnet.tables.VIDEOS``."""

MADE_UNDER = ("model_commit", "videos_commit")
"""Columns with the commits under which what is scored was made; `commit`, beside them, is that of scoring."""

CROPS, LANDMARKS, EXTRACTED = "crops.safetensors", "landmarks.safetensors", "extracted.safetensors"
"""Files beside a table of measurements, keyed by clip_id (the last: by ``<clip_id>/<array>``)."""
OTHER_SIZE = "wrong_size"
"""Status of a video of another aspect than the true source's: in step with it, but not pixel on pixel."""
BEYOND = "beyond_range"
"""Status of what was searched for (an offset, a late sound) and lies at the edge of the search, or further off."""
OWN, OWN_25, OWN_TRANSFORM = "own", "own_25", "own_transform"
"""Under ``<clip_id>/<name>``: landmarks in the video's own pixels at its own rate and at 25 fps, where they are not
those of the aligned view; crops by its own mesh, where there is no aligned view, and the transforms to them."""

SCORES = pa.schema(
    [
        ("run", _text), ("seed", _int), ("corpus", _text), ("draw", _text), ("split", _text), ("clip_id", _text),
        ("speaker", _text), ("seen_speaker", _flag), ("emotion", _text), ("emotion_level", _int), ("family", _text),
        ("metric", _text), ("metric_version", _int), ("level", _text), ("evaluator_sha256", _text), ("value", _real),
        ("ci_low", _real), ("ci_high", _real), ("n", _int), ("n_wanted", _int), ("share", _real), ("status", _text),
        ("reason", _text), ("notes", _text), ("model_commit", _text), ("videos_commit", _text), ("commit", _text),
    ]
)  # fmt: skip
"""One row per clip and metric; a set-level metric has one row with `clip_id` and the clip's columns null, corpus `all`,
and an interval of its own. There is such a row for every corpus too, for its drawn clips where not all are drawn, and
for each of `SLICES` of all and of a corpus: `draw` is then the draw's or the slice's name, elsewhere `all`. `n` counts
the frames (or windows, or captions) behind a clip's value and the clips behind a set's, `n_wanted` those that there are
(of a set all of its test clips, those without a video too), `share` is one over the other; a value that rests on fewer
than all has the status `PARTIAL`. `notes` are what was done to the video before it was measured (trimmed, scaled,
brought to another rate), and of a set what a reader of its value must know: what it was computed of, and warnings.
Captioners are runs, too (`CAPTIONER`), of the family ``captions``. Rows of family ``latent_error`` are of `split`
``validation``, all others of videos ``test``. A row without a value has the cause in `status` and
`reason`. Three commits of the project: the run was trained under `model_commit` (null where this project has trained
none: baselines without a model, other people's methods), its videos were made or collected under `videos_commit` (null
for captions and for folders scored without the workflow; of ``latent_error`` its estimates were made under it), and
`commit` scored them."""

SUMMARY = pa.schema(
    [
        ("run", _text), ("kind", _text), ("seeds", _int), ("corpus", _text), ("split", _text), ("slice", _text),
        ("headline", _flag), ("family", _text), ("metric", _text), ("metric_version", _int), ("level", _text),
        ("evaluator_sha256", _text), ("n", _int), ("n_missing", _int), ("coverage", _real), ("clips", _int),
        ("clusters", _int), ("mean", _real),
        ("std", _real), ("ci_low", _real), ("ci_high", _real), ("distance", _real), ("distance_low", _real),
        ("distance_high", _real), ("difference_vs_full", _real), ("difference_low", _real), ("difference_high", _real),
        ("p_vs_full", _real), ("least_p", _real), ("p_holm", _real), ("smallest", _real), ("null_reach", _real),
        ("decided", _flag), ("best", _flag), ("reason", _text), ("notes", _text), ("model_commit", _text),
        ("videos_commit", _text), ("commit", _text),
    ]
)  # fmt: skip
"""One row per run, corpus (`all` and each), slice (one of `SLICES`) and metric; `kind` is one of `KINDS`,
`headline` marks the rows that stand for a metric in short tables (``metrics.summary.headlines``).

`n` counts values (clips times seeds; of a metric of sets the clips behind it, once), `n_missing` failures; clips to
which a metric does not apply count as neither;
`clips` counts clips with a value and `clusters` their speakers (a clip of unknown speaker is one of its own).
A run for which a metric applies to no clip at all has one row (corpus and slice `all`), without coverage. `std` is over
clips; `split` is `all` where several are mixed. Of metrics with a target, `distance` is the mean over clips of the
distance to it, with its interval. `difference_*` is the mean paired difference to run `full` (of distances, for those
metrics) with its interval, `p_vs_full` the p-value of the sign-flip test over speakers, `least_p` the smallest that
so many speakers allow. What `p_holm`, `decided` and `best` are is stated in ``metrics.summary.decisions``; `smallest`
is the smallest difference of interest in the metric's unit, `null_reach` what the null row allows by chance. `reason`,
of a row without any value, is the most frequent one of its scores; `notes` are those of the scores of a set, whose
difference to `full` is over the clips that both have (SET_PAIRS). Commits are those of SCORES; where they differ
between seeds, all are named (`join_commits`)."""

KINDS = ("baseline", "trained", "again", "variant", "method", "captioner")
"""What a run is: a baseline; a run trained here; the null row, `full` trained again with another seed; another way of
sampling a trained run; a method of other authors; a captioner."""
BASELINE, TRAINED, AGAIN, VARIANT, METHOD, CAPTIONING = KINDS

PAIRWISE = pa.schema(
    [
        ("run", _text), ("rival", _text), ("corpus", _text), ("slice", _text), ("metric", _text), ("n", _int),
        ("clusters", _int), ("difference", _real), ("difference_low", _real), ("difference_high", _real), ("p", _real),
        ("least_p", _real), ("p_holm_of_pairs", _real),
    ]
)  # fmt: skip
"""Every two runs compared, in either order, by each metric with a value a clip: the mean of run minus rival over the
`n` clips that both have, its interval and p, as in SUMMARY. `p_holm_of_pairs` is corrected over all pairs of one metric
and corpus, each counted once; a pair with a baseline is no member of that family and has none. It is not the `p_holm`
of SUMMARY, on which decisions rest. Slice is `all`."""

SET_PAIRS = pa.schema(
    [
        ("run", _text), ("rival", _text), ("corpus", _text), ("slice", _text), ("metric", _text),
        ("metric_version", _int), ("n", _int), ("clusters", _int), ("seeds", _int), ("value", _real),
        ("rival_value", _real), ("difference", _real), ("difference_low", _real), ("difference_high", _real),
        ("p", _real), ("least_p", _real), ("test", _text), ("notes", _text), ("commit", _text),
    ]
)  # fmt: skip
"""Every two runs compared by each metric of sets, once, over the `n` clips that both have, of `clusters` people, in all
their `seeds` (paired where both have the same ones; values are averaged over them). `value` and `rival_value` are of
those clips, which need not be all that the run has. The interval leaves out one person at a time; `p` is that of
swapping the two runs' clips person by person (`test`: `all swaps`, `random swaps`), or, where a value takes seconds or
no swap was made, of the difference over its standard error (`student t`). `least_p` is the smallest that so many
people allow. Two runs neither of which is `full` are compared in slice `all`."""

EVIDENCE = pa.schema(
    [
        ("question", _text), ("module", _text), ("claim", _text), ("run", _text), ("rival", _text), ("corpus", _text),
        ("slice", _text), ("metric", _text), ("seeds", _int), ("n", _int), ("clusters", _int), ("mean", _real),
        ("rival_mean", _real), ("difference", _real), ("difference_low", _real), ("difference_high", _real),
        ("p", _real), ("least_p", _real), ("p_holm", _real), ("smallest", _real), ("better", _flag),
        ("verdict", _text), ("reason", _text), ("commit", _text),
    ]
)  # fmt: skip
"""One row per question of section `evidence`, primary measure and slice (all, seen_people, unseen_people).

`mean` and `rival_mean` are over the `n` clips that both have, `difference` is run minus rival (of the distances to the
target, for metrics with one) with its interval; `better` whether its sign is the better one. `p_holm` and `verdict`
(one of ``eadnet.config.evidence.Verdict``) are of slice `all` only; the other slices decide nothing. `reason` says why
a difference is not shown, or why there is none."""

PARTIAL = "partial"
"""Status of values that rest on fewer frames or clips than there are."""

LABEL_GIVEN = "told"
"""Status of clips whose label a captioner was given, so that its repeating it shows nothing."""
NOT_GENERATED = "not_generated"
"""Status of a part of the face that the mask leaves to the true picture."""
NOT_APPLICABLE = (
    "no_label", "no_level", "no_emotion", "no_blink", "no_silence", "no_truth", "no_reference", "too_short_for_lag",
    NOT_GENERATED, LABEL_GIVEN,
)  # fmt: skip
"""Statuses of clips to which a metric does not apply: they lower no coverage. Only the last depends on the run."""

CAPTIONER = "captions:"
"""What the run of a captioner begins with; names of runs, baselines and methods hold no colon."""

SLICES = ("all", "seen_people", "unseen_people", "level_1", "level_2", "level_3")
"""Parts of the clips that are summarised on their own: people seen in training or not, and levels of emotion (of the
metrics in `LEVELLED` only)."""
PEOPLE = SLICES[1:3]
LEVELS = SLICES[3:]
LEVELLED = ("acc_emo", "macro_f1_emo", "emotion_right")
"""Names (keys without variant) of the metrics that are summarised by level of emotion too."""
ALL = "all"
FULL = "full"
"""The run that all others are compared with."""


class Unscorable(ValueError):
    """A pair to which a metric gives no value; `status` is the word for the table, the message its reason."""

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def join_commits(commits: Iterable[str | None]) -> str | None:
    """The different commits among some, sorted and separated by ", "; None where there is none."""
    return ", ".join(sorted({commit for commit in commits if commit})) or None


FPS = 25
"""Pictures a second to which every video is brought before it is compared: the rate of preprocessed clips."""


def folders_by_run(folders: Iterable[Path]) -> dict[str, dict[int, Path]]:
    """Measurement folders ``.../<run>/<seed>`` by run and seed.

    Raises:
        ConfigError: a folder has another name.
    """
    found: dict[str, dict[int, Path]] = {}
    for folder in map(Path, folders):
        if not folder.name.isdigit():
            raise ConfigError(f"{folder}: a measurements folder is named .../<run>/<seed>")
        found.setdefault(folder.parent.name, {})[int(folder.name)] = folder
    return found
