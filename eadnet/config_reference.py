"""Everything that is generated from the configuration models, so that one file owns each key.

Run ``python -m eadnet.config_reference --write`` after a change in ``eadnet/config.py`` (``--check`` only compares).
Reads the models; writes ``config.yaml`` (every key with its default and what it means),
``eadnet/config.schema.json`` (for editors) and ``docs/configuration.md`` (for readers).
"""

import json
import subprocess
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import typer
import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from eadnet.config import Config

ROOT = Path(__file__).resolve().parent.parent
WIDTH = 120
COMMAND = "python -m eadnet.config_reference --write"
YAML_HEAD = f"""# yaml-language-server: $schema=eadnet/config.schema.json
# The default experiment: drawn corpora, tiny networks, 2 CPU cores. Every key is listed with its default; an overlay
# (config/*.yaml with --configfile, or --config) names only what differs. Generated from eadnet/config.py by
#   {COMMAND}
"""
MARKDOWN_HEAD = f"""# Configuration

Generated from `eadnet/config.py` by `{COMMAND}`; do not edit.
The values below are those of `config.yaml`. An overlay (`--configfile config/smoke.yaml`) or `--config` names only
what differs; a key that does not exist is an error.

Several overlays are given one after another, the last one wins: `--configfile config/clips.yaml mine.yaml`, or `make
reproduce CONFIGFILE="config/clips.yaml mine.yaml"`. A file that cannot be opened is one line. Where Snakemake runs
without this project's console (`VERBOSE=1`, another profile) it is a traceback that ends with `FileNotFoundError` and
the name: Snakemake opens these files before it reads a line of any workflow, and shows errors that are not its own in
full.
"""
BASE = Path("config.yaml")


def config_yaml() -> str:
    """``config.yaml``: all keys, their defaults, and comments made of their descriptions."""
    return "\n".join([YAML_HEAD.rstrip("\n"), *_yaml_section(Config(), 0), ""])


def schema_json() -> str:
    """``config.schema.json``: the JSON schema that editors complete and check keys with."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Config.model_json_schema()}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def reference_markdown() -> str:
    """``docs/configuration.md``: one table a section."""
    return "\n".join([MARKDOWN_HEAD, *_markdown_section(Config, Config(), "")])


def documents() -> dict[Path, str]:
    """Every generated file: where it stands in the repository, and the text it should hold."""
    return {
        Path("config.yaml"): config_yaml(),
        Path("eadnet/config.schema.json"): schema_json(),
        Path("docs/configuration.md"): reference_markdown(),
    }


def stale_documents(root: Path = ROOT) -> list[Path]:
    """The generated files under `root` that are absent or differ from the models, a user's own changes aside."""
    differing = [path for path, text in documents().items() if not _holds(root / path, text)]
    return [path for path in differing if not (path == BASE and users_own(root))]


def users_own(root: Path = ROOT) -> bool:
    """Whether the ``config.yaml`` under `root` differs from the models and the committed one does not."""
    text = config_yaml()
    return (root / BASE).is_file() and not _holds(root / BASE, text) and _committed(root, BASE) == text


def main(write: Annotated[bool, typer.Option("--write/--check", help="Write the files, or only compare.")]) -> None:
    """Write the files that are generated from the configuration models, or say which are stale."""
    stale = stale_documents()
    for path in stale:
        if write:
            (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / path).write_text(documents()[path], encoding="utf-8")
        typer.echo(f"{'wrote' if write else 'stale'}: {path}", err=not write)
    if users_own():
        typer.echo(
            f"{BASE} holds changes of your own, and every overlay takes them over; an overlay of your own, which names "
            "only what differs, is the better place: snakemake --cores all --configfile mine.yaml"
        )
    if stale and not write:
        typer.echo(f"error: run `{COMMAND}`", err=True)
        raise typer.Exit(1)


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


