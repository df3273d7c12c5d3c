"""The registry of published numbers: complete, checked, spreads as read in the papers, and never a difference."""

import math
import sys
from pathlib import Path

import pandas as pd
import pytest

from metrics.spec import REGISTRY
from reports import cli
from reports.load import ReportError
from reports.published.printing import papers_text, spread_text
from reports.published.registry import COLUMNS, FLAGS, OURS, PATH, chosen, published, select, spreads
from reports.tables import reported

# Spreads of one method on HDTF over papers, gathered from the papers by hand before this registry was written:
# (lowest, highest) with the digits written down then.
SPREADS = {
    ("Real video", "Sync-C"): ("7.73", "8.98"), ("Real video", "Sync-D"): ("6.36", "6.98"),
    ("SadTalker", "Sync-C"): ("4.60", "7.80"), ("SadTalker", "Sync-D"): ("7.73", "9.21"),
    ("SadTalker", "FID"): ("12.7", "72.0"), ("SadTalker", "FVD"): ("208", "411"),
    ("SadTalker", "CSIM"): ("0.644", "0.929"), ("SadTalker", "E-FID"): ("1.9", "11.8"),
    ("EchoMimic", "FID"): ("9.0", "61.5"), ("EchoMimic", "FVD"): ("156", "384"),
    ("AniPortrait", "E-FID"): ("1.3", "14.8"),
    ("Sonic", "Sync-C"): ("5.12", "8.35"), ("Sonic", "FID"): ("13.5", "53.0"),
    ("Hallo", "FID"): ("19.2", "30.2"), ("Hallo3", "Sync-C"): ("3.18", "7.53"),
    ("Wav2Lip", "Sync-C"): ("7.42", "10.22"), ("Wav2Lip", "Sync-D"): ("5.54", "6.78"),
    ("Wav2Lip", "FID"): ("11.6", "32.2"), ("Wav2Lip", "FVD"): ("184", "543"), ("LatentSync", "FID"): ("8.4", "16.3"),
    ("LatentSync", "FVD"): ("48", "217"), ("MuseTalk", "Sync-C"): ("6.53", "7.17"), ("MuseTalk", "FVD"): ("49", "231"),
}  # fmt: skip


def test_every_value_is_there_with_its_source() -> None:
    table = published()
    assert len(table) == 702 and table.paper.nunique() == 28 and table.method.nunique() == 73
    assert table.dataset.value_counts().to_dict() == {"HDTF": 547, "MEAD": 151, "speed": 4}
    assert table.value.map(math.isfinite).all() and (table[["paper", "protocol_note"]] != "").all(axis=None)
    assert tuple(pd.read_csv(PATH, nrows=0).columns) == COLUMNS
    assert set(" ".join(table["flags"]).split()) == set(FLAGS)


@pytest.mark.parametrize(("subject", "quantity"), SPREADS)
def test_spreads_are_those_read_in_the_papers(subject: str, quantity: str) -> None:
    rows = spreads(select(quantity, "HDTF", subject)).iloc[0]
    for value, written in zip((rows.low, rows.high), SPREADS[subject, quantity], strict=True):
        step = 10.0 ** -len(written.partition(".")[2])
        assert abs(value - float(written)) <= step / 2 + 1e-9


def test_emotion_accuracies_are_brought_to_percent() -> None:
    table = spreads(select("Acc_emo", "MEAD")).set_index("subject")
    assert tuple(table.loc["EAT", ["low", "high"]]) == (41.56, 75.43)
    assert tuple(table.loc["EDTalk", ["low", "high"]]) == (41.99, 81.02)
    share = published().query("metric == 'Acc_emo' and method == 'EAT' and paper.str.startswith('KeyFace')").iloc[0]
    assert share.value == 0.54 and share.common == 54


def test_a_suspicious_value_is_kept_but_in_no_range() -> None:
    rows = select("Sync-C", "MEAD", "EAT")
    spread = spreads(rows).iloc[0]
    assert 12.77 in set(rows.value) and (spread.low, spread.high, spread.suspicious) == (7.29, 8.2155, 1)
    assert "left out as suspicious: 12.77" in spread_text(rows)
    alone = spreads(rows[rows["flags"] == "suspicious"]).iloc[0]
    assert alone["values"] == 0 and math.isnan(alone.low)


def test_two_names_of_one_quantity_are_one() -> None:
    names = [select(name, "hdtf") for name in ("LSE-C", "sync-c", "lse_c", "lse_c@ref-v1")]
    assert all(rows.equals(names[0]) for rows in names) and set(names[0].metric) == {"LSE-C", "Sync-C"}
    assert set(OURS) <= set(published().quantity)
    known = {spec.name for spec in REGISTRY.values()}
    assert {"psnr", "ssim", "lse_c", "lse_d", "fid", "fvd", "acc_emo", "m_lmd_px"} <= known & set(OURS.values())


def test_settings_are_kept_apart_unless_a_method_has_one_only() -> None:
    subjects = set(published().subject)
    assert {"Sonic", "Sonic (image)", "PC-Talk (video)", "PC-Talk (image)"} <= subjects
    assert "Wav2Lip (video)" not in subjects and "LatentSync (video)" not in subjects


def test_the_spread_is_one_aligned_line_a_method() -> None:
    lines = spread_text(select("FID", "HDTF")).splitlines()
    line = next(line for line in lines if line.startswith("SadTalker"))
    assert line.split() == ["SadTalker", "6", "12.7", "21.8", "72.0", "×5.7"]
    assert next(line for line in lines if line.startswith("Diff2Lip")).split()[-1] == "–"
    body = [line for line in lines[2:] if line][:20]
    assert len({len(line) for line in body}) == 1
    text = "\n".join(lines)
    assert "All 49 methods: 6.5 to 72.0, ×11." in text and "up to ×6.8 (EchoMimic, 6 papers)" in text


