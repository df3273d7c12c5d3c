"""What is made of the published numbers: plot, report's table, the paper's own tables, docs/published.md."""

import re
import sys
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.collections import PathCollection
from PIL import Image

from eadnet.config.evaluation import Report
from reports import cli, published_page
from reports.load import Inputs, ReportError
from reports.published import overview, plot
from reports.published.paper_tables import FACTORS, TABLES, paper_rows, paper_values, printed_rows
from reports.published.registry import by_paper, published, select, spreads
from reports.tables import formats, reported

# The paper's tables as they were read in its text before the registry was made.
TABLE_1 = """Wav2Lip 32.57 .8751 8.03 459.543 | IP-LAP 31.41 .8180 2.33 404.340 | MuseTalk 27.91 .8316 4.20 353.756 |
LatentSync 26.28 .8675 8.91 332.257 | Hallo2 53.47 .6668 5.82 413.951 | Zhao et al. 2025 23.27 .7947 5.88 315.236 |
EAD-Net 29.91 .8639 9.04 312.347"""
TABLE_2 = """Wav2Lip 45.62 .8855 6.65 321.913 37.14 | EAMM 156.15 .4427 2.03 661.170 23.33 |
EAT 87.56 .6673 6.12 705.216 35.10 | LatentSync 44.12 .8544 7.41 295.258 43.33 | Hallo2 42.41 .6808 5.08 346.330 44.45 |
Zhao et al. 2025 42.05 .8382 6.11 274.013 45.11 | EAD-Net 41.81 .8576 7.45 265.082 46.67"""
TABLE_3 = """--- 44.12 .8544 7.41 295.258 43.33 | S-- 45.89 .8547 7.79 285.459 43.19 |
-T- 42.67 .8550 7.50 262.353 43.33 | --X 43.50 .8547 7.42 285.974 46.10 |
ST- 52.20 .8557 7.47 284.655 43.33 | -TX 42.32 .8577 7.70 301.730 45.23 |
S-X 45.30 .8590 7.14 307.599 46.51 | STX 41.81 .8576 7.45 265.082 46.67"""
TABLE_4 = """-- 26.28 .8675 8.91 332.257 | S- 30.80 .8636 9.00 319.795 | -T 28.56 .8678 8.85 281.089 |
ST 29.91 .8639 9.04 312.347"""
METRICS = ("FID", "SSIM", "Sync-C", "FVD", "Acc_emo")


@pytest.mark.parametrize(("table", "text"), [(1, TABLE_1), (2, TABLE_2), (3, TABLE_3), (4, TABLE_4)])
def test_the_paper_s_tables_are_those_read_in_its_text(table: int, text: str) -> None:
    width = 5 if TABLES[table] == "MEAD" else 4
    rows = [entry.split() for entry in " ".join(text.split()).split(" | ")]
    names = [" ".join(row[:-width]) for row in rows]
    keys = [tuple(mark != "-" for mark in name) for name in names] if table in FACTORS else names
    found = paper_rows(table)
    assert list(found) == keys
    for key, row in zip(keys, rows, strict=True):
        assert found[key] == dict(zip(METRICS, map(float, row[-width:]), strict=False))
        assert [value.removeprefix("0") for value in printed_rows(table)[key].values()] == row[-width:]


def test_there_are_four_tables() -> None:
    with pytest.raises(ReportError, match="no table 5; there are 1, 2, 3, 4"):
        paper_rows(5)
    assert paper_values()["MEAD", "EAD-Net", "Acc_emo"] == 46.67


# ------------------------------------------------------------------------------------------------------ report's table
def test_the_table_shows_the_chosen_methods_beside_the_paper_s_values_and_holds_all() -> None:
    table = reported.draw(Inputs(settings=Report()))
    panel = next(panel for panel in table.panels if (panel.group, panel.title) == ("HDTF", "FID"))
    rows = {row[0].text: [cell.text for cell in row[1:]] for row in panel.rows}
    assert rows["LatentSync"] == ["26.3", "12", "26–30", "1.50", "8.65", "40.23", "×27"]
    assert rows["EAD-Net"] == ["29.9", "1", "30", "29.9", "29.9", "29.9", "–"] and rows["SadTalker"][0] == "–"
    shown = [row[0].text for row in panel.rows]
    assert shown == [name for name in Report().reported_methods if name in shown]
    assert len(table.frame) == len(table.frame.drop_duplicates(["dataset", "metric", "method"])) > 2000
    counted = table.frame["values"].sum() + table.frame.suspicious.sum() + table.frame.copies.sum()
    assert counted >= (published().kind != "own ablation").sum()


def test_the_panels_stay_light_whatever_the_registry_holds() -> None:
    text = formats.markdown(reported.draw(Inputs(settings=Report())))
    assert 5_000 < len(text) < 40_000


def test_no_difference_between_papers_is_ever_shown() -> None:
    table = reported.build(("EAD-Net", "LatentSync"), ("HDTF",))
    words = [*table.frame.columns, *(label for panel in table.panels for label in panel.header)]
    assert not [word for word in words if "diff" in word.lower() or "Δ" in word or "delta" in word.lower()]
    assert "never subtracted" in table.caption and table.caption.startswith("10,657 values from 187 sources")


