"""The workflow as a whole, on the smoke configuration: what it plans, makes, remakes, and survives."""

import json
import os
import re
import shutil
import signal
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest
import yaml

from eadnet.config.configuration import TARGETS
from eadnet.jobs.lock_files import Holder
from tests.support.caption_server import Reply, completion, serving
from tests.support.hostile_answers import good_record
from tests.support.workflow_project import Project, await_file

pytestmark = pytest.mark.workflow

TABLE_RULES = {"summarise_scores", "measure_resolution", "make_table", "draw_figure", "write_page", "all"}
RUN_RULES = {"train_run", "synthesise_videos", "measure_videos", "score_family"}
VOLATILE = ["model_commit", "videos_commit", "commit"]


@pytest.fixture(scope="module")
def empty(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A fresh copy in which nothing has run."""
    return Project(root, tmp_path_factory.mktemp("empty"))


# --------------------------------------------------------------------------------------------------- plans
def test_every_target_can_be_planned(empty: Project):
    planned = [target for target in TARGETS if target != "evidence"]  # smoke asks no question
    assert set(planned) <= {job.rule for job in empty.plan(*planned)}


def test_a_run_target_plans_only_what_it_needs(empty: Project, root: Path):
    jobs = empty.plan("no_tfrm")
    assert {name for job in jobs for key, name in job.wildcards.items() if key in ("run", "source")} == {"no_tfrm"}
    rules = Counter(job.rule for job in jobs)
    assert rules["train_run"] == rules["synthesise_videos"] == rules["measure_videos"] == 1
    smoke = yaml.safe_load((root / "config/smoke.yaml").read_text(encoding="utf-8"))
    assert rules["score_family"] == len(smoke["evaluation"]["metrics"])
    assert not {"summarise_scores", "make_table", "draw_figure"} & set(rules)


def test_a_loss_that_is_off_needs_no_network(empty: Project):
    delta = "runs={no_tfrm: {losses: {sync: 0, trepa: 0}}}"
    rules = {job.rule for job in empty.plan("no_tfrm", config=delta)}
    assert not {"pretrain_syncnet", "pretrain_videomae"} & rules
    assert {"pretrain_syncnet", "pretrain_videomae"} <= {job.rule for job in empty.plan("no_tfrm")}


def test_a_run_is_filtered_only_where_its_filter_is_on(empty: Project):
    assert "filter_clips" not in {job.rule for job in empty.plan("no_tfrm")}
    assert "filter_clips" in {job.rule for job in empty.plan("tables")}
    delta = "runs={no_tfrm: {filter: {threshold: 0.5}}}"
    done = empty.snakemake("--dry-run", "--printshellcmds", "--cores", "2", "no_tfrm", config=delta)
    assert done.returncode == 0, done.stdout
    assert (
        "rule filter_clips:" in done.stdout and "--filter results-smoke/training_filter/backbone.parquet" in done.stdout
    )
    assert "filter_clips" not in {job.rule for job in empty.plan("full", config=delta)}


def test_crops_are_asked_for_one_reader_at_a_time_only_where_they_are_not_kept(empty: Project):
    assert not {"restore_crops", "drop_crops"} & {job.rule for job in empty.plan()}
    jobs = empty.plan(config="preprocess={keep_crops: false}")
    readers = [job.wildcards["reader"] for job in jobs if job.rule == "restore_crops"]
    assert len(readers) == len(set(readers)) and {"train_run_full_0", "train_judge_sync", "write_page"} <= set(readers)
    assert [job.rule for job in jobs].count("drop_crops") == 1


def test_captions_need_nothing_trained(empty: Project):
    rules = {job.rule for job in empty.plan("captions")}
    assert {"describe_shard", "collect_true_units", "caption_batch", "encode_captions", "score_captions"} <= rules
    assert not {rule for rule in rules if rule.startswith(("pretrain", "train", "synthesise", "encode_audio"))}


def test_vllm_runs_in_an_environment_of_its_own(empty: Project):
    model = "language_model: {folder: models/tiny}"
    config = "captions={engine: vllm, compared: {blind: {engine: descriptor, labels: false}}, " + model + "}"
    done = empty.snakemake("--dry-run", "--printshellcmds", "--cores", "2", "captions", config=config)
    assert done.returncode == 0, done.stdout
    commands = re.findall(r"workflow.caption_python --environment (\w+) \\\n((?: .*\n)+)", done.stdout)
    environments = {re.search("captions/(main|blind)/", options)[1]: name for name, options in commands}
    assert environments == {"main": "vllm", "blind": "core"}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("autoencoder={chanels: 8}", "error: config: unknown key 'autoencoder.chanels'; did you mean 'channels'?"),
        ("seed=one", "error: config: seed: Input should be a valid integer (got 'one')"),
        ("corpora={folder: {path: nowhere}}", "error: corpora.folder.path: 'nowhere' is not a folder"),
        ("evidence={measures: [psnr@regoin]}", "error: config: evidence: unknown measure 'psnr@regoin'; did you mean"),
    ],
)
def test_a_fault_is_one_plain_line(empty: Project, config: str, message: str):
    done = empty.snakemake("--dry-run", config=config)
    assert done.returncode == 1
    lines = [line for line in done.stdout.splitlines() if not line.startswith(("Using workflow", "Config file"))]
    assert len(lines) == 1
    assert lines[0].startswith(message)


def test_the_page_of_answers_is_made_where_something_is_asked(empty: Project):
    done = empty.snakemake("--dry-run", "evidence")
    fault = done.stdout.splitlines()[-1]
    assert done.returncode == 1 and fault.startswith("error: evidence.questions is empty") and "evidence.yaml" in fault
    asked = "module: TFRM, claim: It helps., run: full, rival: no_tfrm, measures: [psnr@region]"
    rules = {job.rule for job in empty.plan("all", config=f"evidence={{questions: {{frames: {{{asked}}}}}}}")}
    assert {"answer_questions", "write_evidence"} <= rules
    assert not {"answer_questions", "write_evidence"} & {job.rule for job in empty.plan("all")}


PAPER_TABLES = {"hdtf": {"paper_1", "paper_4"}, "mead": {"paper_2", "paper_3"}, "ravdess": {"paper_generalisation"}}


@pytest.mark.parametrize("off", [None, *PAPER_TABLES])
def test_the_paper_s_tables_are_those_of_the_corpora(empty: Project, off: str | None):
    jobs = empty.plan("paper_tables", config=f"corpora={{{off}: null}}" if off else None)
    made = {job.wildcards["table"] for job in jobs if job.rule == "make_table"}
    assert made == {table for corpus, own in PAPER_TABLES.items() if corpus != off for table in own}


def test_a_run_of_one_corpus_has_its_own_backbone_and_that_corpus_alone(empty: Project):
    config = "runs={hdtf: {corpora: [hdtf], text: none}}"
    done = empty.snakemake("--dry-run", "--printshellcmds", "--cores", "2", "hdtf", "no_tfrm", config=config)
    assert done.returncode == 0, done.stdout
    commands = re.findall(r"-m eadnet (\S+) \\\n((?: .*\n)+)", done.stdout)

    def corpora(stage: str, output: str) -> list[str]:
        found = [
            options for name, options in commands if name == stage and f"--output results-smoke/{output}" in options
        ]
        assert len(found) == 1, (stage, output)
        return re.findall(r"--corpora (\w+)", found[0])

    assert corpora("pretrain-backbone", "pretrained/backbone_hdtf ") == ["hdtf"]
    assert corpora("pretrain-backbone", "pretrained/backbone ") == ["hdtf", "mead"]
    assert corpora("synthesise", "videos/hdtf/0") == ["hdtf"] and corpora("synthesise", "videos/no_tfrm/0") == [
        "hdtf",
        "mead",
    ]
    trained = {re.search(r"--run (\S+)", options)[1]: options for name, options in commands if name == "train"}
    assert "--backbone results-smoke/pretrained/backbone_hdtf " in trained["hdtf"]
    assert '"corpora":["hdtf"]' in trained["hdtf"] and '"corpora":null' in trained["no_tfrm"]
    rules = {job.rule for job in empty.plan("hdtf", config=config)}
    assert "train_run" in rules and not any(
        job.wildcards.get("run") == "hdtf" for job in empty.plan("no_tfrm", config=config)
    )


# ---------------------------------------------------------------------------------------------- end to end
def test_the_report_and_all_tables_are_made(finished: Project):
    for name in (
        *("comparison", "ablation", "worst", "reported", "captions", "action_units", "judges", "coverage", "losses"),
        *(name for own in PAPER_TABLES.values() for name in own),
    ):
        for form in ("md", "csv", "tex", "parquet"):
            assert (finished.results / f"tables/{name}.{form}").stat().st_size
    page = (finished.results / "report/index.html").read_text(encoding="utf-8")
    assert "no_tfrm" in page
    summary = pd.read_parquet(finished.results / "summary.parquet")
    runs = {"full", "no_tfrm", "ground_truth", "still", "shuffled_audio", "reconstruction"}
    assert set(summary["run"]) == runs | {"captions:main", "captions:blind"}


def test_every_rule_was_timed(finished: Project):
    rules = {path.name for path in (finished.results / "benchmarks").iterdir()}
    assert {"render_mead", "preprocess_shard", "pretrain_backbone", "train_run", "score_family"} <= rules


def test_a_second_run_has_nothing_to_do(finished: Project):
    assert finished.plan() == []
    assert "Nothing to be done" in finished.run()


def test_a_changed_delta_reruns_that_run_and_the_tables(finished: Project):
    jobs = finished.plan(config="runs={no_tfrm: {tfrm: none, frames: 16, shared_noise: 0.25}}")
    assert {job.rule for job in jobs} == RUN_RULES | TABLE_RULES | {"compare_sets"}
    own = {name for job in jobs for key, name in job.wildcards.items() if key in ("run", "source")}
    assert own == {"no_tfrm"}
    unchanged = {"coverage", "judges", "people", "corpus", "contact_sheet"}
    assert not unchanged & {name for job in jobs for name in job.wildcards.values()}


def test_a_changed_instruction_makes_captions_again_and_nothing_before(finished: Project):
    lexicon = finished.folder / "eadnet/captions/grammar/lexicon.py"
    before = lexicon.read_text(encoding="utf-8")
    lexicon.write_text(before.replace('"annoyed"', '"cross"'), encoding="utf-8")
    try:
        jobs = finished.plan("captions")
    finally:
        lexicon.write_text(before, encoding="utf-8")
    expected = {"caption_batch", "encode_captions", "score_captions", "summarise_captions", "make_table", "captions"}
    assert {job.rule for job in jobs} == expected
    assert {job.wildcards["table"] for job in jobs if "table" in job.wildcards} == {"captions"}


def test_another_captioner_adds_its_own_jobs_and_no_training(finished: Project):
    jobs = finished.plan("captions", config="captions={compared: {quiet: {labels: false}}}")
    assert {job.wildcards["captioner"] for job in jobs if "captioner" in job.wildcards} == {"quiet"}
    assert "encode_captions" not in {job.rule for job in jobs}


def test_a_server_captions_within_the_workflow(finished: Project):
    """The shards of a corpus asked of a server on this machine; the answers are refused once each, then right."""

    def script(request, before):
        return Reply(completion(json.dumps(good_record()) if len(request["messages"]) > 2 else "no"))

    with serving(script) as server:
        told = f"language_model: {{endpoint: '{server.address}', frames: 2}}"
        config = f"captions={{compared: {{served: {{engine: server, labels: false, {told}}}}}}}"
        table = finished.results / "captions/served/mead/0.parquet"
        finished.run(str(table.relative_to(finished.folder)), config=config)
        asked = len(server.asked)
        table.unlink()
        finished.run(str(table.relative_to(finished.folder)), config=config)
        assert len(server.asked) == asked  # all remembered
    captions = pd.read_parquet(table)
    usable = captions[captions["attempts"].notna()]
    assert set(usable["status"]) == {"ok"} and set(usable["attempts"]) == {2} and asked == 2 * len(usable)
    assert set(usable["model"]) == {"tiny@127.0.0.1"}


def test_a_bumped_metric_version_reruns_that_family(finished: Project):
    spec = finished.folder / "metrics/specs/temporal.py"
    before = spec.read_text(encoding="utf-8")
    bumped = re.sub(r'(Family\("temporal", )(\d+)', lambda found: f"{found[1]}{int(found[2]) + 1}", before)
    assert bumped != before
    spec.write_text(bumped, encoding="utf-8")
    try:
        jobs = finished.plan()
    finally:
        spec.write_text(before, encoding="utf-8")
    assert {job.rule for job in jobs} == {"score_family"} | TABLE_RULES
    assert {job.wildcards["family"] for job in jobs if "family" in job.wildcards} == {"temporal"}


def test_a_method_of_others_is_scored_like_a_run(finished: Project, tmp_path: Path):
    videos = pd.read_parquet(finished.results / "videos/ground_truth/0/videos.parquet")
    for row in videos.iloc[1:].itertuples():
        shutil.copy(finished.folder / row.video, tmp_path / f"{row.clip_id}_theirs.mp4")
    method = f"methods={{theirs: {{videos: {tmp_path}}}}}"
    jobs = finished.plan(config=method)
    assert {job.rule for job in jobs} == {
        "collect_method",
        "measure_videos",
        "score_family",
        "compare_sets",
    } | TABLE_RULES
    assert {job.wildcards["source"] for job in jobs if "source" in job.wildcards} == {"theirs"}
    finished.run("theirs", config=method)
    scores = pd.read_parquet(finished.results / "scores/theirs/0/image.parquet").set_index(["metric", "clip_id"])
    truth = pd.read_parquet(finished.results / "scores/ground_truth/0/image.parquet").set_index(["metric", "clip_id"])
    assert scores.loc[("psnr@region", videos.clip_id[0]), "status"] == "missing"
    for clip_id in videos.clip_id[1:]:
        assert scores.value[("psnr@region", clip_id)] == truth.value[("psnr@region", clip_id)]
    assert finished.plan("theirs", config=method) == []
    (tmp_path / f"{videos.clip_id[1]}_theirs.mp4").touch()
    assert "collect_method" in {job.rule for job in finished.plan("theirs", config=method)}


def test_another_seed_adds_its_own_jobs_only(finished: Project):
    jobs = finished.plan(config="seeds=[0, 1]")
    assert {job.wildcards["seed"] for job in jobs if job.rule in RUN_RULES} == {"1"}
    assert not {"pretrain_backbone", "train_judge", "preprocess_shard"} & {job.rule for job in jobs}


def test_a_killed_run_goes_on_and_ends_with_the_same_numbers(root: Path, finished: Project, tmp_path: Path):
    """Snakemake is killed, its training goes on alone and is killed only while the same command waits for it."""
    project = Project(root, tmp_path / "killed")
    folder, log = project.results / "runs/full/0", project.results / "logs/train_run/full_0.log"
    started = [first := project.start()]
    try:
        await_file(folder / "checkpoint/state.pt", first)
        first.kill()
        first.wait()
        orphan = Holder.parse((folder / ".owner.lock").read_bytes())
        os.kill(orphan.pid, signal.SIGSTOP)  # the test is not a race: it does not finish before it is met
        started.append(second := project.start())
        await_file(log, second, text=b"waiting for up to")
        assert f"end it with: kill {orphan.pid}" in log.read_text(encoding="utf-8")
        assert not (project.results / "scores.parquet").exists()
        os.kill(orphan.pid, signal.SIGKILL)
        assert second.wait(900) == 0
    finally:
        for process in started:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    assert "taken over from" in log.read_text(encoding="utf-8") and "resuming at step" in log.read_text(
        encoding="utf-8"
    )
    assert project.plan() == [] and not [*project.results.rglob("*.lock")]
    for name in ("scores.parquet", "summary.parquet", "tables/ablation.parquet", "runs/full/0/train.parquet"):
        pd.testing.assert_frame_equal(table(project.results / name), table(finished.results / name))


def table(path: Path) -> pd.DataFrame:
    """A table without the columns that name the checkout."""
    return pd.read_parquet(path).drop(columns=VOLATILE, errors="ignore")
