"""Settings for the training code: plain attributes, without a validation library.

The workflow validates the configuration (``eadnet.config``, pydantic) before a job starts. Training and synthesis read
settings by attribute only, so that they run on a bare GPU node from JSON alone.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any


class Settings(Mapping):
    """A frozen view of a JSON object: ``settings.key``, nested objects as views, lists as tuples."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        object.__setattr__(self, "_values", {name: _viewed(value) for name, value in values.items()})

    def __getattr__(self, name: str) -> Any:
        try:
            return self._values[name]
        except KeyError:
            raise AttributeError(f"no setting '{name}'; there are {', '.join(sorted(self._values))}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"settings are frozen; '{name}' cannot be set")

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __reduce__(self) -> tuple:
        return Settings, (plain(self),)


def view(values: Mapping[str, Any] | str) -> Settings:
    """A read-only view of a mapping, or of JSON text that holds an object."""
    return Settings(json.loads(values) if isinstance(values, str) else values)


def plain(section: Any) -> dict[str, Any]:
    """A section (view, pydantic model or mapping) as plain JSON values."""
    if hasattr(section, "model_dump"):
        return section.model_dump(mode="json")
    return {name: _plain(value) for name, value in section.items()}


def _viewed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return Settings(value)
    return tuple(_viewed(item) for item in value) if isinstance(value, list | tuple) else value


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return plain(value)
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
