"""The report's tables as a LaTeX document, compiled for real: every character is set, and every float fits its page."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from reports import cli
from reports.registry import TABLES
from tests.support import paper_scores, reports_fixture

DOCUMENT = r"""\documentclass[10pt]{article}
\usepackage[utf8]{inputenc}
\usepackage[T1]{fontenc}
\usepackage[a4paper,margin=2cm]{geometry}
\usepackage{booktabs,graphicx,xcolor}
\begin{document}
\listoftables
\clearpage
%s
\end{document}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every table of the report in LaTeX, and a document that holds them all."""
    results = tmp_path_factory.mktemp("results")
    reports_fixture.make(results, people=2, frames=26, size=64, emotions=1)
    paper_scores.add_to(results)
    words = [*reports_fixture.options(results), *paper_scores.options(results), "--output-dir", str(results / "tables")]
    for name in TABLES:
        done = CliRunner().invoke(cli.app, ["table", "--name", name, *words])
        assert done.exit_code == 0, (name, done.output, done.exception)
    inputs = "\n".join(f"\\input{{{name}}}\n\\clearpage" for name in TABLES)
    (results / "tables" / "document.tex").write_text(DOCUMENT % inputs, encoding="utf-8")
    return results / "tables"


@pytest.fixture(scope="module")
def log(folder: Path) -> str:
    """What pdflatex says of the document."""
    if shutil.which("pdflatex") is None:
        pytest.skip("pdflatex is a program of the system (Debian: texlive-latex-base, texlive-latex-extra), not of pip")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "document.tex"]
    for _ in range(2):  # the second run reads the list of tables
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", timeout=300)
        assert done.returncode == 0, done.stdout[-3000:]
    return (folder / "document.log").read_text(encoding="utf-8", errors="replace")


def test_every_table_compiles_and_no_character_is_missing(log: str):
    assert "Missing character" not in log and "undefined" not in log.lower()
    assert not re.findall(r"LaTeX Error|Unicode character", log)


def test_no_float_is_larger_than_its_page_and_no_line_wider(log: str):
    assert not re.findall(r"Float too large.*", log)
    assert [float(width) for width in re.findall(r"Overfull \\hbox \((.*?)pt too wide", log) if float(width) > 1] == []


def test_continued_floats_keep_the_number_of_the_first(log: str, folder: Path):
    listed = (folder / "document.lot").read_text(encoding="utf-8")
    entries = re.findall(r"numberline \{(\d+)\}\{\\ignorespaces \{?(.*?)\}", listed)
    assert [int(number) for number, title in entries if "(continued)" not in title] == list(range(1, len(TABLES) + 1))
    numbers = [int(number) for number, _ in entries]
    assert numbers == sorted(numbers) and len(numbers) > len(TABLES)
