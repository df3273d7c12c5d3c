"""Sets of clips that metrics of sets are computed over: labels, pooled corpora, the draw; no clip twice."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from eadnet.config.evaluation import DRAW
from eadnet.tables import TEST_CLIPS, write_table
from metrics.families import expression, frechet
from metrics.judges import save
from metrics.judges.video import Network
from metrics.scoring.score import stamp
from metrics.scoring.sets import drawn_of, scored_sets, sets_of
from metrics.tables import ALL
from tests.support.metrics_fixture import landmarks_of, smooth_noise
from tests.support.video_pairs import FakeSettings, pair_of

SIZES = {"hdtf": 3, "mead": 4, "ravdess": 3}
DRAWN = {"hdtf_0", "hdtf_2", "mead_1", "mead_2", "mead_3"}


def pairs_of(sizes: dict[str, int], frames: int = 18) -> list[SimpleNamespace]:
    """Pairs of noise with open lips and lids, corpora mixed as they come."""
    rng, pairs = np.random.default_rng(0), []
    for place in range(max(sizes.values())):
        for corpus in [name for name, size in sizes.items() if place < size]:
            pair = pair_of(f"{corpus}_{place}", *rng.integers(0, 256, (2, frames, 64, 64, 3), np.uint8))
            for side in ("timed", "true"):
                setattr(pair, f"{side}_landmarks", landmarks_of(smooth_noise(rng, frames), np.ones(frames)))
            pair.row = {"corpus": corpus, "speaker": corpus, "seen_speaker": False, "emotion": None, "level": None}
            pair.model_commit, pair.videos_commit = "trained", None
            pairs.append(pair)
    return pairs


def names(pairs: list) -> list[str]:
    return sorted(pair.clip_id for pair in pairs)


# --------------------------------------------------------------------------------------------------------- labels
@pytest.mark.parametrize("pooled", [(), ("mead",), ("hdtf", "mead"), ("folder",)])
@pytest.mark.parametrize("drawn", [None, frozenset(DRAWN), frozenset()])
@pytest.mark.parametrize("corpora", [("hdtf", "mead", "ravdess"), ("hdtf",), ()])
def test_labels_and_clips_of_every_set(pooled: tuple, drawn: frozenset | None, corpora: tuple):
    pairs = [pair for pair in pairs_of(SIZES, 2) if pair.row["corpus"] in corpora]
    for pair in pairs:
        pair.row |= {"seen_speaker": pair.clip_id.endswith("1"), "level": 2.0 if pair.clip_id.endswith("0") else None}
    expected: dict[tuple[str, str], list[str]] = {}
    for name in names(pairs):  # the slow way: which sets does each clip belong to
        corpus = name.split("_")[0]
        parts = [ALL, "seen_people" if name.endswith("1") else "unseen_people"]
        parts += ["level_2"] if name.endswith("0") else []
        labels = [(corpus, part) for part in parts]
        labels += [(corpus, DRAW)] if drawn is not None and name in drawn else []
        labels += [(ALL, part) for part in parts] if corpus in pooled or not pooled else []
        for label in labels:
            expected.setdefault(label, []).append(name)
    found = {label: names(part) for label, part in sets_of(pairs, pooled, drawn, levelled=True).items()}
    assert found == expected
    plain = {label for label in expected if label[1] != "level_2"}
    assert set(sets_of(pairs, pooled, drawn)) == plain


def test_a_draw_is_one_only_where_it_leaves_clips_out(tmp_path: Path):
    rows = [
        {"clip_id": name, "corpus": "mead", "speaker": "a", "drawn": name in DRAWN} for name in ("mead_0", "mead_1")
    ]
    write_table(rows, tmp_path / "some.parquet", TEST_CLIPS)
    write_table([row | {"drawn": True} for row in rows], tmp_path / "whole.parquet", TEST_CLIPS)
    assert drawn_of(tmp_path / "some.parquet") == {"mead_1"}
    assert drawn_of(tmp_path / "whole.parquet") is None and drawn_of(None) is None


# ----------------------------------------------------------------------------------------------------------- rows
class Asked:
    """A family's values, and the clips of every call."""

    def __init__(self, score, settings: FakeSettings) -> None:
        self.score, self.settings, self.calls = score, settings, []

    def __call__(self, part: list) -> list:
        self.calls.append(names(part))
        return list(self.score(part, self.settings))


