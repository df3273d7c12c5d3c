"""Stage-1 networks of several kinds, runs that start from them, and the corpora that a run is tested on."""

import pytest

from eadnet.config.configuration import load
from eadnet.config.section import ConfigError
from eadnet.corpora.shards import list_shards
from workflow.plan import Plan

HIDDEN = {"text": "none", "neutral_reference": 1.0}
ON = dict.fromkeys(("full_again", "no_stda", "no_tfrm", "no_text", "no_trepa", "no_sync", "latentsync", "extended"))


def experiment(**others: object) -> dict:
    """Two runs, one of which starts from a stage-1 network of its own."""
    runs = {**ON, "full": {}, "blind": {"backbone": "hidden", "text": "none"}}
    return {"backbones": {"hidden": HIDDEN}, "runs": runs, "evaluation": {"generalisation": []}, **others}


def test_each_kind_of_network_is_trained_once_with_its_own_settings():
    config = load(experiment())
    assert config.backbone_names == ("backbone", "hidden")
    assert config.backbone_settings("backbone") == config.backbone
    hidden = config.backbone_settings("hidden")
    assert hidden == config.backbone.model_copy(update=HIDDEN)
    assert Plan(config, list_shards(config.corpora)).stage_one("blind") == {
        "backbone": "<results>/pretrained/hidden/model.safetensors"
    }


def test_a_network_of_some_corpora_bears_their_names():
    runs = {**ON, "full": {"corpora": ["mead"]}, "blind": {"backbone": "hidden", "text": "none", "corpora": ["mead"]}}
    config = load(experiment(runs=runs))
    assert config.backbone_names == ("backbone_mead", "hidden_mead")
    assert config.backbone_settings("hidden_mead").text == "none"
    assert config.backbone_corpora("hidden_mead") == ("mead",)


def test_a_run_is_tested_on_the_corpora_that_are_named_for_it():
    config = load(experiment(evaluation={"generalisation": [], "tested": {"blind": ["hdtf"]}}, variants={
        "windows": {"run": "blind", "synthesis": {"window": 8}}}))  # fmt: skip
    assert config.tested("blind") == config.tested("windows") == ("hdtf",)
    assert config.tested("full") == ("hdtf", "mead")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"backbones": {"hidden": HIDDEN, "backbone_b": {}}}, "backbones.backbone_b: not usable as a name"),
        ({"backbones": {"hidden": HIDDEN, "syncnet": {}}}, "backbones.syncnet: not usable as a name"),
        ({"backbones": {}}, "runs.blind.backbone: no network of `backbones` is called 'hidden'"),
        ({"backbones": {"hidden": None}}, "runs.blind.backbone: no network of `backbones` is called 'hidden'"),
        ({"backbones": {"hidden": {"txt": "none"}}}, "unknown key 'backbones.hidden.txt'; did you mean 'text'?"),
        ({"backbones": {"hidden": {"mask": "lower"}}}, "hidden has another mask"),
        (
            {"backbones": {"hidden": {"weights": "no-such", "network": {"patch": 1, "modulation": "additive"}}}},
            "hidden.weights: no published weights are called 'no-such'",
        ),
        ({"evaluation": {"tested": {"nosuch": ["hdtf"]}, "generalisation": []}}, "evaluation.tested.nosuch: no run"),
        ({"evaluation": {"tested": {"blind": ["folder"]}, "generalisation": []}}, "evaluation.tested.blind: name one"),
    ],
)
def test_what_cannot_be_is_one_line_that_names_the_key(change: dict, words: str):
    with pytest.raises(ConfigError) as fault:
        load(experiment(**change))
    assert words in str(fault.value) and "\n" not in str(fault.value)
