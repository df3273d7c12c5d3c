"""``model_index.json``: what a pipeline's folder holds beside its networks, in diffusers' form. Light."""

import json
from importlib import metadata
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from eadnet.config.preprocessing import Preprocess, Template
from eadnet.config.section import Positive, Section, Weight, parse
from eadnet.config.synthesis import Synthesis

INDEX, CARD, WHISPER = "model_index.json", "README.md", "tiny.pt"
PIPELINE = "EADNetPipeline"


class PipelineError(ValueError):
    """A folder that is no pipeline, or arguments that do not go together; the message names the fix."""


def package_version() -> str:
    """The version of this package; `unknown` where it is not installed."""
    try:
        return metadata.version("eadnet")
    except metadata.PackageNotFoundError:
        return "unknown"


class PipelineIndex(Section):
    """What a pipeline's folder holds beside its networks.

    Attributes:
        class_name, version: `_class_name` and `_eadnet_version` in the file: which class wrote it, of which version.
        resolution: side of the aligned crop in pixels.
        smoothing: of the alignment over time, in frames.
        template: where the face lies in the crop.
        max_gap: frames without a face over which the alignment is interpolated.
        shot_threshold: of the cuts of a video (`eadnet.media.shots.ShotFinder`).
        text_encoder, max_tokens: what reads the text, and how much of it.
        trained_on: a sentence for the model card.
        synthesis: how to sample by default.
    """

    class_name: Literal["EADNetPipeline"] = Field(PIPELINE, alias="_class_name")
    version: str = Field(default_factory=package_version, alias="_eadnet_version")
    resolution: Positive
    smoothing: Weight
    template: Template = "eyes"
    max_gap: Annotated[int, Field(ge=0)] = Preprocess().max_gap
    shot_threshold: Weight = Preprocess().shot_threshold
    text_encoder: Literal["minilm", "clip", "t5"]
    max_tokens: Positive
    trained_on: str
    synthesis: Synthesis = Synthesis()

    def as_json(self) -> str:
        """The file's text, with the version of the package that writes it."""
        current = self.model_copy(update={"version": package_version()})
        return current.model_dump_json(indent=2, by_alias=True) + "\n"


def read_index(folder: Path, name: str) -> PipelineIndex:
    """The index of a pipeline's folder.

    Args:
        folder: that `save_pretrained` wrote.
        name: of the folder or repository, for messages.

    Raises:
        PipelineError: absent, or of another class.
        ConfigError: a key is missing, unknown or out of range.
    """
    where = f"{name}/{INDEX}"
    try:
        text = (folder / INDEX).read_text(encoding="utf-8")
        found = json.loads(text)
    except OSError as error:
        raise PipelineError(
            f"{name}: no pipeline ({INDEX}: {error.strerror}); give a folder that save_pretrained wrote"
        ) from None
    except ValueError as error:
        raise PipelineError(f"{where}: not JSON ({error}); copy the folder again") from None
    kind = found.get("_class_name") if isinstance(found, dict) else None
    if kind != PIPELINE:
        raise PipelineError(
            f"{where}: _class_name is {kind!r}, not {PIPELINE!r}; give a folder that {PIPELINE}.save_pretrained wrote"
        )
    return parse(PipelineIndex, text, where=where)
