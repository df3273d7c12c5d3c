"""What became of the data, as the report tells it: nothing counted twice, nothing left out, every reason seen."""

import re

import pandas as pd
import pytest

from eadnet.config.evaluation import Report
from reports import figures, tables
from reports.figures import contact_sheet
from reports.load import Inputs
from reports.tables import coverage, formats
from tests.support import reports_fixture


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    folder = reports_fixture.make_data(tmp_path_factory.mktemp("data"), people=2, frames=26, size=64, emotions=1)
    return Inputs(
        sources=sorted(folder.glob("corpora/*/*.parquet")),
        downloads=sorted(folder.glob("downloads/*.parquet")),
        clips=folder / "clips.parquet",
        settings=Report(sheet_clips=6),
    )


def printed(table: formats.Table) -> list[str]:
    """Lines of a table's Markdown, without their padding."""
    return [re.sub(" +", " ", line) for line in formats.markdown(table).splitlines()]


def test_frames_without_a_face_are_counted(inputs: Inputs) -> None:
    assert "show no face" not in coverage.build(inputs.sources, inputs.clips).caption
    clips = inputs.clips.assign(unseen=0)
    clips.loc[clips[clips.status == "ok"].index[:2], "unseen"] = (3, 4)
    assert "7 frames of 2 usable clips show no face and are not used." in coverage.build(inputs.sources, clips).caption


def test_coverage_counts_every_input_and_every_clip_once(inputs: Inputs) -> None:
    other = inputs.clips.assign(corpus="folder", emotion=None, level=None, split="val", n_frames=None)
    clips = pd.concat([inputs.clips, other])
    frame = coverage.counted(inputs.sources, clips)
    for name, own in (*clips.groupby("corpus"), ("all", clips)):
        rows = frame[frame.corpus == name].groupby("panel")[["inputs", "inputs_used", "clips", "clips_ok"]].sum()
        usable, sources = (own.status == "ok").sum(), 0 if name == "folder" else len(inputs.sources)
        used = sources - (sources > 0)  # one is missing
        assert rows.loc["corpora"].tolist() == [sources, used, len(own), usable]
        assert rows.loc["clips"].tolist() == [0, 0, len(own), usable]
        assert rows.loc["splits", "clips_ok"] == rows.loc["emotions", "clips_ok"] == usable
        assert sources == 0 or rows.loc["inputs"].tolist() == [sources, used, 0, 0]
    whole = frame[(frame.panel == "corpora") & (frame.corpus == "all")].iloc[0]
    assert whole.hours == pytest.approx(inputs.clips.n_frames.sum() / 25 / 3600) and whole.people == 4


def test_coverage_prints_what_was_refused_and_why(inputs: Inputs) -> None:
    lines = printed(tables.draw("coverage", inputs))
    assert "| mead | no_face | no face in 30 of 30 frames: film the face larger | 1 | 14 % | – | 1 |" in lines
    assert "| mead | missing | not found; download it | 1 | 7 % |" in lines
    assert "| mead | test, unseen people | 2 | 2.1 s | 1 |" in lines
    assert "| happy | – | 0 |" not in lines and "| neutral | 3 (2) | 3 |" in lines
    assert max(map(len, formats.markdown(tables.draw("coverage", inputs)).splitlines())) <= 120


def test_coverage_says_how_many_usable_clips_had_no_measure_of_quality(inputs: Inputs) -> None:
    assert "quality" not in tables.draw("coverage", inputs).caption
    note = "quality not measured: weights absent: hyperiqa"
    reasons = inputs.clips.reason.where(inputs.clips.status != "ok", f"padded with silence; {note}")
    caption = coverage.build(inputs.sources, inputs.clips.assign(reason=reasons)).caption
    assert caption.endswith(f" Of 6 usable clips: {note}.")


def test_coverage_of_nothing_usable_is_a_table(inputs: Inputs) -> None:
    table = coverage.build(inputs.sources.head(0), inputs.clips[inputs.clips.status != "ok"])
    assert table.caption == "0 usable clips of 1, 0.0 s of 0 people, from 0 usable inputs of 0."
    assert [panel.title for panel in table.panels] == ["From inputs to clips", "Clips by status"]


def test_availability_lists_every_download_that_is_not_in_order(inputs: Inputs) -> None:
    table = tables.draw("availability", inputs)
    lines = printed(table)
    assert table.caption == (
        "3 of 5 downloads can be used, 3 min 00 s, 3.0 GB. 2 downloads cannot be used; the reasons stand below."
    )
    assert "| Corpus | group | wanted | ok | wrong_height | quota | unavailable | length | size |" in lines
    assert "| hdtf | WDA | 2 | 0 | 1 | 0 | 1 | 1 min 30 s | 2.5 MB |" in lines
    assert "| mead | M003 | 2 | 1 | 0 | 1 | 0 | – | 3.0 GB |" in lines
    assert r"| hdtf | WDA_CleoOakley | unavailable | removed by its uploader; \*gone\* |" in lines
    assert len(table.frame) == 5 and sum(int(row[2].text) for row in table.panels[0].rows) == 5


def test_a_contact_sheet_shows_some_clips_and_says_how_many(inputs: Inputs) -> None:
    few = contact_sheet.chosen(inputs.clips, 4)
    assert few.speaker.value_counts().tolist() == [2, 2] and few.speaker.is_monotonic_increasing
    assert sorted(contact_sheet.chosen(inputs.clips, 99).clip_id) == sorted(inputs.clips.clip_id)
    whole = contact_sheet.draw(Inputs(Report(sheet_clips=99), clips=inputs.path("clips")))
    words = [text.get_text() for text in whole.axes[0].texts]
    assert words[0] == "All 7 clips; 1 of these could not be used" and len(whole.axes[0].images) == 6
    assert "no_face" in words and "no face in 30 of 30 frames: film the face larger" in words
    assert any("unseen person  ·  26 frames  ·  ok" in text for text in words)
    shown = contact_sheet.draw(inputs).axes[0].texts[0].get_text()
    assert shown.startswith("6 of 7 clips, evenly over corpora and people")


def test_bars_of_the_corpus_figure_add_up(inputs: Inputs) -> None:
    figure = figures.draw("corpus", inputs)
    ends = {label.get_text(): label.get_position()[1] for label in figure.axes[0].get_yticklabels()}
    bars = {name: sum(bar.get_width() for bar in figure.axes[0].patches if bar.get_y() < place < bar.get_y() + 0.6)
            for name, place in ends.items()}  # fmt: skip
    assert bars == {"inputs  15": 15, "clips  7": 7, "usable  6": 6}
    assert [axes.get_title("left") for axes in figure.axes[2:]] == ["Length", "Size of the face", "Frames with a face"]


def test_clips_without_an_emotion_are_counted_beside_those_that_have_one(inputs: Inputs) -> None:
    named = inputs.clips.clip_id != inputs.clips.clip_id.iloc[0]
    some = inputs.clips.assign(status="ok", emotion=inputs.clips.emotion.where(named), level=None)
    lines = printed(coverage.build(inputs.sources, some))
    assert any(line.startswith("| not labelled") for line in lines)