def test_papers_are_listed_with_their_notes() -> None:
    text = papers_text(select("FVD", "HDTF", "Sonic"))
    assert "89.34" in text and "SoulX-FlashHead Tab.3" in text and "75 HDTF clips" in text
    assert text.splitlines()[0] == "FVD on HDTF, 4 values as printed"


def test_a_method_s_full_name_goes_before_a_part_of_names() -> None:
    assert set(select("FID", "HDTF", "hallo").subject) == {"Hallo"}
    assert set(select("FID", "HDTF", "hall").subject) == {"Hallo", "Hallo2", "Hallo3"}


def test_no_difference_between_papers_is_ever_shown() -> None:
    table = reported.build(published())
    words = [*table.frame.columns, *(label for panel in table.panels for label in panel.header)]
    assert not [word for word in words if "diff" in word.lower() or "Δ" in word or "delta" in word.lower()]
    assert "never subtracted" in table.caption and table.caption.startswith("702 values of 73 methods from 28 sources")
    assert not {"+", "Δ"} & set(spread_text(select("FID", "HDTF")))


def test_the_table_shows_what_several_papers_report_and_holds_all() -> None:
    table = reported.build(published())
    panel = next(panel for panel in table.panels if (panel.group, panel.title) == ("HDTF", "FID"))
    row = next(row for row in panel.rows if row[0].text == "SadTalker")
    assert [cell.text for cell in row[1:]] == ["6", "12.7", "21.8", "72.0", "×5.7"]
    assert all(int(row[1].text) > 1 for panel in table.panels for row in panel.rows)
    assert len(table.frame) == len(table.frame.drop_duplicates(["dataset", "metric", "method"])) > 400
    assert table.frame["values"].sum() + table.frame.suspicious.sum() == 702


def test_a_report_may_name_what_is_published_only() -> None:
    rows = chosen(("EAT", "Real video"), ("MEAD", "HDTF"))
    assert list(dict.fromkeys(zip(rows.dataset, rows.subject, strict=True))) == [
        ("MEAD", "EAT"), ("MEAD", "Real video"), ("HDTF", "Real video"),
    ]  # fmt: skip
    assert chosen((), ("MEAD",)).empty
    with pytest.raises(ReportError, match=r"report.reported_methods: nothing is published of 'Eat'; there are"):
        chosen(("Eat",), ("MEAD",))
    with pytest.raises(ReportError, match=r"report.reported_datasets: nothing is published of 'CREMA'"):
        chosen(("EAT",), ("CREMA",))


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("12.7000", "twelve", "value is no finite number"), ("12.7000", "inf", "value is no finite number"),
        ("12.7000", "", "value is no finite number"), ("A,HDTF", ",HDTF", "empty field"),
        (",copied,", ",doubtful,", "flags are suspicious"), ("B,HDTF", "A,HDTF", "given twice"),
        ("dataset", "corpus", "has columns"), ("A,HDTF", '"A,HDTF', "not readable|has columns|line 2"),
    ],
)  # fmt: skip
def test_a_spoilt_registry_is_one_line(old: str, new: str, fault: str, tmp_path: Path) -> None:
    path = tmp_path / "numbers.csv"
    head = "method,dataset,metric,value,flags,paper,protocol_note\n"
    sound = f"{head}A,HDTF,FID,12.7000,copied,P,note\nB,HDTF,FID,3,,P,note\n"
    path.write_text(sound)
    assert published(path).value.tolist() == [12.7, 3]
    published.cache_clear()
    path.write_text(sound.replace(old, new))
    with pytest.raises(ReportError, match=fault) as raised:
        published(path)
    assert "\n" not in str(raised.value) and str(path) in str(raised.value)
    with pytest.raises(ReportError, match="restore it"):
        published(tmp_path / "gone.csv")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--metric", "FIDD", "--dataset", "HDTF"], "no published values of metric 'FIDD'; there are Acc_emo, AITV"),
        (["--metric", "", "--dataset", "HDTF"], "no published values of metric ''"),
        (["--metric", "FID", "--dataset", "a\nb"], r"on dataset 'a\nb'; there are HDTF, MEAD, speed"),
        (["--metric", "LPIPS", "--dataset", "MEAD"], "LPIPS is reported on HDTF only, not 'MEAD'"),
        (["--metric", "FID", "--dataset", "MEAD", "--method", "[.*("], "is not reported of '[.*('; it is of C-MET"),
        (["--metric", "\x1b[31m", "--dataset", "MEAD"], r"metric '\x1b[31m'"),
    ],
)
def test_an_unknown_name_is_one_line_that_names_those_there_are(
    words: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(sys, "argv", ["reports", "reported", *words])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    printed = capsys.readouterr()
    assert stopped.value.code == 1 and printed.out == "" and printed.err.count("\n") == 1
    assert printed.err.startswith("error: ") and message in printed.err


@pytest.mark.parametrize("papers", [[], ["--papers"]])
def test_the_command_prints_the_spread(
    papers: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    words = ["reported", "--metric", "fid", "--dataset", "HDTF", "--method", "SadTalker", *papers]
    monkeypatch.setattr(sys, "argv", ["reports", *words])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    text = capsys.readouterr().out
    assert (
        not stopped.value.code
        and ("71.95" if papers else "72.0") in text
        and "compares with others of the same paper only" in text
    )
    assert ("arXiv" in text) == bool(papers)
