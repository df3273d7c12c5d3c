"""The report: right numbers in every format, honest captions, deterministic figures, a safe self-contained page."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
from PIL import Image

from eadnet.config.evaluation import Report
from eadnet.tables import CLIPS, GRAPHS, read_table, write_table
from metrics.spec import first_variants
from metrics.tables import SUMMARY
from reports import cli, figures, numbers, style, tables
from reports.figures import emotions, graphs, mouths, times
from reports.gallery import players
from reports.gallery.page import commits
from reports.load import EmptyInputs, Inputs, ReportError, frame_picks, spread
from reports.registry import FIGURES, INPUTS, TABLES
from reports.tables import ablation, comparison, formats, supervision
from reports.tables.layout import Cell, Panel, Table
from tests.support import evidence_fixture, paper_scores, reports_fixture
from tests.support.paths import ROOT

command = typer.main.get_command(cli.app)
HOSTILE = "a_b&50%|<script>alert(1)</script>"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = reports_fixture.make(tmp_path_factory.mktemp("results"), people=2, frames=26, size=64, emotions=1)
    paper_scores.add_to(folder)
    return folder


@pytest.fixture(scope="module")
def inputs(results: Path) -> Inputs:
    return Inputs(
        settings=Report(strip_clips=2, strip_frames=4, sheet_clips=6),
        experiment=paper_scores.fixture_experiment(),
        **{name: results / f"{name}.parquet" for name in ("scores", "summary", "clips", "captions", "true_units")},
        **{
            name: results / f"{name}.parquet" for name in ("calibration", "training_filter", "test_clips", "resolution")
        },
        **{name: results / name for name in ("judges", "pretrained", "benchmarks")},
        caption_summary=results / "captions" / "summary.parquet",
        sources=sorted(results.glob("corpora/*/*.parquet")),
        downloads=sorted(results.glob("downloads/*.parquet")),
        captioned=sorted(results.glob("captions/*/*/*.parquet")),
        descriptors=sorted(results.glob("descriptors/*/*.parquet")),
        videos=sorted(results.glob("videos/*/0/videos.parquet")),
        measurements=sorted(results.glob("measurements/*/0")),
        training=sorted(results.rglob("train.parquet")),
        graphs=sorted(results.rglob("graphs.parquet")),
        evidence=results / "evidence.parquet",
        questions=evidence_fixture.config().evidence.model_dump_json(),
    )


@pytest.fixture(scope="module")
def summary(results: Path) -> pd.DataFrame:
    return read_table(results / "summary.parquet", SUMMARY)


def succeed(*arguments: str) -> None:
    """Run the command line inside this process: as ``python -m reports`` but without its start-up."""
    command(list(arguments), standalone_mode=False)


# ------------------------------------------------------------------------------------------------------- tables
@pytest.mark.parametrize("name", TABLES)
def test_every_table_is_written_in_four_formats(name: str, inputs: Inputs, tmp_path: Path) -> None:
    table = tables.draw(name, inputs)
    paths = formats.write(table, tmp_path)
    assert [path.name for path in paths] == [f"{name}.{suffix}" for suffix in ("md", "csv", "tex", "parquet")]
    stored = pd.read_parquet(paths[3])
    assert len(stored) == len(table.frame) > 0
    for column in stored.select_dtypes("number"):
        np.testing.assert_allclose(pd.read_csv(paths[1])[column].astype(float), stored[column].astype(float))
    assert "\\toprule" in paths[2].read_text() and paths[0].read_text().startswith("## ")


def test_comparison_holds_the_summary_s_numbers(summary: pd.DataFrame) -> None:
    table = comparison.build(summary)
    row = summary[(summary.run == "full") & (summary.metric == "psnr@region") & (summary.slice == "all")].iloc[0]
    text = formats.markdown(table)
    line = next(line for line in text.splitlines() if line.startswith("| EAD-Net (full)"))
    assert f"{row['mean']:.1f}" in line and f"{row.ci_low:.1f}, {row.ci_high:.1f}" in line
    kept = table.frame.query("run == 'full' and metric == 'psnr@region' and slice == 'all'")
    assert kept["mean"].tolist() == [row["mean"]]
    assert "predicted_emotion@corpus-v1" not in set(table.frame.metric)


def test_partial_coverage_is_marked(summary: pd.DataFrame) -> None:
    cells = [cell for panel in comparison.build(summary).panels for row in panel.rows for cell in row]
    assert any(cell.text.endswith("†") for cell in cells) and any(cell.text == "90–100 %" for cell in cells)


def test_ablation_caption_counts_what_the_data_show(summary: pd.DataFrame) -> None:
    table = ablation.build(summary)
    tested = table.frame[table.frame.p_holm.notna()]
    assert f"{tested.decided.sum()} of {len(tested)} differences" in table.caption
    assert set(tested.run[tested.decided]) == {"label_text"} and "full_again" in set(table.frame.run)
    assert "Not decidedly different from full by any metric: without STDA" in table.caption
    strong = [row[0].text for panel in table.panels for row in panel.rows if any(cell.strong for cell in row)]
    assert set(strong) == {"label for text"}


def test_ablation_says_so_when_no_difference_holds(summary: pd.DataFrame) -> None:
    dull = summary.assign(p_holm=summary.p_holm.where(summary.p_holm.isna(), 0.4), decided=False)
    tested = dull.query("slice == 'all' and run in ('no_stda', 'label_text') and p_vs_full.notna()")
    pairs = tested.metric.isin(first_variants(tested.metric)).sum()
    assert pairs >= 28 and f"At this scale 0 of {pairs} differences" in ablation.build(dull).caption
    alone = summary[summary.run == "full"]
    assert "nothing can be said" in ablation.build(alone).caption
    with pytest.raises(ReportError, match="no run 'full'"):
        ablation.build(summary[summary.run != "full"])


def test_supervision_tells_what_was_trained_and_what_adopted(inputs: Inputs) -> None:
    table = tables.draw("supervision", inputs)
    titles = [panel.title for panel in table.panels]
    assert titles == [
        "Autoencoder (trained here, 400 steps)", "SyncNet (trained here, 400 steps)",
        "VideoMAE (adopted: videomae-v2-g)",
    ]  # fmt: skip
    lines = [re.sub(" +", " ", line) for line in formats.markdown(table).splitlines()]
    assert "| held-out frames, generated region | 29.5 dB |" in lines
    assert "| order accuracy | 75 % |" in lines and "| accuracy at cosine 0.5 | 62 % |" in lines
    assert "| mean cosine, sound in place | 0.60 |" in lines
    assert "| mean cosine, sound from 6 frames later | 0.30 |" in lines
    assert "| flicker | 0.200 | 2.0e−4 |" in lines
    values = table.frame.set_index(["network", "quantity"]).value
    assert values["syncnet", "pairs"] == 1256 and values["videomae", "pooled_mse.flicker"] == 0.0002


def test_supervision_says_whose_report_is_missing() -> None:
    short = {"pairs": 4, "order_accuracy": 0.5, "cosine_by_offset": {}}  # no held-out clip was long enough to shift
    table = supervision.build({"syncnet": {"report": short, "weights": "", "steps": 1}})
    assert table.caption.endswith("No report was found of Autoencoder and VideoMAE.")
    rows = {row[0].text: row[1].text for row in table.panels[0].rows}
    assert rows["mean cosine, sound in place"] == "–" == rows["accuracy at cosine 0.5"] and rows["window pairs"] == "4"
    assert "trained here, 1 step)" in table.panels[0].title


def test_supervision_without_any_report_is_a_sentence(tmp_path: Path) -> None:
    table = tables.draw("supervision", Inputs(pretrained=tmp_path))
    assert table.caption.endswith("No report was found of Autoencoder, SyncNet and VideoMAE.")
    paths = formats.write(table, tmp_path)
    assert "No report was found" in paths[0].read_text() and len(pd.read_parquet(paths[3])) == 0


def test_names_are_escaped_for_latex_markdown_and_html() -> None:
    table = Table("t", HOSTILE, HOSTILE, (Panel("", (HOSTILE,), ((Cell(HOSTILE, HOSTILE, True),),)),), pd.DataFrame())
    tex = formats.latex(table)
    assert r"a\_b\&50\%\textbar{}\textless{}script" in tex and "<" not in tex
    text = formats.markdown(table)
    assert "<script" not in text and r"a_b&amp;50%\|" in text
    assert formats.escape_markdown("_a_ M003_* b__c") == r"\_a\_ M003\_\* b\_\_c"
    assert formats.escape_latex("x ↑ −1 → 2") == r"x $\uparrow$ $-$1 $\rightarrow$ 2"


# ------------------------------------------------------------------------------------------------------ figures
@pytest.mark.parametrize("name", FIGURES)
def test_figures_show_something(name: str, inputs: Inputs, tmp_path: Path) -> None:
    style.save(figures.draw(name, inputs), tmp_path / f"{name}.svg")
    picture = np.asarray(Image.open(tmp_path / f"{name}.png").convert("L"))
    assert (picture < 200).mean() > 0.005 and picture.shape[1] >= 1500
    assert (tmp_path / f"{name}.svg").read_text().count("<path") > 10
    title, caption = figures.caption(name)
    assert title and len(caption) > 40


@pytest.mark.parametrize("name", FIGURES)
def test_snakemake_s_captions_are_those_of_the_figures(name: str) -> None:
    title, caption = figures.caption(name)
    assert f'"{name}": "{title}. {caption}",' in (ROOT / "workflow/report/figure.rst").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["samples", "times"])
def test_figures_are_deterministic(name: str, inputs: Inputs, tmp_path: Path) -> None:
    for attempt in ("a", "b"):
        style.save(figures.draw(name, inputs), tmp_path / f"{attempt}.svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_a_figure_without_anything_to_show_says_so(inputs: Inputs, summary: pd.DataFrame, tmp_path: Path) -> None:
    alone = tmp_path / "summary.parquet"
    write_table(summary[(summary.run == "full") & (summary.slice == "all")], alone, SUMMARY)
    for name in ("ablation", "slices"):
        figure = figures.draw(name, Inputs(summary=alone))
        assert "Nothing to show" in figure.texts[1].get_text()


def test_runs_without_a_graph_leave_a_sentence(tmp_path: Path) -> None:
    empty = tmp_path / "graphs.parquet"
    write_table([], empty, GRAPHS)
    for inputs in (Inputs(), Inputs(graphs=[empty])):
        assert "no run has learned a frame graph" in figures.draw("graphs", inputs).texts[1].get_text()


def test_graphs_are_read_as_query_by_key_and_averaged_by_offset() -> None:
    columns = ["seed", "clip_id", "query", "key", "weight"]
    chain = [(0, "a", 0, 0, 0.5), (0, "a", 0, 1, 0.5), (0, "a", 1, 1, 1.0)]
    alone = [(0, "b", 0, 0, 1.0), (0, "b", 1, 1, 1.0), (0, "b", 2, 2, 1.0)]
    edges = pd.DataFrame(chain + alone, columns=columns)
    np.testing.assert_allclose(graphs.matrix(edges[edges.clip_id == "a"]), [[0.5, 0.5], [0, 1]])
    assert graphs.by_offset(edges) == pytest.approx({-2: 0, -1: 0, 0: 4.5 / 5, 1: 0.5 / 3, 2: 0})
    assert graphs.distance(edges) == pytest.approx(0.5 / 5)


def test_the_graph_shown_is_that_of_the_full_run(inputs: Inputs) -> None:
    shown = graphs.one_graph(inputs.graphs, "full")
    assert set(shown.run) == {"full"} and shown.clip_id.nunique() == 1
    np.testing.assert_allclose(graphs.matrix(shown[shown.module == "middle"]).sum(1), 1)
    others = inputs.graphs[inputs.graphs.run != "full"]
    assert "without STDA" in graphs.build(others)._suptitle.get_text()


def test_confusion_counts_labels_by_row() -> None:
    rows = pd.DataFrame({"emotion": ["angry", "angry", "sad"], "predicted": ["angry", "fear", "sad"]})
    counts = emotions.confusion(rows)
    assert counts.sum() == 3 and counts[0, 0] == 1 and counts[0, 3] == 1 and counts[6, 6] == 1
    unseen = emotions.confusion(rows[:0])
    assert unseen.shape == (8, 8) and not unseen.any()


def test_mouth_measures_know_their_units() -> None:
    points = np.zeros((3, 478, 2), np.float32)
    points[:, 263, 0], points[:, 14, 1] = 40, (0, 10, 20)
    np.testing.assert_allclose(mouths.lip_gap(points), [0, 0.25, 0.5])
    wave = np.concatenate([np.zeros(640), np.ones(640)])
    np.testing.assert_allclose(mouths.loudness(wave, 2), [0, 1])
    assert np.isnan(mouths.correlation(np.zeros(5), np.arange(5)))


def test_times_sum_jobs_by_rule(inputs: Inputs) -> None:
    rules = times.by_rule(inputs.benchmarks)
    assert rules.index[0] == "pretrain_backbone"
    assert rules.loc["render_mead", "seconds"] == pytest.approx(20.5) and rules.loc["render_mead", "jobs"] == 2


def test_clips_are_picked_by_label_only(inputs: Inputs) -> None:
    shuffled = inputs.test_clips.sample(frac=1, random_state=1)
    assert spread(shuffled).index.tolist() == inputs.test_clips.index.tolist()
    assert set(inputs.test_clips.head(2).seen_speaker) == {True, False}
    assert frame_picks(50, 5).tolist() == [4, 14, 24, 34, 44]


def test_numbers_read_well() -> None:
    assert numbers.number(-0.001, 2) == "0.00" and numbers.number(-1.5, 1) == "−1.5"
    assert numbers.signed(0.25) == "+0.25" and numbers.signed(0.0) == "0.00"
    assert numbers.percent(0.999) == "99 %" and numbers.percent(1.0) == "100 %"
    assert [numbers.decimals([v]) for v in (0.5, 1.2, 23.0, 456.0)] == [3, 2, 1, 0]
    assert [numbers.size(n) for n in (640, 12_000, 3_400_000, 1.2e12)] == ["640 B", "12 kB", "3.4 MB", "1.2 TB"]
    assert numbers.duration(185) == "3 min 05 s" and numbers.listing(["a", "b", "c"]) == "a, b and c"


# ---------------------------------------------------------------------------------------------------- the page
@pytest.fixture(scope="module")
def hostile_page(results: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of a corpus whose captions, reasons and emotions try to break out of it."""
    folder = tmp_path_factory.mktemp("hostile")
    clips = read_table(results / "clips.parquet", CLIPS)
    write_table(clips.assign(emotion=HOSTILE, reason=HOSTILE), folder / "clips.parquet", CLIPS)
    words = [*reports_fixture.options(results), *paper_scores.options(results)]
    words[words.index("--clips") + 1] = str(folder / "clips.parquet")
    for name in ("ablation", "people"):
        succeed("figure", "--name", name, *words, "--output", str(folder / f"{name}.svg"))
    page = folder / "report" / "index.html"
    configuration = '{"seed": "</script><b>"}'
    succeed("page", *words, "--figures", str(folder), "--config", configuration, "--output", str(page))
    return page.read_text()


