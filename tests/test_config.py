"""The configuration: strict, explained, and the same in the models, the YAML file, the schema and the docs."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from eadnet.config import Config, ConfigError, Optimiser, Training, load, parse
from eadnet.config_reference import documents, stale_documents
from eadnet.corpora.settings import MEAD


def test_generated_files_are_in_step():
    stale = [str(path) for path in stale_documents()]
    assert not stale, (
        f"{', '.join(stale)} differ from eadnet/config.py: run `python -m eadnet.config_reference --write`"
    )


def test_config_yaml_holds_every_default(root: Path):
    loaded = load(yaml.safe_load((root / "config.yaml").read_text(encoding="utf-8")))
    assert loaded == Config()


def test_config_yaml_explains_every_key(root: Path):
    text = (root / "config.yaml").read_text(encoding="utf-8").splitlines()
    runs = text.index(next(line for line in text if line.startswith("runs:")))
    silent = [
        line
        for number, line in enumerate(text)
        if ":" in line and "#" not in line and "#" not in text[number - 1] and not runs < number <= runs + 7
    ]
    assert silent == []


@pytest.mark.parametrize("overlay", ["smoke", "clips"])
def test_overlay_gives_a_valid_configuration(root: Path, overlay: str):
    base = yaml.safe_load((root / "config.yaml").read_text(encoding="utf-8"))
    over = yaml.safe_load((root / f"config/{overlay}.yaml").read_text(encoding="utf-8"))
    config = load(merge(base, over))
    assert config.pathvars.results == f"results-{overlay}"
    assert config.pathvars.resources.startswith(config.pathvars.results)


def test_smoke_has_full_and_one_ablation(root: Path):
    base = yaml.safe_load((root / "config.yaml").read_text(encoding="utf-8"))
    over = yaml.safe_load((root / "config/smoke.yaml").read_text(encoding="utf-8"))
    assert load(merge(base, over)).run_names == ("full", "no_tfrm")


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
        ({"corpora": {"hdtf": None, "mead": None}}, "corpora names no corpus"),
        ({"pathvars": {"result": "x"}}, "unknown key 'pathvars.result'; did you mean 'results'?"),
    ],
)
def test_a_fault_is_one_line_that_names_the_key(mapping: dict, message: str):
    with pytest.raises(ConfigError) as fault:
        load(mapping)
    assert message in str(fault.value)
    assert "\n" not in str(fault.value)


def test_null_leaves_a_run_out():
    config = load({"runs": {"full": {}, "no_tfrm": None, "mine": {"tfrm": False}}})
    assert config.run_names == ("full", "mine")


def test_a_run_is_the_base_with_its_delta():
    config = load({})
    assert config.run("full") == config.training
    ablation = config.run("no_sync")
    assert ablation.losses.sync == 0
    assert ablation.model_copy(update={"losses": config.training.losses}) == config.training


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
    command = [sys.executable, "-m", "eadnet.config_reference", "--check"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert "stale: config.yaml" in done.stderr
    assert "run `python -m eadnet.config_reference --write`" in done.stderr


def test_the_schema_forbids_unknown_keys():
    schema = documents()[Path("workflow/schemas/config.schema.json")]
    sections = [model for model in every_section(Config)]
    assert schema.count('"additionalProperties": false') == len(sections)


def every_section(model: type[BaseModel]) -> set[type[BaseModel]]:
    """The model and all sections below it."""
    found = {model}
    for field in model.model_fields.values():
        kinds = [field.annotation, *getattr(field.annotation, "__args__", ())]
        for kind in kinds:
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                found |= every_section(kind)
    return found


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
        ({"training": {"frames": 12}}, "training.frames must be 16"),
        ({"preprocess": {"resolution": 100}, "autoencoder": {"factor": 10}}, "multiple of 8"),
        ({"autoencoder": {"factor": 3}}, "autoencoder.factor must be even"),
        ({"backbone": {"network": {"widths": [80, 160]}}}, "multiples of 24"),
        ({"backbone": {"dropout": {"both": 0.95}}}, "sum to at most 1"),
        ({"synthesis": {"steps": 7}}, "synthesis.steps"),
        ({"training": {"losses": {"simple": 0, "velocity": 0, "perceptual": 0}}}, "must be above 0"),
    ],
)
def test_sizes_that_no_network_can_take_are_found_at_once(change: dict, words: str):
    with pytest.raises(ConfigError, match=words):
        load(change)
