"""The plan of the workflow: what a configuration asks for, without Snakemake and without a file written."""

import functools
import os
from pathlib import Path

import pytest
import yaml

from eadnet.config.configuration import BASELINES, Config, load
from eadnet.config.reference import config_yaml
from eadnet.config.section import ConfigError
from eadnet.corpora.shards import list_shards
from metrics.spec import FAMILIES
from reports.registry import FIGURES, INPUTS, TABLES, asked_of
from workflow.options import as_json, folder_option, options
from workflow.plan import HDTF_ANNOTATIONS, Plan
from workflow.report_plan import ReportPlan
from workflow.stages import STAGE_VERSIONS

MODEL = "<results>/runs/{run}/{seed}/model.safetensors"
VIDEOS = "<results>/videos/{source}/{seed}/videos.parquet"


def plan_of(*mappings: dict) -> Plan:
    """The plan of overlays over the default configuration."""
    config = load(functools.reduce(merged, mappings, yaml.safe_load(config_yaml())))
    return Plan(config, list_shards(config.corpora))


def merged(under: dict, over: dict) -> dict:
    """Both mappings, as Snakemake lays one over the other."""
    both = {
        name: merged(under.get(name) or {}, value) if isinstance(value, dict) else value for name, value in over.items()
    }
    return under | both


@pytest.fixture(scope="module")
def default() -> Plan:
    return plan_of()


@pytest.fixture(scope="module")
def smoke(root: Path) -> Plan:
    return plan_of(overlay(root, "smoke"))


@pytest.fixture(scope="module")
def paper(root: Path) -> Plan:
    return plan_of(overlay(root, "paper"))


def overlay(root: Path, name: str) -> dict:
    """A file of config/."""
    return yaml.safe_load((root / f"config/{name}.yaml").read_text(encoding="utf-8"))


# --------------------------------------------------------------------------------------------------------- names
def test_the_default_draws_three_corpora_and_trains_its_runs_once(default: Plan):
    assert default.origins == dict.fromkeys(("hdtf", "mead", "ravdess"), "synthetic")
    assert default.tested_only == ["ravdess"] and default.of_origin("download") == []
    assert default.runs == tuple(name for name, delta in default.config.runs.items() if delta is not None)
    assert default.seeds == (0,)
    assert default.networks == ("autoencoder", "syncnet", "videomae", "backbone")
    assert default.sources == (*BASELINES, *default.runs)


def test_the_summary_is_given_what_is_no_trained_run(default: Plan, smoke: Plan):
    assert default.kinds == "--again full_again" and smoke.kinds == ""
    variants, methods = {"filtered": {"run": "full"}}, {"wav2lip": {"videos": "x"}}
    both = plan_of({"variants": variants, "methods": methods})
    assert both.kinds == "--again full_again --variant filtered --method wav2lip"


def test_the_smoke_run_is_smaller(smoke: Plan, default: Plan):
    assert set(smoke.runs) == {"full", "no_tfrm"}
    assert len(smoke.per_shard("{corpus}/{shard}")) < len(default.per_shard("{corpus}/{shard}"))
    assert smoke.corpus_root("mead") == "results-smoke/resources/synthetic/mead"


def test_the_paper_downloads_and_fetches_annotations(paper: Plan):
    assert {"hdtf", "mead"} <= set(paper.of_origin("download"))
    assert paper.drawn_truth == []
    first = paper.shards["hdtf"][0]
    annotations = [f"<resources>/hdtf/annotations/{name}.txt" for name in HDTF_ANNOTATIONS]
    assert paper.corpus_files("hdtf", first) == [*annotations, f"<resources>/hdtf/downloads/{first}.parquet"]
    assert paper.corpus_files("mead", "M003") == ["<resources>/mead/downloads/M003.parquet"]
    assert '"annotations":"resources/hdtf/annotations"' in paper.corpus_settings("hdtf")
    assert paper.annotation_files("mead") == []


def test_every_backbone_of_the_paper_is_pretrained_once(paper: Plan):
    backbones = [name for name in paper.networks if name.startswith("backbone")]
    assert len(backbones) == len(set(backbones))
    assert {paper.config.backbone_of(run) for run in paper.runs} == set(backbones)
    for run in paper.runs:
        name = paper.config.backbone_of(run)
        assert paper.stage_one(run)["backbone"] == f"<results>/pretrained/{name}/model.safetensors"


