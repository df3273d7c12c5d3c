"""The commands that README and docs print: lines of their shell blocks, and commands within sentences."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

BLOCK = re.compile(r"^```(?P<language>\w*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
SHELL = ("sh", "bash", "shell", "console")
# Benchmarks are left out: what they print is measured on a quiet machine, for minutes and more.
INLINE = re.compile(r"`((?:snakemake|make|python -m (?:eadnet|metrics|reports))\b[^`]*)`")
COMMENTED = re.compile(r"^#(?:| .*:) +(snakemake .+)$", re.MULTILINE)
RECORDS = ("log.md", "calibration.md", "paper_tables.md")  # what was run once, on files that are not at hand


@dataclass(frozen=True)
class Block:
    """A fenced block: where it begins (``README.md:14``), its language, and its text."""

    place: str
    language: str
    body: str


@dataclass(frozen=True)
class Line:
    """A command without its comment, as one line, and where it is printed."""

    place: str
    command: str


def documents(root: Path) -> list[Path]:
    """All Markdown files whose commands must work."""
    present = [path for path in (root / "README.md", root / "CONTRIBUTING.md") if path.exists()]
    return present + sorted(path for path in (root / "docs").glob("*.md") if path.name not in RECORDS)


def blocks(root: Path, *languages: str) -> list[Block]:
    """The fenced blocks in these languages."""
    return [
        Block(f"{path.relative_to(root)}:{text.count(chr(10), 0, match.start()) + 1}", match["language"], match["body"])
        for path in documents(root)
        for text in [path.read_text(encoding="utf-8")]
        for match in BLOCK.finditer(text)
        if match["language"] in languages
    ]


def lines(root: Path) -> list[Line]:
    """Every documented command once, in the order of the documents: of blocks, of sentences, of overlays' heads."""
    found = [Line(block.place, command) for block in blocks(root, *SHELL) for command in commands(block)]
    for path in documents(root):
        prose = BLOCK.sub("", path.read_text(encoding="utf-8"))
        found += [Line(str(path.relative_to(root)), " ".join(match.split())) for match in INLINE.findall(prose)]
    for path in sorted((root / "config").rglob("*.yaml")):
        found += [
            Line(str(path.relative_to(root)), match) for match in COMMENTED.findall(path.read_text(encoding="utf-8"))
        ]
    places = {line.command: line.place for line in reversed(found)}
    return [Line(places[command], command) for command in dict.fromkeys(line.command for line in found)]


def commands(block: Block) -> list[str]:
    """The commands of a shell block: continued lines joined, prompts, comments and a console's answers left out."""
    joined = re.sub(r"\\\n\s*", "", block.body).splitlines()
    if block.language == "console":
        joined = [line.removeprefix("$ ") for line in joined if line.startswith("$ ")]
    return [command for command in map(uncommented, joined) if command]


def uncommented(line: str) -> str:
    """A line of the shell without its comment; a ``#`` within quotes or a word begins none."""
    for match in re.finditer(r"(?:^|(?<=\s))#", line):
        try:
            shlex.split(line[: match.start()])
        except ValueError:  # a quote is still open
            continue
        return line[: match.start()].strip()
    return line.strip()
