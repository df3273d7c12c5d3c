"""The paper's Tables 1 to 4 and its test of generalisation: rows, values, parts of the draw, and captions."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from eadnet.config.evaluation import DRAW
from metrics.tables import ALL
from reports.load import ReportError
from reports.tables import formats, paper
from reports.tables.layout import Panel, Table
from tests.support.paper_scores import JUDGED, clip_table, clip_value, experiment, role, scores_of, set_value

# Typed from the paper (arXiv 2604.23325): its rows in its order, and some of what it prints.
METHODS = {
    "1": ["Wav2Lip", "IP-LAP", "MuseTalk", "LatentSync", "Hallo2", "Zhao et al. 2025", "EAD-Net"],
    "2": ["Wav2Lip", "EAMM", "EAT", "LatentSync", "Hallo2", "Zhao et al. 2025", "EAD-Net"],
}
SWITCHES = {"3": ["", "S", "T", "X", "ST", "TX", "SX", "STX"], "4": ["", "S", "T", "ST"]}
COLUMNS = ["FID", "SSIM", "Sync-C", "FVD", "Acc_emo"]
PRINTED = {
    "1": {"Wav2Lip": (32.57, 0.8751, 8.03, 459.543), "Hallo2": (53.47, 0.6668, 5.82, 413.951),
          "EAD-Net": (29.91, 0.8639, 9.04, 312.347)},
    "2": {"EAMM": (156.15, 0.4427, 2.03, 661.170, 23.33), "LatentSync": (44.12, 0.8544, 7.41, 295.258, 43.33),
          "EAD-Net": (41.81, 0.8576, 7.45, 265.082, 46.67)},
    "3": {"– – –": (44.12, 0.8544, 7.41, 295.258, 43.33), "+ + –": (52.20, 0.8557, 7.47, 284.655, 43.33),
          "+ – +": (45.30, 0.8590, 7.14, 307.599, 46.51)},
    "4": {"+ –": (30.80, 0.8636, 9.00, 319.795), "– +": (28.56, 0.8678, 8.85, 281.089)},
}  # fmt: skip
MEAD = {f"m{switches or 'none'}": role(("mead",), switches) for switches in SWITCHES["3"]}
HDTF = {f"h{switches or 'none'}": role(("hdtf",), switches) for switches in SWITCHES["4"]}
GRID = MEAD | HDTF
SIZES = {"hdtf": 6, "mead": 9, "ravdess": 7}
EVERY = tuple(SIZES)


def grid_scores(clips: pd.DataFrame, **more: tuple[str, ...]) -> pd.DataFrame:
    tested = {run: item.corpora for run, item in GRID.items()} | {"mSTX": ("mead", "ravdess")}
    return scores_of(tested | {"ground_truth": EVERY} | more, clips)


@pytest.fixture(scope="module")
def drawn() -> dict[str, Table]:
    """All tables under a draw that leaves clips of MEAD and RAVDESS out, and none of HDTF."""
    clips = clip_table(6, **SIZES)
    return {
        which: paper.build(which, grid_scores(clips), clips, experiment(GRID, draw=True)) for which in paper.CORPORA
    }


def names_of(which: str) -> list[str]:
    signs = [" ".join("+" if part in row else "–" for part in "STX"[: 3 if which == "3" else 2])
             for row in SWITCHES.get(which, [])]  # fmt: skip
    return METHODS.get(which, signs)


def cell(table: Table, row: str, column: str, draw: str = ALL) -> pd.Series:
    frame = table.frame
    found = frame[(frame.row == row) & (frame.column == column) & (frame.draw == draw)]
    assert len(found) == 1
    return found.iloc[0]


def named_rows(panel: Panel) -> list[str]:
    """Names of the rows of a panel that name something, without what says whose they are."""
    names = [" ".join(cell.text for cell in row[: panel.names - 1]).strip() for row in panel.rows]
    return [name for name in names if name]


def line_of(panel: Panel, row: str) -> dict[str, str]:
    """Text and detail of the first row of that name, by header."""
    found = next(r for r in panel.rows if " ".join(cell.text for cell in r[: panel.names - 1]).strip() == row)
    return dict(zip(panel.header, [" ".join(filter(None, (c.text, c.detail))) for c in found], strict=True))


# ------------------------------------------------------------------------------------------------ the paper's shape
@pytest.mark.parametrize("which", ["1", "2", "3", "4"])
def test_rows_columns_and_printed_values_are_the_papers(which: str, drawn: dict[str, Table]):
    table = drawn[which]
    columns = COLUMNS if which in "23" else COLUMNS[:4]
    first = table.frame[(table.frame.source == "paper") & (table.frame.draw == table.frame.draw[0])]
    assert first.row.drop_duplicates().tolist() == named_rows(table.panels[0]) == names_of(which)
    assert first.column.tolist() == columns * len(names_of(which))
    assert [label.split()[0] for label in table.panels[0].header[table.panels[0].names : -1]] == columns
    for row, values in PRINTED[which].items():
        assert first.published[first.row == row].tolist() == list(values)


def test_the_paper_s_digits_are_kept_and_never_subtracted(drawn: dict[str, Table]):
    text = formats.markdown(drawn["2"])
    assert "*661.170*" in text and "*0.4427*" in text and "*35.10*" in text
    assert not [name for name in drawn["2"].frame if "difference" in name or "delta" in name]
    frame = drawn["2"].frame
    own = frame[frame.run.notna() & frame.published.notna()]
    assert len(own) and not (own.value == own.published).any() and "never to be subtracted" in drawn["2"].caption
    assert frame.published[frame.source == "ours"].isna().all()


def test_generalisation_has_no_row_of_the_papers(drawn: dict[str, Table]):
    table = drawn["generalisation"]
    assert set(table.frame.source) == {"ours"} and table.frame.published.isna().all()
    assert named_rows(table.panels[0]) == ["Ground truth", "mSTX"]
    assert not any(cell.muted for panel in table.panels for row in panel.rows for cell in row)


# ------------------------------------------------------------------------------------------- which run is which row
@pytest.mark.parametrize("which", ["3", "4"])
def test_a_row_finds_the_run_of_its_switches(which: str, drawn: dict[str, Table]):
    letter = {"3": "m", "4": "h"}[which]
    runs = drawn[which].frame.drop_duplicates("row").set_index("row").run
    expected = [f"{letter}{switches or 'none'}" for switches in SWITCHES[which]]
    assert [runs[name] for name in names_of(which)] == expected


def test_methods_find_the_whole_network_and_the_bare_one_and_no_text_on_hdtf(drawn: dict[str, Table]):
    for which, whole, bare in (("1", "hST", "hnone"), ("2", "mSTX", "mnone")):
        runs = drawn[which].frame.drop_duplicates("row").set_index("row").run
        assert (runs["EAD-Net"], runs["LatentSync"]) == (whole, bare)
        assert runs[["Wav2Lip", "Hallo2", "Zhao et al. 2025"]].isna().all()
    assert "text is taken to be off" in drawn["1"].caption and "taken to be off" not in drawn["2"].caption


def test_a_run_of_the_corpus_alone_comes_before_one_of_both():
    clips = clip_table(hdtf=4, mead=4)
    both, alone, other = role(("hdtf", "mead"), "STX"), role(("mead",), "STX"), role(("hdtf",), "STX")
    cases = (
        ({"both": both, "alone": alone}, "alone", "Our runs learned from HDTF and MEAD or MEAD. "),
        ({"both": both}, "both", "Our runs learned from HDTF and MEAD. "),
        ({"other": other}, None, "MEAD: 4 test clips. "),
    )
    for runs, expected, said in cases:
        scores = scores_of(dict.fromkeys(runs, ("hdtf", "mead")), clips)
        table = paper.build("2", scores, clips, experiment(runs))
        found = cell(table, "EAD-Net", "FID").run
        assert (None if pd.isna(found) else found) == expected
        assert table.caption.startswith(said)
        assert ("both" in named_rows(table.panels[-1])) == (expected == "alone")


@pytest.mark.parametrize(
    "changes",
    [{"text": "label"}, {"text": "decoupled"}, {"stda": "extended"}, {"tfrm": "dense"}, {"losses": ("sync",)},
     {"losses": ("trepa",)}, {"losses": ()}],
)  # fmt: skip
def test_what_is_not_the_papers_stands_for_no_row_but_below_them(changes: dict):
    clips, runs = clip_table(mead=4), {"a_run": role(("mead",), "STX", **changes)}
    table = paper.build("3", scores_of({"a_run": ("mead",)}, clips), clips, experiment(runs))
    assert table.frame.run[table.frame.source == "paper"].isna().all()
    assert named_rows(table.panels[-1]) == ["a run"] and table.panels[-1].title == "Ours, not in the paper"
    assert cell(table, "a run", "SSIM").value == pytest.approx(mean("a_run", "ssim@crop", clips))
    assert set(table.frame.reason[table.frame.run.isna()]) == {"no run or method of ours stands for this row"}


def test_a_run_without_scores_on_the_corpus_stands_for_no_row():
    clips = clip_table(**SIZES)
    scores = grid_scores(clips)
    scores = scores[(scores.run != "mSTX") | (scores.corpus == "ravdess")]
    table = paper.build("3", scores, clips, experiment(GRID))
    assert pd.isna(cell(table, "+ + +", "FID").run) and cell(table, "+ + –", "FID").run == "mST"
    whole = [row for row in table.panels[0].rows if [c.text for c in row[:4]] == ["+", "+", "+", "paper"]]
    assert [c.text for c in whole[0][4:]] == ["41.81", "0.8576", "7.45", "265.082", "46.67", ""]


def test_runs_of_another_corpus_do_not_stand_below_the_rows():
    clips = clip_table(**SIZES)
    runs = GRID | {"no_trepa": role(("mead",), losses=("sync",)), "h_sync": role(("hdtf",), "ST", losses=("trepa",))}
    scores = grid_scores(clips, no_trepa=("mead", "hdtf"), h_sync=("hdtf",), full_fast=("mead",), still=EVERY)
    extra = {w: named_rows(paper.build(w, scores, clips, experiment(runs)).panels[-1]) for w in "1234"}
    assert extra["1"] == ["Ground truth", "Still reference", "hS", "hT", "h sync"]
    assert extra["2"][:4] == ["Ground truth", "Still reference", "without TREPA", "full fast"]
    assert extra["3"] == ["without TREPA", "full fast"] and extra["4"] == ["h sync"]


# ----------------------------------------------------------------------------------------------------------- values
def mean(run: str, key: str, clips: pd.DataFrame, seeds: tuple[int, ...] = (0,), scale: float = 1.0) -> float:
    return scale * float(np.mean([clip_value(run, key, clip, seed) for clip in clips.clip_id for seed in seeds]))


def test_the_draw_gives_two_parts_with_their_own_values_and_n(drawn: dict[str, Table]):
    clips = clip_table(6, **SIZES)
    mead = clips[clips.corpus == "mead"]
    for draw, part, n in ((DRAW, mead[mead.drawn], 6), (ALL, mead, 9)):
        for column, key, scale in (("SSIM", "ssim@crop", 1), ("Sync-C", "lse_c@corpus-v1", 1),
                                   ("Acc_emo", "acc_emo@corpus-v1", 100)):  # fmt: skip
            found = cell(drawn["3"], "+ – +", column, draw)
            assert found.value * scale == pytest.approx(mean("mSX", key, part, scale=scale)), column
            assert found.n == found.wanted == n
            assert found.ci_low <= found.value <= found.ci_high
        fid = cell(drawn["3"], "+ – +", "FID", draw)
        value = set_value("mSX", "fid@corpus-v1", "mead", draw)
        assert (fid.value, fid.ci_low, fid.ci_high, fid.n) == (value, value - 2, value + 3, n)
    assert cell(drawn["3"], "+ – +", "SSIM", DRAW).value != cell(drawn["3"], "+ – +", "SSIM").value


def test_published_values_stand_beside_the_first_part_only(drawn: dict[str, Table]):
    groups = {panel.group: panel for panel in drawn["3"].panels if not panel.title}
    assert list(groups) == ["6 drawn clips (paper30-v1)", "All test clips"]
    first, second = groups.values()
    grey = [[cell.text for cell in row if cell.muted and cell.text] for row in first.rows]
    assert [row for row in grey if row][0] == ["paper", "44.12", "0.8544", "7.41", "295.258", "43.33"]
    assert len([row for row in grey if row]) == 8
    assert not any(cell.muted or cell.text == "paper" for row in second.rows for cell in row)
    assert {row[-1].text for row in second.rows} == {"9"} and line_of(first, "– – –")["n"] == "6"
    assert "MEAD: 9 test clips, of which paper30-v1 (seed 0) drew 6." in drawn["3"].caption


def test_fewer_clips_than_the_draw_wants_are_all_used_in_one_part(drawn: dict[str, Table]):
    assert [panel.group for panel in drawn["4"].panels] == ["6 drawn clips (paper30-v1)"]
    assert set(drawn["4"].frame.draw) == {ALL} and {row[-1].text for row in drawn["4"].panels[0].rows} == {"6", ""}
    wants = "HDTF: 6 test clips, all drawn by paper30-v1 (seed 0); it wants 30, but the test set has no more."
    assert wants in drawn["4"].caption
    clips = clip_table(mead=30)
    whole = paper.build("3", grid_scores(clips), clips, experiment(GRID, draw=True))
    assert "MEAD: 30 test clips, all drawn by paper30-v1 (seed 0). " in whole.caption
    plain = paper.build("3", grid_scores(clips), clips, experiment(GRID))
    assert "MEAD: 30 test clips. " in plain.caption and DRAW not in plain.caption
    assert [panel.group for panel in plain.panels] == ["All test clips"]


def test_intervals_are_those_of_t_over_clips_where_no_speaker_is_known(drawn: dict[str, Table]):
    clips = clip_table(6, **SIZES)
    mead = clips[clips.corpus == "mead"]
    values = [clip_value("mSX", "ssim@crop", clip) for clip in mead.clip_id]
    found = cell(drawn["3"], "+ – +", "SSIM")
    known = stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))
    assert (found.ci_low, found.ci_high) == pytest.approx(known)
    assert "over speakers (9 speakers: no p below 0.004)" in drawn["3"].caption
    few = clip_table(mead=2)
    table = paper.build("3", grid_scores(few), few, experiment(GRID))
    lone = cell(table, "+ – +", "SSIM")
    assert np.isnan(lone.ci_low) and np.isnan(cell(table, "+ – +", "FID").ci_low) and lone.n == 2
    assert (
        lone.value == pytest.approx(mean("mSX", "ssim@crop", few)) and "[" not in formats.markdown(table).split("##")[1]
    )


def test_seeds_are_averaged_and_counted_once(drawn: dict[str, Table]):
    clips = clip_table(mead=5)
    scores = scores_of({"mSTX": ("mead",)}, clips, seeds=(0, 1, 2))
    table = paper.build("2", scores, clips, experiment(GRID))
    found, fid = cell(table, "EAD-Net", "Sync-C"), cell(table, "EAD-Net", "FID")
    assert found.value == pytest.approx(mean("mSTX", "lse_c@corpus-v1", clips, seeds=(0, 1, 2)))
    assert found.n == fid.n == 5
    value = np.mean([set_value("mSTX", "fid@corpus-v1", "mead", ALL, seed) for seed in (0, 1, 2)])
    assert (fid.value, fid.ci_low, fid.ci_high) == pytest.approx((value, value - 2, value + 3))


def test_accuracy_is_shown_in_percent_and_kept_as_a_share(drawn: dict[str, Table]):
    clips = clip_table(6, **SIZES)
    percent = mean("mSTX", "acc_emo@corpus-v1", clips[clips.corpus == "mead"].head(6), scale=100)
    line = line_of(drawn["2"].panels[0], "EAD-Net")
    shown = next(text for label, text in line.items() if label.startswith("Acc_emo % ↑"))
    assert shown.startswith(f"{percent:.1f} [") and percent > 1
    assert cell(drawn["2"], "EAD-Net", "Acc_emo", DRAW).value == pytest.approx(percent / 100)


def test_a_corpus_without_labels_has_no_column_of_emotion(drawn: dict[str, Table]):
    for which in ("1", "4"):
        assert not any("Acc" in label for panel in drawn[which].panels for label in panel.header)
        assert "Acc_emo" not in set(drawn[which].frame.column) and "Acc_emo" not in drawn[which].caption


# ------------------------------------------------------------------------------------------------ variants and gaps
def test_the_paper_s_variant_comes_before_the_corpus_s_own():
    clips = clip_table(mead=4)
    both = scores_of({"mSTX": ("mead",)}, clips, (*JUDGED, "fid@pytorch-fid", "acc_emo@emotion-fan"))
    table = paper.build("2", both, clips, experiment(GRID))
    assert cell(table, "EAD-Net", "FID").metric == "fid@pytorch-fid"
    assert cell(table, "EAD-Net", "FID").value == set_value("mSTX", "fid@pytorch-fid", "mead")
    assert "FID ↓ (pytorch-fid)" in table.panels[0].header and "Sync-C ↑ (corpus-v1)" in table.panels[0].header
    assert "another scale: Sync-C (ref-v1) and FVD (stylegan-v)." in table.caption
    empty = both.assign(value=both.value.where(both.metric != "fid@pytorch-fid"))
    absent = paper.build("2", empty, clips, experiment(GRID))
    assert cell(absent, "EAD-Net", "FID").metric == "fid@corpus-v1"
    assert "FID (pytorch-fid), Sync-C (ref-v1)" in absent.caption


def test_a_metric_that_is_not_scored_is_dashes_and_a_sentence():
    clips = clip_table(mead=4)
    scores = scores_of({"mSTX": ("mead",)}, clips, [key for key in JUDGED if not key.startswith(("fvd", "acc"))])
    table = paper.build("2", scores, clips, experiment(GRID))
    line = line_of(table.panels[0], "EAD-Net")
    assert line["FVD ↓"] == line["Acc_emo % ↑"] == "–" and "Not scored here: FVD and Acc_emo." in table.caption
    fvd = cell(table, "EAD-Net", "FVD")
    assert np.isnan(fvd.value) and fvd.reason == "no variant of this metric is scored" and fvd.published == 265.082
    assert "Not scored" not in paper.build("2", grid_scores(clips), clips, experiment(GRID)).caption


def test_a_clip_without_a_value_is_marked_and_counted():
    clips = clip_table(mead=6)
    scores = grid_scores(clips)
    lost = (scores.run == "mSTX") & (scores.clip_id == "mead_002") & (scores.metric == "lse_c@corpus-v1")
    scores.loc[lost, ["value", "status", "reason"]] = [None, "no_face", "no face in 9 frames"]
    short = (scores.run == "mSTX") & (scores.metric == "fvd@corpus-v1")
    scores.loc[short, "n"] = 4
    table = paper.build("2", scores, clips, experiment(GRID))
    line = line_of(table.panels[0], "EAD-Net")
    kept = clips[clips.clip_id != "mead_002"]
    assert line["Sync-C ↑ (corpus-v1)"].startswith(f"{mean('mSTX', 'lse_c@corpus-v1', kept):.2f}† [")
    assert line["FVD ↓ (corpus-v1)"].split()[0].endswith("†") and "†" not in line["SSIM ↑ (crop)"]
    assert line["n"] == "4–6" and "†: some clips have no value" in table.caption
    assert "†" not in "".join(line_of(table.panels[0], "LatentSync").values())
    found = cell(table, "EAD-Net", "Sync-C")
    assert (found.n, found.wanted) == (5, 6)
    assert "†" not in paper.build("2", grid_scores(clips), clips, experiment(GRID)).caption


def test_a_run_of_which_nothing_was_scored_says_why():
    clips = clip_table(mead=6)
    scores = grid_scores(clips)
    lost = (scores.run == "mSTX") & (scores.metric == "ssim@crop")
    scores.loc[lost, ["value", "status", "reason"]] = [None, "no_face", "no face in 9 frames"]
    found = cell(paper.build("2", scores, clips, experiment(GRID)), "EAD-Net", "SSIM")
    assert np.isnan(found.value) and (found.n, found.wanted, found.reason) == (0, 6, "no face in 9 frames")


def test_calm_clips_count_in_every_column_but_emotion(drawn: dict[str, Table]):
    clips = clip_table(ravdess=8)
    scores = scores_of({"mSTX": ("ravdess",)}, clips)
    calm = scores.clip_id.isin(["ravdess_001", "ravdess_005"]) & (scores.metric == "acc_emo@corpus-v1")
    scores.loc[calm, ["value", "status"]] = [None, "no_label"]
    table = paper.build("generalisation", scores, clips, experiment(GRID))
    line = line_of(table.panels[0], "mSTX")
    right = mean("mSTX", "acc_emo@corpus-v1", clips[~clips.clip_id.isin(["ravdess_001", "ravdess_005"])], scale=100)
    assert line["Acc_emo % ↑ (corpus-v1)"].startswith(f"{right:.1f} [") and line["n"] == "6–8"
    assert "†" not in "".join(line.values()) and "calm is no emotion of MEAD's" in table.caption
    assert [int(cell(table, "mSTX", name).n) for name in COLUMNS] == [8, 8, 8, 8, 6]


# ------------------------------------------------------------------------------------------------ methods of others
def test_a_method_of_others_fills_its_row_and_its_failures_lower_n():
    clips = clip_table(hdtf=6, mead=6, ravdess=5)
    scores = grid_scores(clips, wav2lip=EVERY, theirs=EVERY)
    failed = (scores.run == "wav2lip") & (scores.clip_id == "hdtf_001")
    scores.loc[failed, ["value", "status", "reason"]] = [None, "missing", "no video"]
    scores.loc[(scores.run == "wav2lip") & (scores.corpus == "hdtf") & (scores.level == "set"), "n"] = 5
    given = experiment(GRID, methods=("wav2lip", "theirs"))
    first = paper.build("1", scores, clips, given)
    line = line_of(first.panels[0], "Wav2Lip")
    kept = clips[(clips.corpus == "hdtf") & (clips.clip_id != "hdtf_001")]
    assert line["SSIM ↑ (crop)"].startswith(f"{mean('wav2lip', 'ssim@crop', kept):.3f}† [") and line["n"] == "5"
    assert line["FID ↓ (corpus-v1)"].split()[0].endswith("†")
    assert cell(first, "Wav2Lip", "FID").published == 32.57 and cell(first, "Wav2Lip", "FID").run == "wav2lip"
    assert "theirs" in named_rows(first.panels[-1]) and "wav2lip" not in named_rows(first.panels[-1])
    assert "theirs" not in paper.build("3", scores, clips, given).frame.run.tolist()
    tried = named_rows(paper.build("generalisation", scores, clips, given).panels[0])
    assert tried == ["Ground truth", "mSTX", "theirs", "wav2lip"]


# ---------------------------------------------------------------------------------------------------------- files
@pytest.mark.parametrize("which", list(paper.CORPORA))
def test_every_file_holds_the_whole_frame(which: str, drawn: dict[str, Table], tmp_path):
    table = drawn[which]
    paths = formats.write(table, tmp_path)
    stored, text = pd.read_parquet(paths[3]), pd.read_csv(paths[1], keep_default_na=False, na_values=[""])
    assert list(stored) == list(text) == list(paper.FRAME) and len(stored) == len(text) == len(table.frame)
    for name in ("value", "ci_low", "ci_high", "published", "n", "wanted"):
        np.testing.assert_allclose(text[name].astype(float), stored[name].astype(float))
    known = stored[stored.published.notna() & (stored.draw == stored.draw[0])]
    assert len(known) == {"1": 28, "2": 35, "3": 40, "4": 16, "generalisation": 0}[which]


def test_a_corpus_that_was_not_tested_is_one_line():
    clips = clip_table(mead=4)
    with pytest.raises(ReportError, match=r"no test clip of hdtf was chosen; switch corpora\.hdtf on"):
        paper.build("1", grid_scores(clips), clips, experiment(GRID))
