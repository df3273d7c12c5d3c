"""The page and the document of an experiment's answers: verdicts from the table, pictures, escaping, no network."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
from PIL import Image

from eadnet.config.evidence import Evidence
from eadnet.media.reading import probe
from eadnet.tables import CLIPS, read_table, write_table
from metrics.tables import EVIDENCE, SCORES
from reports import cli
from reports.evidence import document, film
from reports.load import EmptyInputs, Inputs, ReportError
from reports.registry import FIGURES, asked_of
from reports.sources import levels, shown
from reports.tables import evidence
from tests.support import evidence_fixture, reports_fixture
from workflow.options import as_json

command = typer.main.get_command(cli.app)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run whose emotions and claims hold HTML, with page and document."""
    folder = reports_fixture.make(tmp_path_factory.mktemp("results"), people=2, frames=26, size=64, emotions=1)
    clips = read_table(folder / "clips.parquet", CLIPS)
    write_table(clips.assign(emotion="<i>angry</i>"), folder / "clips.parquet", CLIPS)
    words = [*reports_fixture.options(folder)]
    words[words.index("--scores") + 1] = str(folder / "evidence_scores.parquet")
    for name in asked_of(FIGURES):
        run("figure", "--name", name, *words, "--output", str(folder / f"figures/{name}.svg"))
    kept = [part for option in _needed(words) for part in option]
    run("evidence-page", *kept, "--figures", str(folder / "figures"), "--config", as_json(evidence_fixture.config()),
        "--output", str(folder / "report/evidence.html"))  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def page(results: Path) -> str:
    return (results / "report/evidence.html").read_text(encoding="utf-8")


def run(*arguments: str) -> None:
    command(list(arguments), standalone_mode=False)


def _needed(words: list[str]) -> list[tuple[str, str]]:
    """The options that the page knows."""
    known = {option for parameter in command.commands["evidence-page"].params for option in parameter.opts}
    return [pair for pair in zip(words[::2], words[1::2], strict=True) if pair[0] in known]


def inputs_of(folder: Path, section: Evidence | None = None) -> Inputs:
    return Inputs(
        clips=folder / "clips.parquet",
        measurements=sorted(folder.glob("measurements/*/0")),
        scores=folder / "evidence_scores.parquet",
        questions=(section or evidence_fixture.config().evidence).model_dump_json(),
    )


def test_the_page_states_the_verdicts_of_the_table(page: str, results: Path) -> None:
    table = evidence_fixture.read(results)
    whole = table[table.slice == "all"].set_index(["question", "metric"])
    assert whole.verdict.to_dict() == {
        ("strips", "psnr@region"): "shown", ("strips", "flicker_ratio@region"): "shown",
        ("strips", "fvd@corpus-v1"): "no answer", ("words", "psnr@region"): "not shown",
        ("words", "flicker_ratio@region"): "not shown",
    }  # fmt: skip
    for verdict in ("shown", "refuted", "not shown", "no answer"):
        assert page.count(f">{verdict}</span>") == (whole.verdict == verdict).sum()
    assert page.count('scope="rowgroup"') == 2
    assert "+2.00" in page and "24 clips of 12 people, 2 seeds" in page and "<span>0.002</span>" in page
    assert "The faces are synthetic" in page and "2 networks" not in page and "3 networks were trained" in page


def test_a_reversed_difference_reads_as_refuted(results: Path) -> None:
    table = evidence_fixture.read(results)
    own = table[table.question == "strips"].assign(verdict="refuted", difference=-table.difference)
    asked = evidence.questions(own)[0]
    assert asked.sentence.startswith("refuted by PSNR −2.00")


def test_the_page_asks_nothing_of_a_network_and_escapes_everything(page: str) -> None:
    bare = re.sub(r"data:[a-z0-9/+]+;base64,[A-Za-z0-9+/=]+", "data:", page)
    assert not re.findall(r"(?:https?:)?//[a-z]", re.sub(r"/\*.*?\*/", "", bare))
    assert set(re.findall(r'(?:src|href)="([^"#]*)', bare)) <= {"data:", "data:,", ""}
    assert "default-src 'none'" in page and "<script" not in page
    assert evidence_fixture.CLAIM not in page and "&lt;b&gt;detail&lt;/b&gt; &amp; sync" in page
    assert "<i>angry" not in page and "<module>" not in page
    assert page.count("<video") == 1 and " controls" in page
    assert all(f'id="figure-{name}"' in page for name in asked_of(FIGURES))


