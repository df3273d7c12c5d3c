"""Shared by all configuration sections: strict validation, types of numbers, and messages that name the wrong key."""

import difflib
import json
from collections.abc import Sequence
from typing import Annotated, Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

AnySection = TypeVar("AnySection", bound=BaseModel)


class Section(BaseModel):
    """A configuration section: no unknown keys, no coercion, immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


Positive = Annotated[int, Field(gt=0)]
OrZero = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0)]
Rate = Annotated[float, Field(gt=0)]


def renamed(**names: str) -> BeforeValidator:
    """A validator that refuses old names of values, with a line that gives the new name (argument: old="new")."""

    def check(value: object) -> object:
        if isinstance(value, str) and value in names:
            raise ValueError(f"`{value}` is called `{names[value]}` now")
        return value

    return BeforeValidator(check)


def explained(model: type[BaseModel], faults: Sequence[Any], where: str) -> list[str]:
    """One line for each of pydantic's errors.

    Args:
        model: the section that was validated.
        faults: ``ValidationError.errors()``.
        where: dotted path of the section, put before the keys.
    """
    misspelt = {fault["loc"][:-1] for fault in faults if fault["type"] == "extra_forbidden"}
    # a section with an unknown and a missing required key usually has that key misspelt: report only the unknown one
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
    """Field names of the section at `path`, also inside optional sections and mappings of sections."""
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


class ConfigError(ValueError):
    """A configuration that cannot be used; the message has one line for each error, with the key and the fix."""


def parse(model: type[AnySection], mapping: dict[str, Any] | str, where: str = "") -> AnySection:
    """Validate one section, given as a mapping or as JSON text; `where` prefixes the keys in messages.

    Raises:
        ConfigError: one line per error, each naming the key and the fix.
    """
    text = mapping if isinstance(mapping, str) else json.dumps(mapping)
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        raise ConfigError("\n".join(explained(model, error.errors(), where))) from None
