"""Other published weights: exactly the rules that use them run again."""

import re
from pathlib import Path

import pytest
import yaml

from eadnet.assets import read_table
from eadnet.captions.engines.weights import locate
from eadnet.config.captions import Captions
from eadnet.config.configuration import Config
from eadnet.config.machine import Assets
from metrics.scoring.score import evaluators
from metrics.scoring.settings import ScoringSettings
from metrics.spec import family_specs, pinned_sha256
from tests.support.workflow_project import Project
from workflow.weights import captioner_weights, extractor_weights, family_weights, preprocessing_weights, weights_of

OTHER = "ab" * 32
PUBLISHED = {  # a network of every kind as published, that fits the smoke configuration
    "preprocess": {"detector": "yunet", "sync_weights": "syncnet-v2", "quality_weights": "hyperiqa"},
    "captions": {
        "encoder": "t5",
        "weights": "t5-base",
        "compared": {"large": {"engine": "transformers", "language_model": {"weights": "qwen2.5-vl-7b-instruct"}}},
    },
    "audio": {"encoder": "whisper", "weights": "whisper-tiny"},
    "autoencoder": {"kind": "kl", "weights": "sd-vae-ft-mse", "factor": 8, "channels": 4},
    "syncnet": {"kind": "stable", "weights": "latentsync-syncnet", "width": 32, "embedding": 2048},
    "videomae": {"kind": "v2", "weights": "videomae-v2-g"},
    "backbone": {"network": {"audio_width": 384}},
    "training": {"losses": {"lpips": 0.1}},
    "evaluation": {"metrics": ["image", "perceptual", "syncnet", "identity", "hsemotion"], "calibrate": True},
}
OF_ITSELF = re.compile(r"reason: (Params have changed|.*/fetched/)")  # new digests, or their checked file
ALL_FAMILIES = {"calibrate_metrics", "measure_resolution"}
MEASURED = {"measure_videos", "measure_truth"}
RERUN = {
    "sd-vae-ft-mse": {"pretrain_autoencoder"},
    "latentsync-syncnet": {"pretrain_syncnet"},
    "videomae-v2-g": {"pretrain_videomae"},
    "whisper-tiny": {"encode_audio"},
    "t5-base": {"encode_captions"},
    "qwen2.5-vl-7b-instruct": {"caption_batch large"},
    "yunet": {"preprocess_shard"},
    "hyperiqa": {"preprocess_shard"},
    "syncnet-v2": {"preprocess_shard", "score_family syncnet", *MEASURED, *ALL_FAMILIES},
    "vgg16": {"adopt_lpips", "score_family perceptual", *ALL_FAMILIES},
    "arcface-r50": {"score_family identity", *MEASURED, *ALL_FAMILIES},
    "hsemotion": {"score_family hsemotion", "compare_sets", *ALL_FAMILIES},
    "inception-fid": set(),
}


