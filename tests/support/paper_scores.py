"""Made-up scores, test clips and experiments for the tests of the paper's tables; every value can be computed again."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from eadnet.config.evaluation import DRAW
from eadnet.config.experiment import Experiment, Role
from eadnet.tables import CLIPS, TEST_CLIPS, read_table, write_table
from metrics.spec import REGISTRY
from metrics.tables import ALL, SCORES

JUDGED = ("fid@corpus-v1", "ssim@crop", "lse_c@corpus-v1", "fvd@corpus-v1", "acc_emo@corpus-v1")
"""A metric for each of the paper's columns, as the default scores them."""
FIXTURE = {"full": ("mead",), "no_stda": ("mead",), "label_text": ("mead",), "hdtf": ("hdtf",)}
"""Runs of ``reports_fixture`` by the corpora that they learn from, and one on HDTF."""
SIZE = {"fid": 60.0, "fvd": 400.0, "ssim": 1.0, "lse_c": 9.0}


def role(corpora: Iterable[str] = ("mead",), switches: str = "STX", **changes: object) -> Role:
    """A run on some corpora that has those of S (STDA), T (TFRM) and X (text) that are named."""
    plain = {
        "stda": "published" if "S" in switches else "none",
        "tfrm": "published" if "T" in switches else "none",
        "text": "added" if "X" in switches else "none",
        "losses": ("sync", "trepa"),
    }
    return Role(corpora=tuple(corpora), **(plain | changes))


def experiment(runs: dict[str, Role], draw: bool = False, methods: Iterable[str] = ()) -> Experiment:
    """An experiment with these runs."""
    name = DRAW if draw else None
    return Experiment(runs=runs, methods=tuple(methods), draw=name, seed=0, bootstrap=400, confidence=0.95)


def clip_table(drawn: int | None = None, **sizes: int) -> pd.DataFrame:
    """Test clips: so many of each corpus, of which the first `drawn` are drawn (None: all)."""
    rows = [
        {"clip_id": f"{corpus}_{place:03d}", "corpus": corpus, "speaker": f"{corpus}_{place % 4}",
         "drawn": drawn is None or place < drawn}
        for corpus, size in sizes.items() for place in range(size)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=TEST_CLIPS.names)


def value_at(*place: object) -> float:
    """A value in [0, 1) that belongs to a place and to no other."""
    return int.from_bytes(hashlib.sha256(repr(place).encode()).digest()[:4], "big") / 2**32


def clip_value(run: str, key: str, clip_id: str, seed: int = 0) -> float:
    """What `scores_of` gives a clip; whether an emotion is right is 0 or 1."""
    name, share = REGISTRY[key].name, value_at(run, key, clip_id, seed)
    return float(share < 0.6) if name == "acc_emo" else SIZE[name] * (0.5 + share / 2)


def set_value(run: str, key: str, corpus: str, draw: str = ALL, seed: int = 0) -> float:
    """What `scores_of` gives a set."""
    return SIZE[REGISTRY[key].name] * (0.5 + value_at(run, key, corpus, draw, seed) / 2)


def scores_of(
    runs: dict[str, Iterable[str]],
    clips: pd.DataFrame,
    keys: Iterable[str] = JUDGED,
    seeds: Iterable[int] = (0,),
) -> pd.DataFrame:
    """Scores of runs (each with the corpora that it is tested on) by all keys; HDTF has no labels of emotion."""
    rows = [
        row
        for run, corpora in runs.items() for corpus in corpora for key in keys for seed in seeds
        for row in _rows(run, corpus, key, seed, clips)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=SCORES.names)


def _rows(run: str, corpus: str, key: str, seed: int, clips: pd.DataFrame) -> Iterable[dict]:
    spec, own = REGISTRY[key], clips[clips.corpus == corpus]
    blank = dict.fromkeys(SCORES.names) | {
        "run": run, "seed": seed, "corpus": corpus, "draw": ALL, "split": "test", "family": spec.family, "metric": key,
        "level": spec.level, "status": "ok", "reason": "",
    }  # fmt: skip
    if spec.level == "set":
        sets = {ALL: len(own)} | ({} if clips.drawn.all() else {DRAW: int(own.drawn.sum())})
        for draw, n in sets.items():
            value = set_value(run, key, corpus, draw, seed)
            yield blank | {"draw": draw, "n": n, "value": value, "ci_low": value - 2, "ci_high": value + 3}
        return
    for clip_id in own.clip_id:
        unlabelled = spec.name == "acc_emo" and corpus == "hdtf"
        state = {"status": "no_label", "reason": "no label"} if unlabelled else {}
        value = None if unlabelled else clip_value(run, key, clip_id, seed)
        yield blank | {"clip_id": clip_id, "n": 50, "value": value} | state


def add_to(results: Path) -> None:
    """Add scores of all corpora and the test clips to the folder that ``reports_fixture.make`` wrote."""
    rows = read_table(results / "clips.parquet", CLIPS)
    mead = rows[(rows.split == "test") & (rows.status == "ok")][["clip_id", "corpus", "speaker"]]
    others = clip_table(2, hdtf=4, ravdess=5)
    clips = pd.concat([mead.assign(drawn=[place < 3 for place in range(len(mead))]), others], ignore_index=True)
    write_table(clips, results / "test_clips.parquet", TEST_CLIPS)
    tested = FIXTURE | {"full": ("mead", "ravdess"), "ground_truth": ("hdtf", "mead", "ravdess")}
    scores = read_table(results / "scores.parquet", SCORES)
    write_table(pd.concat([scores, scores_of(tested, clips)]), results / "scores.parquet", SCORES)


def fixture_experiment() -> Experiment:
    """What the runs of ``add_to`` are."""
    changes = {"no_stda": {"stda": "none"}, "label_text": {"text": "label"}, "hdtf": {"text": "none"}}
    runs = {run: role(corpora, **changes.get(run, {})) for run, corpora in FIXTURE.items()}
    return experiment(runs, draw=True)


def options(results: Path) -> list[str]:
    """The report's options that name what ``add_to`` wrote."""
    return ["--test-clips", str(results / "test_clips.parquet"), "--experiment", fixture_experiment().model_dump_json()]