def _committed(root: Path, path: Path) -> str | None:
    """The text of a file in git's last commit; None without git, a checkout, or the file in it."""
    try:
        done = subprocess.run(["git", "-C", root, "show", f"HEAD:./{path}"], capture_output=True, encoding="utf-8")
    except FileNotFoundError:
        return None
    return done.stdout if done.returncode == 0 else None


def _yaml_section(section: BaseModel, depth: int) -> list[str]:
    lines = []
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if depth == 0:
            lines.append("")
        if isinstance(value, BaseModel):
            lines += _commented(f"{name}:", _meaning(field), depth) + _yaml_section(value, depth + 1)
        elif isinstance(value, dict) and value:
            lines += _commented(f"{name}:", _meaning(field), depth)
            lines += ["  " * (depth + 1) + f"{key}: {_flow(item)}" for key, item in value.items()]
        else:
            lines += _commented(f"{name}: {_flow(value)}", _meaning(field), depth)
    return lines


def _commented(entry: str, comment: str, depth: int) -> list[str]:
    """The entry with its comment behind it, or above it where the line would grow too long."""
    indent = "  " * depth
    line = f"{indent}{entry}  # {comment}"
    return [line] if len(line) <= WIDTH else [f"{indent}# {comment}", f"{indent}{entry}"]


def _meaning(field: FieldInfo) -> str:
    """The field's description, else the first line of its section's docstring."""
    return field.description or _first_line(_section_of(field))


def _first_line(model: type[BaseModel]) -> str:
    return model.__doc__.strip().splitlines()[0]


def _flow(value: Any) -> str:
    """A value as YAML on one line."""
    plain = list(value) if isinstance(value, tuple) else value
    text = yaml.safe_dump(plain, default_flow_style=True, width=10_000, sort_keys=False)
    return text.removesuffix("...\n").strip()


def _markdown_section(model: type[BaseModel], section: BaseModel | None, prefix: str) -> list[str]:
    rows, below = [], []
    for name, field in model.model_fields.items():
        key, inner = f"{prefix}{name}", _section_of(field)
        value = getattr(section, name) if section else field.get_default(call_default_factory=True)
        if inner:
            default = value if isinstance(value, BaseModel) else None
            named = ".<name>" if get_origin(field.annotation) is dict else ""
            below += _markdown_section(inner, default, f"{key}{named}.")
        if not isinstance(value, BaseModel):
            rows.append(_row(key, field, value))
    title = f"## `{prefix.rstrip('.')}`" if prefix else "## Top level"
    head = [title, "", _first_line(model), ""]
    table = ["| key | default | kind | meaning |", "|---|---|---|---|", *rows, ""] if rows else []
    return head + table + below


def _row(key: str, field: FieldInfo, value: Any) -> str:
    default = "required" if field.is_required() else f"`{_flow(value)}`"
    cells = [f"`{key}`", default, _kind(field), _meaning(field)]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _section_of(field: FieldInfo) -> type[BaseModel] | None:
    """The section that the field is, may be or maps names to."""
    kinds = [field.annotation]
    for kind in kinds:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
        kinds += get_args(kind)
    return None


def _kind(field: FieldInfo) -> str:
    bounds = [_bound(item) for item in field.metadata]
    return ", ".join(filter(None, [_type_name(field.annotation), *bounds]))


def _bound(item: Any) -> str:
    signs = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤"}
    return " ".join(f"{sign} {getattr(item, name)}" for name, sign in signs.items() if hasattr(item, name))


def _type_name(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " or ".join(f"`{item}`" for item in arguments)
    if origin is Annotated:
        return _type_name(arguments[0])
    if origin is tuple:
        return f"list of {_type_name(arguments[0])}"
    if origin is dict:
        return "mapping"
    if arguments:
        return " or ".join(_type_name(item) for item in arguments)
    return {type(None): "null", str: "text", int: "whole number", float: "number", bool: "true or false"}.get(
        annotation, "section" if issubclass(annotation, BaseModel) else str(annotation)
    )


if __name__ == "__main__":
    typer.run(main)
