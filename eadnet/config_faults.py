"""What is wrong with a configuration, in one line that names the key and the nearest one that exists."""

import difflib
from typing import Any, get_args

from pydantic import BaseModel


def explain(model: type[BaseModel], fault: Any, where: str) -> str:
    """One line for one of pydantic's faults.

    Args:
        model: the section that was validated.
        fault: an item of ``ValidationError.errors()``.
        where: dotted path of the section, put before the key.
    """
    path = [str(part) for part in fault["loc"]]
    key = ".".join(filter(None, [where, *path]))
    if fault["type"] == "extra_forbidden":
        near = difflib.get_close_matches(path[-1], _keys(model, path[:-1]), n=1, cutoff=0.5)
        return f"config: unknown key '{key}'" + (f"; did you mean '{near[0]}'?" if near else "; remove it")
    message = fault["msg"].removeprefix("Value error, ")
    if "config: " in message:  # raised by a nested parse, already explained
        return message
    got = "" if fault["type"] == "value_error" else f" (got {fault['input']!r})"
    return f"config: {key or 'file'}: {message}{got}"


def _keys(model: type[BaseModel], path: list[str]) -> list[str]:
    """Field names of the section at `path`; optional sections are looked through."""
    for part in path:
        field = model.model_fields.get(part)
        if field is None:
            return []
        kinds = [kind for kind in (field.annotation, *get_args(field.annotation)) if isinstance(kind, type)]
        sections = [kind for kind in kinds if issubclass(kind, BaseModel)]
        if not sections:
            return []
        model = sections[0]
    return list(model.model_fields)
