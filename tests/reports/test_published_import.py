"""The importer of published numbers: words put right, bad rows refused, and the committed file is its work."""

import sys
from pathlib import Path

import pandas as pd
import pytest
import typer

from reports.load import ReportError
from reports.published import importing
from reports.published.importing import SOURCE, check, convert
from reports.published.protocol import clips_stated
from reports.published.registry import PATH
from reports.published.wording import note_of, paper_name, table_of

# Notes as they stand in the gathered table, with what a reader takes from them.
STATED = [
    ("HDTF: 100 videos; MEAD: 50 videos of 5 people", "HDTF", 100),
    ("HDTF: 100 videos; MEAD: 50 videos of 5 people", "MEAD", 50),
    ("100 random videos each from CelebV-HQ, RAVDESS, HDTF; 512x512, 25 fps", "RAVDESS", 100),
    ("HDTF: 100 random 4-s clips; one-shot", "HDTF", 100),
    ("HDTF: first 8 s of 346 videos (~70k frames); 256x256", "HDTF", 346),
    ("HDTF: 20 subjects x 10 clips of 5-10 s; 512x512", "HDTF", 200),
    ("HDTF: 40 of the 200 test clips, identity-disjoint", "HDTF", 40),
    ("HDTF: 98 test videos (312 train)", "HDTF", 98),
    ("HDTF: 112 source/target clip pairs; 9:1 identity split", "HDTF", 112),
    ("HDTF: 19-clip test split (OTAvatar); one-shot first frame", "HDTF", 19),
    ("HDTF-100: 100 random clips; 512x512", "HDTF", 100),
    ("MEAD-Neutral: 80 test videos (1610 train), frontal neutral", "MEAD", 80),
    ("RAVDESS (Loopy test set, 100 videos)", "RAVDESS", 100),
    ("eval log; 100-sample MEAD subset; 128px aligned crops", "MEAD", 100),
    ("171 videos", "HDTF", 171),
]
NOT_STATED = [
    ("HDTF: 100 videos; MEAD; 512x512", "MEAD"),
    ("HDTF: 10% of identities held out; 512x512; n not stated", "HDTF"),
    ("HDTF: 200-frame inference; 128x128, 25 fps", "HDTF"),
    ("HDTF: ~200 clips", "HDTF"),
    ("HDTF: >200 samples, first 20 s", "HDTF"),
    ("HDTF: 50 videos train, rest test", "HDTF"),
    ("HDTF: 400 unseen identities; 512x512", "HDTF"),
    ("HDTF: 78 test identities, 15 s each; RAVDESS: 2 test identities, 3-4 s", "HDTF"),
    ("HDTF: 100 clips drawn from HDTF and an internal set", "HDTF"),
    ("HDTF: 50 random videos (video-driven); audio-driven set not stated", "HDTF"),
    ("HDTF: first 100 frames of each video; video-driven", "HDTF"),
    ("MEAD: 5 speakers x 5 videos per emotion, frontal", "MEAD"),
    ("MEAD: 10 of 46 identities; HDTF: 25 videos", "MEAD"),
    ("10-s audio clips, cross-identity inference; 512x512", "HDTF"),
    ("HDTF; 256x256", "HDTF"),
]
SOUND = {
    "method": "A", "dataset": "HDTF", "metric": "LSE-C", "value": "7.50", "paper": "P arXiv 2401.00001 Tab.2",
    "protocol_note": "HDTF: 30 videos; 256x256", "arxiv_id": "2401.00001", "table": "", "verified": "yes",
    "direction": "↑", "old_value": "", "metric_stated": "Sync", "unit": "", "row_kind": "own method",
    "status": "added", "check": "",
}  # fmt: skip
NO_COPIES = pd.DataFrame(columns=["source", "source_table", "copying_paper", "copying_table", "equal_values"])


def gathered(*changes: dict[str, str]) -> pd.DataFrame:
    return pd.DataFrame([SOUND | change for change in changes or ({},)], columns=list(SOURCE))


@pytest.mark.parametrize(("note", "dataset", "clips"), STATED)
def test_a_number_of_clips_is_read_where_it_is_stated(note: str, dataset: str, clips: int) -> None:
    assert clips_stated(note, dataset) == clips


@pytest.mark.parametrize(("note", "dataset"), NOT_STATED)
def test_no_number_of_clips_is_made_up(note: str, dataset: str) -> None:
    assert clips_stated(note, dataset) is None


def test_a_row_is_laid_out() -> None:
    row = convert(gathered()).iloc[0]
    assert (row.metric, row.stated, row.printed, row.direction) == ("Sync-C", "Sync", "7.50", "↑")
    assert (row.paper, row.paper_id, row.table) == ("P", "2401.00001", "Table 2")
    assert (row.kind, row.whose, row.checked, row.clips) == ("result", "own method", "by machine", 30)


@pytest.mark.parametrize(
    ("row_kind", "kind", "whose", "copied_from"),
    [
        ("re-run by this paper", "result", "this paper", ""), ("own ablation", "own ablation", "own method", ""),
        ("ground truth", "ground truth", "this paper", ""), ("", "result", "unknown", ""),
        ("copied (= 2404.01647 Table 1)", "copy", "copied", "2404.01647 Table 1"),
        ("copied, rounded (= 2301.01081 Table 1, its own method)", "copy", "copied", "2301.01081 Table 1"),
        ("ground truth, copied (= 2406.08801 Table 1)", "copy", "copied", "2406.08801 Table 1"),
        ("copied (paper: Hallo2 paper)", "copy", "copied", "Hallo2 paper"),
        ("copied (survey: original publications)", "copy", "copied", "original publications"),
    ],
)  # fmt: skip
def test_whose_run_a_value_is(row_kind: str, kind: str, whose: str, copied_from: str) -> None:
    row = convert(gathered({"row_kind": row_kind})).iloc[0]
    assert (row.kind, row.whose, row.copied_from) == (kind, whose, copied_from)


