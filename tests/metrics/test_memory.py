"""Memory of an expression: one that holds, one that changes with every window, one as strong as none."""

from types import SimpleNamespace

import numpy as np
import pytest

from eadnet.data.clips import save_shard
from metrics.families import memory
from metrics.scoring.settings import ScoringSettings
from metrics.scoring.values import Value
from metrics.spec import family_specs
from metrics.tables import NOT_APPLICABLE
from tests.support.face_motion import face, motion_pair

NOWHERE = ScoringSettings(None, "face", 96, 16)
FRAMES, WINDOW = 300, 16
BROWS, CORNERS = (55, 285, 70, 300), (61, 291)


def acted(strength: np.ndarray, seed: int) -> np.ndarray:
    """A face whose brows and corners of the mouth rise by (T,) pixels, and which speaks."""
    generator, points = np.random.default_rng(seed), face(len(strength))
    points[:, list(BROWS), 1] -= strength[:, None]
    points[:, list(CORNERS), 1] -= strength[:, None]
    points[:, 14, 1] += 2 + 2 * np.sin(np.arange(len(strength)) / 2 + generator.uniform(0, 6))
    return points


def scored(pair: SimpleNamespace) -> dict[str, Value]:
    values = {value.metric.partition("@")[0]: value for value in memory.score([pair], NOWHERE)}
    assert len(values) == len(family_specs("memory"))
    return values


@pytest.fixture
def row(tmp_path: object) -> dict:
    """A clip of the person who shows no expression in the clip `neutral` of the same shard."""
    path = save_shard(tmp_path, "landmarks", {"neutral": acted(np.zeros(50), 9).astype(np.float32)})
    return {"clip_id": "a", "emotion": "happy", "reference": "neutral", "landmarks": path}


def pair_of(row: dict, own: np.ndarray, truth: np.ndarray) -> SimpleNamespace:
    return motion_pair("a", own, truth, row=row)


def test_an_expression_that_holds_and_one_that_is_drawn_anew_with_every_window(row: dict) -> None:
    truth = acted(np.full(FRAMES, 4.0), 0)
    holds = scored(pair_of(row, acted(np.full(FRAMES, 4.0), 1), truth))
    draws = np.random.default_rng(2).uniform(0, 8, -(-FRAMES // WINDOW))
    wanders = scored(pair_of(row, acted(np.repeat(draws, WINDOW)[:FRAMES], 1), truth))
    for lag in (1, 25, 100, 250):
        assert holds[f"expression_change_{lag}"].value == pytest.approx(1, abs=0.05), lag
    for lag in (25, 100, 250):
        assert wanders[f"expression_change_{lag}"].value > 1.5, lag
    assert wanders["expression_change_1"].value < wanders["expression_change_25"].value
    value = wanders["expression_change_250"]
    assert (value.n, value.n_wanted) == (50, 50)
    assert holds["expression_strength"].value == pytest.approx(1, abs=0.05)


def test_a_collapsed_model_holds_but_shows_little(row: dict) -> None:
    truth = acted(np.full(FRAMES, 4.0), 0)
    found = [scored(pair_of(row, acted(np.full(FRAMES, size), 1), truth)) for size in (0.0, 2.0, 8.0)]
    strengths = [values["expression_strength"].value for values in found]
    assert strengths == sorted(strengths) and strengths[0] < 0.2 and strengths[1:] == pytest.approx([0.5, 2], rel=0.15)
    assert all(values["expression_change_100"].value == pytest.approx(1, abs=0.05) for values in found)


def test_the_head_may_move_and_the_video_may_be_smaller(row: dict) -> None:
    truth = acted(np.full(FRAMES, 4.0), 0)
    angles = 0.2 * np.sin(np.arange(FRAMES) / 20)
    turns = np.stack([np.cos(angles), np.sin(angles), -np.sin(angles), np.cos(angles)], 1).reshape(-1, 2, 2)
    moved = 0.5 * truth @ turns + np.arange(FRAMES)[:, None, None]
    for name, value in scored(pair_of(row, moved, truth)).items():
        assert value.value == pytest.approx(1, abs=1e-3), name


def test_clips_that_are_too_short_neutral_unlabelled_or_alone(row: dict) -> None:
    truth = acted(np.full(120, 4.0), 0)
    short = scored(pair_of(row, truth, truth))
    assert [short[f"expression_change_{lag}"].status for lag in (25, 100)] == ["ok", "too_short_for_lag"]
    assert short["expression_strength"].value == pytest.approx(1)
    changes = {"no_emotion": {"emotion": "neutral"}, "no_label": {"emotion": None}, "no_reference": {"reference": "a"}}
    for status, change in changes.items():
        value = scored(pair_of(row | change, truth, truth))["expression_strength"]
        assert value.status == status and status in NOT_APPLICABLE
    assert scored(pair_of(row | {"reference": None}, truth, truth))["expression_strength"].status == "no_reference"
    blind = truth.copy()
    blind[np.arange(120) % 30 > 9] = np.nan  # 40 frames with a face; none of them 15 apart, but 30
    assert scored(pair_of(row, blind, truth))["expression_change_25"].value is not None
    still = scored(pair_of(row, truth, np.repeat(truth[:1], 120, axis=0)))
    assert still["expression_change_25"].status == "still_truth"
