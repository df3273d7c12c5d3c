"""The README's results are computed: what stands between the markers is replaced, and nothing else."""

from pathlib import Path

import pandas as pd
import pytest

from reports.load import Inputs, ReportError
from reports.readme import BEGIN, END, update
from tests.support import reports_fixture


@pytest.fixture(scope="module")
def summary(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    folder = reports_fixture.make(tmp_path_factory.mktemp("results"), people=2, frames=26, size=64, emotions=1)
    return Inputs(summary=folder / "summary.parquet").summary


def test_only_what_stands_between_the_markers_changes(summary: pd.DataFrame, tmp_path: Path):
    readme = tmp_path / "README.md"
    readme.write_text(f"# Title\n{BEGIN}\nold\n{END}\nrest\n", encoding="utf-8")
    update(summary, readme)
    text = readme.read_text(encoding="utf-8")
    assert text.startswith(f"# Title\n{BEGIN}\n")
    assert text.endswith(f"{END}\nrest\n")
    assert "\nold\n" not in text
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(rows) == 2 + len(set(summary.run))
    update(summary, readme)
    assert readme.read_text(encoding="utf-8") == text


def test_numbers_are_those_of_the_summary(summary: pd.DataFrame, tmp_path: Path):
    readme = tmp_path / "README.md"
    readme.write_text(f"{BEGIN}{END}", encoding="utf-8")
    update(summary, readme)
    full = summary[(summary.run == "full") & (summary.corpus == "all") & (summary.slice == "all")].set_index("metric")
    line = next(line for line in readme.read_text(encoding="utf-8").splitlines() if line.startswith("| EAD-Net (full)"))
    assert f"{full.loc['psnr@region', 'mean']:.1f} [" in line


def test_a_readme_without_markers_is_one_clear_line(summary: pd.DataFrame, tmp_path: Path):
    readme = tmp_path / "README.md"
    readme.write_text("no place", encoding="utf-8")
    with pytest.raises(ReportError, match="markers .* are missing; put them"):
        update(summary, readme)
