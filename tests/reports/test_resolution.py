"""What 30 clips can decide, as a table, a figure and text: the paper's differences over made spreads."""

from pathlib import Path

import pandas as pd
import pytest
import typer

from eadnet.tables import read_table
from metrics.resolution.table import RESOLUTION, SHOWN
from reports import cli, figures
from reports.load import Inputs, ReportError
from reports.tables import resolution as table
from reports.tables.paper_differences import counted_alone, laid, paper_differences, spreads
from tests.support.resolution_fixture import LEVELS, write_resolution

command = typer.main.get_command(cli.app)


def made(folder: Path, **changes: object) -> pd.DataFrame:
    return read_table(write_resolution(folder / "resolution.parquet", **changes), RESOLUTION)


# ------------------------------------------------------------------------------------------------- the paper's side
def test_the_paper_s_differences_are_those_of_its_ablations() -> None:
    rows = paper_differences().set_index(["corpus", "row", "column"])
    assert len(rows) == 7 * 5 + 3 * 4
    assert rows.loc[("hdtf", "STDA", "FID"), "difference"] == pytest.approx(100 * (30.80 - 26.28) / 26.28)
    assert rows.loc[("mead", "STDA + TFRM + Text", "Acc_emo"), "difference"] == pytest.approx(46.67 - 43.33)
    assert rows.loc[("mead", "STDA + Text", "SSIM"), "difference"] == pytest.approx(0.8590 - 0.8544)
    assert rows.loc[("mead", "TFRM", "FVD"), "level"] == 295.258


def test_an_accuracy_by_counting_alone() -> None:
    share, deviation, shown = counted_alone()
    assert share == pytest.approx(43.33)
    assert deviation == pytest.approx(9.05, abs=0.01)
    assert shown == pytest.approx(SHOWN * 2**0.5 * deviation)


# ------------------------------------------------------------------------------------------------- the spreads' side
def test_spreads_have_the_units_of_the_comparison(tmp_path: Path) -> None:
    rows = spreads(made(tmp_path)).set_index(["corpus", "column"])
    assert rows.loc[("mead", "FID"), "sd"] == pytest.approx(100 * 3 / 50)
    assert rows.loc[("mead", "FID"), "shows"] == pytest.approx(SHOWN * 100 * 1 / 50)
    assert rows.loc[("mead", "SSIM"), "shows"] == pytest.approx(SHOWN * 0.001)
    assert rows.loc[("mead", "Acc_emo"), "apart"] == pytest.approx(SHOWN * 2**0.5 * 9)
    assert rows.loc[("mead", "FID"), "rows"] == 2 and rows.loc[("mead", "FID"), "base"] == "latentsync"
    assert rows.loc[("hdtf", "Acc_emo"), "reason"] == "no clip of this corpus has a value"


def test_a_difference_is_beyond_where_it_exceeds_the_spread(tmp_path: Path) -> None:
    over = laid(made(tmp_path)).set_index(["corpus", "row", "column"])
    assert over.loc[("hdtf", "STDA", "FID"), "beyond"] and over.loc[("hdtf", "STDA", "FID"), "beyond_apart"]
    assert not over.loc[("mead", "STDA", "FID"), "beyond_apart"]  # 4.0 %, of 16.6
    assert over.loc[("mead", "STDA", "FID"), "beyond"]  # 4.0 %, of 3.9
    assert not over.loc[("mead", "Text", "FID"), "beyond"]  # 1.4 %
    assert not over.xs("Acc_emo", level="column").beyond.any()


def test_wider_spreads_leave_less_beyond_and_none_of_chance_alone(tmp_path: Path) -> None:
    counts = [int(laid(made(tmp_path, scale=scale)).beyond.sum()) for scale in (1e-6, 1.0, 100.0)]
    assert counts[0] > counts[1] > counts[2] == 0
    unmoved = paper_differences().difference.eq(0).sum()
    assert counts[0] == 47 - unmoved


def test_what_lies_further_apart_than_our_rows_is_open(tmp_path: Path) -> None:
    resolution = made(tmp_path)
    close = resolution.assign(difference=resolution.difference / 8)  # FID: rows 5 % apart, of which 3.9 % show
    over = laid(close).set_index(["corpus", "row", "column"])
    assert over.loc[("mead", "STDA", "FID"), "beyond"]  # 4.0 %
    assert over.loc[("mead", "STDA + TFRM", "FID"), ["beyond", "open"]].tolist() == [False, True]  # 18.3 %
    assert not over.loc[("mead", "Text", "FID"), ["beyond", "open"]].any()
    left = int(over.open.sum())
    assert f"{left} more exceed what our rows show but lie further apart" in table.caption(close)
    row = next(row for row in table.build(close).panels[-1].rows if row[0].text.startswith("FID"))
    assert row[-2].text.endswith(f" of {7 - over.loc['mead'].xs('FID', level='column').open.sum()}")
    assert "open" in row[-2].detail


