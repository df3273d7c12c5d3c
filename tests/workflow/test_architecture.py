"""The map of the project is read from its code: rules, commands, sections and folders that there are."""

import re
from pathlib import Path

import pytest

from eadnet.config.configuration import Config
from workflow.architecture import DOCUMENT, MARK, key_way, rules, text


def test_every_rule_that_runs_a_command_is_on_the_map(root: Path):
    files = [path.read_text("utf-8") for path in (root / "workflow/rules").glob("*.smk")]
    bodies = re.findall(r"^ *rule (\w+):\n((?: +(?! *rule ).*\n|\n)+)", "".join(files), re.MULTILINE)
    running = {name for name, body in bodies if " -m " in body}
    assert len(running) > 30 and {rule.name for rule in rules()} == running


@pytest.mark.parametrize(
    ("name", "command", "sections", "folders"),
    [
        (
            "preprocess_shard",
            "eadnet preprocess",
            {"corpora", "preprocess"},
            {"eadnet/corpora", "eadnet/preprocessing"},
        ),
        ("train_run", "eadnet train", {"training", "runs"}, {"eadnet/training"}),
        ("draw_figure", "reports figure", {"report"}, {"reports"}),
    ],
)
def test_a_rule_has_its_command_its_sections_and_who_works(name, command, sections, folders):
    rule = next(rule for rule in rules() if rule.name == name)
    assert (rule.command, set(rule.sections), set(rule.folders)) == (command, sections, folders)


def test_sections_and_folders_exist(root: Path):
    for rule in rules():
        assert set(rule.sections) <= set(Config.model_fields), rule
        assert rule.writes.startswith("<") or rule.name == "downloads", rule  # it always runs
        assert all((root / folder).exists() or (root / f"{folder}.py").exists() for folder in rule.folders), rule


def test_a_key_is_followed_from_its_section_to_the_network(root: Path):
    way = key_way("training.tfrm")
    assert way.declared == "eadnet/config/training.py" and "train_run" in way.passed
    assert any(place.startswith("eadnet/models/") for place in way.read)


def test_the_document_holds_the_map_of_today(root: Path):
    assert (root / DOCUMENT).read_text("utf-8").partition(MARK)[2] == text(), (
        "run python -m workflow.architecture --write"
    )
