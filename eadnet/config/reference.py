"""The files that are generated from the configuration models, so that each key is described only once.

Run ``python -m eadnet.config.reference --write`` after a change in ``eadnet/config/`` (``--check`` only compares).
Reads the models; writes ``config.yaml`` (every key with its default and its meaning) and
``workflow/schemas/config.schema.json`` (for editors).
"""

import json
import subprocess
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import typer
import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from eadnet.config.configuration import Config

ROOT = Path(__file__).resolve().parents[2]
WIDTH = 120
COMMAND = "python -m eadnet.config.reference --write"
YAML_HEAD = f"""# yaml-language-server: $schema=workflow/schemas/config.schema.json
# The default experiment: drawn corpora, tiny networks, 2 CPU cores. Every key is listed with its default; an overlay
# (config/*.yaml with --configfile, or --config) names only what differs. Generated from eadnet/config/ by
#   {COMMAND}
"""
BASE = Path("config.yaml")


def config_yaml() -> str:
    """``config.yaml``: all keys, their defaults, and comments made of their descriptions."""
    return "\n".join([YAML_HEAD.rstrip("\n"), *_yaml_section(Config(), 0), ""])


def schema_json() -> str:
    """``config.schema.json``: the JSON schema that editors complete and check keys with."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Config.model_json_schema()}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def documents() -> dict[Path, str]:
    """Every generated file: its path relative to the repository, and its expected text."""
    return {
        Path("config.yaml"): config_yaml(),
        Path("workflow/schemas/config.schema.json"): schema_json(),
    }


def stale_documents(root: Path = ROOT) -> list[Path]:
    """The generated files under `root` that are absent or stale, except a ``config.yaml`` that its user edited."""
    differing = [path for path, text in documents().items() if not _holds(root / path, text)]
    return [path for path in differing if not (path == BASE and users_own(root))]


def users_own(root: Path = ROOT) -> bool:
    """Whether a user edited ``config.yaml``: it differs from the models, while the committed one does not."""
    text = config_yaml()
    return (root / BASE).is_file() and not _holds(root / BASE, text) and _committed(root, BASE) == text


def main(write: Annotated[bool, typer.Option("--write/--check", help="Write the files, or only compare.")]) -> None:
    """Write the files that are generated from the configuration models, or list the stale ones."""
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
        if isinstance(value, BaseModel) and getattr(value, "one_line", False):
            stated = value.model_dump(mode="json")
            lines += _commented(f"{name}: {_flow(stated)}", _meaning(field), depth)
        elif isinstance(value, BaseModel):
            lines += _commented(f"{name}:", _meaning(field), depth) + _yaml_section(value, depth + 1)
        elif isinstance(value, dict) and value:
            lines += _commented(f"{name}:", _meaning(field), depth)
            lines += ["  " * (depth + 1) + f"{key}: {_flow(item)}" for key, item in value.items()]
        else:
            lines += _commented(f"{name}: {_flow(value)}", _meaning(field), depth) + _absent(field, depth)
    return lines


def _absent(field: FieldInfo, depth: int) -> list[str]:
    """The keys of a section that is absent by default (null, or an empty mapping), as comments."""
    model = _section_of(field)
    if model is None:
        return []
    indent, lines = "  " * depth, []
    if get_origin(field.annotation) is dict:
        lines, indent = [f"{indent}#   <name>:"], f"{indent}#     "
    else:
        indent = f"{indent}#   "
    for name, inner in model.model_fields.items():
        default = "" if inner.is_required() else f" {_flow(_plain_default(inner))}"
        lines.append(f"{indent}{name}:{default}  # {_meaning(inner)}")
    return lines


def _plain_default(field: FieldInfo) -> Any:
    value = field.get_default(call_default_factory=True)
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else value


def _commented(entry: str, comment: str, depth: int) -> list[str]:
    """The entry with its comment on the same line, or on the line above if the line would be too long."""
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


def _section_of(field: FieldInfo) -> type[BaseModel] | None:
    """The section in a field's type: the type itself, one of a union, or the value type of a mapping; else None."""
    kinds = [field.annotation]
    for kind in kinds:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
        kinds += get_args(kind)
    return None


if __name__ == "__main__":
    typer.run(main)