def test_runs_that_do_not_differ_give_no_band(tmp_path: Path) -> None:
    equal = made(tmp_path).assign(sd_paired=0.0)
    over = laid(equal)
    assert over.shows.isna().all() and not over.beyond.any()
    assert "nothing is said of the paper's differences" in table.caption(equal)


# ------------------------------------------------------------------------------------------------------ in words
def test_the_caption_counts_what_lies_beyond(tmp_path: Path) -> None:
    resolution = made(tmp_path)
    over = laid(resolution)
    caption = table.caption(resolution)
    for name in LEVELS:
        rows = over[(over.column == name) & over.shows.notna() & ~over.open]
        assert f"{name} {int(rows.beyond.sum())} of {len(rows)}" in caption
    assert "The same 30 clips in all rows could decide most of the paper's differences in FID, but not most" in caption
    assert "standard deviation of 9.0 points" in caption and "must differ by 25" in caption
    assert "mead: 24 drawn clips of 8 people, which stand for 30 of 10 people" in caption
    assert "fid@corpus-v1" in caption and "not real ones" in caption and "widest of 2 rows" in caption
    real = table.caption(resolution.assign(synthetic=False, metric="ssim@crop", clips=60))
    assert "60 real clips of 8 people;" in real and "not real ones" not in real and "Judges" not in real


def test_nothing_measured_says_why(tmp_path: Path) -> None:
    row = dict.fromkeys(RESOLUTION.names) | {
        "corpus": "hdtf",
        "column": "FID",
        "reason": "no variant of FID was scored",
    }
    resolution = pd.DataFrame([row]).astype({"sd": float, "sd_paired": float, "sd_seeds": float})
    assert "No spread was measured: no variant of FID was scored." in table.caption(resolution)
    assert table.build(resolution).panels[0].rows[0][2].detail == "no variant of FID was scored"


def test_a_corpus_of_the_user_s_own_stands_beside_no_table_of_the_paper(tmp_path: Path) -> None:
    built = table.build(made(tmp_path, corpora=("folder", "mead")))
    folder = next(panel for panel in built.panels if panel.title.startswith("folder"))
    assert all(cell.text == "–" for row in folder.rows for cell in row[-3:])


def test_the_command_prints_the_table_and_the_sentences(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    resolution = made(tmp_path)
    command(["resolution", "--resolution", str(tmp_path / "resolution.parquet")], standalone_mode=False)
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines()[-12:])) <= table.LETTERS
    assert " ".join(table.caption(resolution).split()) in " ".join(printed.split())
    line = next(line for line in printed.splitlines() if line.startswith("Acc_emo") and "50.0 %" in line)
    assert "9.0 points" in line and "0 of 7" in line


def test_without_the_table_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="--resolution"):
        figures.draw("resolution", Inputs(resolution=tmp_path / "absent.parquet"))


# ------------------------------------------------------------------------------------------------------ in pictures
def test_the_figure_counts_and_draws_what_the_table_says(tmp_path: Path) -> None:
    resolution = made(tmp_path)
    figure = figures.draw("resolution", Inputs(resolution=tmp_path / "resolution.parquet"))
    over = laid(resolution)
    for axes, name in zip(figure.axes, LEVELS, strict=True):
        known = over[(over.column == name) & over.shows.notna()]
        rows = known[~known.open]
        left = f", {known.open.sum()} open" if known.open.any() else ""
        assert axes.get_title(loc="left").splitlines()[1] == f"{int(rows.beyond.sum())} of {len(rows)} beyond{left}"
        dots = [line for line in axes.lines if line.get_marker() == "o"]
        filled = [dot for dot in dots if dot.get_markerfacecolor() == dot.get_color()]
        assert len(dots) == len(rows) and len(filled) == rows.beyond.sum()
        left, right = axes.get_xlim()
        assert all(left < dot.get_xdata()[0] < right for dot in dots)
    words = " ".join(text.get_text() for text in figure.texts)
    assert " ".join(words.split()) == " ".join(table.caption(resolution).split())


def test_differences_without_a_spread_are_crosses(tmp_path: Path) -> None:
    figure = figures.draw("resolution", Inputs(resolution=write_resolution(tmp_path / "r.parquet", corpora=("mead",))))
    crosses = [line for line in figure.axes[0].lines if line.get_marker() == "x"]
    assert len(crosses) == 3 and figure.axes[0].get_title(loc="left").endswith("of 7 beyond")
