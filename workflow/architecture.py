"""A map of the project, read from its code: ``python -m workflow.architecture --write``.

Two paths are drawn into ``docs/architecture.png`` and written as tables into ``docs/architecture.md``:

* the path of a clip: every rule in the order of the Snakefile, its command, the folders of the packages that do the
  work, and its first output;
* the path of a key: the module that declares it, the rules that pass its section on, and the modules that read it.

Everything is found by parsing: rules by their text, commands and modules by their syntax trees. No code is run.
"""

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from eadnet.config.configuration import Config
from workflow.plan import Plan

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = Path("docs/architecture.md")
PICTURE = Path("docs/architecture.png")
MARK = "<!-- generated -->\n"
COMMAND = "python -m workflow.architecture --write"
KEY = "training.stda"
"""The key whose path is drawn."""
SHARED = ("config", "tables", "provenance", "assets", "device", "spec", "load")
"""Folders and modules that every stage uses; they are left out of the lists."""


@dataclass(frozen=True)
class Rule:
    """A rule of the workflow.

    Attributes:
        name: of the rule.
        file: name of its rule file without suffix.
        command: package and verb, such as ``eadnet train``.
        sections: sections of the configuration that its parameters hold.
        folders: folders of the package whose code the verb calls.
        writes: its first output.
    """

    name: str
    file: str
    command: str
    sections: tuple[str, ...]
    folders: tuple[str, ...]
    writes: str


def rules(root: Path = ROOT) -> list[Rule]:
    """All rules that run a command, in the order of the Snakefile."""
    included = re.findall(
        r'^include: "(workflow/rules/\w+\.smk)"', (root / "Snakefile").read_text("utf-8"), re.MULTILINE
    )
    files = {Path(path).stem: (root / path).read_text("utf-8") for path in included}
    helpers = dict(re.findall(r"^def (\w+)\(.*\n((?: +.*\n|\n)+)", "".join(files.values()), re.MULTILINE))
    return [rule for file, text in files.items() for rule in _rules_in(text, file, helpers, root)]


def _rules_in(text: str, file: str, helpers: dict[str, str], root: Path) -> Iterator[Rule]:
    starts = list(re.finditer(r"^( *)rule (\w+):\n", text, re.MULTILINE))
    for start in starts:
        body = re.split(rf"^ {{0,{len(start[1])}}}\S", text[start.end() :], maxsplit=1, flags=re.MULTILINE)[0]
        command = re.search(r"-m (eadnet|metrics|reports) ([\w-]+)", body)
        if command:
            written = re.search(r"output:\n(.*?)\n +\w+:\n", body, re.DOTALL)
            yield Rule(
                name=start[2],
                file=file,
                command=f"{command[1]} {command[2]}",
                sections=_sections(_with_helpers(_block(body, "params"), helpers)),
                folders=_folders(command[1], command[2], root),
                writes=_first_path(written[1] if written else ""),
            )


def _block(body: str, name: str) -> str:
    found = re.search(rf"^( +){name}:\n((?:\1 +.*\n)+)", body, re.MULTILINE)
    return found[2] if found else ""


def _with_helpers(params: str, helpers: dict[str, str]) -> str:
    """Parameters, and the functions of the rule files that they call."""
    return params + "".join(body for name, body in helpers.items() if re.search(rf"\b{name}\b", params))


def _first_path(outputs: str) -> str:
    parts = re.findall(r'"([^"\n]+)"', outputs)
    return "".join(parts[:2]) if parts and parts[0].endswith("/") else (parts or [""])[0]


def _sections(params: str) -> tuple[str, ...]:
    """Top-level sections of the configuration behind parameters: named, read from CONFIG, or used by its plan."""
    keys = {name.partition(".")[0] for name in re.findall(r'settings\("([\w.]+)"\)', params)}
    keys |= _read_by(Config, re.findall(r"CONFIG\.(\w+)", params))
    keys |= _read_by(Plan, re.findall(r"PLAN\.(\w+)", params))
    return tuple(name for name in Config.model_fields if name in keys - {"pathvars"})


def _read_by(owner: type, names: list[str]) -> set[str]:
    """Fields of the configuration that attributes and methods of a class read, or that the names are."""
    fields = {name for name in names if name in Config.model_fields}
    for name in names:
        member = inspect.getattr_static(owner, name, None)
        member = getattr(member, "fget", None) or getattr(member, "func", member)
        if inspect.isfunction(member):
            fields |= set(re.findall(r"\b(?=(?:self|config)\.(\w+))", inspect.getsource(member))) & set(
                Config.model_fields
            )
    return fields


def _folders(package: str, verb: str, root: Path) -> tuple[str, ...]:
    """Folders of a package whose code a verb's function imports, in the order in which it does."""
    places = [root / package / "cli.py", *sorted((root / package / "cli").glob("*.py"))]
    for path in filter(Path.is_file, places):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name.replace("_", "-") == verb:
                inner = [part.module for part in ast.walk(node) if isinstance(part, ast.ImportFrom)]
                folders = [name.split(".")[1] for name in inner if name.startswith(f"{package}.") and name.count(".")]
                names = [f"{package}/{name}" for name in dict.fromkeys(folders) if name not in SHARED]
                return tuple(names) or (package,)
    return (package,)


@dataclass(frozen=True)
class KeyWay:
    """The path of one key: the module that declares it, rules that pass its section on, modules that read it."""

    key: str
    declared: str
    passed: tuple[str, ...]
    read: tuple[str, ...]


