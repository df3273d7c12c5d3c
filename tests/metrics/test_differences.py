"""Two methods' rows compared: what is decided, by how many speakers, and in which direction."""

import itertools
import re

import numpy as np
import pytest
from scipy.stats import t

from eadnet.config.section import ConfigError
from metrics.spec import REGISTRY
from metrics.summary.differences import differences
from metrics.summary.overview import overview
from metrics.summary.paired import mean_interval, paired_difference
from metrics.summary.text import remarks, value_table
from metrics.tables import SCORES


def rows(metric: str, values: list[float | None], speakers: list[str | None] | None = None, **columns: object) -> list:
    """Rows of SCORES of one metric, a clip each; of None, a clip that was not scored."""
    made = []
    for index, value in enumerate(values):
        row = dict.fromkeys(SCORES.names) | {"metric": metric, "clip_id": f"clip{index}", "value": value}
        row |= {"speaker": speakers and speakers[index], "status": "no_face" if value is None else "ok"}
        row |= {"reason": "no face in it" if value is None else None, "n": 50, "n_wanted": 50, "share": 1.0}
        made.append(row | columns)
    return made


# ---------------------------------------------------------------------------------------------------- statistics
def test_the_sign_flip_counts_all_patterns_of_speakers():
    rng = np.random.default_rng(1)
    values, speakers = rng.normal(0.4, 1, 18), [f"speaker {index // 3}" for index in range(18)]
    sums = values.reshape(6, 3).sum(1)
    flipped = [abs((np.array(signs) * sums).sum()) for signs in itertools.product((-1, 1), repeat=6)]
    found = paired_difference(values, speakers)
    assert found.p == pytest.approx(np.mean(np.array(flipped) >= abs(sums.sum()) - 1e-12))
    assert (found.n, found.clusters, found.least_p) == (18, 6, 2 / 2**6)
    assert found.mean == pytest.approx(values.mean())


def test_clips_of_one_speaker_are_no_evidence_of_many():
    values = np.repeat([0.9, 1.1, 1.0, 1.2], 10) + np.tile([-0.01, 0.01], 20)
    by_speaker = paired_difference(values, [f"speaker {index // 10}" for index in range(40)])
    by_clip = paired_difference(values, [f"clip {index}" for index in range(40)])
    assert by_speaker.p == by_speaker.least_p == 0.125 and by_clip.p < 1e-4
    assert by_speaker.high - by_speaker.low > 3 * (by_clip.high - by_clip.low)


def test_the_interval_is_students_over_the_means_of_equal_speakers():
    means = np.array([1.0, 2.0, 4.0, 3.0])
    values = np.repeat(means, 5) + np.tile([-0.2, -0.1, 0, 0.1, 0.2], 4)
    low, high = mean_interval(values, [f"speaker {index // 5}" for index in range(20)])
    expected = t.interval(0.95, 3, means.mean(), means.std(ddof=1) / 2)
    assert (low, high) == pytest.approx(expected)


def test_too_little_gives_no_interval():
    assert mean_interval(np.array([1.0, 2.0]), ["a", "a"]) is None
    assert mean_interval(np.array([1.0, 1.0]), ["a", "b"]) in (None, (1.0, 1.0))
    assert paired_difference(np.array([]), []).n == 0
    alone = paired_difference(np.array([1.0, 2.0]), ["a", "a"])
    assert (alone.mean, alone.p, alone.least_p) == (1.5, 1, 1)
    assert paired_difference(np.zeros(4), list("abcd")).p == 1


# ---------------------------------------------------------------------------------------------------- decisions
def test_enough_clips_decide_by_the_direction_of_the_metric():
    base, better = [30.0 + 0.1 * index for index in range(10)], [32.0 + 0.13 * index for index in range(10)]
    assert differences(rows("psnr@region", better), rows("psnr@region", base))["psnr"].better == "mine"
    assert differences(rows("m_lmd@mediapipe", better), rows("m_lmd@mediapipe", base))["m_lmd"].better == "theirs"
    same = differences(rows("psnr@region", base), rows("psnr@region", base))["psnr"]
    assert same.p == 1 and same.better is None and same.reason.startswith("not decided")


def test_offsets_of_both_signs_do_not_cancel():
    offsets, small = [5.0, -5.0, 8.0, -8.0] * 3, [1.0, -1.0, 1.0, 0.0] * 3
    found = differences(rows("sync_offset@ref-v1", small), rows("sync_offset@ref-v1", offsets))["sync_offset"]
    assert (found.mine, found.theirs) == (0.75, 6.5) and found.better == "mine"