def rows_of(family: str, pairs: list, pooled: tuple, drawn: set | None, asked: Asked) -> list[dict]:
    rows = []
    for (corpus, draw), part, values in scored_sets(family, pairs, pooled, drawn, asked):
        made = stamp(values, part, "full", 0, {})
        rows += [row | {"corpus": corpus, "draw": draw} if row["level"] == "set" else row for row in made]
    return rows


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> FakeSettings:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("judges")
    save(folder / "video", "video", Network(16, 6), {"usable": True, "reason": None})
    return FakeSettings(folder)


def test_sets_equal_each_set_scored_alone(judged: FakeSettings):
    pairs, asked = pairs_of(SIZES), Asked(frechet.score, judged)
    rows = rows_of("frechet", pairs, ("hdtf", "mead"), DRAWN, asked)
    expected = []
    sets = {
        (ALL, ALL): [pair for pair in pairs if pair.row["corpus"] != "ravdess"],
        **{(corpus, ALL): [pair for pair in pairs if pair.row["corpus"] == corpus] for corpus in SIZES},
        **{(corpus, DRAW): [pair for pair in pairs if pair.clip_id in DRAWN and pair.row["corpus"] == corpus]
           for corpus in ("hdtf", "mead")},
    }  # fmt: skip
    sets |= {(corpus, "unseen_people"): part for (corpus, draw), part in sets.items() if draw == ALL}
    for (corpus, draw), part in sets.items():
        alone = stamp(frechet.score(part, judged), part, "full", 0, {})
        expected += [row | {"corpus": corpus, "draw": draw} for row in alone]

    def place(row: dict) -> tuple:
        return row["corpus"], row["draw"], row["metric"]

    assert sorted(rows, key=place) == sorted(expected, key=place)
    fid = {(row["corpus"], row["draw"]): row["n"] for row in rows if row["metric"] == "fid@corpus-v1"}
    assert fid == {label: len(part) for label, part in sets.items()}
    assert len(asked.calls) == 6  # no set of the same clips twice


def test_failed_videos_are_counted_as_wanted(judged: FakeSettings):
    pairs = pairs_of({"hdtf": 4, "mead": 3})
    for pair in pairs[:2]:
        pair.status, pair.reason = "missing", "no video"
    rows = rows_of("frechet", pairs, (), None, Asked(frechet.score, judged))
    found = {
        (r["corpus"], r["draw"]): (r["n"], r["n_wanted"], r["status"]) for r in rows if r["metric"] == "fid@corpus-v1"
    }
    assert found["hdtf", ALL] == (3, 4, "partial") and found["mead", ALL] == (2, 3, "partial")
    assert found[ALL, ALL] == (5, 7, "partial")
    assert next(row for row in rows if row["metric"] == "fid@corpus-v1")["share"] == pytest.approx(5 / 7)
    for pair in pairs:
        pair.status = "missing"
    lost = rows_of("frechet", pairs, (), None, Asked(frechet.score, judged))
    assert {(row["n"], row["share"], row["status"]) for row in lost} == {(0, 0.0, "too_few")}


@pytest.mark.parametrize("pooled", [(), ("hdtf", "mead"), ("mead",)])
def test_a_family_of_both_looks_at_no_clip_twice(pooled: tuple):
    pairs, asked = pairs_of(SIZES), Asked(expression.score, FakeSettings())
    rows = rows_of("expression", pairs, pooled, DRAWN, asked)
    assert asked.calls == [names(pairs)]
    single = [row for row in rows if row["level"] == "clip"]
    for metric in {row["metric"] for row in single}:
        assert sorted(row["clip_id"] for row in single if row["metric"] == metric) == names(pairs)
    sets = {(row["corpus"], row["draw"]): row["value"] for row in rows if row["level"] == "set"}
    assert set(sets) == set(sets_of(pairs, pooled, DRAWN))
    own = [pair for pair in pairs if pair.row["corpus"] == "mead"]
    (alone,) = [value for value in expression.score(own, FakeSettings()) if value.clip_id is None]
    assert sets["mead", ALL] == alone.value and (alone.n, alone.n_wanted) == (4, 4)


def test_runs_on_disjoint_corpora_share_no_set_of_all(judged: FakeSettings):
    found = {}
    for corpus in ("hdtf", "mead"):
        pairs = pairs_of({corpus: 3})
        for family, score in (("frechet", frechet.score), ("expression", expression.score)):
            rows = rows_of(family, pairs, ("mead",), None, Asked(score, judged))
            found[corpus, family] = {row["corpus"] for row in rows if row["level"] == "set"}
    assert found == {("hdtf", "frechet"): {"hdtf"}, ("hdtf", "expression"): {"hdtf"},
                     ("mead", "frechet"): {ALL, "mead"}, ("mead", "expression"): {ALL, "mead"}}  # fmt: skip
