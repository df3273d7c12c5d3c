"""The plain view of settings: what training reads is what was validated, and nothing can change it."""

import pickle

import pytest

from eadnet.config.configuration import Config
from eadnet.config.view import Settings, plain, view


@pytest.fixture(scope="module")
def seen() -> Settings:
    """The default configuration as a job sees it."""
    return view(Config().model_dump_json())


def test_every_key_reads_as_in_the_configuration(seen: Settings):
    config = Config()
    assert seen.backbone.network.widths == config.backbone.network.widths == (72, 144)
    assert seen.training.optimiser.learning_rate == config.training.optimiser.learning_rate
    assert seen.training.adaptation is None and seen.compute.compile is False
    assert seen["audio"]["snr"] == (0.0, 10.0)
    assert list(seen) == list(Config.model_fields) and plain(seen) == config.model_dump(mode="json")


@pytest.mark.parametrize("section", ["backbone", "training", "corpora", "runs"])
def test_a_view_and_its_section_are_the_same_json(seen: Settings, section: str):
    given = getattr(Config(), section)
    assert plain(getattr(seen, section)) == plain(given)
    assert view(plain(given)) == getattr(seen, section)


def test_views_of_text_and_of_mappings_agree():
    assert view('{"a": {"b": [1, [2, 3]]}}') == view({"a": {"b": [1, (2, 3)]}})
    assert view('{"a": {"b": [1, [2, 3]]}}').a.b == (1, (2, 3))


def test_an_absent_setting_names_those_that_there_are(seen: Settings):
    with pytest.raises(AttributeError, match="no setting 'step'; there are accumulate, batch_size, beta2, "):
        _ = seen.training.optimiser.step
    assert not hasattr(seen, "trainng")


def test_settings_are_frozen_and_travel_between_processes(seen: Settings):
    with pytest.raises(AttributeError, match="settings are frozen; 'seed' cannot be set"):
        seen.seed = 3
    with pytest.raises(TypeError):
        seen["seed"] = 3
    assert pickle.loads(pickle.dumps(seen)) == seen
