"""Values as words of a shell command: repeated options, folders of inputs, sections of the configuration."""

import json
import os
import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel


def as_json(section: BaseModel, only: set[str] | None = None) -> str:
    """A configuration section as canonical JSON: equal settings give equal text, so nothing reruns without need."""
    return json.dumps(section.model_dump(mode="json", include=only), sort_keys=True, separators=(",", ":"))


def options(name: str, values: Iterable[Any]) -> str:
    """A repeated option, quoted for the shell; empty without values."""
    return " ".join(f"{name} {shlex.quote(str(value))}" for value in values)


def folder_option(name: str, input: Mapping[str, str]) -> str:
    """``--name FOLDER`` with the folder of a job's input of that name; empty if the job has no such input."""
    return options(f"--{name}", [os.path.dirname(input[name])] if name in input.keys() else [])
