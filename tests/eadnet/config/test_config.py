"""The configuration: strict, explained, and the same in the models, the YAML file, the schema and the docs."""

import functools
import itertools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from pydantic import BaseModel

from eadnet.config.configuration import BASELINES, RUNS, TARGETS, Config, load
from eadnet.config.corpora import MEAD
from eadnet.config.experiment import experiment_of, run_for
from eadnet.config.networks import Optimiser
from eadnet.config.reference import config_yaml, documents, stale_documents
from eadnet.config.section import ConfigError, parse
from eadnet.config.training import Training
from tests.support.paths import ROOT
from tests.support.workflow_project import Project

OVERLAYS = sorted(path.stem for path in (ROOT / "config").glob("*.yaml"))
KL = {"kind": "kl", "weights": "sd-vae-ft-mse", "factor": 8, "channels": 4}
SHAPED = {"patch": 1, "modulation": "additive"}
PHASE = {"steps": 3, "batch_size": 2, "learning_rate": 1e-3}


def overlaid(root: Path, overlay: str) -> Config:
    """The configuration of an overlay over the default and, for some, another overlay, as Snakemake merges."""
    under = {"rehearsal": ["config/paper.yaml"], "gpu": ["config/evidence.yaml"]}.get(overlay, [])
    files = [(root / path).read_text(encoding="utf-8") for path in (*under, f"config/{overlay}.yaml")]
    return load(functools.reduce(merge, map(yaml.safe_load, (config_yaml(), *files))))


def test_generated_files_are_in_step():
    stale = [str(path) for path in stale_documents()]
    assert not stale, f"{', '.join(stale)} differ from eadnet/config/: run `python -m eadnet.config.reference --write`"


def test_config_yaml_holds_every_default():
    assert load(yaml.safe_load(config_yaml())) == Config()


def test_config_yaml_explains_every_key():
    text = config_yaml().splitlines()
    runs = text.index(next(line for line in text if line.startswith("runs:")))
    silent = [
        line
        for number, line in enumerate(text)
        if ":" in line and "#" not in line and "#" not in text[number - 1] and not runs < number <= runs + len(RUNS)
    ]
    assert silent == []


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_overlay_gives_a_valid_configuration(root: Path, overlay: str):
    config = overlaid(root, overlay)
    assert config.pathvars.results == f"results-{overlay}"
    assert config.pathvars.resources.startswith((config.pathvars.results, "resources"))


