"""The registry of published numbers: complete, checked, copies counted once, and never a difference."""

import math
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from metrics.spec import REGISTRY
from reports import cli
from reports.load import ReportError
from reports.published.printing import papers_text, spread_text
from reports.published.registry import COLUMNS, PATH, by_paper, chosen, measured, published, select, spreads
from reports.published.vocabulary import CHECKED, DATASETS, FLAGS, KINDS, METRICS, OURS, UNITS, WHOSE, scale

# Smallest and largest value that papers print of one method, read in a table of disagreements that was made apart from
# this registry; only methods of which every paper prints one value.
DISAGREEMENTS = {
    ("LatentSync", "HDTF", "FID"): (1.5, 40.23), ("EchoMimic", "HDTF", "E-FID"): (0.116, 11.051),
    ("LatentSync", "HDTF", "LMD"): (0.3, 17.344), ("Diff2Lip", "HDTF", "LMD"): (0.36, 18.986),
}  # fmt: skip


def made(*rows: dict[str, object]) -> pd.DataFrame:
    """Rows of `published` of one method, FID on HDTF, each with what is said of it."""
    usual = {
        "dataset": "HDTF", "quantity": "FID", "subject": "A", "kind": "result", "whose": "this paper", "flags": "",
        "clips": None,
    }  # fmt: skip
    frame = pd.DataFrame([usual | row for row in rows])
    frame["clips"] = frame.clips.astype("Int32")
    return frame.assign(printed=frame.common.astype(str), unit="", method=frame.subject, copied_from="")


# ---------------------------------------------------------------------------------------------------- what is there
def test_every_value_is_there_with_its_source() -> None:
    table = published()
    assert table.dataset.value_counts().to_dict() == {"HDTF": 7077, "MEAD": 3214, "RAVDESS": 362, "speed": 4}
    assert table.value.map(math.isfinite).all() and (table[["method", "paper", "stated"]] != "").all(axis=None)
    assert (table.kind == "own ablation").sum() == 2224 and (table.kind == "copy").sum() == 966
    assert tuple(pd.read_parquet(Path(str(PATH))).columns) == COLUMNS
    assert Path(str(PATH)).stat().st_size < 400_000


@pytest.mark.parametrize(
    ("column", "words"),
    [("dataset", DATASETS), ("quantity", METRICS), ("kind", KINDS), ("whose", WHOSE), ("checked", CHECKED),
     ("unit", UNITS)],
)  # fmt: skip
def test_every_word_is_explained(column: str, words: object) -> None:
    assert set(published()[column]) <= set(words)


def test_flags_are_explained_and_used() -> None:
    assert set(" ".join(published()["flags"]).split()) == set(FLAGS)


def test_nothing_says_how_the_texts_were_found() -> None:
    text = "\n".join(set(published().note) | set(published().paper))
    assert not any(word in text for word in ("file id", "via ", "source not in", "v1 ", "PRIMARY"))


def test_a_corrected_value_says_what_it_was() -> None:
    corrected = published().query("checked == 'corrected'")
    assert len(corrected) == 28 and (corrected.old_value != "").all()
    swapped = corrected.query("method == 'SadTalker' and metric == 'SSIM' and paper == 'S3D-NeRF'").iloc[0]
    assert (swapped.printed, swapped.old_value) == ("0.678", "0.776") and "swapped" in swapped.note


# ------------------------------------------------------------------------------------------------------------ spreads
@pytest.mark.parametrize(("subject", "dataset", "quantity"), DISAGREEMENTS)
def test_spreads_are_those_read_in_the_papers(subject: str, dataset: str, quantity: str) -> None:
    row = spreads(select(quantity, dataset, subject)).iloc[0]
    low, high = DISAGREEMENTS[subject, dataset, quantity]
    assert (row.low, row.high) == (low, high) and row.factor == pytest.approx(high / low)


def test_a_paper_counts_once_by_its_median() -> None:
    rows = made({"origin": "p", "common": 1.0}, {"origin": "p", "common": 3.0}, {"origin": "p", "common": 8.0},
                {"origin": "q", "common": 5.0})  # fmt: skip
    row = spreads(rows).iloc[0]
    assert (row.papers, row["values"], row.low, row.high) == (2, 4, 3, 5)


def test_copies_count_once_with_the_paper_that_measured() -> None:
    copy = {"kind": "copy", "whose": "copied"}
    rows = made({"origin": "p", "common": 4.2}, copy | {"origin": "p", "common": 4.2},
                copy | {"origin": "p", "common": 4}, {"origin": "q", "common": 6.0},
                copy | {"origin": "lost paper", "common": 6.0})  # fmt: skip
    row = spreads(rows).iloc[0]
    assert (row.papers, row["values"], row.copies, row.low, row.high) == (2, 2, 3, 4.2, 6)
    lost = made(copy | {"origin": "lost", "common": 7.0}, copy | {"origin": "lost", "common": 7.0})
    assert spreads(lost).iloc[0][["papers", "values", "copies"]].tolist() == [1, 1, 2]