def test_the_page_asks_nothing_of_a_network(hostile_page: str) -> None:
    bare = re.sub(r"data:[a-z0-9/+]+;base64,[A-Za-z0-9+/=]+", "data:", hostile_page)
    assert not re.findall(r"(?:https?:)?//[a-z]", re.sub(r"/\*.*?\*/", "", bare))
    assert set(re.findall(r'(?:src|href)="([^"#]*)', bare)) <= {"data:", "data:,", ""}
    assert "default-src 'none'" in bare


def test_the_page_escapes_what_comes_from_outside(hostile_page: str) -> None:
    assert "<script>alert" not in hostile_page and "</script><b>" not in hostile_page
    assert "&lt;script&gt;alert(1)" in hostile_page


def test_the_page_shows_videos_figures_tables_and_provenance(hostile_page: str) -> None:
    assert hostile_page.count("<article") == 4
    assert hostile_page.count("<video") == 4 * 5
    assert 'id="figure-ablation"' in hostile_page and "data:image/svg+xml;base64," in hostile_page
    assert "<h3>The paper&#39;s Table 2: methods on MEAD</h3>" in hostile_page
    assert '<td class=" muted"><span>661.170</span></td>' in hostile_page
    assert "0123456789ab" in hostile_page and "Not decidedly different from full" in hostile_page
    assert "3 runs trained on" in hostile_page and "(and full once more with another seed)" in hostile_page
    assert "SyncNet (trained here, 400 steps)" in hostile_page
    assert all(f"<dt>{name}</dt><dd>Published" in hostile_page for name in ("STDA", "TFRM", "Text", "Base"))
    ids = re.findall(r'\bid="([^"]+)"', hostile_page)
    assert len(ids) == len(set(ids)) and set(re.findall(r'href="#([^"]+)"', hostile_page)) <= set(ids)


