"""What an experiment's runs are, which can be shown together, and the pictures of a corpus that none learned from."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from eadnet.config.configuration import load
from eadnet.config.experiment import Experiment, experiment_of, run_for
from eadnet.config.section import parse
from eadnet.tables import CLIPS, VIDEOS, read_table, write_table
from metrics.tables import MEASUREMENTS
from reports import figures
from reports.figures import generalisation, samples
from reports.gallery import players
from reports.load import EmptyInputs, Inputs, companions
from tests.support import reports_fixture

RUNS = {
    "full": {},
    "alone": {"corpora": ["hdtf"], "text": "none", "stda": "none"},
    "label": {"text": "label"},
    "ours": {"fusion": "decoupled", "tfrm": "dense"},
    "no_trepa": {"losses": {"trepa": 0}},
    "no_tfrm": None,
}


# ----------------------------------------------------------------------------------------------------- what runs are
@pytest.fixture(scope="module")
def experiment() -> Experiment:
    methods = {"wav2lip": {"videos": "x"}, "off": None}
    return experiment_of(load({"seed": 3, "runs": RUNS, "methods": methods, "variants": {"other": {"run": "full"}}}))


def test_a_run_is_its_corpora_network_text_and_losses(experiment: Experiment):
    runs = experiment.runs
    assert "no_tfrm" not in runs and "other" not in runs
    assert {name: role.corpora for name, role in runs.items()} == {
        name: ("hdtf",) if name == "alone" else ("hdtf", "mead") for name in runs
    }
    assert (runs["alone"].stda, runs["alone"].tfrm, runs["alone"].text) == ("none", "published", "none")
    assert [runs[name].text for name in ("full", "label", "ours")] == ["added", "label", "decoupled"]
    assert runs["ours"].tfrm == "dense" and runs["ours"].stda == "published"
    assert runs["full"].losses == ("sync", "trepa") and runs["no_trepa"].losses == ("sync",)


def test_full_trained_again_is_a_null_row_and_stands_for_no_row_of_the_paper():
    again = {"full_again": {"seed_shift": 7}, "full": {}, "no_stda": {"stda": "none", "seed_shift": 7}, "twin": {}}
    config = load({"runs": again})
    assert config.again_names == ("full_again",) and load({}).again_names == ("full_again",)
    assert load({"runs": {"full": {"seed_shift": 2}, "again": {"seed_shift": 3}}}).again_names == ("again",)
    described = experiment_of(config)
    assert [name for name, role in described.runs.items() if role.again] == ["full_again"]
    assert run_for((True, True, True), "mead", described) == "full"  # though the null row comes first


def test_the_draw_has_its_name_only_where_it_is_asked_for(experiment: Experiment):
    assert experiment.draw is None and experiment.seed == 3 and experiment.methods == ("wav2lip",)
    drawn = experiment_of(load({"evaluation": {"draw": "paper30", "bootstrap": 50, "confidence": 0.9}}))
    assert (drawn.draw, drawn.bootstrap, drawn.confidence) == ("paper30-v1", 50, 0.9)


def test_an_experiment_survives_the_command_line(experiment: Experiment):
    assert parse(Experiment, experiment.model_dump_json()) == experiment


# --------------------------------------------------------------------------------------------- what can stand together
def test_companions_share_a_clip_with_full():
    clips = {
        "full": {"m1", "m2"},
        "no_tfrm": {"m2"},
        "hdtf": {"h1"},
        "ground_truth": {"m1", "m2", "h1"},
        "broken": set(),
    }
    assert companions(clips) == ["full", "no_tfrm", "ground_truth"]
    assert companions({"hdtf": {"h1"}, "still": {"h2"}}) == ["hdtf", "still"]
    assert companions({"full": set(), "hdtf": {"h1"}}) == ["full", "hdtf"]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made-up results in which RAVDESS has two clips, and a run `hdtf` has one clip that no other run has."""
    folder = reports_fixture.make(tmp_path_factory.mktemp("results"), people=3, frames=26, size=48, emotions=1)
    clips = read_table(folder / "clips.parquet", CLIPS)
    test = clips[(clips.split == "test") & (clips.status == "ok")]
    clips.loc[test.index[-2:], "corpus"] = "ravdess"
    alone = test.iloc[0]
    extra = alone.to_dict() | {"clip_id": "hdtf_own", "corpus": "hdtf", "emotion": None}
    write_table(pd.concat([clips, pd.DataFrame([extra])]), folder / "clips.parquet", CLIPS)
    for kind in ("videos", "measurements"):
        shutil.copytree(folder / kind / "full", folder / kind / "hdtf")
    for path, schema in ((folder / "videos/hdtf/0/videos.parquet", VIDEOS),
                         (folder / "measurements/hdtf/0/measurements.parquet", MEASUREMENTS)):  # fmt: skip
        rows = read_table(path, schema)
        changes = {"clip_id": "hdtf_own"} | ({"run": "hdtf"} if schema is VIDEOS else {})
        write_table(rows[rows.clip_id == alone.clip_id].assign(**changes), path, schema)
    return folder


def inputs_of(folder: Path, without: tuple[str, ...] = ()) -> Inputs:
    videos, measured = (sorted(folder.glob(pattern)) for pattern in ("videos/*/0/videos.parquet", "measurements/*/0"))
    return Inputs(
        clips=folder / "clips.parquet",
        captions=folder / "captions.parquet",
        videos=videos,
        measurements=[path for path in measured if path.parent.name not in without],
    )


def test_a_run_of_another_corpus_empties_no_row_of_videos_or_strips(results: Path):
    inputs = inputs_of(results)
    rows = players.rows(inputs)
    assert len(rows) == (read_table(results / "videos/full/0/videos.parquet", VIDEOS).status == "ok").sum()
    labels = {player.label for row in rows for player in row.players}
    assert "EAD-Net (full)" in labels and "EAD-Net on HDTF" not in labels
    assert "hdtf_own" not in {row.clip_id for row in rows}
    assert "hdtf" not in inputs.compared and "hdtf_own" not in inputs.test_clips.index


# ----------------------------------------------------------------------------------------------------- the figure
def test_the_figure_shows_clips_of_corpora_for_testing_only(results: Path, monkeypatch: pytest.MonkeyPatch):
    shown: list[samples.Strip] = []
    build = samples.build
    monkeypatch.setattr(samples, "build", lambda strips: shown.extend(strips) or build(strips))
    inputs = inputs_of(results)
    figure = figures.draw("generalisation", inputs)
    own = inputs.clips[inputs.clips.corpus == "ravdess"]
    assert sorted(strip.title.split()[0] for strip in shown) == sorted(own.index) and len(own) == 2
    assert all(list(strip.rows) == ["ground_truth", "full", "no_stda", "label_text"] for strip in shown)
    assert len(figure.axes) == 2


def test_runs_without_such_clips_are_left_out_and_nothing_to_show_says_so(results: Path, tmp_path: Path):
    inputs = inputs_of(results, without=tuple(reports_fixture.RUNS))
    with pytest.raises(EmptyInputs, match=r"switch corpora\.ravdess on"):
        generalisation.draw(inputs)
    assert "Nothing to show: no clip of a corpus for testing only" in (
        figures.draw("generalisation", inputs).texts[1].get_text()
    )
    clips = read_table(results / "clips.parquet", CLIPS)
    write_table(clips[clips.corpus != "ravdess"], tmp_path / "clips.parquet", CLIPS)
    with pytest.raises(EmptyInputs):
        generalisation.draw(Inputs(clips=tmp_path / "clips.parquet", measurements=inputs.paths("measurements")))
