"""docs/evidence.md: what a finished run answers, as Markdown, with its pictures.

The workflow writes it beside the page, from the same facts; ``python -m reports evidence --results FOLDER --write``
copies it into docs. Nothing in it is written by hand.
"""

import shutil
from pathlib import Path

from PIL import Image

from eadnet.provenance import atomic_path
from reports import figures
from reports.evidence.page import Facts
from reports.load import ReportError
from reports.numbers import duration
from reports.registry import FIGURES, asked_of
from reports.tables import evidence
from reports.tables.formats import escape_markdown, pipe_table
from reports.tables.layout import Cell, Panel

NAME = "evidence"
WIDEST = 1400  # pixels of a picture: sharp on a page, and all of them together below a megabyte
COLOURS = 128  # of a palette


def write(found: Facts, figures_folder: Path, folder: Path) -> None:
    """Write ``evidence.md`` and ``evidence/<figure>.png`` into a folder.

    Args:
        found: what it states.
        figures_folder: folder of the drawn figures.
        folder: where it goes.
    """
    for name in asked_of(FIGURES):
        _write_picture(Path(figures_folder) / f"{name}.png", folder / NAME / f"{name}.png")
    with atomic_path(folder / f"{NAME}.md") as temporary:
        temporary.write_text(text(found), encoding="utf-8")


def install(results: Path, folder: Path) -> list[Path]:
    """Copy the document of a finished run, and its pictures, into a folder; returns what was written.

    Args:
        results: the run's folder.
        folder: the project's ``docs``.

    Raises:
        ReportError: the run has no such document, or there is no such folder.
    """
    source = existing(results)
    if not folder.is_dir():
        raise ReportError(f"{folder}: no such folder; write the document in the project's own folder")
    pictures = [source.parent / NAME / f"{name}.png" for name in asked_of(FIGURES)]
    written = []
    for path, target in [(source, folder / source.name), *((path, folder / NAME / path.name) for path in pictures)]:
        with atomic_path(target) as temporary:
            shutil.copyfile(path, temporary)
        written.append(target)
    return written


def existing(results: Path) -> Path:
    """The document of a finished run.

    Raises:
        ReportError: the run has none.
    """
    path = results / "report" / f"{NAME}.md"
    if not path.is_file():
        raise ReportError(f"{path}: not found; run `snakemake --cores all evidence` with its configuration first")
    return path


def text(found: Facts) -> str:
    """The document as Markdown."""
    parts = [
        f"# {escape_markdown(found.title)}",
        "`python -m reports evidence --write` writes this file from a finished run.",
        escape_markdown(found.made_of),
        escape_markdown(found.limits),
        "## Answers",
        *map(_question, found.asked),
        escape_markdown(found.caption),
        *_pictures(),
        "## Levels",
        escape_markdown(found.levels.caption),
        *(_levels(panel) for panel in found.levels.panels),
        "## Cost and provenance",
        escape_markdown(found.cost),
        _costs(found),
        "\n".join(f"- {name}: {escape_markdown(value)}" for name, value in found.provenance.items()),
    ]
    return "\n\n".join(parts) + "\n"


def _question(question: evidence.Asked) -> str:
    """A question as a heading, its claim, and a row a measure."""
    words = f"{question.claim} {question.run} against {question.rival}; {question.clips}. In short: {question.sentence}"
    header = ("Measure", "verdict", "run", "rival", "difference", "p (Holm)", "seen people", "unseen people")
    rows = tuple(
        (Cell(answer.measure), Cell(answer.verdict, f"({answer.reason})" if answer.reason else ""),
         *map(Cell, answer.levels), Cell(answer.difference, answer.bounds), Cell(answer.p),
         *(Cell(*part) for part in answer.people))
        for answer in question.answers
    )  # fmt: skip
    heading = f"### {escape_markdown(question.module)}: {escape_markdown(question.name)}"
    return "\n\n".join([heading, escape_markdown(words), pipe_table(Panel("", header, rows, names=2))])


def _pictures() -> list[str]:
    parts = []
    for name in asked_of(FIGURES):
        title, caption = figures.caption(name)
        parts.append(f"![{escape_markdown(title)}]({NAME}/{name}.png)")
        parts.append(f"*{escape_markdown(title)}.* {escape_markdown(caption)}")
    return parts


def _levels(panel: Panel) -> str:
    return f"**{escape_markdown(panel.group)}: {escape_markdown(panel.title)}**\n\n{pipe_table(panel)}"


def _costs(found: Facts) -> str:
    rows = tuple((Cell(item.rule), Cell(item.time), Cell(str(item.jobs))) for item in found.costs)
    total = Cell(duration(sum(item.seconds for item in found.costs)))
    jobs = Cell(str(sum(item.jobs for item in found.costs)))
    return pipe_table(Panel("", ("Rule", "work", "jobs"), (*rows, (Cell("all"), total, jobs))))


def _write_picture(source: Path, target: Path) -> None:
    """A drawn figure, narrower and with fewer colours."""
    with Image.open(source) as picture:
        whole = picture.convert("RGB")
        width = min(WIDEST, whole.width)
        size = (width, round(whole.height * width / whole.width))
        small = whole.resize(size, Image.Resampling.LANCZOS).quantize(COLOURS)
    with atomic_path(target) as temporary:
        small.save(temporary, optimize=True)