@pytest.fixture(scope="module")
def made(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project in which Snakemake takes every file for made, with the published weights of `PUBLISHED`."""
    folder = tmp_path_factory.mktemp("weights") / "project"
    project = Project(root, folder, ("config/smoke.yaml", "published.yaml"))
    (folder / "published.yaml").write_text(yaml.safe_dump(PUBLISHED), encoding="utf-8")
    done = project.snakemake("--summary", "--cores", "1")
    assert done.returncode == 0, done.stdout
    for path in (line.split("\t")[0] for line in done.stdout.splitlines() if line.startswith("results-smoke")):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).touch()
    done = project.snakemake("--touch", "--forceall", "--cores", "1")
    assert done.returncode == 0, done.stdout
    return project


@pytest.mark.workflow
def test_with_the_same_weights_nothing_is_made_again(made: Project):
    assert made.plan() == []


@pytest.mark.workflow
@pytest.mark.parametrize("asset", RERUN)
def test_a_changed_digest_makes_what_uses_the_weights_again_and_nothing_else(made: Project, asset: str):
    key = read_table()[asset][-1].key
    done = made.snakemake("--dry-run", "--cores", "1", config=f'assets={{sha256: {{"{key}": "{OTHER}"}}}}')
    assert done.returncode == 0, done.stdout
    jobs = re.findall(r"^(?:local)?rule (\w+):\n((?:    .*\n)*)", done.stdout, re.MULTILINE)
    planned = {label(rule, body) for rule, body in jobs}
    changed = {label(rule, body) for rule, body in jobs if OF_ITSELF.search(body)}
    changed -= {"write_page"}  # shows the configuration
    uses = RERUN[asset] | ({f"fetch_asset {asset}"} if RERUN[asset] else set())
    assert changed <= uses, "a job with new inputs too names only these"
    assert uses <= planned and bool(changed) == bool(uses)
    assert len([job for job in planned if job.startswith("fetch_asset")]) == bool(uses)
    rest = [body for rule, body in jobs if not OF_ITSELF.search(body) and rule != "all"]
    assert all("reason: Input files updated by another job" in body for body in rest)


def label(rule: str, body: str) -> str:
    found = re.search(r"wildcards: .*\b(?:family|captioner|asset)=([\w.-]+)", body)
    return f"{rule} {found[1]}" if found else rule


def test_where_nothing_published_is_used_there_are_no_digests():
    config = Config()
    assert weights_of(config, None) == preprocessing_weights(config) == captioner_weights(config, "main") == {}
    assert family_weights(config, ["image", "lip_sync"]) == {}
    few = config.model_copy(update={"evaluation": config.evaluation.model_copy(update={"metrics": ("frames",)})})
    assert extractor_weights(few) == extractor_weights(few, of_truth=True) == {}


def test_a_digest_is_the_one_that_the_configuration_accepts():
    (file,) = read_table()["whisper-tiny"]
    config = Config()
    assert weights_of(config, "whisper-tiny") == {file.key: file.sha256}
    other = config.model_copy(update={"assets": Assets(sha256={file.key: OTHER})})
    assert weights_of(other, "whisper-tiny", None) == {file.key: OTHER}


def test_true_videos_are_measured_for_fewer_families():
    chosen = Config().evaluation.model_copy(update={"metrics": ("identity", "emotion_fan", "hsemotion")})
    config = Config().model_copy(update={"evaluation": chosen})
    assert {key.partition("/")[0] for key in extractor_weights(config)} == {"arcface-r50", "emotion-fan"}
    assert {key.partition("/")[0] for key in extractor_weights(config, of_truth=True)} == {"arcface-r50"}


def test_a_language_model_of_other_files_answers_anew(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Answers are remembered by the model's identity."""
    monkeypatch.setattr("eadnet.captions.engines.weights.fetch", lambda name, settings: tmp_path)
    name = "qwen2.5-vl-7b-instruct"
    chosen = Captions(engine="transformers", language_model={"weights": name})
    file = read_table()[name][0]
    pinned = f"{name}@{file.revision[:12]}"
    assert locate(chosen, Assets()) == locate(chosen, Assets(sha256={file.key: file.sha256})) == (tmp_path, pinned)
    others = {locate(chosen, Assets(sha256={file.key: digit * 64}))[1] for digit in "01"}
    assert len(others) == 2 and all(other.startswith(f"{pinned}+sha256:") for other in others)


def test_rows_name_the_weights_that_are_accepted():
    spec = family_specs("i3d")[0]
    place = spec.evaluator.removeprefix("asset:")
    for accepted, expected in (({}, pinned_sha256(spec)), ({place: OTHER.upper()}, OTHER)):
        settings = ScoringSettings(None, "full", 64, 8, Assets(sha256=accepted))
        assert evaluators("i3d", settings)[spec.key] == expected != ""


def test_every_rule_that_is_given_weights_depends_on_their_digests(root: Path):
    texts = [path.read_text(encoding="utf-8") for path in sorted((root / "workflow/rules").glob("*.smk"))]
    rules = [rule for text in texts for rule in re.split(r"^ *rule ", text, flags=re.MULTILINE)[1:]]
    given = [rule for rule in rules if "assets=PLAN.assets" in rule]
    assert len(given) >= 14
    fetching = {rule.partition(":")[0] for rule in rules if "assets=PLAN.fetching" in rule}
    assert fetching == {"fetch_asset", "downloads", "fetch_hdtf_annotations"}, "all others are offline"
    using = [rule for rule in rules if "weights=" in rule and rule.partition(":")[0] not in fetching]
    assert using == given
    for rule in given:
        squeezed = re.sub(r"\s", "", rule)
        weights = re.search(r",weights=(.+?),(?:seed=|version=|shell:|\w+=)", squeezed)[1]
        assert f"fetched=fetched({weights}," in squeezed, f"{rule.partition(':')[0]}: other weights are fetched"