def test_no_copy_of_the_registry_counts_beside_its_original() -> None:
    counted = measured(published())
    where = ["dataset", "quantity", "subject", "origin"]
    originals = pd.MultiIndex.from_frame(counted.loc[counted.kind != "copy", where])
    copies = pd.MultiIndex.from_frame(counted.loc[counted.kind == "copy", where])
    assert 0 < len(copies) < 966 and not copies.isin(originals).any()


def test_clips_are_those_that_papers_state() -> None:
    rows = made(
        {"origin": "p", "common": 1, "clips": 30},
        {"origin": "q", "common": 2},
        {"origin": "r", "common": 3, "clips": 100},
    )
    row = spreads(rows).iloc[0]
    assert (row.stated, row.clips_low, row.clips_high) == (2, 30, 100)
    unknown = spreads(made({"origin": "p", "common": 1})).iloc[0]
    assert unknown.stated == 0 and math.isnan(unknown.clips_low)


def test_a_suspicious_value_is_kept_but_in_no_range() -> None:
    rows = made({"origin": "p", "common": 5}, {"origin": "q", "common": 6},
                {"origin": "r", "common": 500, "flags": "suspicious"})  # fmt: skip
    row = spreads(rows).iloc[0]
    assert (row.papers, row.high, row.suspicious) == (2, 6, 1)
    alone = spreads(rows[rows["flags"] == "suspicious"]).iloc[0]
    assert alone.papers == alone["values"] == 0 and math.isnan(alone.low)
    distances = select("Sync-D", "HDTF")
    doubted = distances[distances["flags"].str.contains("suspicious")]
    assert (doubted.common > 100).all() and len(doubted) and spreads(distances).high.max() < 20
    assert "left out as suspicious: " in spread_text(distances, every=True)


def test_variants_of_a_paper_s_own_method_are_left_out_unless_asked_for() -> None:
    plain, all_ = select("FID", "HDTF"), select("FID", "HDTF", ablations=True)
    assert "own ablation" not in set(plain.kind) and len(all_) > len(plain)
    assert set(all_.kind) - set(plain.kind) == {"own ablation"}


def test_a_dot_of_a_paper_knows_its_own_method() -> None:
    dots = by_paper(select("FID", "HDTF", "LatentSync"))
    assert len(dots) == dots.origin.nunique() and dots.set_index("origin").own["2412.09262"]
    assert dots.own.sum() == 1


# ----------------------------------------------------------------------------------------------------- names and units
def test_accuracies_and_similarities_are_brought_to_one_unit() -> None:
    share = published().query("metric == 'Acc_emo' and method == 'EAT' and paper == 'KeyFace'").iloc[0]
    assert (share.printed, share.unit, share.common) == (".54", "share", 54)
    assert published().query("metric == 'Acc_emo'").common.between(1, 100).all()
    percent = published().query("metric == 'SSIM' and unit == '%'")
    assert len(percent) and (percent.value > 1).all()
    assert np.allclose(percent.common, percent.value / 100)
    assert published().query("metric == 'SSIM'").common.max() <= 1


@pytest.mark.parametrize(("unit", "usual", "factor"), [("share", "%", 100), ("%", "", 0.01), ("dB", "dB", 1)])
def test_scale(unit: str, usual: str, factor: float) -> None:
    assert scale(unit, usual) == factor


def test_two_names_of_one_quantity_are_one() -> None:
    names = [select(name, "hdtf") for name in ("LSE-C", "sync-c", "lse_c", "lse_c@ref-v1")]
    assert all(rows.equals(names[0]) for rows in names)
    assert set(names[0].metric) == {"Sync-C"} and {"LSE-C", "Sync-C", "Sync_conf"} <= set(names[0].stated)
    assert set(OURS) <= set(published().quantity)
    known = {spec.name for spec in REGISTRY.values()}
    assert {"psnr", "ssim", "lse_c", "lse_d", "fid", "fvd", "acc_emo", "m_lmd_px"} <= known & set(OURS.values())


def test_directions_are_those_of_our_metrics() -> None:
    ours = {spec.name: spec.higher_is_better for spec in REGISTRY.values()}
    for quantity, name in OURS.items():
        if ours.get(name) is not None:
            assert METRICS[quantity].direction == ("↑" if ours[name] else "↓"), quantity


def test_settings_are_kept_apart_unless_a_method_has_one_only() -> None:
    subjects = set(published().subject)
    assert {"Sonic", "Sonic (image)", "PC-Talk (video)", "PC-Talk (image)"} <= subjects
    assert "Wav2Lip (video)" not in subjects and "LatentSync (video)" not in subjects