@pytest.mark.parametrize(
    ("metric", "value", "printed_unit", "unit"),
    [("Acc_emo", ".54", "", "share"), ("Acc_emo", "54", "", "%"), ("SSIM", "86.4", "%", "%"), ("SSIM", "0.7", "%", ""),
     ("PSNR", "19.6", "%", "dB"), ("FID", "12", "", "")],
)  # fmt: skip
def test_units_are_those_of_the_value(metric: str, value: str, printed_unit: str, unit: str) -> None:
    assert convert(gathered({"metric": metric, "value": value, "unit": printed_unit})).unit.tolist() == [unit]


def test_notes_say_what_the_paper_did_and_not_how_it_was_found() -> None:
    early = "via public third-party copy/notes of the paper [text-copy id 1]; video dubbing || stated: HDTF; 256x256"
    assert note_of(early, "source not in the store", False) == "video dubbing; HDTF; 256x256; full text not at hand"
    assert note_of("HDTF; n not stated (v1 registry label X)", "v1 rounded; paper prints 2", True) == (
        "HDTF; n not stated; printed with the other arrow"
    )
    assert paper_name("PC-Talk (CVPR 2026)") == "PC-Talk" and table_of("unnumbered (line 9)", "") == "unnumbered"


def test_one_paper_has_one_name() -> None:
    rows = gathered(
        {}, {"paper": "P (CVPR 2026)", "method": "B"}, {"paper": "Longer P arXiv 2401.00001", "method": "C"}
    )
    assert set(convert(rows).paper) == {"P"}


@pytest.mark.parametrize(
    ("check_", "metric", "value", "flags"),
    [
        ("scale 5-10 times the usual (512 px)", "M-LMD", "30", "suspicious"),
        ("values of 6-8: not the SadTalker definition", "Diversity", "7", "suspicious"),
        ("VideoReTalking HDTF SSIM is printed 0.0865 (0.8632 on AVASpeech)", "SSIM", "0.0865", "suspicious"),
        ("VideoReTalking HDTF SSIM is printed 0.0865 (0.8632 on AVASpeech)", "SSIM", "0.93", ""),
        ("4-s clips", "LSE-C", "1.1", ""),
    ],
)
def test_doubts_are_flagged(check_: str, metric: str, value: str, flags: str) -> None:
    assert convert(gathered({"check": check_, "metric": metric, "value": value}))["flags"].tolist() == [flags]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"value": "twelve"}, "value is no finite number"), ({"value": "inf"}, "value is no finite number"),
        ({"value": ""}, "value is no finite number"), ({"metric": "FIDD"}, "metric is none of FID"),
        ({"dataset": "CREMA"}, "dataset is none of HDTF"), ({"verified": "perhaps"}, "verified is none of yes"),
        ({"row_kind": "borrowed"}, "row_kind 'borrowed' of 'A' is not known"), ({"method": ""}, "empty method"),
        ({"metric": "SSIM", "value": "1.2"}, "outside what its quantity can be"),
        ({"metric": "Acc_emo", "value": "101"}, "outside what its quantity can be"),
        ({"metric": "FID", "value": "-1"}, "outside what its quantity can be"),
        ({"verified": "wrong: corrected"}, "no old value"),
        ({"row_kind": "copied (= 2401.00009 Table 1)", "table": "Table 2"}, "1 values are copies"),
    ],
)  # fmt: skip
def test_a_bad_row_is_one_line(change: dict[str, str], fault: str) -> None:
    counted = {"source": "2401.00009", "source_table": "Table 1", "copying_paper": "2401.00001",
               "copying_table": "Table 2", "equal_values": "2"}  # fmt: skip
    copies = pd.DataFrame([counted]) if "Table 2" in change.values() else NO_COPIES
    with pytest.raises(ReportError, match=fault) as raised:
        check(convert(gathered(change)), copies)
    assert "\n" not in str(raised.value)


def test_a_row_given_twice_is_refused() -> None:
    check(convert(gathered({}, {"method": "B"})), NO_COPIES)
    with pytest.raises(ReportError, match=r"line 3 \(A, HDTF, Sync-C, P\): given twice"):
        check(convert(gathered({}, {})), NO_COPIES)


def test_nothing_is_written_of_a_bad_table(tmp_path: Path) -> None:
    gathered({"value": "x"}).to_csv(tmp_path / "values.csv", index=False)
    NO_COPIES.to_csv(tmp_path / "copies.csv", index=False)
    with pytest.raises(ReportError, match="line 2"):
        importing.main(tmp_path / "values.csv", tmp_path / "copies.csv", tmp_path / "out.parquet")
    with pytest.raises(ReportError, match="not readable"):
        importing.main(tmp_path / "gone.csv", tmp_path / "copies.csv", tmp_path / "out.parquet")
    with pytest.raises(ReportError, match="has columns"):
        importing.main(tmp_path / "copies.csv", tmp_path / "copies.csv", tmp_path / "out.parquet")
    assert not (tmp_path / "out.parquet").exists()


def test_the_committed_registry_is_what_the_importer_writes(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [shared / name for name in ("reported_results_v2.csv", "reported_copies.csv")]
    output = tmp_path / "registry.parquet"
    arguments = ["importing", "--csv", str(files[0]), "--copies", str(files[1]), "--output", str(output)]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit) as stopped:
        typer.run(importing.main)
    assert not stopped.value.code
    pd.testing.assert_frame_equal(pd.read_parquet(output), pd.read_parquet(Path(str(PATH))))