def key_way(key: str = KEY, root: Path = ROOT) -> KeyWay:
    """Follow a key ``section.name`` through the code."""
    section, _, name = key.partition(".")
    model = Config.model_fields[section].annotation
    passed = tuple(rule.name for rule in rules(root) if section in rule.sections)
    modules = {path.relative_to(root).as_posix(): path for path in sorted((root / "eadnet").rglob("*.py"))}
    read = [
        place
        for place, path in modules.items()
        if "config/" not in place
        and any(
            isinstance(node, ast.Attribute) and node.attr == name
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
        )
    ]
    return KeyWay(key, model.__module__.replace(".", "/") + ".py", passed, tuple(read))


def text(root: Path = ROOT) -> str:
    """The generated part of the document: both paths as tables."""
    lines = ["| rule | command | sections | folders | writes |", "|---|---|---|---|---|"]
    for rule in rules(root):
        cells = [f"`{rule.name}`", f"`{rule.command}`", ", ".join(f"`{name}`" for name in rule.sections)]
        cells += [", ".join(f"`{name}`" for name in rule.folders), f"`{rule.writes}`"]
        lines.append("| " + " | ".join(cells) + " |")
    way = key_way(root=root)
    steps = [("declared in", (way.declared,)), ("passed on by rules", way.passed), ("read in", way.read)]
    lines += ["", f"The way of `{way.key}`:", ""]
    lines += [f"- {what} " + ", ".join(f"`{name}`" for name in names) for what, names in steps]
    return "\n".join(lines) + "\n"


def draw(root: Path = ROOT):  # noqa: ANN201 - a matplotlib figure
    """The picture: rules from top to bottom, each with its configuration sections, folders of code and output."""
    from matplotlib.figure import Figure

    from reports.style import INK, MUTED, figure_style

    drawn, way = rules(root), key_way(root=root)
    bands = {name: number for number, name in enumerate(dict.fromkeys(rule.file for rule in drawn))}
    with figure_style():
        figure = Figure(figsize=(11, 0.27 * len(drawn) + 2.6))
        axes = figure.add_axes((0.01, 0.005, 0.98, 0.985))
        axes.set_axis_off()
        axes.set(xlim=(0, 100), ylim=(len(drawn) + 9, 0))
        _heading(axes, 0.6, "A clip's way: every rule in turn")
        for x, title in zip(
            COLUMNS, ("configuration", "rule", "command", "folders", "writes (in results)"), strict=True
        ):
            axes.text(x, 1.7, title, color=MUTED, fontsize=7.5)
        for row, rule in enumerate(drawn):
            y = row + 2.6
            axes.axhspan(y - 0.5, y + 0.5, color="0.5", alpha=0.05 + 0.07 * (bands[rule.file] % 2), linewidth=0)
            written = rule.writes.removeprefix("<results>/")
            values = (", ".join(rule.sections), rule.name, rule.command, ", ".join(rule.folders), written)
            for x, value in zip(COLUMNS, values, strict=True):
                axes.text(x, y, value, va="center", fontsize=6.6, color=INK, parse_math=False)
            if rule.sections:
                _arrow(axes, (COLUMNS[1] - 2.2, y), (COLUMNS[1] - 0.5, y))
            if row:
                _arrow(axes, (COLUMNS[1] - 0.25, y - 0.9), (COLUMNS[1] - 0.25, y - 0.15))
        _draw_key(axes, way, len(drawn) + 3.6)
    return figure


COLUMNS = (0.5, 23, 38, 54, 77)


def _draw_key(axes, way: KeyWay, top: float) -> None:  # noqa: ANN001 - matplotlib's axes
    """The path of a key, from left to right."""
    _heading(axes, top, f"A key's way: {way.key}")
    stations = (
        ("config.yaml", (way.key,)),
        ("declared and checked", (way.declared,)),
        ("passed as --settings by", way.passed),
        ("read in", way.read),
    )
    for number, (title, names) in enumerate(stations):
        x = 0.5 + 24 * number
        axes.text(x, top + 1.2, title, fontsize=7.5, color="0.45")
        axes.text(x, top + 2.0, "\n".join(names), fontsize=7, va="top", parse_math=False)
        if number:
            _arrow(axes, (x - 3.5, top + 2.2), (x - 0.8, top + 2.2))


def _heading(axes, y: float, words: str) -> None:  # noqa: ANN001
    axes.text(0.5, y, words, fontsize=10, fontweight="bold")


def _arrow(axes, start: tuple[float, float], end: tuple[float, float]) -> None:  # noqa: ANN001
    axes.annotate(
        "", end, start, arrowprops={"arrowstyle": "->", "color": "0.45", "linewidth": 0.8, "shrinkA": 0, "shrinkB": 0}
    )


def main(
    write: Annotated[bool, typer.Option("--write/--check", help="Write the map, or only compare its tables.")],
) -> None:
    """Write docs/architecture.md's tables and its picture, or report that they are stale."""
    document = ROOT / DOCUMENT
    head, mark, old = document.read_text("utf-8").partition(MARK)
    new = text()
    if write:
        document.write_text(head + MARK + new, encoding="utf-8")
        draw().savefig(ROOT / PICTURE, dpi=130, metadata={"Software": None})
        typer.echo(f"wrote: {DOCUMENT}, {PICTURE}")
    elif not mark or old != new:
        typer.echo(f"error: {DOCUMENT} is stale: run `{COMMAND}`", err=True)
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
