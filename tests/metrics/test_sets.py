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
    expected: dict[tuple[str, str], list[str]] = {}
    for name in names(pairs):  # the slow way: ask of each clip which sets it belongs to
        corpus = name.split("_")[0]
        labels = [(corpus, ALL)]
        labels += [(corpus, DRAW)] if drawn is not None and name in drawn else []
        labels += [(ALL, ALL)] if corpus in pooled or not pooled else []
        for label in labels:
            expected.setdefault(label, []).append(name)
    assert {label: names(part) for label, part in sets_of(pairs, pooled, drawn).items()} == expected


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
    """A family's rows, and the clips of every call."""

    def __init__(self, score, settings: FakeSettings) -> None:
        self.score, self.settings, self.calls = score, settings, []

    def __call__(self, part: list) -> list[dict]:
        self.calls.append(names(part))
        return stamp(self.score(part, self.settings), part, "full", 0, {})


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> FakeSettings:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("judges")
    save(folder / "video", "video", Network(16, 6), {"usable": True, "reason": None})
    return FakeSettings(folder)


def test_sets_equal_each_set_scored_alone(judged: FakeSettings):
    pairs, rows_of = pairs_of(SIZES), Asked(frechet.score, judged)
    rows = list(scored_sets("frechet", pairs, ("hdtf", "mead"), DRAWN, rows_of))
    expected = []
    for corpus, draw, part in (
        (ALL, ALL, [pair for pair in pairs if pair.row["corpus"] != "ravdess"]),
        *((corpus, ALL, [pair for pair in pairs if pair.row["corpus"] == corpus]) for corpus in SIZES),
        *((corpus, DRAW, [pair for pair in pairs if pair.clip_id in DRAWN and pair.row["corpus"] == corpus])
          for corpus in ("hdtf", "mead")),
    ):  # fmt: skip
        alone = stamp(frechet.score(part, judged), part, "full", 0, {})
        expected += [row | {"corpus": corpus, "draw": draw} for row in alone]

    def place(row: dict) -> tuple:
        return row["corpus"], row["draw"], row["metric"]

    assert sorted(rows, key=place) == sorted(expected, key=place)
    fid = {(row["corpus"], row["draw"]): row["n"] for row in rows if row["metric"] == "fid@corpus-v1"}
    assert fid == {(ALL, ALL): 7, ("hdtf", ALL): 3, ("mead", ALL): 4, ("ravdess", ALL): 3,
                   ("hdtf", DRAW): 2, ("mead", DRAW): 3}  # fmt: skip


def test_equal_sets_are_computed_once(judged: FakeSettings):
    pairs, rows_of = pairs_of({"mead": 4}), Asked(frechet.score, judged)
    rows = list(scored_sets("frechet", pairs, (), {pair.clip_id for pair in pairs}, rows_of))
    assert rows_of.calls == [[f"mead_{place}" for place in range(4)]]
    values = {(row["corpus"], row["draw"]): row["value"] for row in rows if row["metric"] == "fid@corpus-v1"}
    assert set(values) == {(ALL, ALL), ("mead", ALL), ("mead", DRAW)} and len(set(values.values())) == 1


@pytest.mark.parametrize("pooled", [(), ("hdtf", "mead"), ("mead",)])
def test_a_family_of_both_looks_at_no_clip_twice(pooled: tuple):
    pairs, rows_of = pairs_of(SIZES), Asked(expression.score, FakeSettings())
    rows = list(scored_sets("expression", pairs, pooled, DRAWN, rows_of))
    assert sorted(name for call in rows_of.calls for name in call) == names(pairs)
    single = [row for row in rows if row["level"] == "clip"]
    assert {row["metric"] for row in single} and all(row["clip_id"].startswith(row["corpus"]) for row in single)
    for metric in {row["metric"] for row in single}:
        assert sorted(row["clip_id"] for row in single if row["metric"] == metric) == names(pairs)
    apart = set(SIZES) - set(pooled) if pooled else set()
    assert {(row["corpus"], row["draw"]) for row in rows if row["level"] == "set"} == {
        (ALL, ALL), *((corpus, ALL) for corpus in apart)
    }  # fmt: skip


def test_runs_on_disjoint_corpora_share_no_set_of_all(judged: FakeSettings):
    pooled, found = ("mead",), {}
    for corpus in ("hdtf", "mead"):
        pairs = pairs_of({corpus: 3})
        for family, score in (("frechet", frechet.score), ("expression", expression.score)):
            rows = list(scored_sets(family, pairs, pooled, None, Asked(score, judged)))
            found[corpus, family] = {row["corpus"] for row in rows if row["level"] == "set"}
            if family == "expression":
                assert {row["clip_id"] for row in rows if row["level"] == "clip"} == set(names(pairs))
    assert found == {("hdtf", "frechet"): {"hdtf"}, ("hdtf", "expression"): {"hdtf"},
                     ("mead", "frechet"): {ALL, "mead"}, ("mead", "expression"): {ALL}}  # fmt: skip