def test_smoke_has_full_and_one_ablation(root: Path):
    assert overlaid(root, "smoke").run_names == ("full", "no_tfrm"), "set every other run of RUNS to null in smoke.yaml"


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"autoencoder": {"chanels": 8}}, "unknown key 'autoencoder.chanels'; did you mean 'channels'?"),
        ({"bogus": 1}, "unknown key 'bogus'; remove it"),
        (
            {"corpora": {"mead": {"synthetic": {"siz": 3}}}},
            "unknown key 'corpora.mead.synthetic.siz'; did you mean 'size'?",
        ),
        (
            {"runs": {"full": {}, "mine": {"losses": {"synk": 0}}}},
            "unknown key 'runs.mine.losses.synk'; did you mean 'sync'?",
        ),
        ({"seed": "one"}, "config: seed: Input should be a valid integer (got 'one')"),
        ({"preprocess": {"resolution": 0}}, "config: preprocess.resolution: Input should be greater than 0 (got 0)"),
        ({"preprocess": {"resolution": 100}}, "multiple of autoencoder.factor"),
        ({"runs": {"no_tfrm": {}}}, "runs must hold `full"),
        ({"runs": {"full": {}, "Bad Name": {}}}, "runs.Bad Name"),
        ({"runs": {"full": {}, "tables": {}}}, "runs.tables"),
        ({"corpora": {"hdtf": None, "mead": None, "ravdess": None}}, "corpora names no corpus"),
        ({"corpora": {"hdtf": {"origin": "download"}, "mead": None}}, "corpora.ravdess is drawn but hdtf is not; set"),
        ({"corpora": {"hdtf": None}, "training": {"corpora": ["hdtf"]}}, "runs.full.corpora: 'hdtf' is off; set corp"),
        ({"training": {"corpora": ["ravdess"]}}, "config: training.corpora.0: Input should be 'hdtf', 'mead' or 'fol"),
        ({"training": {"corpora": []}}, "config: training: corpora must name one corpus or more"),
        ({"pathvars": {"result": "x"}}, "unknown key 'pathvars.result'; did you mean 'results'?"),
        ({"training": {"tfrm": False}}, "config: training.tfrm: Input should be 'none', 'published', 'extended'"),
        ({"training": {"tfrm": "learned"}}, "config: training.tfrm: `learned` is called `extended` now"),
        ({"runs": {"full": {}, "mine": {"stda": "light"}}}, "runs.mine.stda: `light` is called `extended_light` now"),
        ({"runs": {"full": {}, "no_semantics": None}}, "runs.no_semantics: the run is called label_text now"),
        ({"backbone": {"network": {"strip_taps": 4}}}, "config: backbone.network: strip_taps must be odd"),
        ({"training": {"visible": 4}}, "config: training.visible: Input should be 1, 3, 5"),
        ({"backbone": {"network": {"patch": 4}}}, "config: backbone.network.patch: Input should be 1 or 2 (got 4)"),
        ({"backbone": {"network": {"widths": [24, "a"]}}}, "config: backbone.network.widths.1: "),
        ({"assets": {"sha256": {"a/b": 3}}}, "config: assets.sha256.a/b: Input should be a valid string (got 3)"),
        ({"synthesis": {"window": 0}}, "config: synthesis.window: Input should be greater than 0 (got 0)"),
        ({"training": {"adaptation": {"step": 3}}}, "unknown key 'training.adaptation.step'; did you mean 'steps'?"),
        ({"training": {"adaptation": {"steps": 3, "batch_size": 2}}}, "training.adaptation.learning_rate: Field requi"),
        ({"training": {"adaptation": PHASE | {"steps": 0}}}, "config: training.adaptation.steps: "),
        (
            {"runs": {"full": {}, "mine": {"adaptation": PHASE | {"wramup": 2}}}},
            "unknown key 'runs.mine.adaptation.wramup'; did you mean 'warmup'?",
        ),
        ({"variants": {"mine": {"rn": "full"}}}, "config: unknown key 'variants.mine.rn'; did you mean 'run'?"),
        ({"variants": {"mine": {}}}, "config: variants.mine.run: Field required"),
        ({"variants": {"mine": {"run": "other"}}}, "config: variants.mine.run: no run is called 'other'"),
        ({"variants": {"mine": {"run": "off"}}, "runs": {"full": {}, "off": None}}, "variants.mine.run: no run"),
        ({"variants": {"no_tfrm": {"run": "full"}}}, "config: variants.no_tfrm: not usable as a name, or already a ru"),
        ({"variants": {"still": {"run": "full"}}}, "config: variants.still: not usable as a name"),
        ({"variants": {"Mine": {"run": "full"}}}, "config: variants.Mine: not usable as a name"),
        (
            {"variants": {"mine": {"run": "full", "synthesis": {"stps": 3}}}},
            "config: unknown key 'variants.mine.synthesis.stps'; did you mean 'steps'?",
        ),
        (
            {"variants": {"mine": {"run": "full", "synthesis": {"steps": 0}}}},
            "config: variants.mine.synthesis.steps: Input should be greater than or equal to 1 (got 0)",
        ),
    ],
)
def test_a_fault_is_one_line_that_names_the_key(mapping: dict, message: str):
    with pytest.raises(ConfigError) as fault:
        load(mapping)
    assert message in str(fault.value)
    assert "\n" not in str(fault.value)


def test_null_leaves_a_run_out():
    config = load({"runs": {"full": {}, "no_tfrm": None, "mine": {"tfrm": "none"}}})
    assert config.run_names == ("full", "mine")
    assert load({"variants": {"mine": {"run": "full"}, "other": None}}).variant_names == ("mine",)


def test_a_run_is_the_base_with_its_delta():
    config = load({})
    assert config.run("full") == config.training
    ablation = config.run("no_sync")
    assert ablation.losses.sync == 0
    assert ablation.model_copy(update={"losses": config.training.losses}) == config.training


@pytest.mark.parametrize(
    ("losses", "networks", "frames"),
    [
        ({}, ("syncnet", "videomae"), True),
        ({"lpips": 0.1}, ("syncnet", "videomae", "lpips"), True),
        ({"sync": 0, "trepa": 0}, (), True),
        ({"sync": 0, "trepa": 0, "perceptual": 0}, (), False),
        ({"trepa": 0, "perceptual": 0}, ("syncnet",), True),
    ],
)
def test_a_loss_that_is_on_needs_its_network_and_decoded_frames(losses, networks, frames):
    run = load({"runs": {"full": {"losses": losses}}}).run("full")
    assert run.supervisors() == run.losses.networks() == networks
    assert run.losses.needs_frames() is frames