# --------------------------------------------------------------------------------------------------------- files
def test_every_source_has_its_seeds():
    others = dict.fromkeys(name for name in plan_of().runs if name not in ("full", "no_tfrm"))
    plan = plan_of(
        {"seeds": [3, 5], "runs": others},
        {"variants": {"slow": {"run": "full", "synthesis": {"steps": 4}}}, "methods": {"theirs": {"videos": "theirs"}}},
    )
    assert plan.runs == ("full", "no_tfrm") and plan.targets == ("full", "no_tfrm", "slow", "theirs")
    assert [plan.seeds_of(name) for name in ("slow", "theirs", "still")] == [(3, 5), (3,), (3,)]
    per_source = plan.per_source("{source} {seed}")
    once = [f"{name} 3" for name in (*BASELINES, "theirs")]
    assert per_source == [*once, *(f"{name} {seed}" for name in ("full", "no_tfrm", "slow") for seed in (3, 5))]
    assert set(per_source) - set(plan.per_row("{source} {seed}")) == {f"{name} 3" for name in BASELINES}
    families = plan.config.evaluation.metrics
    assert len(plan.per_family("{family} {source} {seed}")) == len(families) * len(per_source)
    assert plan.trained("slow") == [MODEL.format(run="full", seed=seed) for seed in (3, 5)]
    assert plan.trained("theirs") == [] and "theirs" not in plan.generated
    assert plan.run_behind("slow", "5") == {"model": MODEL.format(run="full", seed=5)}
    assert plan.run_behind("shuffled_audio", "3") == {"model": MODEL.format(run="full", seed=3)}
    assert plan.run_behind("still", "3") == {}


def test_a_run_needs_the_networks_of_its_losses_and_its_filter():
    plan = plan_of({"runs": {"full": {}, "bare": {"losses": {"sync": 0, "trepa": 0}, "filter": {"threshold": 0.5}}}})
    assert plan.supervisors("full") == {
        name: f"<results>/pretrained/{name}/model.safetensors" for name in ("syncnet", "videomae")
    }
    assert plan.supervisors("bare") == {}
    assert ("filter" in plan.stage_one("full")) is (plan.config.run("full").filter is not None)
    assert plan.stage_one("bare")["filter"] == "<results>/training_filter/backbone.parquet"


def test_captions_of_every_captioner_cover_every_shard_in_batches_of_its_kind():
    """A language model in the job and the grammar have batches of their own."""
    model = {"engine": "vllm", "language_model": {"folder": "model"}}
    plan = plan_of({
        "captions": model | {"compared": {"blind": {"engine": "descriptor", "labels": False}}},
        "resources": {"caption_model": {"shards": 3}, "caption": {"shards": 0}},
    })  # fmt: skip
    tables = {name: plan.caption_tables(name) for name in ("main", "blind")}
    assert plan.caption_tables() == tables["main"] + tables["blind"]
    for name, stage in (("main", "caption_model"), ("blind", "caption")):
        assert plan.caption_stage(name) == stage
        batches = plan.batches(stage)
        assert tables[name] == [
            f"<results>/captions/{name}/{corpus}/{batch}.parquet" for corpus in plan.shards for batch in batches[corpus]
        ]
        taken = {corpus: sum(own.values(), ()) for corpus, own in batches.items()}
        assert taken == dict(plan.shards)
    assert len(tables["main"]) > len(tables["blind"]) == len(plan.shards)


def test_the_paper_s_captions_start_few_engines(paper: Plan):
    models = [name for name in paper.config.captioner_names if paper.caption_stage(name) == "caption_model"]
    shards = sum(len(own) for own in paper.shards.values())
    starts = sum(len(paper.caption_tables(name)) for name in models)
    assert (starts, shards * len(models)) == (36, 417)  # config/paper.yaml says so


def test_drawn_corpora_are_read_from_what_is_drawn(default: Plan):
    root = "<resources>/synthetic"
    for corpus, shards in default.shards.items():
        for shard in shards:
            assert f"{root}/truth/{corpus}/{shard}.safetensors" in default.drawn_truth
    assert default.corpus_files("mead", "M003") == [f"{root}/mead/M003/{kind}.tar" for kind in ("video", "audio")]
    assert default.corpus_files("ravdess", "A01") == [
        f"{root}/ravdess/Video_{kind}_Actor_01.zip" for kind in ("Speech", "Song")
    ]
    assert len(default.corpus_files("hdtf", "000")) == len(HDTF_ANNOTATIONS) + 1
    assert default.corpus_digest("mead", "M003") == ""


