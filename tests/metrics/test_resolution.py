"""How far values over few clips move: draws, known cases, and a plain slow loop."""

import numpy as np
import pytest

from metrics.families.feature_sets import FeatureSet
from metrics.functional.distances import plain_frechet
from metrics.resolution.draws import draw_clips, people_drawn, widening
from metrics.resolution.spread import ONE_PERSON, ONE_SEED, spread
from metrics.resolution.table import FOUND, SHOWN, binomial_deviation
from metrics.resolution.values import FEW_DRAWS, MANY_DIMENSIONS, ClipValues, SetValues

SIZE = 30


def spread_of(run, base=None, speakers=None, draws: int = 400, size: int = SIZE) -> dict:
    """Numbers of rows that are given as lists of (C,) values, one a seed."""
    rows, rivals = ({seed: ClipValues(np.asarray(v, float)) for seed, v in enumerate(part or [])}
                    for part in (run, base))  # fmt: skip
    clips = len(run[0])
    speakers = speakers or [str(place) for place in range(clips)]
    counts = draw_clips(speakers, size, draws, "test")
    return spread(rows, rivals or None, counts, np.ones(clips, bool), speakers)


def made_set(key: str, clips: int, dimensions: int, seed: int, shift: float = 0.0) -> FeatureSet:
    rng = np.random.default_rng(seed)
    truth = [np.random.default_rng(place).normal(0, 1, (5, dimensions)) for place in range(clips)]
    generated = [clip + rng.normal(shift, 0.5, clip.shape) for clip in truth]
    return FeatureSet(key, tuple(map(str, range(clips))), generated, truth, plain_frechet)


# ------------------------------------------------------------------------------------------------------- draws
def test_every_draw_has_its_clips_and_the_same_label_draws_the_same() -> None:
    speakers = ["a"] * 10 + ["b"] * 3 + ["c"] * 40
    counts = draw_clips(speakers, SIZE, 50, "x")
    assert counts.shape == (50, 53) and (counts.sum(1) == SIZE).all()
    assert (counts == draw_clips(speakers, SIZE, 50, "x")).all()
    assert (counts != draw_clips(speakers, SIZE, 50, "y")).any()