def test_the_page_names_the_commits_of_models_and_videos_where_they_differ(inputs: Inputs) -> None:
    same = inputs.summary.assign(model_commit="one", videos_commit=None, commit="one")
    assert commits(same) == {"Commit": "one"}
    other = same.assign(model_commit="old, older", videos_commit="old")
    assert commits(other) == {
        "Commit": "one", "Commit of the models": "old and older", "Commit of the videos": "old",
    }  # fmt: skip
    assert commits(same.assign(commit=None, model_commit=None)) == {"Commit": "unknown"}


def test_large_videos_are_made_smaller(inputs: Inputs, monkeypatch: pytest.MonkeyPatch) -> None:
    path = inputs.videos.video.iloc[0]
    whole = players.video_uri(path)
    monkeypatch.setattr(players, "LARGEST", 1)
    monkeypatch.setattr(players, "HEIGHT", 32)
    assert len(players.video_uri(path)) < len(whole)


def test_rows_need_a_video_of_every_run(inputs: Inputs) -> None:
    with pytest.raises(ReportError, match="--videos is missing"):
        players.rows(Inputs(clips=inputs.path("clips")))
    stills = [path for path in inputs.paths("videos") if "still" in str(path)]
    fewer = Inputs(clips=inputs.path("clips"), videos=stills)
    with pytest.raises(EmptyInputs):
        players.rows(fewer)