def test_only_clips_that_both_have_count():
    mine, theirs = [10.0, 20.0, None, 40.0], [9.0, None, 29.0, 39.0]
    found = differences(rows("psnr@region", mine), rows("psnr@region", theirs))["psnr"]
    assert (found.n, found.mine, found.theirs, found.difference) == (2, 25, 24, 1)
    assert found.reason == "2 clips: no p below 0.5"
    none = differences(rows("psnr@region", [1.0, None]), rows("psnr@region", [None, 1.0]))["psnr"]
    assert none.n == 0 and none.difference is None and none.reason == "no clip has a value for both"


def test_p_is_corrected_over_the_metrics_that_are_compared():
    higher, lower = [0.5 + 0.01 * index for index in range(6)], [0.4 + 0.011 * index for index in range(6)]
    mine, theirs = (
        rows("psnr@region", [10 * value for value in side]) + rows("ssim@region", side) for side in (higher, lower)
    )
    found = differences(mine, theirs)
    assert found["psnr"].p == 2 / 2**6 and found["psnr"].p_holm == pytest.approx(2 * found["psnr"].p)
    assert found["psnr"].better is None  # .0625
    assert differences(mine[:6], theirs[:6])["psnr"].better == "mine"


def test_sets_of_different_clips_are_not_compared():
    sets = [
        rows("fid@clean", [value], clip_id=None, level="set", n=n, n_wanted=24) for value, n in ((9.0, 5), (12.0, 24))
    ]
    found = differences(*sets)["fid"]
    assert found.p is None and found.better is None and found.reason.startswith("of 5 and of 24 clips")
    with pytest.raises(ConfigError, match="no metric was scored for both"):
        differences(sets[0], rows("psnr@region", [1.0]))


# ---------------------------------------------------------------------------------------------------- overview
def test_an_overview_counts_what_failed_and_what_is_partial():
    scored = rows("psnr@region", [5.0, 15.0, None, None], ["a", "b", "a", "b"])
    scored[1] |= {"status": "partial", "n": 5, "share": 0.1, "notes": "24.00 fps brought to 25"}
    value = overview(scored)["psnr@region"]
    assert (value.value, value.n, value.n_wanted, value.coverage, value.status) == (10, 2, 4, 0.5, "partial")
    assert value.reason == "2 of 4 clips: no face in it"
    scored.append(rows("psnr@region", [float("nan")], n=1)[0])
    assert overview(scored)["psnr@region"].value == 10 and overview(scored)["psnr@region"].n_wanted == 5
    scored.pop()
    assert value.notes.startswith("1 of 2 clips rest on a part of their frames (the least: 10%); 1 of 2: 24.00 fps")
    assert (value.low, value.high) == (0, pytest.approx(10 + 5 * t.ppf(0.975, 1)))  # cut at the bound of the metric
    table = value_table(overview(scored).values())
    cells = re.split(r"\s{2,}", table.splitlines()[1])
    assert cells == ["psnr@region", "dB", "↑", "10", "0 to 73.53", "2 clips", "50%"]
    assert table.endswith(f"psnr@region: {value.reason}\npsnr@region: {value.notes}")


def test_clips_to_which_a_metric_does_not_apply_lower_no_coverage():
    scored = rows("acc_emo@hsemotion", [1.0, None], status="ok")
    scored[1] |= {"status": "no_label", "reason": "the corpus gives this clip no emotion"}
    value = overview(scored)["acc_emo@hsemotion"]
    assert (value.n, value.n_wanted, value.status, value.coverage) == (1, 1, "ok", 1.0)


def test_a_remark_on_a_value_is_a_note():
    scored = rows("fid@clean", [9.0], clip_id=None, n=3, n_wanted=3, reason="150 features of 2048 dimensions")
    value = overview(scored)["fid@clean"]
    assert (value.notes, value.reason, value.counted) == ("150 features of 2048 dimensions", None, "clips")
    assert "fid@clean: 150 features of 2048 dimensions" in value_table(overview(scored).values())


def test_a_remark_on_many_metrics_names_the_first_and_counts_the_rest():
    keys = ["a", "b", "c", "d", "e", "f"]
    assert remarks(("lost", key) for key in keys) == "a, b, c, d and 2 more: lost"
    assert remarks([*(("lost", key) for key in keys[:5]), ("found", "a")]) == "a, b, c, d, e: lost\na: found"


def test_categories_have_no_mean():
    key = "predicted_emotion@hsemotion"
    assert REGISTRY[key].is_category and overview(rows(key, [1.0, 3.0])) == {}
    assert (
        overview(rows(key, [3.0]))[key].value == 3
        and value_table(overview(rows(key, [3.0])).values()) == "nothing was scored"
    )
