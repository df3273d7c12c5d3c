"""The tables of the protocol: what was measured on each generated video, the scores, and their summary.

Written and read with ``eadnet.tables``. SCORES is long: one row a clip and metric, and one row a set-level metric,
whatever happened; SUMMARY aggregates it. Imports nothing heavy.
"""

import pyarrow as pa

_text, _int, _real, _flag = pa.string(), pa.int64(), pa.float64(), pa.bool_()

MEASUREMENTS = pa.schema(
    [
        ("clip_id", _text), ("video", _text), ("n_frames", _int), ("video_frames", _int), ("truth_frames", _int),
        ("width", _int), ("height", _int), ("fps", _real), ("detected", _real), ("seconds", _real),
        ("status", _text), ("reason", _text),
    ]
)  # fmt: skip
"""One row per generated video. `n_frames` are the frames compared (the shorter of video and truth), `fps` the rate
of the file before it was brought to 25, `detected` the share of frames with a face. `reason` also carries notes on
videos whose status is ok (frames trimmed, picture scaled)."""

SCORES = pa.schema(
    [
        ("run", _text), ("seed", _int), ("corpus", _text), ("split", _text), ("clip_id", _text), ("speaker", _text),
        ("seen_speaker", _flag), ("emotion", _text), ("emotion_level", _int), ("family", _text), ("metric", _text),
        ("metric_version", _int), ("level", _text), ("evaluator_sha256", _text), ("value", _real), ("ci_low", _real),
        ("ci_high", _real), ("n", _int), ("status", _text), ("reason", _text), ("commit", _text),
    ]
)  # fmt: skip
"""One row per clip and metric; a set-level metric has one row with `clip_id` and the clip's columns null, corpus
`all`, and an interval of its own. `n` counts the frames (or windows) behind a clip's value and the clips behind a
set's. A row without a value says why in `status` and `reason`."""

SUMMARY = pa.schema(
    [
        ("run", _text), ("seeds", _int), ("corpus", _text), ("split", _text), ("slice", _text), ("family", _text),
        ("metric", _text), ("metric_version", _int), ("level", _text), ("evaluator_sha256", _text), ("n", _int),
        ("n_missing", _int), ("coverage", _real), ("mean", _real), ("std", _real), ("ci_low", _real),
        ("ci_high", _real), ("difference_vs_full", _real), ("difference_low", _real), ("difference_high", _real),
        ("p_vs_full", _real), ("commit", _text),
    ]
)  # fmt: skip
"""One row per run, corpus (`all` and each), slice (`all`, `seen_people`, `unseen_people`) and metric.
`n` counts values (clips times seeds), `n_missing` failures; clips to which a metric does not apply count as neither.
`std` is over clips. `difference_*` is the mean paired difference to run `full` with its interval."""

NOT_APPLICABLE = ("no_label", "no_blink")
"""Statuses of clips to which a metric does not apply: they lower no coverage."""

SLICES = ("all", "seen_people", "unseen_people")
ALL = "all"