def test_every_input_can_be_read_and_every_item_names_inputs_that_there_are(inputs: Inputs) -> None:
    read = {"measurements": "measured", "captioned": "captioners", "test_clips": "chosen_clips"}
    for name in INPUTS:
        assert inputs.has(name)
        value = getattr(inputs, read.get(name, name))
        assert len(value.asked if name == "questions" else value)
    for item in (*TABLES.values(), *FIGURES.values()):
        assert set(item.needs) <= INPUTS.keys()
        assert importlib.util.find_spec(item.module), item.name


def test_what_is_made_needs_no_more_than_it_declares(inputs: Inputs) -> None:
    for item, draw in [(item, tables.draw) for item in TABLES.values()] + [
        (item, figures.draw) for item in FIGURES.values()
    ]:
        paths = {name: inputs.paths(name) if INPUTS[name].several else inputs.path(name) for name in item.needs
                 if INPUTS[name].kind != "section"}  # fmt: skip
        if "questions" in item.needs:
            paths["questions"] = inputs.questions.model_dump_json()
        draw(item.name, Inputs(inputs.settings, paper_scores.fixture_experiment() if item.paper else None, **paths))


def test_an_unknown_input_is_named() -> None:
    with pytest.raises(TypeError, match="no input is called sumary; there are sources, downloads"):
        Inputs(sumary=Path("summary.parquet"))