# ---------------------------------------------------------------------------------------------------------------- plot
@pytest.mark.parametrize(
    ("metric", "dataset", "scale"),
    [("FID", "HDTF", "log"), ("Sync-C", "HDTF", "linear"), ("Acc_emo", "MEAD", "linear")],
)
def test_a_dot_a_paper_is_drawn(metric: str, dataset: str, scale: str) -> None:
    rows = select(metric, dataset)
    axes = plot.build(rows).axes[0]
    names = [label.get_text().rpartition("  (")[0] for label in axes.get_yticklabels()]
    assert axes.get_xscale() == scale and "EAD-Net" in names and len(names) <= plot.MOST
    dots = by_paper(rows)
    dots = dots[dots.subject.isin(names) & ((dots.common > 0) | (scale == "linear"))]
    drawn = [item for item in axes.collections if isinstance(item, PathCollection)]
    copies, marks = drawn[0], drawn[1:]
    assert sum(len(item.get_offsets()) for item in marks) == len(dots)
    assert len(copies.get_offsets()) == (rows[rows.subject.isin(names)].kind == "copy").sum()
    hollow = [item for item in marks if not len(item.get_facecolor())]
    assert sum(len(item.get_offsets()) for item in hollow) == dots.clips.isna().sum()


def test_more_clips_make_a_larger_dot() -> None:
    sizes = plot._area(pd.Series([10, 100, 2048]))
    assert list(sizes) == sorted(set(sizes)) and sizes[0] > 10


def test_a_logarithmic_axis_names_its_zeros() -> None:
    labels = [label.get_text() for label in plot.build(select("FID", "HDTF")).axes[0].get_yticklabels()]
    zeros = by_paper(select("FID", "HDTF", "Real video")).query("common == 0")
    assert len(zeros) and any(f"{len(zeros)} print 0" in label for label in labels)


def test_nothing_but_doubted_values_is_one_line() -> None:
    rows = select("Sync-D", "HDTF")
    with pytest.raises(ReportError, match="nothing to plot"):
        plot.build(rows[rows["flags"] == "suspicious"])


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_the_command_draws(suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / f"plot.{suffix}"
    words = ["reported", "--metric", "FVD", "--dataset", "MEAD", "--plot", str(path)]
    monkeypatch.setattr(sys, "argv", ["reports", *words])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert not stopped.value.code
    if suffix == "png":
        assert Image.open(path).width > 800
    else:
        assert "<svg" in path.read_text()


# ------------------------------------------------------------------------------------------------------------ document
def test_the_document_is_in_step(root: Path) -> None:
    committed = (root / "docs/published.md").read_text(encoding="utf-8")
    assert committed == published_page.text(), "docs/published.md differs from the registry: run `make generate`"


def test_the_document_s_pictures_are_there_and_small(root: Path) -> None:
    named = re.findall(r"!\[.+\]\((.+)\)", published_page.text())
    assert named == list(published_page.PICTURES) and len(named) == 2
    assert all((root / "docs" / name).stat().st_size < 150_000 for name in named)


def test_the_document_is_written_with_its_pictures_into_a_folder_that_exists(tmp_path: Path) -> None:
    published_page.write(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {published_page.NAME, *published_page.PICTURES}
    with pytest.raises(ReportError, match="no such folder"):
        published_page.write(tmp_path / "gone")


def test_numbers_in_other_documents_are_the_registry_s(root: Path) -> None:
    text = (root / "docs/metrics.md").read_text(encoding="utf-8")
    fid = spreads(select("FID", "HDTF", "SadTalker")).iloc[0]
    assert f"SadTalker's FID is {fid.low:.1f} to {fid.high:.1f} in {fid.papers} papers" in text
    accuracy = spreads(select("Acc_emo", "MEAD", "EAT")).iloc[0]
    assert accuracy.papers == 11 and f"at {accuracy.low:.0f} to {accuracy.high:.0f} % by eleven papers" in text


def test_a_metric_s_line_holds_what_papers_print() -> None:
    table = overview.by_metric("HDTF").set_index("quantity")
    assert table.papers.is_monotonic_decreasing and (table.papers >= overview.FEWEST).all()
    rows = select("FID", "HDTF")
    rows = rows[~rows.subject.str.startswith("Real video")]
    fid = table.loc["FID"]
    assert (fid.low, fid.high) == (by_paper(rows).common.min(), by_paper(rows).common.max())
    assert fid.widest_of == "LatentSync" and 26 < fid.widest < 27 and fid.stated < fid.papers


def test_clips_and_copies_are_counted() -> None:
    clips = overview.clips().set_index("dataset")
    assert list(clips.index) == ["HDTF", "MEAD", "RAVDESS"] and (clips.stated < clips.papers).all()
    copies = overview.copies()
    assert copies["values"].is_monotonic_decreasing and copies.source.iloc[0] == "EDTalk, Table 1"
    assert copies["values"].sum() == (published().copied_from != "").sum()


def test_the_paper_s_rivals_are_judged_by_direction() -> None:
    table = overview.beside_others(paper_values()).set_index(["dataset", "subject", "quantity"])
    assert table.loc[("HDTF", "MuseTalk", "FID"), "worst"] and not table.loc[("HDTF", "MuseTalk", "FID"), "best"]
    assert table.loc[("HDTF", "IP-LAP", "Sync-C"), "worst"]
    assert ("HDTF", "Zhao et al. 2025", "FID") not in table.index
