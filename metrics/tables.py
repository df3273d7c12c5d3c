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
        ("video_sha256", _text), ("status", _text), ("reason", _text), ("model_commit", _text),
        ("videos_commit", _text),
    ]
)  # fmt: skip
"""One row per generated video. `n_frames` are the frames compared (the shorter of video and truth), `fps` the rate
of the file before it was brought to 25, `detected` the share of frames with a face. `reason` also carries notes on
videos whose status is ok (frames trimmed, picture scaled). Commits are those of ``eadnet.tables.VIDEOS``."""

MADE_UNDER = ("model_commit", "videos_commit")
"""Columns with the commits under which what is scored was made; `commit`, beside them, is that of scoring."""

CROPS, LANDMARKS, EXTRACTED = "crops.safetensors", "landmarks.safetensors", "extracted.safetensors"
"""Files beside a table of measurements, keyed by clip_id (the last: by ``<clip_id>/<array>``)."""

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
and an interval of its own. Families of sets alone have such a row for every corpus too, and for its drawn clips (`draw`
is then the draw's name, elsewhere `all`), where not all are drawn. `n` counts the frames (or windows, or captions)
behind a clip's value and the clips behind a set's, `n_wanted` those that there are, `share` is one over the other; a
value that rests on fewer than all has the status `PARTIAL`. `notes` are what was done to the video before it was
measured (trimmed, scaled, brought to another rate). Captioners are runs, too (`CAPTIONER`), of the family ``captions``.
A row without a value has the cause in `status` and `reason`. Three commits of the project: the run was trained under
`model_commit` (null where this project has trained none: baselines without a model, other people's methods), its videos
were made or collected under `videos_commit` (null for captions and for folders scored without the workflow), and
`commit` scored them."""

SUMMARY = pa.schema(
    [
        ("run", _text), ("seeds", _int), ("corpus", _text), ("split", _text), ("slice", _text), ("family", _text),
        ("metric", _text), ("metric_version", _int), ("level", _text), ("evaluator_sha256", _text), ("n", _int),
        ("n_missing", _int), ("coverage", _real), ("mean", _real), ("std", _real), ("ci_low", _real),
        ("ci_high", _real), ("difference_vs_full", _real), ("difference_low", _real), ("difference_high", _real),
        ("p_vs_full", _real), ("p_holm", _real), ("reason", _text), ("model_commit", _text),
        ("videos_commit", _text), ("commit", _text),
    ]
)  # fmt: skip
"""One row per run, corpus (`all` and each), slice (one of `SLICES`) and metric.
`n` counts values (clips times seeds), `n_missing` failures; clips to which a metric does not apply count as neither.
A run for which a metric applies to no clip at all has one row (corpus and slice `all`), without coverage. `std` is over
clips; `split` is `all` where several are mixed. `difference_*` is the mean paired difference to run `full` with its
interval; `p_holm` is `p_vs_full` after Holm's correction over the runs and methods (no baselines) of the same metric,
corpus and slice. `reason`, of a row without any value, is the most frequent one of its scores. Commits are those of
SCORES; where they differ between seeds, all are named (`join_commits`)."""

PAIRWISE = pa.schema(
    [
        ("run", _text), ("rival", _text), ("corpus", _text), ("slice", _text), ("metric", _text), ("n", _int),
        ("difference", _real), ("difference_low", _real), ("difference_high", _real), ("p", _real), ("p_holm", _real),
    ]
)  # fmt: skip
"""Every two runs compared, in either order, by each metric with a value a clip: the mean of run minus rival over the
`n` clips that both have, its interval and p. `p_holm` is corrected over all pairs of runs and methods of one metric and
corpus, each pair counted once; a pair with a baseline is no member of that family and has none. Slice is `all`."""

PARTIAL = "partial"
"""Status of values that rest on fewer frames or clips than there are."""

LABEL_GIVEN = "told"
"""Status of clips whose label a captioner was given, so that its repeating it shows nothing."""
NOT_APPLICABLE = ("no_label", "no_level", "no_blink", "no_silence", "no_truth", LABEL_GIVEN)
"""Statuses of clips to which a metric does not apply: they lower no coverage. Only the last depends on the run."""

CAPTIONER = "captions:"
"""What the run of a captioner begins with; names of runs, baselines and methods hold no colon."""

SLICES = ("all", "seen_people", "unseen_people", "level_1", "level_2", "level_3")
"""Parts of the clips that are summarised on their own: people seen in training or not, and levels of emotion (of the
metrics in `LEVELLED` only)."""
PEOPLE = SLICES[1:3]
LEVELS = SLICES[3:]
LEVELLED = ("acc_emo", "emotion_right")
"""Names (keys without variant) of the metrics that are summarised by level of emotion too."""
ALL = "all"


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
