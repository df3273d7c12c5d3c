"""Tables of scores: published numbers beside ours, what was not scored, methods, worst clips and failures."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from eadnet.tables import TRAINING_FILTER, write_table
from metrics.functional.clip_notes import grouped
from metrics.spec import REGISTRY, family_version, first_variants
from metrics.summary.decisions import decide
from metrics.summary.kinds import Kinds
from metrics.summary.overview import overview
from metrics.summary.text import value_table
from metrics.tables import SCORES, SUMMARY
from reports import figures, style
from reports.figures import emotions
from reports.figures import filter as filter_figure
from reports.load import Inputs, ReportError
from reports.published.registry import chosen
from reports.tables import ablation, comparison, formats, worst
from reports.tables import filter as filter_table
from reports.tables.layout import Panel, Table

KEYS = ("psnr@region", "lse_c@corpus-v1", "fid@corpus-v1", "acc_emo@corpus-v1")
RUNS = ("ground_truth", "full", "no_stda", "wav2lip")
KINDS_OF = Kinds(methods=("wav2lip", "eat"), again=("full_again",))


def summary_row(run: str, key: str, mean: float | None, **changes: object) -> dict:
    spec = REGISTRY[key]
    return dict.fromkeys(SUMMARY.names) | {
        "run": run, "seeds": 1, "corpus": "all", "split": "test", "slice": "all", "family": spec.family, "metric": key,
        "metric_version": family_version(spec.family), "level": spec.level, "n": 0 if mean is None else 28,
        "n_missing": 28 if mean is None else 0, "coverage": float(mean is not None), "mean": mean, "ci_low": mean,
        "ci_high": mean, "kind": KINDS_OF.of(run), "headline": True, "clips": 0 if mean is None else 28, "clusters": 9,
    } | changes  # fmt: skip


def score_row(run: str, key: str, clip: str, value: float | None, **changes: object) -> dict:
    return dict.fromkeys(SCORES.names) | {
        "run": run, "seed": 0, "corpus": "mead", "clip_id": clip, "speaker": "M003", "emotion": "happy",
        "family": REGISTRY[key].family, "metric": key, "level": REGISTRY[key].level, "value": value,
        "status": "no_face" if value is None else "ok", "reason": "no face in 9 frames" if value is None else "",
    } | changes  # fmt: skip


@pytest.fixture(scope="module")
def summary() -> pd.DataFrame:
    means = {"ground_truth": 0.5, "full": 0.6, "no_stda": 0.4, "wav2lip": 0.7}
    return pd.DataFrame([summary_row(run, key, means[run]) for run in RUNS for key in KEYS])


def panels(table: Table, *parts: str) -> list[Panel]:
    return [panel for panel in table.panels if all(part in f"{panel.group}/{panel.title}" for part in parts)]


def texts(panel: Panel) -> dict[str, list[str]]:
    return {row[0].text: [" ".join(filter(None, (cell.text, cell.detail))) for cell in row[1:]] for row in panel.rows}


# --------------------------------------------------------------------------------------------- published numbers
def test_published_ranges_stand_below_the_columns_of_the_same_name(summary: pd.DataFrame) -> None:
    table = comparison.build(summary, chosen(("SadTalker", "EAT", "Wav2Lip"), ("HDTF",)))
    sync = next(iter(panels(table, "All people", style.FAMILY_LABELS["lip_sync"], "reported elsewhere")))
    assert sync.header == ("Method ‡", "dataset", "LSE-C")
    assert texts(sync)["Wav2Lip"] == ["HDTF", "3.07–10.04 (49 papers)"]
    on_mead = comparison.build(summary, chosen(("SadTalker", "EAT", "Wav2Lip"), ("MEAD",)))
    emotion = next(iter(panels(on_mead, style.FAMILY_LABELS["emotion"], "reported elsewhere")))
    assert texts(emotion)["EAT"] == ["MEAD", "35.1–75.4 % (11 papers)"]
    assert "never to be subtracted" in sync.title and "‡ Reported elsewhere" in table.caption
    assert "the default corpora are drawn" in table.caption


def test_published_numbers_never_enter_our_rows(summary: pd.DataFrame) -> None:
    plain, shown = comparison.build(summary), comparison.build(summary, chosen(("SadTalker",), ("HDTF",)))
    pd.testing.assert_frame_equal(plain.frame, shown.frame)
    assert [panel for panel in shown.panels if "elsewhere" not in panel.title] == list(plain.panels)
    assert "‡" not in plain.caption and not panels(plain, "reported elsewhere")
    assert not any(cell.strong for panel in panels(shown, "elsewhere") for row in panel.rows for cell in row)


def test_the_mark_of_published_numbers_is_written_in_every_format(summary: pd.DataFrame) -> None:
    table = comparison.build(summary, chosen(("SadTalker",), ("HDTF",)))
    assert "Method ‡" in formats.markdown(table) and r"Method \ddag{}" in formats.latex(table)


# --------------------------------------------------------------------------------------------------- not scored
def test_metrics_without_any_value_are_named_with_their_reason(summary: pd.DataFrame) -> None:
    lost = [summary_row(run, "ssim@region", None, reason="weights absent: alexnet") for run in RUNS]
    some = [summary_row(run, "lse_d@corpus-v1", None if run == "full" else 3.0, reason="no judge") for run in RUNS]
    table = comparison.build(pd.concat([summary, pd.DataFrame([*lost, *some])], ignore_index=True))
    panel = next(iter(panels(table, "Not scored")))
    assert texts(panel) == {"ssim@region": ["weights absent: alexnet"]}
    assert not any("SSIM" in label for panel in table.panels for label in panel.header)
    assert not panels(comparison.build(summary), "Not scored")


def test_nothing_scored_at_all_is_an_error() -> None:
    with pytest.raises(ReportError, match="no value to compare"):
        comparison.build(pd.DataFrame([summary_row("full", "ssim@region", None)]))


# ------------------------------------------------------------------------------------------- methods and judges
def test_other_methods_stand_last_and_bold_is_what_the_summary_calls_best(summary: pd.DataFrame) -> None:
    assert style.order_runs(["wav2lip", "no_stda", "full", "still", "ground_truth", "eat"]) == [
        "ground_truth", "still", "full", "no_stda", "eat", "wav2lip",
    ]  # fmt: skip
    psnr = panel_of(comparison.build(summary.assign(best=summary.run == "wav2lip")), "PSNR")
    assert [row[0].text for row in psnr.rows][-1] == style.run_label("wav2lip") == "wav2lip"
    assert [row[0].text for row in psnr.rows if row[1].strong] == ["wav2lip"]
    plain = comparison.build(summary)
    assert not any(row[1].strong for row in panel_of(plain, "PSNR").rows)  # .7 beats .6, and nothing decides it
    assert "decided" in plain.caption and "9 speakers: no p below 0.004" in plain.caption


def panel_of(table: Table, start: str) -> Panel:
    return next(panel for panel in table.panels if panel.header[1].startswith(start))


def test_fewer_clips_than_others_are_marked_in_clips_and_in_sets(summary: pd.DataFrame) -> None:
    few = summary.run.eq("wav2lip") & summary.metric.isin(["psnr@region", "fid@corpus-v1"])
    table = comparison.build(summary.assign(clips=summary.clips.where(~few, 5)))
    for start in ("PSNR", "FID"):
        marked = [row[0].text for row in panel_of(table, start).rows if row[1].text.endswith("†")]
        assert marked == ["wav2lip"]


def test_offsets_that_cancel_do_not_read_as_perfect() -> None:
    rows = [summary_row("full", "sync_offset@corpus-v1", 0.0, distance=6.5, distance_low=5.0, distance_high=8.0)]
    cell = panel_of(comparison.build(pd.DataFrame(rows)), "Sync offset").rows[0][1]
    assert (cell.text, cell.detail) == ("0.00", "off by 6.50 [5.00, 8.00]")


def compared(run: str, difference: float, p: float, **changes: object) -> dict:
    spread = {"difference_low": difference - 0.01, "difference_high": difference + 0.01, "least_p": 2 / 2**9}
    return summary_row(
        run, "psnr@region", 20 + difference, difference_vs_full=difference, p_vs_full=p, **spread | changes
    )


def test_ablations_and_methods_are_counted_apart_and_the_null_row_not_at_all() -> None:
    rows = [summary_row("full", "psnr@region", 20.0), compared("no_stda", -3.0, 0.02), compared("no_tfrm", 0.0, 0.9),
            compared("wav2lip", -5.0, 0.04), compared("full_again", 0.3, 0.1)]  # fmt: skip
    table = ablation.build(pd.DataFrame(decide(rows, [])))
    assert "1 of 2 differences is decided" in table.caption and "1 of 1 difference is decided" in table.caption
    assert "the seed of training alone may change (null row: full, another seed)" in table.caption
    assert "without STDA (PSNR −3.00)" in table.caption and "9 speakers: no p below 0.004" in table.caption
    groups = {panel.group: [row[0].text for row in panel.rows] for panel in table.panels}
    assert groups[""] == ["EAD-Net (full)", "null row: full, another seed", "without STDA", "without TFRM"]
    assert groups["Methods of other authors"] == ["EAD-Net (full)", "wav2lip"]
    null = next(row for panel in table.panels for row in panel.rows if row[0].text.startswith("null row"))
    assert null[1].muted and not null[1].strong


def test_without_a_null_row_or_enough_speakers_the_caption_says_so() -> None:
    rows = [summary_row("full", "psnr@region", 20.0, clusters=4)]
    rows += [compared(run, -3.0, 0.125, least_p=0.125, clusters=4) for run in ("no_stda", "no_tfrm")]
    caption = ablation.build(pd.DataFrame(decide(rows, []))).caption
    assert "may still be that of a seed" in caption and "4 speakers: no p below 0.125" in caption
    assert "So few speakers allow no p below 0.125" in caption


def test_the_caption_says_what_every_judge_sees_in_ground_truth(summary: pd.DataFrame) -> None:
    caption = comparison.build(summary).caption
    assert "recognises 50 % of 28 clips (corpus-v1)" in caption and "LSE-C of 0.50 (corpus-v1)" in caption
    others = [key for key, spec in REGISTRY.items() if spec.name == "acc_emo" and spec.variant != "corpus-v1"]
    for key in others:
        more = pd.concat([summary, pd.DataFrame([summary_row("ground_truth", key, 0.25)])], ignore_index=True)
        assert f"25 % of 28 clips ({REGISTRY[key].variant})" in comparison.build(more).caption
    assert "recognises" not in comparison.build(summary[summary.run != "ground_truth"]).caption


def test_variants_are_told_apart_by_name() -> None:
    assert style.metric_label("psnr@region") == "PSNR" and style.metric_label("psnr@frame") == "PSNR (frame)"
    assert style.metric_label("lse_c@ref-v1") == "LSE-C (ref-v1)" and style.metric_label("new@x") == "new (x)"
    labels = [style.metric_label(key) for key in REGISTRY]
    assert len(labels) == len(set(labels))


def test_a_quantity_is_tested_once_whatever_its_variants() -> None:
    keys = ["ssim@frame", "psnr@frame", "psnr@region", "m_lmd_px@mediapipe", "predicted_emotion@corpus-v1", "no@such"]
    assert first_variants(keys) == ["psnr@region", "ssim@frame"]
    rows = [summary_row(run, key, 1.0, difference_vs_full=0.1, p_vs_full=0.02 if run == "wav2lip" else None)
            for run in ("full", "wav2lip") for key in ("psnr@region", "psnr@crop", "ssim@region")]  # fmt: skip
    table = ablation.build(pd.DataFrame(decide(rows, [])).astype({"p_vs_full": float, "least_p": float}))
    assert table.frame.query("run == 'wav2lip'").p_holm.tolist() == [0.04, 0.04]  # two quantities, not three


# ------------------------------------------------------------------------------------------- worst clips, failures
def made_scores() -> pd.DataFrame:
    psnr = {"a": 20.0, "b": 18.0, "c": 25.0, "d": 19.0, "e": 30.0}
    rows = [score_row("wav2lip", "psnr@region", clip, value, speaker=clip.upper()) for clip, value in psnr.items()]
    rows[1] |= {"emotion": None}  # a corpus without labels
    rows += [score_row("full", "psnr@region", clip, 1.0) for clip in psnr]
    rows += [score_row("full", "flicker_ratio@region", clip, v) for clip, v in (("a", 0.2), ("b", 1.1), ("c", 1.5))]
    rows += [score_row("full", "mouth_correlation@mediapipe", clip, None) for clip in psnr]
    rows += [score_row("full", "m_lmd@mediapipe", clip, None) for clip in psnr]
    rows += [score_row("full", "acc_emo@corpus-v1", "a", None, status="no_label", reason="")]
    rows += [score_row("full", "fid@corpus-v1", None, 3.0)]
    return pd.DataFrame(rows)


def test_the_worst_clips_are_those_of_the_best_run_by_direction() -> None:
    means = pd.DataFrame([summary_row(run, "psnr@region", 22.4 if run == "wav2lip" else 1.0) for run in RUNS]
                         + [summary_row("full", "flicker_ratio@region", 0.9)])  # fmt: skip
    table = worst.build(made_scores(), means)
    found = table.frame[table.frame.kind == "worst"]
    psnr = found[found.metric == "psnr@region"]
    assert psnr.clip_id.tolist() == ["b", "d", "a"] and psnr.value.tolist() == [18, 19, 20]
    assert "| b    | B " in formats.markdown(table) and r"$-$" not in formats.latex(table)
    assert set(psnr.run) == {"wav2lip"} and psnr.speaker.tolist() == ["B", "D", "A"]
    assert found[found.metric == "flicker_ratio@region"].clip_id.tolist() == ["a", "c", "b"]  # farthest from 1
    assert set(found.metric) == {"psnr@region", "flicker_ratio@region"}


def test_the_best_run_follows_direction_and_is_never_a_baseline() -> None:
    kinds = ["baseline", "trained", "trained", "baseline", "again"]
    runs = ["ground_truth", "full", "no_stda", "still", "full_again"]
    rows = pd.DataFrame({"run": runs, "kind": kinds, "mean": [9.0, 2.0, 3.0, 0.0, 4.0], "distance": np.nan})
    assert worst.best_runs(rows, REGISTRY["psnr@region"]) == {"no_stda"}
    assert worst.best_runs(rows, REGISTRY["lse_d@corpus-v1"]) == {"full"}
    assert worst.best_runs(rows, REGISTRY["flicker_ratio@region"]) == {"full"}
    away = rows.assign(distance=[0.0, 5.0, 2.0, 1.0, 0.0])
    assert worst.best_runs(away, REGISTRY["flicker_ratio@region"]) == {"no_stda"}
    assert worst.best_runs(rows[rows.run != "no_stda"], REGISTRY["psnr@region"]) == set()


def test_seeds_are_averaged_and_ties_go_by_name() -> None:
    rows = [
        score_row("full", "psnr@region", clip, value, seed=seed)
        for clip, values in {"b": (1, 9), "a": (5, 5), "c": (4, 4)}.items()
        for seed, value in enumerate(values)
    ]
    found = worst.worst_clips(pd.DataFrame(rows), pd.DataFrame([summary_row("full", "psnr@region", 4.7)]))  # fmt: skip
    assert found.clip_id.tolist() == ["c", "a", "b"] and found.value.tolist() == [4, 5, 5]


def test_every_clip_without_a_score_is_listed_once_a_family() -> None:
    table = worst.build(made_scores(), pd.DataFrame([summary_row("full", "psnr@region", 1.0)]))
    lost = table.frame[table.frame.kind == "no score"]
    assert lost.clip_id.tolist() == list("abcde") and set(lost.reason) == {"no face in 9 frames"}
    panel = next(iter(panels(table, "Clips that yielded no score")))
    assert texts(panel) == {
        "EAD-Net (full)": [style.FAMILY_LABELS["landmarks"], "no_face", "no face in 9 frames", "a, b, c, d, e", "5"]
    }
    assert "5 of 10 videos lack a score" in table.caption
    whole = worst.build(made_scores().query("value.notna()"), pd.DataFrame([summary_row("full", "psnr@region", 1.0)]))
    assert not panels(whole, "no score") and "yielded a score" in whole.caption
    with pytest.raises(ReportError, match="hold no clip"):
        worst.build(made_scores().query("clip_id.isna()"), pd.DataFrame([summary_row("full", "psnr@region", 1.0)]))


# ------------------------------------------------------------------------------------------------------- emotions
def test_emotions_show_every_recogniser_and_the_levels() -> None:
    rows = pd.DataFrame(
        {"metric": ["predicted_emotion@a"] * 4 + ["predicted_emotion@b"] * 2, "run": ["ground_truth", "full"] * 3,
         "emotion": ["happy"] * 6, "level": [1.0, 1.0, 3.0, 3.0, np.nan, np.nan],
         "predicted": ["happy", "sad", "happy", "happy", "fear", "happy"]}
    )  # fmt: skip
    levels = emotions.by_level(rows[rows.level.notna()])
    assert levels.loc[1.0].to_dict() == {"full": 0.0, "ground_truth": 1.0} and levels.loc[3.0, "full"] == 1
    figure = emotions.build(rows[rows.metric == "predicted_emotion@a"])
    assert len(figure.axes) == 3 and figure.axes[2].get_title() == "By level"
    both = emotions.build(rows.assign(level=2.0))
    titles = [axes.get_title(loc="center") or axes.get_title(loc="left") for axes in both.axes]
    assert len(titles) == 6 and sum("b:" in title for title in titles) == 2
    assert len(emotions.build(rows.assign(level=np.nan)).axes) == 4


# ----------------------------------------------------------------------------------------- filter of training clips
def filter_rows(seed: int = 0) -> pd.DataFrame:
    """Clips of three emotions with round cosines, some unlabelled, some unmeasured."""
    random = np.random.default_rng(seed)
    emotions = random.choice(["happy", "angry", "odd", None], 80, p=[0.4, 0.3, 0.1, 0.2])
    cosines = np.where(emotions == None, np.nan, random.integers(-2, 11, 80) / 10)  # noqa: E711 - by element
    cosines[::7] = np.nan
    columns = {"clip_id": [f"c{n}" for n in range(80)], "emotion": emotions, "cosine": cosines}
    return pd.DataFrame(columns | {"rival": cosines - random.integers(0, 3, 80) / 10, "rival_emotion": "sad"})


def test_every_threshold_keeps_as_many_clips_as_a_loop_counts() -> None:
    rows = filter_rows()
    frame = filter_table.counted(rows)
    assert list(dict.fromkeys(frame.emotion)) == ["angry", "happy", "odd", "all"]
    assert len(frame) == 4 * 10 and sorted(set(frame.threshold)) == [tenth / 10 for tenth in range(10)]
    for row in frame.itertuples():
        labelled = [clip for clip in rows.itertuples() if clip.emotion == row.emotion or row.emotion == "all"]
        clips = [clip for clip in labelled if isinstance(clip.emotion, str)]
        measured = [clip for clip in clips if clip.cosine == clip.cosine]
        assert (row.clips, row.measured) == (len(clips), len(measured)) and len(clips) > len(measured) > 0
        assert row.kept == sum(clip.cosine >= row.threshold for clip in measured)
        assert row.cosine == pytest.approx(sum(clip.cosine for clip in measured) / len(measured))
        assert row.margin == pytest.approx(sum(clip.cosine - clip.rival for clip in measured) / len(measured))


def test_the_filter_s_table_reads_as_its_frame_and_names_who_is_not_in_it() -> None:
    rows = filter_rows()
    table = filter_table.build(rows)
    frame = table.frame.set_index(["emotion", "threshold"])
    shown = {row[0].text: row for row in table.panels[0].rows}
    place = table.panels[0].header.index("≥ 0.8")
    cell, counts = shown["happy"][place], frame.loc[("happy", 0.8)]
    assert cell.text == f"{int(counts.kept)}" and cell.detail == f"({round(100 * counts.kept / counts.measured)} %)"
    unlabelled, lost = rows.emotion.isna().sum(), (rows.emotion.notna() & rows.cosine.isna()).sum()
    assert f"{unlabelled} clips without label would be kept" in table.caption
    assert f"{lost} labelled clips could not be measured" in table.caption


def test_a_filter_without_any_cosine_is_a_sentence(tmp_path: Path) -> None:
    rows = filter_rows().assign(cosine=np.nan, rival=np.nan)
    for none in (rows, rows.assign(emotion=None)):
        table = filter_table.build(none)
        assert not table.panels and "No clip was measured" in table.caption
        paths = formats.write(table, tmp_path)
        assert "No clip was measured" in paths[0].read_text() and len(pd.read_parquet(paths[3])) == 0
        columns = [name for name in TRAINING_FILTER.names if name not in none]
        write_table(none.assign(**dict.fromkeys(columns)), tmp_path / "filter.parquet", TRAINING_FILTER)
        figure = figures.draw("filter", Inputs(training_filter=tmp_path / "filter.parquet"))
        assert "Nothing to show" in figure.texts[1].get_text()


def test_the_filter_s_figure_says_what_the_published_threshold_keeps() -> None:
    rows = filter_rows()
    axes = filter_figure.build(rows).axes[0]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    notes = {labels[round(note.xy[1])]: note.get_text() for note in axes.texts if " of " in note.get_text()}
    for emotion in ("angry", "happy", "odd"):
        cosines = rows.cosine[(rows.emotion == emotion) & rows.cosine.notna()]
        assert notes[emotion].startswith(f"{(cosines >= 0.8).sum()} of {len(cosines)} (")
    assert axes.lines[0].get_xdata()[0] == 0.8 and len(labels) == 4


# ----------------------------------------------------------------------------------------------------- single corpora
def test_distances_and_lse_of_several_corpora_stand_by_corpus_with_their_warnings(summary: pd.DataFrame) -> None:
    note = "warning: 4 clips; below 8 the value depends on the clips more than on the run"
    single = [
        summary_row(run, key, 0.1 * place, corpus=corpus, notes=note if key.startswith("fid") else None)
        for place, (corpus, run) in enumerate((corpus, run) for corpus in ("hdtf", "mead") for run in RUNS)
        for key in KEYS
    ]
    table = comparison.build(pd.concat([summary, pd.DataFrame(single)], ignore_index=True))
    assert not panels(table, "All people/Distribution")[0].title.endswith("Distribution")
    titles = [panel.title for panel in table.panels if panel.group == "All people"]
    assert titles == [
        "Picture",
        "Lip sync, hdtf",
        "Lip sync, mead",
        "Distribution, hdtf",
        "Distribution, mead",
        "Emotion",
    ]
    (warned,) = panels(table, "Warnings")
    assert [[cell.text for cell in row] for row in warned.rows] == [
        ["fid@corpus-v1", "hdtf", note], ["fid@corpus-v1", "mead", note]
    ]  # fmt: skip
    one = pd.concat([summary, pd.DataFrame([row for row in single if row["corpus"] == "mead"])], ignore_index=True)
    assert "Distribution" in [panel.title for panel in comparison.build(one).panels]


def test_text_of_one_run_counts_the_clips_of_a_set() -> None:
    row = score_row("mine", "fid@corpus-v1", None, 4.0, n=3, n_wanted=12, share=0.25, notes="warning: 3 clips")
    lines = value_table(overview([row, score_row("mine", "psnr@region", "c0", 20.0)]).values()).splitlines()
    fid = next(line for line in lines if line.startswith("fid@corpus-v1")).split()
    assert fid[-3:] == ["3", "clips", "25%"] and "4" in fid
    assert lines[-1].startswith("fid@corpus-v1: ") and "warning: 3 clips" in lines[-1]


# ------------------------------------------------------------------------------------------------- notes on clips
def test_notes_on_clips_are_a_footnote_counted_by_method(summary: pd.DataFrame) -> None:
    rows = []
    for place in range(12):
        rate = f"{30 - place % 2}.00 fps brought to 25; " if place < 10 else ""
        late = f"its sound comes +{40 + place} ms late" if place < 3 else ""
        notes = (rate + late).removesuffix("; ") or None
        for key in ("psnr@region", "m_lmd@mediapipe"):
            added = "; ".join(filter(None, (notes, "of this value alone" if key == "psnr@region" else None)))
            rows.append(score_row("wav2lip", key, f"c{place}", 1.0, notes=added or None))
        rows.append(score_row("wav2lip", "lse_c@corpus-v1", f"c{place}", 1.0, notes="own view" if place < 2 else None))
        rows.append(score_row("full", "psnr@region", f"c{place}", 1.0))
    table = comparison.build(summary, scores=pd.DataFrame(rows))
    found = panels(table, "Notes on clips")
    lines = [[cell.text for cell in row] for row in found[0].rows]
    assert [line[1:] for line in lines] == [
        ["10 of 12 clips", "29.00–30.00 fps brought to 25"],
        ["3 of 12 clips", "its sound comes +40–+42 ms late"],
        ["2 of 12 clips", "own view"],
    ]
    assert {line[0] for line in lines} == {style.run_label("wav2lip")}
    for text in (formats.markdown(table), formats.latex(table)):
        assert "10 of 12 clips" in text and "fps brought to 25" in text
    assert not panels(comparison.build(summary, scores=pd.DataFrame(rows).query("run == 'full'")), "Notes on clips")


def test_many_kinds_of_notes_stay_a_few_short_lines() -> None:
    found = grouped([[f"kind {'x' * place} {'long ' * 60}" for place in range(9)]])
    assert len(found) == 5 and all(len(text) <= 160 for _, text in found)
    assert found[-1] == (1, "5 other kinds of notes")