def test_a_folder_on_disk_is_read_again_when_a_file_changes(tmp_path: Path):
    (tmp_path / "a.mp4").write_bytes(b"one")
    config = load({"corpora": {"hdtf": None, "mead": None, "ravdess": None, "folder": {"path": str(tmp_path)}}})
    plan = Plan(config, list_shards(config.corpora))
    assert plan.origins == {"folder": "local"} and plan.corpus_root("folder") == str(tmp_path)
    assert plan.corpus_files("folder", "000") == []
    before = plan.corpus_digest("folder", "000")
    (tmp_path / "a.mp4").write_bytes(b"three")
    assert plan.corpus_digest("folder", "000") == before, "a plan lists a folder once"
    assert Plan(config, plan.shards).corpus_digest("folder", "000") != before


def test_a_part_of_hdtf_costs_jobs_for_what_is_there(tmp_path: Path):
    """Of twelve people in groups of two, two groups have a file; a table without media accounts for the rest."""
    (tmp_path / "annotations").mkdir()
    lines = "".join(f"Person{letter}.mp4 00:01-00:03\n" for letter in "ABCDEFGHIJKL")
    (tmp_path / "annotations/WDA_annotion_time.txt").write_text(lines)
    for name in ("PersonA.mp4", "PersonB.ts", "PersonH_000.mp4"):
        (tmp_path / name).write_bytes(b"video")
    hdtf = {"origin": "local", "path": str(tmp_path), "shard_size": 2}
    plan = plan_of({"corpora": {"hdtf": hdtf, "mead": None, "ravdess": None}})
    assert plan.per_shard("{shard}") == ["000", "003"]
    tables = [f"<results>/corpora/hdtf/{shard}.parquet" for shard in ("000", "003", "rest")]
    assert plan.source_tables == ReportPlan(plan).files(["sources"])["sources"] == tables
    assert len({plan.corpus_digest("hdtf", shard) for shard in ("000", "003", "rest")}) == 3


def test_a_method_is_collected_again_when_its_videos_change_and_a_wrong_folder_is_named(tmp_path: Path):
    (tmp_path / "a.mp4").write_bytes(b"one")
    config = load({"methods": {"theirs": {"videos": str(tmp_path)}, "gone": {"videos": "nowhere"}}})
    before = Plan(config, {}).method_files("theirs")
    os.utime(tmp_path / "a.mp4", (1, 1))
    assert Plan(config, {}).method_files("theirs") != before
    with pytest.raises(ConfigError, match=r"^config: methods\.gone\.videos: nowhere: no such folder$"):
        Plan(config, {}).method_files("gone")


def test_latent_errors_are_of_runs_and_of_variants_that_only_filter():
    variants = {
        "filtered": {"run": "no_tfrm", "synthesis": {"smoothing": 0.5}},
        "slow": {"run": "full", "synthesis": {"steps": 4}},
        "slow_filtered": {"run": "full", "synthesis": {"steps": 4, "smoothing": 0.5}},
    }
    others = dict.fromkeys(name for name in plan_of().runs if name not in ("full", "no_tfrm"))
    metrics = ["image", "latent_error", "temporal"]
    plan = plan_of({"runs": others, "variants": variants, "evaluation": {"metrics": metrics}})
    assert plan.estimated == ("full", "no_tfrm", "filtered") and plan.video_families == ("image", "temporal")
    files = plan.per_family("{source} {family}")
    assert [name for name in files if name.endswith("latent_error")] == [
        f"{source} latent_error" for source in plan.estimated
    ]
    assert files[: len(plan.sources)] == [f"{source} image" for source in plan.sources]
    assert plan.families_of("filtered") == metrics and plan.families_of("slow") == ["image", "temporal"]
    assert plan.run_behind("filtered", "0") == {"model": MODEL.format(run="no_tfrm", seed=0)}


def test_a_family_reads_its_judge_and_the_truth(default: Plan):
    for name, family in FAMILIES.items():
        files = default.family_inputs(name)
        assert ("judge" in files, "truth" in files) == (family.judge is not None, family.needs_truth)
    asked = {
        files["judge"]
        for name in default.config.evaluation.metrics
        if "judge" in (files := default.family_inputs(name))
    }
    assert set(default.asked_judges) == asked and default.asked_judges == sorted(asked)