def test_a_phase_is_merged_key_by_key_or_switched_off():
    config = load({"training": {"adaptation": PHASE}, "runs": {
        "full": {}, "longer": {"adaptation": {"steps": 9}}, "without": {"adaptation": None},
    }})  # fmt: skip
    assert config.training.adaptation == Optimiser(**PHASE)
    assert config.run("longer").adaptation == Optimiser(**PHASE | {"steps": 9})
    assert config.run("without").adaptation is None


def test_a_variant_is_a_run_sampled_otherwise():
    config = load({"variants": {"whole": {"run": "no_tfrm", "synthesis": {"window": None, "steps": 4}}}})
    assert [config.run_of(name) for name in ("whole", "full", "still")] == ["no_tfrm", "full", "still"]
    sampled = config.synthesis_of("whole")
    assert (sampled.window, sampled.steps) == (None, 4)
    assert sampled.model_copy(update={"window": 16, "steps": 2}) == config.synthesis == config.synthesis_of("full")


def test_the_variants_of_the_settings_are_those_of_the_modules():
    from eadnet.models.extended import stda, tfrm

    offered = {name: get_args(Training.model_fields[name].annotation) for name in ("stda", "tfrm")}
    assert set(offered["stda"]) == {"none", "published", *stda.VARIANTS}
    assert set(offered["tfrm"]) == {"none", "published", *tfrm.VARIANTS}


def test_the_grid_holds_every_combination_of_stda_tfrm_and_text(root: Path):
    config = overlaid(root, "grid")
    runs = [config.run(name) for name in config.run_names]
    bare = [run for run in runs if run.losses == config.training.losses and run.fusion == "added"]
    found = {(run.stda != "none", run.tfrm != "none", run.text == "caption") for run in bare if run.text != "label"}
    assert found == set(itertools.product((False, True), repeat=3))


@pytest.mark.parametrize("overlay", ["grid", "paper"])
def test_every_row_of_the_papers_tables_has_a_run(root: Path, overlay: str):
    experiment = experiment_of(overlaid(root, overlay))
    assert experiment.draw == "paper30-v1"
    for corpus, rows in (("mead", itertools.product((False, True), repeat=3)),
                         ("hdtf", itertools.product((False, True), (False, True), (False,)))):  # fmt: skip
        for row in rows:
            run = run_for(row, corpus, experiment)
            assert run and experiment.runs[run].corpora == (corpus,), (corpus, row)


def test_a_run_is_tested_on_what_it_learned_and_where_asked_on_what_is_for_testing_only():
    config = load({"runs": {**RUNS, "hdtf": {"corpora": ["hdtf"]}, "mead": {"corpora": ["mead"]}},
                   "variants": {"other": {"run": "mead"}}, "methods": {"theirs": {"videos": "x"}}})  # fmt: skip
    everything = ("hdtf", "mead", "ravdess")
    assert {name: config.tested(name) for name in ("hdtf", "mead", "other", "full", "no_tfrm")} == {
        "hdtf": ("hdtf",), "mead": ("mead",), "other": ("mead",), "full": everything, "no_tfrm": everything[:2],
    }  # fmt: skip
    assert all(config.tested(name) == everything for name in ("ground_truth", "shuffled_audio", "theirs"))
    assert config.backbone_names == ("backbone", "backbone_hdtf", "backbone_mead")
    assert config.backbone_corpora("backbone_mead") == ("mead",) and config.backbone_of("full") == "backbone"


def test_latentsync_is_none_of_the_three():
    run = load({}).run("latentsync")
    assert (run.stda, run.tfrm, run.text) == ("none", "none", "none")


def test_no_name_stands_for_two_things():
    assert not set(BASELINES) & set(TARGETS) and not set(load({}).run_names) & {*BASELINES, *TARGETS}


def test_settings_survive_the_command_line():
    for model, section in ((MEAD, Config().corpora.mead), (Training, Config().training)):
        assert parse(model, section.model_dump_json()) == section


def test_sections_are_frozen_and_typed():
    with pytest.raises(ValueError, match="frozen"):
        Config().seed = 3
    with pytest.raises(ConfigError, match="valid integer"):
        parse(Optimiser, {"steps": True, "batch_size": 1, "learning_rate": 1.0})