def test_the_document_holds_the_same_answers_and_small_pictures(page: str, results: Path, tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="no such folder"):
        document.install(results, tmp_path / "docs")
    (tmp_path / "docs").mkdir()
    written = document.install(results, tmp_path / "docs")
    text = written[0].read_text(encoding="utf-8")
    named = set(re.findall(r"\]\((evidence/[a-z_]+\.png)\)", text))
    assert named == {f"evidence/{path.name}" for path in written[1:]} and all(path.is_file() for path in written)
    assert sum(path.stat().st_size for path in written[1:]) < 1_000_000
    assert "shown by PSNR +2.00" in text and "<b>" not in text and "0123456789ab" in text
    assert re.search(r"\| pretrain_backbone +\| 3 min 30 s", text)
    with pytest.raises(ReportError, match="run `snakemake --cores all evidence`"):
        document.existing(tmp_path)


def test_the_strip_shows_neighbouring_frames_and_the_eyes(results: Path) -> None:
    clip = shown.shown(inputs_of(results))
    assert list(clip.frames) == ["ground_truth", "no_stda", "full"]
    assert (clip.first, clip.count) == ((26 - 8) // 2, 8)
    rows, columns = clip.eyes
    assert (rows.start, rows.stop) == (18, 30) and (columns.start, columns.stop) == (12, 52)
    section = evidence_fixture.config().evidence
    other = section.model_copy(update={"page": section.page.model_copy(update={"clip": "gone"})})
    with pytest.raises(EmptyInputs, match="gone was not measured for all of ground_truth, no_stda, full"):
        shown.shown(inputs_of(results, other))


def test_the_film_plays_every_frame_at_half_speed(results: Path, tmp_path: Path) -> None:
    clip = shown.shown(inputs_of(results))
    (tmp_path / "film.mp4").write_bytes(film.film(clip))
    made = probe(tmp_path / "film.mp4")
    assert float(made.fps) == 12.5 and (made.width, made.height) == (3 * film.TILE, film.TILE + film.LABEL)
    sheet = film.frames(clip)
    assert len(sheet) == 26
    tile = np.asarray(Image.fromarray(clip.frames["full"][20]).resize((film.TILE, film.TILE), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(sheet[20, : film.TILE, 2 * film.TILE :], tile)


def test_levels_are_over_common_clips_and_divided_clip_by_clip(results: Path) -> None:
    scores = read_table(results / "evidence_scores.parquet", SCORES)
    fewer = scores[~((scores.run == "no_stda") & (scores.clip_id == "p3c1"))]
    group = next(levels.groups(fewer, evidence_fixture.config().evidence))
    assert set(group.sources) == set(evidence_fixture.LEVELS)
    found = levels.levels(group, "psnr@region")
    assert {level.n for level in found.values()} == {23}
    own = group.scores[group.scores.metric == "flicker_ratio@region"]
    means = own.pivot_table(index="clip_id", columns="run", values="value")
    ratio = levels.ratios(group, "flicker_ratio@region")
    assert ratio["full"].mean == pytest.approx((means.full / means.reconstruction).mean())
    assert ratio["reconstruction"].mean == pytest.approx(1.0, abs=1e-3)


def test_sources_of_other_corpora_stand_in_a_group_of_their_own(results: Path) -> None:
    scores = read_table(results / "evidence_scores.parquet", SCORES)
    named = {"full": "hidden_full", "no_stda": "hidden_none", "ground_truth": "ground_truth"}
    far = scores[scores.run.isin(named)]
    far = far.assign(run=far.run.map(named), corpus="hdtf", clip_id="h" + far.clip_id)
    section = evidence_fixture.config().evidence
    strips = section.asked["strips"].model_copy(update={"run": "hidden_full", "rival": "hidden_none"})
    section = section.model_copy(update={"questions": section.questions | {"hidden": strips}})
    near, other = levels.groups(pd.concat([scores, far], ignore_index=True), section)
    assert (near.corpus, other.corpus) == ("mead", "hdtf")
    assert {level.n for level in levels.levels(near, "psnr@region").values()} == {24}
    found = levels.levels(other, "psnr@region")
    assert set(found) == {"ground_truth", "hidden_full", "hidden_none"} and {level.n for level in found.values()} == {
        24
    }


def test_the_answers_table_is_that_of_the_schema(results: Path) -> None:
    table = evidence.build(evidence_fixture.read(results))
    assert list(table.frame.columns) == EVIDENCE.names
    assert (
        "over all 4 differences" in table.caption and "2 shown, 0 refuted, 2 not shown and 1 no answer" in table.caption
    )
