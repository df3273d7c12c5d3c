"""What is wrong with a configuration, in one line a fault that names the key and the nearest one that exists."""

import difflib
from collections.abc import Sequence
from typing import Any, get_args, get_origin

from pydantic import BaseModel


def explained(model: type[BaseModel], faults: Sequence[Any], where: str) -> list[str]:
    """One line for each of pydantic's faults.

    Args:
        model: the section that was validated.
        faults: ``ValidationError.errors()``.
        where: dotted path of the section, put before the keys.
    """
    misspelt = {fault["loc"][:-1] for fault in faults if fault["type"] == "extra_forbidden"}
    # a required key that is missing beside an unknown one is most often that one, misspelt
    kept = [fault for fault in faults if fault["type"] != "missing" or fault["loc"][:-1] not in misspelt]
    return [_explain(model, fault, where) for fault in kept]


def _explain(model: type[BaseModel], fault: Any, where: str) -> str:
    path = [str(part) for part in fault["loc"]]
    key = ".".join(filter(None, [where, *path]))
    if fault["type"] == "extra_forbidden":
        near = difflib.get_close_matches(path[-1], _keys(model, path[:-1]), n=1, cutoff=0.5)
        return f"config: unknown key '{key}'" + (f"; did you mean '{near[0]}'?" if near else "; remove it")
    message = fault["msg"].removeprefix("Value error, ")
    if message.startswith("config: "):  # raised by a nested parse, already explained
        return message
    if fault["type"] == "value_error":  # a section's own check; the whole file's names its keys itself
        return f"config: {key}: {message}" if key else f"config: {message}"
    got = "" if fault["type"] == "missing" else f" (got {fault['input']!r})"
    return f"config: {key or 'file'}: {message}{got}"


def _keys(model: type[BaseModel], path: Sequence[str]) -> list[str]:
    """Field names of the section at `path`; optional sections and mappings to sections are looked through."""
    kind: Any = model
    for part in path:
        section = _section(kind)
        if get_origin(kind) is dict:
            kind = get_args(kind)[1]
        elif section is not None and part in section.model_fields:
            kind = section.model_fields[part].annotation
        else:
            return []
    section = _section(kind)
    return list(section.model_fields) if section else []


def _section(kind: Any) -> type[BaseModel] | None:
    kinds = (kind, *get_args(kind))
    return next((each for each in kinds if isinstance(each, type) and issubclass(each, BaseModel)), None)