def test_check_names_the_fixing_command(root: Path, tmp_path: Path):
    shutil.copytree(root / "eadnet", tmp_path / "eadnet", ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "eadnet.config.reference", "--check"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert "stale: config.yaml" in done.stderr
    assert "run `python -m eadnet.config.reference --write`" in done.stderr


@pytest.fixture
def edited(root: Path, tmp_path: Path) -> Path:
    """A checkout whose user has added a run to config.yaml, and changed other values."""
    folder = tmp_path / "edited"
    for name in ("eadnet", "metrics", "config", "tests", "workflow"):
        shutil.copytree(root / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root / "pyproject.toml", folder)
    for path, text in documents().items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    commit(folder)
    last = re.compile(rf"^  {list(RUNS)[-1]}: .*\n", re.MULTILINE)
    text = last.sub(lambda run: f"{run[0]}  own_run:\n    losses: {{velocity: 0}}\n", config_yaml())
    (folder / "config.yaml").write_text(text.replace("\nseeds: [0]", "\nseeds: [0, 1]"), encoding="utf-8")
    assert load(yaml.safe_load((folder / "config.yaml").read_text())).run_names[-1] == "own_run"
    assert load(yaml.safe_load((folder / "config.yaml").read_text())).seeds == (0, 1)
    return folder


def commit(folder: Path) -> None:
    for words in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "default"]):
        subprocess.run(["git", "-c", "user.name=n", "-c", "user.email=e", "-C", folder, *words], check=True)


def run_in(folder: Path, *words: str) -> subprocess.CompletedProcess:
    """`python -m ...` on the code of a folder."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
    return subprocess.run([sys.executable, "-m", *words], cwd=folder, env=environment, capture_output=True, text=True)


def test_a_users_own_config_yaml_passes_check_and_tests(edited: Path):
    done = run_in(edited, "eadnet.config.reference", "--check")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("config.yaml holds changes of your own") and done.stdout.count("\n") == 1
    assert "--configfile mine.yaml" in done.stdout
    others = "not users_own and not stale_once"  # these make such a folder themselves
    tests = run_in(edited, "pytest", "tests/eadnet/config/test_config.py", "-q", "-p", "no:cacheprovider", "-k", others)
    assert tests.returncode == 0, tests.stdout[-3000:]
    assert " passed" in tests.stdout and "skipped" not in tests.stdout


def test_a_users_own_config_yaml_reaches_no_workflow_test(edited: Path, root: Path, tmp_path: Path):
    for name in ("Snakefile", "profiles", "reports", "envs"):
        copy = shutil.copytree if (root / name).is_dir() else shutil.copy
        copy(root / name, edited / name)
    assert (Project(edited, tmp_path / "project").folder / "config.yaml").read_text(encoding="utf-8") == config_yaml()


def test_a_config_yaml_is_stale_once_the_committed_one_is(edited: Path):
    """The user's changes excuse nothing that the models have changed since the last commit."""
    path = edited / "config.yaml"
    own = path.read_text(encoding="utf-8")
    path.write_text(config_yaml().replace("solver: ddim", "solver: dpmsolver++"), encoding="utf-8")
    commit(edited)
    path.write_text(own, encoding="utf-8")
    assert stale_documents(edited) == [Path("config.yaml")]
    path.write_text(config_yaml(), encoding="utf-8")
    assert stale_documents(edited) == []


def test_the_schema_forbids_unknown_keys():
    schema = documents()[Path("workflow/schemas/config.schema.json")]
    assert schema.count('"additionalProperties": false') == len(sections(Config)) > 30


def test_config_yaml_explains_sections_that_a_mapping_or_null_may_hold():
    text = config_yaml()
    assert "adaptation: null" in text and "variants: {}" in text
    for line in ("#   <name>:", "#     run:  # The run whose network is sampled.", "#   steps:"):
        assert line in text, line


