"""What jobs ask for: requests that cannot be met are refused before anything runs."""

import pytest
import yaml

from eadnet.config.configuration import load
from eadnet.config.reference import config_yaml
from eadnet.config.section import ConfigError
from tests.eadnet.config.test_config import merge


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        (
            {"resources": {"train": {"gpu": 3, "nodes": 2}}},
            "resources.train: gpu 3 on nodes 2: `gpu` counts those of all",
        ),
        (
            {"resources": {"synthesise": {"gpu": 8}}},
            "config: resources.synthesise.gpu: Input should be less than or eq",
        ),
        (
            {
                "captions": {"engine": "vllm", "language_model": {"folder": "m"}},
                "compute": {"captioning": {"tensor_parallel": 2}},
            },
            "resources.caption_model.gpu is 1 and compute.captioning.tensor_parallel 2: set both to the number",
        ),
    ],
)
def test_a_request_that_cannot_be_met_is_one_line(mapping: dict, message: str):
    with pytest.raises(ConfigError) as fault:
        load(mapping)
    assert message in str(fault.value) and "\n" not in str(fault.value)


def test_an_overlay_changes_what_it_names():
    base = yaml.safe_load(config_yaml())
    changed, default = (load(merge(base, over)).resources for over in ({"resources": {"train": {"gpu": 4}}}, {}))
    assert changed.train == default.train.model_copy(update={"gpu": 4}) and changed.backbone == default.backbone