# ----------------------------------------------------------------------------------------------- the command line
def test_a_command_has_the_options_of_the_inputs_that_it_reads() -> None:
    for name in ("table", "figure", "page"):
        options = {option for parameter in command.commands[name].params for option in parameter.opts}
        assert {item.option for item in INPUTS.values()} | {"--experiment", "--settings"} <= options
        several = {p.opts[0] for p in command.commands[name].params if getattr(p, "multiple", False)}
        assert several == {item.option for item in INPUTS.values() if item.several}
    assert [option for parameter in command.commands["times"].params for option in parameter.opts] == ["--benchmarks"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["table", "--name", "comparison", "--output-dir", "x"], "--summary is missing"),
        (["table", "--name", "nonsense", "--output-dir", "x"], "no table 'nonsense'"),
        (["figure", "--name", "losses", "--output", "x.svg"], "--training is missing"),
        (["figure", "--name", "losses", "--training", "gone.parquet", "--output", "x.svg"], "gone.parquet: not found"),
        (["figure", "--name", "times", "--benchmarks", "reports", "--output", "x.svg"], "holds no benchmark"),
        (["figure", "--name", "times", "--settings", '{"tilte": "x"}', "--output", "x.svg"], "did you mean 'title'"),
        (["table", "--name", "supervision", "--output-dir", "x"], "--pretrained is missing"),
        (["table", "--name", "filter", "--output-dir", "x"], "--training-filter is missing"),
        (["page", "--output", "x.html"], "--videos is missing"),
    ],
)
def test_missing_inputs_are_one_clear_line(
    arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(sys, "argv", ["reports", *arguments])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    printed, said = capsys.readouterr(), str(stopped.value.code)  # Python prints it, and exits with 1
    assert printed.out == printed.err == ""
    assert said.startswith("error: ") and "\n" not in said and message in said


def test_times_are_printed_by_rule(results: Path) -> None:
    words = [sys.executable, "-m", "reports", "times", "--benchmarks", str(results / "benchmarks")]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and re.search(r"render_mead +20 s +2 jobs", done.stdout)
