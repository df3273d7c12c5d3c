"""LSE-C, LSE-D and offset: against the reference code's mathematics, and their invariances."""

import numpy as np
import pytest

from metrics.families.lip_sync import sync_rows
from metrics.functional.sync import distances, order_accuracy, sync_values
from metrics.tables import Unscorable


def features(windows: int, seed: int = 0, agreement: float = 0.8) -> tuple[np.ndarray, np.ndarray]:
    """Two (W, 32) feature series of length 4 that agree at equal times."""
    rng = np.random.default_rng(seed)
    shared, own = rng.standard_normal((2, windows, 32))
    seen = shared
    heard = agreement * shared + (1 - agreement**2) ** 0.5 * own
    return tuple(4 * item / np.linalg.norm(item, axis=1, keepdims=True) for item in (seen, heard))


def syncnet_python(seen: np.ndarray, heard: np.ndarray, vshift: int = 15) -> tuple[int, float, float]:
    """joonson/syncnet_python SyncNetInstance.evaluate, written out: zero padding included."""
    padded = np.pad(heard, ((vshift, vshift), (0, 0)))
    columns = [
        [np.sqrt(((seen[i] - padded[i + k] + 1e-6) ** 2).sum()) for k in range(2 * vshift + 1)]
        for i in range(len(seen))
    ]
    means = np.mean(columns, axis=0)
    return vshift - int(means.argmin()), float(means.min()), float(np.median(means) - means.min())


@pytest.mark.parametrize("shift", [0, 3, -4])
def test_agrees_with_syncnet_python_away_from_the_padding(shift: int) -> None:
    seen, heard = features(600)
    heard = np.roll(heard, shift, axis=0)
    offset, distance, confidence = syncnet_python(seen, heard)
    ours = sync_values(seen, heard)
    assert ours.offset == offset == -shift
    assert ours.distance == pytest.approx(distance, abs=0.03)
    assert ours.confidence == pytest.approx(confidence, abs=0.08)


def test_exact_by_hand_without_padding() -> None:
    seen, heard = features(40)
    table = {
        shift: np.mean([np.linalg.norm(seen[i] - heard[i + shift]) for i in range(40) if 0 <= i + shift < 40])
        for shift in range(-15, 16)
    }
    ours = sync_values(seen, heard)
    assert ours.distance == pytest.approx(min(table.values()))
    assert ours.confidence == pytest.approx(np.median(list(table.values())) - min(table.values()))
    assert ours.shifts == 31


def test_confidence_does_not_depend_on_length() -> None:
    means = [np.mean([sync_values(*features(count, seed)).confidence for seed in range(30)])
             for count in (35, 100, 300)]  # fmt: skip
    assert np.ptp(means) < 0.12
    padded = [np.mean([syncnet_python(*features(count, seed))[2] for seed in range(5)]) for count in (35, 300)]
    assert abs(padded[0] - padded[1]) > np.ptp(means)


def test_wrong_sound_has_low_confidence_and_great_distance() -> None:
    seen, heard = features(60)
    _, other = features(60, seed=9)
    right, wrong = sync_values(seen, heard), sync_values(seen, other)
    assert right.confidence > 3 * wrong.confidence
    assert right.distance < wrong.distance


@pytest.mark.parametrize(
    ("count", "shift", "edge"), [(60, 15, 15), (60, -15, 15), (60, 14, None), (18, 8, 8), (18, 7, None)]
)
def test_an_offset_at_the_edge_of_the_search_is_no_value(count: int, shift: int, edge: int | None) -> None:
    seen, _ = features(count + 40)
    found = sync_values(seen[20 : 20 + count], seen[20 - shift : 20 - shift + count])
    rows = {value.metric: value for value in sync_rows(found, "valid-v1", "a", count)}
    offset, confidence = rows["sync_offset@valid-v1"], rows["lse_c@valid-v1"]
    assert found.edge == edge and confidence.value > 0
    if edge is None:
        assert offset.value == -shift and offset.status == "ok" and confidence.notes is None
    else:
        assert offset.value is None and offset.status == "beyond_range"
        assert (
            f"edge of the search, {edge} frames either way" in offset.reason and offset.reason[:60] in confidence.notes
        )


def test_short_clips_use_fewer_shifts_or_none() -> None:
    assert sync_values(*features(18)).shifts == 17
    with pytest.raises(Unscorable, match="14 windows"):
        sync_values(*features(14))


def test_order_accuracy_is_one_for_a_perfect_judge_and_half_for_chance() -> None:
    seen, _ = features(50)
    assert order_accuracy(distances(seen, seen)) == 1
    assert order_accuracy(distances(features(200)[0], features(200, seed=5)[1])) == pytest.approx(0.5, abs=0.06)