# ---------------------------------------------------------------------------------------------------------- the command
def test_the_spread_is_one_aligned_line_a_method() -> None:
    lines = spread_text(select("FID", "HDTF")).splitlines()
    line = next(line for line in lines if line.startswith("LatentSync"))
    assert line.split() == ["LatentSync", "12", "26–30", "1.50", "8.65", "40.23", "×27", "2", "copies"]
    assert all(int(line.removeprefix("Real video").split()[1 - line.startswith("Real video")]) > 1
               for line in lines[3:8])  # fmt: skip
    text = "\n".join(lines)
    assert "methods more in one paper each" in text and "up to ×27 (LatentSync, 12 papers)" in text


def test_a_named_method_is_listed_even_of_one_paper() -> None:
    text = spread_text(select("FID", "HDTF", "EAD-Net"), every=True)
    assert "29.9" in text and "more in one paper" not in text


def test_papers_are_listed_with_their_notes() -> None:
    text = papers_text(select("FVD", "HDTF", "Sonic"))
    assert "SoulX-FlashHead (arXiv 2602.07449), Table 3" in text and "75 HDTF clips" in text
    copied = papers_text(select("FID", "HDTF", "LatentSync"))
    assert "copied from 2505.21448 Table 1" in copied and copied.startswith("FID on HDTF, 14 values as printed")


def test_a_method_s_full_name_goes_before_a_part_of_names() -> None:
    assert set(select("FID", "HDTF", "hallo").subject) == {"Hallo"}
    assert {"Hallo", "Hallo2", "Hallo3"} <= set(select("FID", "HDTF", "hall").subject)


def test_a_report_may_name_what_is_published_only() -> None:
    rows = chosen(("EAT", "Real video"), ("MEAD", "HDTF"))
    assert list(dict.fromkeys(zip(rows.dataset, rows.subject, strict=True))) == [
        ("MEAD", "EAT"), ("MEAD", "Real video"), ("HDTF", "EAT"), ("HDTF", "Real video"),
    ]  # fmt: skip
    assert chosen((), ("MEAD",)).empty
    with pytest.raises(ReportError, match=r"report.reported_methods: nothing is published of 'Eat'; there are .* more"):
        chosen(("Eat",), ("MEAD",))
    with pytest.raises(ReportError, match=r"report.reported_datasets: nothing is published of 'CREMA'"):
        chosen(("EAT",), ("CREMA",))


def test_a_spoilt_registry_is_one_line(tmp_path: Path) -> None:
    sound = pd.read_parquet(Path(str(PATH))).head(3)
    spoilt = {
        "is no finite number": sound.assign(printed=["1", "twelve", "3"]),
        "has columns": sound.rename(columns={"dataset": "corpus"}),
    }
    for fault, frame in spoilt.items():
        path = tmp_path / f"{len(fault)}.parquet"
        frame.to_parquet(path)
        with pytest.raises(ReportError, match=fault) as raised:
            published(path)
        assert "\n" not in str(raised.value) and str(path) in str(raised.value)
    (tmp_path / "text").write_text("no parquet")
    for name in ("text", "gone"):
        with pytest.raises(ReportError, match="restore it"):
            published(tmp_path / name)


def failed(words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> str:
    """The one line that the command prints where it fails."""
    monkeypatch.setattr(sys, "argv", ["reports", *words])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    printed, line = capsys.readouterr(), str(stopped.value.code)  # Python prints it, and exits with 1
    assert printed.out == printed.err == "" and line.startswith("error: ") and "\n" not in line
    return line


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--metric", "FIDD", "--dataset", "HDTF"], "no published values of metric 'FIDD'; there are Acc_emo, AITV"),
        (["--metric", "", "--dataset", "HDTF"], "no published values of metric ''"),
        (["--metric", "FID", "--dataset", "a\nb"], r"on dataset 'a\nb'; there are HDTF, MEAD, RAVDESS, speed"),
        (["--metric", "NIQE", "--dataset", "RAVDESS"], "NIQE is reported on HDTF, MEAD only, not 'RAVDESS'"),
        (["--metric", "FID", "--dataset", "MEAD", "--method", "[.*("], "is not reported of '[.*('; it is of"),
        (["--metric", "\x1b[31m", "--dataset", "MEAD"], r"metric '\x1b[31m'"),
        (["--metric", "FID", "--dataset", "MEAD", "--plot", "plot.pdf"], "plot.pdf: a plot is written as .png or .svg"),
    ],
)
def test_an_unknown_name_is_one_line_that_names_those_there_are(
    words: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    assert message in failed(["reported", *words], monkeypatch, capsys)


@pytest.mark.parametrize("papers", [[], ["--papers"]])
def test_the_command_prints_the_spread(
    papers: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    words = ["reported", "--metric", "fid", "--dataset", "HDTF", "--method", "LatentSync", *papers]
    monkeypatch.setattr(sys, "argv", ["reports", *words])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    text = capsys.readouterr().out
    assert not stopped.value.code and ("SkyReels-Audio" in text) == bool(papers) and ("arXiv" in text) == bool(papers)
    assert "compares with others of the same paper only" in text