def test_people_are_drawn_with_replacement_and_their_clips_without() -> None:
    speakers = [str(place // 20) for place in range(100)]
    counts = draw_clips(speakers, SIZE, 300, "x")
    of_person = counts.reshape(300, 5, 20)
    shares = of_person.sum(2)
    assert set(np.unique(shares)) <= {0, 6, 12, 18, 24, 30} and (shares == 0).any() and (shares == 12).any()
    once = shares == 6
    assert of_person[once].max() == 1
    assert of_person[shares == 12].max() == 2  # two choices that do not know of each other


@pytest.mark.parametrize(
    ("people", "clips", "drawn"), [(40, 40, 30), (5, 100, 5), (12, 12, 30), (12, 24, 15), (6, 30, 6), (3, 10, 9)]
)
def test_a_small_pool_stands_for_more_people_with_as_many_clips(people: int, clips: int, drawn: int) -> None:
    assert people_drawn(people, clips, SIZE) == drawn
    speakers = [str(place % people) for place in range(clips)]
    assert (draw_clips(speakers, SIZE, 5, "x").sum(1) == SIZE).all()


# ------------------------------------------------------------------------------------------------- known cases
def test_iid_values_have_the_standard_error_of_their_mean() -> None:
    """Pools of 24 clips of 24, 12 and 8 people, whose clips are alike as anyone's: s / sqrt(30) every time."""
    for people in (24, 12, 8):
        speakers = [str(place % people) for place in range(24)]
        found = [
            spread_of([np.random.default_rng(pool).normal(5, 2, 24)], speakers=speakers, draws=200)["sd"]
            for pool in range(40)
        ]
        assert np.sqrt(np.mean(np.square(found))) == pytest.approx(2 / np.sqrt(SIZE), rel=0.12), people


def test_clips_of_a_person_drawn_from_many_are_no_more_alike() -> None:
    speakers = [str(place % 5) for place in range(200)]
    found = [
        spread_of([np.random.default_rng(pool).normal(5, 2, 200)], speakers=speakers, draws=200)["sd"]
        for pool in range(40)
    ]
    assert np.sqrt(np.mean(np.square(found))) == pytest.approx(2 / np.sqrt(SIZE), rel=0.12)


@pytest.mark.parametrize("people", [3, 6, 10])
def test_identical_clips_of_a_person_count_once(people: int) -> None:
    """s / sqrt(30), and sqrt(30 / people) times that, with s over the people."""
    of_people = np.random.default_rng(3).normal(0, 1, people)
    speakers = [str(place % people) for place in range(SIZE)]
    found = spread_of([np.tile(of_people, SIZE // people)], speakers=speakers, draws=4000)
    expected = np.std(of_people, ddof=1) / np.sqrt(SIZE) * np.sqrt(SIZE / people)
    assert found["sd"] == pytest.approx(expected, rel=0.06)
    assert found["sd_unpaired"] == pytest.approx(np.sqrt(2) * found["sd"])


def test_an_accuracy_moves_as_the_binomial_says() -> None:
    right = np.zeros(200)
    right[:90] = 1
    assert spread_of([right], draws=3000)["sd"] == pytest.approx(binomial_deviation(0.45, SIZE), rel=0.06)
    assert binomial_deviation(0.45, SIZE) == pytest.approx(0.0908, abs=1e-4)


def test_equal_runs_differ_by_nothing() -> None:
    values = np.random.default_rng(0).normal(0, 1, 20)
    found = spread_of([values], [values.copy()])
    assert found["difference"] == found["sd_paired"] == found["shows_paired"] == 0
    assert found["sd"] > 0 and found["shows_unpaired"] == pytest.approx(SHOWN * np.sqrt(2) * found["sd"])


def test_pairing_takes_out_what_clips_have_in_common() -> None:
    rng = np.random.default_rng(0)
    clips = rng.normal(0, 1, 60)
    run, base = clips + rng.normal(0, 0.1, 60), clips + rng.normal(0, 0.1, 60)
    found = spread_of([run], [base], draws=2000)
    assert found["sd_paired"] == pytest.approx(np.std(run - base, ddof=1) / np.sqrt(SIZE), rel=0.06)
    assert found["sd_paired"] < 0.3 * found["sd"]
    assert found["finds_paired"] / found["shows_paired"] == pytest.approx(FOUND / SHOWN)


def test_one_person_shows_only_how_clips_differ() -> None:
    values = np.random.default_rng(0).normal(0, 1, 12)
    found = spread_of([values], speakers=["a"] * 12, draws=3000)
    assert found["sd"] == pytest.approx(np.std(values, ddof=1) / np.sqrt(SIZE), rel=0.06)
    assert ONE_PERSON in found["reason"]
    assert ONE_PERSON not in spread_of([values])["reason"]


def test_two_seeds_have_a_spread_and_one_has_none() -> None:
    values = np.random.default_rng(0).normal(0, 1, 20)
    one, two = spread_of([values], [values]), spread_of([values, values + 2], [values, values + 2])
    assert one["sd_seeds"] is None and ONE_SEED in one["reason"] and one["seeds"] == 1
    assert two["sd_seeds"] == pytest.approx(np.sqrt(2)) and ONE_SEED not in two["reason"] and two["seeds"] == 2
    assert two["sd"] == pytest.approx(one["sd"])  # of one seed's row, not of the seeds' mean
    assert two["sd_paired"] == pytest.approx(0, abs=1e-12)  # a seed beside the same seed


def test_a_missing_clip_is_left_out_of_both_sides_of_a_difference() -> None:
    run, base = np.array([1.0, 2, np.nan, 4, 5]), np.array([0.0, 1, 100, 3, 4])
    found = spread_of([run], [base])
    assert found["clips"] == 4
    assert found["difference"] == pytest.approx(1) and found["sd_paired"] == pytest.approx(0, abs=1e-12)


# ------------------------------------------------------------------------------------------------------- sets
def test_sets_agree_with_a_slow_loop() -> None:
    first, second = made_set("fid@corpus-v1", 12, 4, 1, 0.4), made_set("fid@corpus-v1", 12, 4, 2)
    pool = [*first.clip_ids, "absent"]
    speakers = [str(place % 5) for place in range(13)]
    counts = draw_clips(speakers, SIZE, 40, "x")
    run, base = ({0: SetValues(features, pool)} for features in (first, second))
    found = spread(run, base, counts, np.ones(13, bool), speakers)
    values = []
    for row in counts:
        drawn = [place for place, count in enumerate(row[:12]) for _ in range(count)]
        values.append([
            plain_frechet(np.vstack([item.generated[place] for place in drawn]),
                          np.vstack([item.truth[place] for place in drawn])) for item in (first, second)
        ])  # fmt: skip
    values = np.array(values)
    wider = widening(speakers)
    assert found["sd"] == pytest.approx(wider * np.std(values[:, 0], ddof=1))
    assert found["sd_paired"] == pytest.approx(wider * np.std(values[:, 0] - values[:, 1], ddof=1))
    assert found["mean"] == pytest.approx(values[:, 0].mean()) and found["clips"] == 12
    assert found["value"] == pytest.approx(plain_frechet(np.vstack(first.generated), np.vstack(first.truth)))


def test_many_dimensions_are_drawn_less_often_and_say_so() -> None:
    wide = made_set("fid@pytorch-fid", 4, MANY_DIMENSIONS + 1, 1)
    counts, pool = draw_clips(list("abcd"), SIZE, 50, "x"), list(wide.clip_ids)
    found = spread({0: SetValues(wide, pool)}, None, counts, np.ones(4, bool), list("abcd"))
    assert found["draws"] == FEW_DRAWS
    assert f"at most {FEW_DRAWS} draws of {MANY_DIMENSIONS + 1} dimensions" in found["reason"]


def test_a_clip_too_short_for_a_window_is_no_clip_of_the_set() -> None:
    features = made_set("fvd@corpus-v1", 5, 4, 1)
    features.truth[2] = features.generated[2] = np.empty((0, 4))
    row = SetValues(features, list(features.clip_ids))
    assert row.has_C.tolist() == [True, True, False, True, True]
    assert np.isfinite(row.over(np.array([[1, 1, 4, 0, 0]]), row.has_C)).all()