# ------------------------------------------------------------------------------------------------------- reports
def test_the_default_report_leaves_out_what_there_is_nothing_for(default: Plan):
    report = ReportPlan(default)
    assert set(TABLES) - set(report.tables) == {"availability", "calibration", *asked_of(TABLES)}
    assert set(FIGURES) - set(report.figures) == {"calibration", *asked_of(FIGURES)}
    assert report.paper_tables == ["paper_1", "paper_2", "paper_3", "paper_4", "paper_generalisation"]
    assert set(INPUTS) - set(report.page_needs) == {"graphs", "calibration", "evidence", "questions"}


@pytest.mark.parametrize(
    ("overlay", "item", "tables"),
    [
        ({"evaluation": {"calibrate": True}}, "calibration", True),
        ({"corpora": {"ravdess": None}}, "paper_generalisation", False),
        ({"corpora": {"mead": None, "ravdess": None}}, "paper_3", False),
        ({"runs": {"extended": None}}, "graphs", False),
        ({"corpora": {"ravdess": None}}, "generalisation", False),
    ],
)
def test_a_table_or_figure_is_made_where_there_is_something_to_show(overlay: dict, item: str, tables: bool):
    report = ReportPlan(plan_of(overlay))
    assert (item in (*report.tables, *report.figures)) is tables


def test_questions_keep_their_order_and_need_sets_only_for_measures_of_sets():
    ask = {"module": "M", "claim": "It helps.", "run": "full", "rival": "no_tfrm"}
    section = {"questions": {"b": ask | {"measures": ["psnr@region"]}, "a": ask | {"measures": ["fvd@corpus-v1"]}}}
    plan, report = plan_of({"evidence": section}), ReportPlan(plan_of({"evidence": section}))
    assert (
        plan.asks_of_sets and plan.questions.index('"b"') < plan.questions.index('"a"') and "page" not in plan.questions
    )
    section["questions"]["a"] = None
    assert not plan_of({"evidence": section}).asks_of_sets
    assert "<results>/report/evidence.html" in report.evidence and "evidence" in report.tables
    assert report.options({}, ["questions"]).startswith("--questions '{")
    with pytest.raises(ConfigError, match="--configfile config/evidence.yaml"):
        assert ReportPlan(plan_of()).evidence


def test_a_paper_report_shows_what_could_be_downloaded_and_judges_no_drawn_captions(paper: Plan):
    report = ReportPlan(paper)
    assert "availability" in report.tables and "action_units" not in report.tables
    assert not {"descriptors", "true_units"} & set(report.page_needs)
    assert report.files(["downloads"])["downloads"] == [
        f"<resources>/{corpus}/downloads/{shard}.parquet"
        for corpus in paper.of_origin("download")
        for shard in paper.shards[corpus]
    ]


def test_every_input_of_the_reports_has_files_and_options(default: Plan):
    report = ReportPlan(default)
    files = report.files(INPUTS)
    assert set(INPUTS) - set(files) == {"benchmarks", "questions"}  # Snakemake writes them; a section is no file
    words = report.options({"clips": ["a b/clips.parquet"], "measurements": ["m/full/0/x", "m/full/0/y"]},
                           ["clips", "measurements", "judges", "graphs"])  # fmt: skip
    assert words == "--clips 'a b/clips.parquet' --measurements m/full/0 --judges results/judges"
    assert report.options({}, ["training_filter"]) == ""


# --------------------------------------------------------------------------------------------------------- words
def test_values_become_words_of_a_command(tmp_path: Path):
    assert options("--clips", ["a", "b c"]) == "--clips a --clips 'b c'" and options("--clips", []) == ""
    assert folder_option("truth", {"truth": "m/truth/0/x.parquet"}) == "--truth m/truth/0"
    assert folder_option("truth", {"judge": "x"}) == ""
    assert as_json(Config().report) == as_json(load({}).report)
    assert as_json(Config().captions, only={"engine"}) == '{"engine":"descriptor"}'


def test_the_rules_ask_for_the_version_of_every_stage(root: Path):
    rules = "".join(path.read_text(encoding="utf-8") for path in (root / "workflow/rules").glob("*.smk"))
    unused = [name for name in STAGE_VERSIONS if f'STAGE_VERSIONS["{name}"]' not in rules]
    assert unused == []
    assert rules.count('STAGE_VERSIONS["') > len(STAGE_VERSIONS)