def sections(kind: Any) -> set[type[BaseModel]]:
    """All sections inside a type: the model itself, those of its fields, of unions and of mappings."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return {kind}.union(*(sections(field.annotation) for field in kind.model_fields.values()))
    return set().union(*(sections(inner) for inner in get_args(kind)))


def merge(base: dict, over: dict) -> dict:
    """Deep merge, as Snakemake merges configuration files."""
    merged = dict(base)
    for key, value in over.items():
        nested = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if nested else value
    return merged


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"training": {"frames": 12}}, "training: frames must be 16"),
        ({"runs": {"full": {}, "mine": {"frames": 8}}}, "runs.mine: frames must be 16"),
        ({"training": {"losses": {"simple": 0.0, "velocity": 0.0, "perceptual": 0.0}}}, "training: losses: one of sim"),
        ({"preprocess": {"resolution": 100}, "autoencoder": {"factor": 10}}, "multiple of 8"),
        (
            {"preprocess": {"resolution": 104}, "autoencoder": {"factor": 4}},
            "is 26, no multiple of 4: backbone.network",
        ),
        ({"autoencoder": {"factor": 3}}, "autoencoder: factor must be even"),
        ({"autoencoder": {"kind": "kl"}}, "autoencoder: kind `kl` needs published weights"),
        ({"autoencoder": {"weights": "sd-vae-ft-mse"}}, "kind `patch` is trained here (weights: null)"),
        ({"autoencoder": KL | {"factor": 6}}, "autoencoder: factor must be 8 with 4 widths"),
        ({"syncnet": {"weights": "latentsync-syncnet"}}, "syncnet: weights: only kind `stable` has published ones"),
        ({"syncnet": {"kind": "stable"}}, "syncnet: embedding must be 64 times width, 1536"),
        ({"videomae": {"kind": "v2"}}, "videomae: kind `v2` needs published weights"),
        ({"videomae": {"width": 97}}, "videomae: width must be a multiple of heads, 4"),
        ({"videomae": {"kind": "v2", "weights": "videomae-v2-g", "size": 225}}, "size must be a multiple of patch, 14"),
        ({"audio": {"encoder": "whisper"}}, "audio: encoder `whisper` needs published weights"),
        (
            {"audio": {"encoder": "whisper", "weights": "whisper-tiny"}},
            "network.audio_width must be 384 with audio.enc",
        ),
        ({"audio": {"snr": [5.0, 1.0]}}, "audio: snr is a range from low to high, not from 5.0 to 1.0"),
        ({"captions": {"encoder": "clip"}}, "captions: encoder `clip` or `t5` needs published weights"),
        ({"captions": {"weights": "t5-base"}}, "`minilm` has its own (weights: null)"),
        ({"backbone": {"weights": "sd15-unet"}}, "backbone: weights: a published U-Net needs network.patch 1"),
        ({"backbone": {"weights": "sd15-unet", "network": SHAPED}}, "autoencoder.channels must be 4 with backbone.wei"),
        ({"autoencoder": KL | {"weights": "sd-vae"}}, "autoencoder.weights: no published weights are called 'sd-vae'"),
        ({"lpips": {"trunk": "vgg"}}, "lpips.trunk: no published weights are called 'vgg'; there are sd15-unet, "),
        ({"backbone": {"dropout": {"both": 0.95}}}, "backbone.dropout: audio, text and both must sum to at most 1"),
        ({"backbone": {"diffusion": {"prediction": "noise"}}}, "backbone.diffusion: prediction `noise` says nothing"),
        ({"synthesis": {"overlap": 40}}, "synthesis: overlap must be at most half of window, 8"),
        ({"variants": {"mine": {"run": "full", "synthesis": {"window": 6}}}}, "variants.mine.synthesis: overlap must"),
    ],
)
def test_what_no_network_can_take_is_found_at_once_in_one_line(change: dict, words: str):
    with pytest.raises(ConfigError, match=re.escape(words)) as fault:
        load(change)
    assert str(fault.value).startswith("config: ") and "\n" not in str(fault.value)


@pytest.mark.parametrize(
    ("network", "words"),
    [
        ({"widths": (72, 150)}, "widths: 150 is no multiple of heads (4) and groups (8)"),
        ({"heads": 5}, "widths: 72 is no multiple of heads (5)"),
        ({"strip_head": 26}, "strip_head: 26 is more than a third of the width 72"),
        ({"strip_head": 23}, "strip_head must be even"),
        ({"attention_levels": 3}, "attention_levels is more than there are widths"),
        ({"widths": ()}, "attention_levels is more than there are widths"),
        ({"graph_neighbours": 18}, "graph_neighbours is more than the 2 graph_radius + 1 frames in reach"),
    ],
)
def test_networks_that_cannot_be_are_refused(network: dict, words: str):
    with pytest.raises(ConfigError, match=re.escape(f"config: backbone.network: {words}")):
        load({"backbone": {"network": network}})
