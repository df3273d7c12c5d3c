"""CONTRIBUTING.md names files, targets, names in the code and versions that there are; CITATION.cff is this version."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from eadnet.config import Config
from workflow.stages import STAGE_VERSIONS

PLACEHOLDER = "NAME"  # in paths and names that the reader makes
SUFFIXES = (".py", ".yaml", ".md", ".smk", ".json")
MADE = {"mine.yaml"}  # by the reader, too


@pytest.fixture(scope="module")
def text(root: Path) -> str:
    return (root / "CONTRIBUTING.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def spans(text: str) -> list[str]:
    """What stands between backticks in the prose."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL))


def test_every_file_exists(root: Path, text: str, spans: list[str]):
    tests = [span for span in spans if re.fullmatch(r"test_\w+\.py", span)]
    paths = [span for span in spans if re.fullmatch(r"[\w./-]+", span) and ("/" in span or span.endswith(SUFFIXES))]
    named = {f"tests/{path}" if path in tests else path for path in paths if PLACEHOLDER not in path} - MADE
    named -= {"tests/X"}
    assert len(named) > 30 and len(tests) > 5
    assert sorted(path for path in named if not (root / path).exists()) == []


def test_every_target_of_make_exists(root: Path, text: str):
    targets = set(re.findall(r"^([a-z-]+):", (root / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE))
    assert {"lint", "unit", "generate"} <= named and named <= targets


def test_every_name_stands_in_the_file_that_it_is_said_to_be_in(root: Path, text: str):
    said = re.findall(r"`(\w+)`,? (?:of|in) `([\w/]+\.(?:py|smk|yaml))`", text)
    said += re.findall(r"`(\w+)` \(`([\w/]+\.(?:py|smk))`\)", text)
    said += [(name, path) for path, name in re.findall(r"In `([\w/]+\.py)`, `(\w+)`", text)]
    assert len(said) > 15
    missing = [
        f"{name} in {path}"
        for name, path in said
        if PLACEHOLDER not in (name, Path(path).stem)
        and not re.search(rf"\b{name}\b", (root / path).read_text("utf-8"))
    ]
    assert missing == []


def test_every_constant_exists_somewhere(root: Path, spans: list[str]):
    texts = [span for span in spans if not span.endswith(SUFFIXES)]
    named = {name for text in texts for name in re.findall(r"\b_?[A-Z][A-Z_]{3,}\b", text)} - {PLACEHOLDER}
    folders = [root / folder for folder in ("eadnet", "metrics", "reports", "workflow", "tests")]
    files = [path for folder in folders for ending in ("py", "smk") for path in folder.rglob(f"*.{ending}")]
    code = "\n".join(path.read_text(encoding="utf-8") for path in files if path != Path(__file__))
    assert {"STAGE_VERSIONS", "RUNS", "_MODULES"} <= named
    assert sorted(name for name in named if not re.search(rf"^{name}\b.*=", code, re.MULTILINE)) == []


def test_every_stage_whose_version_is_named_has_one(text: str):
    named = re.findall(r"`(\w+)`\s+in\s+`STAGE_VERSIONS`", text)
    assert len(named) >= 2 and set(named) <= set(STAGE_VERSIONS)


def test_every_key_of_the_configuration_exists(spans: list[str]):
    keys = [span for span in spans if re.fullmatch(r"(captions|evaluation)\.\w+", span)]
    assert keys
    for key in keys:
        section, _, name = key.partition(".")
        assert name in type(getattr(Config(), section)).model_fields, key


def test_the_citation_is_of_this_version_and_licence(root: Path):
    cited = yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (cited["cff-version"], cited["type"]) == ("1.2.0", "software")
    assert cited["version"] == project["version"], "CITATION.cff and pyproject.toml name two versions"
    assert cited["license"] == project["license"]
    assert "https://arxiv.org/abs/2604.23325" in (root / "README.md").read_text(encoding="utf-8")
    assert [paper["url"] for paper in cited["references"]] == ["https://arxiv.org/abs/2604.23325"]
