"""Settings of another author's method: a folder of its videos, or the commands of its script that make them.

Imports no torch; `eadnet.config` holds one such section a method under ``methods``. Ready ones: ``config/methods``.
"""

import re
from pathlib import PurePosixPath
from typing import Any, Literal

from pydantic import Field, model_validator

from eadnet.config.section import Positive, Section

PLACES = ("video", "audio", "image", "clip_id", "emotion", "level", "work", "folder", "python", "output")
PLACE = re.compile(r"\{(\w+)\}")


class Method(Section):
    """A method of other authors, scored like a run: its videos of the test clips, or the command that makes them."""

    videos: str | None = Field(None, description="Folder of videos named as the test clips.")
    repository: str | None = Field(
        None,
        description="Source of the command: owner/name@commit; the log notes a clone at another commit.",
    )
    folder: str | None = Field(
        None, description="Your clone of it, in which the command runs; `~` and relative paths are allowed."
    )
    python: str = Field(
        ".venv/bin/python", description="Python of the method's own environment, relative to `folder`: {python}."
    )
    command: tuple[str, ...] | None = Field(
        None,
        description=f"Words of the command that makes one video; filled in: {', '.join(f'{{{p}}}' for p in PLACES)}.",
    )
    commands: tuple[tuple[str, ...], ...] | None = Field(
        None, description="Several commands, run in turn, in place of `command`."
    )
    files: dict[str, dict[str, Any]] = Field(
        {}, description="YAML files that are written into {work} before the command, by name, with the same words."
    )
    writes: str | None = Field(
        None, description="The video that the command leaves in {work}, for commands that do not take {output}."
    )
    takes: Literal["frame", "crop"] = Field(
        "frame", description="Content of {video} and {image}: the whole frame, or the aligned crop of the face."
    )
    gives: Literal["frame", "crop", "face"] = Field(
        "frame",
        description="Content of the result: the whole frame, the aligned crop, or the face in the method's own square.",
    )
    emotions: dict[str, str] = Field(
        {}, description="The method's emotion words, by ours; emotions without a word are left out. Empty: our words."
    )
    timeout: Positive = Field(3600, description="Largest time for one clip, in seconds.")

    @property
    def steps(self) -> tuple[tuple[str, ...], ...]:
        """The commands that make one video; none for a folder of videos."""
        return (self.command,) if self.command is not None else self.commands or ()

    @property
    def used(self) -> set[str]:
        """Names of the placeholders that occur."""
        return places_in([self.steps, self.files, self.writes])

    @model_validator(mode="after")
    def _check(self) -> "Method":
        if sum(way is not None for way in (self.videos, self.command, self.commands)) != 1:
            raise ValueError("give either `videos`, a folder, or `command`, or `commands`, and no two of them")
        if self.videos is not None:
            return self
        if not self.steps or not all(words and words[0] for words in self.steps):
            raise ValueError("a command needs a program: [program, argument, ...]")
        used = self.used
        for name in sorted(used - set(PLACES)):
            known = ", ".join(f"{{{place}}}" for place in PLACES)
            raise ValueError(f"{{{name}}} is no placeholder; there are {known}")
        if ("output" in used) == (self.writes is not None):
            raise ValueError("say where the video goes: {output} in the command, or `writes`, and not both")
        for path in [*self.files, *([self.writes] if self.writes else [])]:
            if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts or path in ("", "."):
                raise ValueError(f"'{path}': name a file below {{work}}, without a leading / and without ..")
        if self.folder is None and used & {"folder", "python"}:
            raise ValueError("{folder} and {python} need `folder`, your clone of the method")
        return self


def places_in(value: Any) -> set[str]:
    """Names of all placeholders in a text, or in the texts of a list or mapping."""
    if isinstance(value, str):
        return set(PLACE.findall(value))
    items = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    return set().union(*map(places_in, items))


def filled(value: Any, places: dict[str, str]) -> Any:
    """A text with its placeholders replaced, in one pass; lists and mappings item by item, other values unchanged."""
    if isinstance(value, str):
        return PLACE.sub(lambda match: places[match[1]], value)
    if isinstance(value, dict):
        return {key: filled(item, places) for key, item in value.items()}
    return [filled(item, places) for item in value] if isinstance(value, (list, tuple)) else value
