"""The clips of one call: lists beside single values become one request a clip, each with noise of its own. Light."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eadnet.assets import AssetError
from eadnet.inference.pipeline_index import PipelineError
from eadnet.media.decoding import MediaError
from eadnet.media.pictures import Picture

if TYPE_CHECKING:
    import numpy as np
    import torch

FAULTS = (MediaError, PipelineError, AssetError)
"""What can be wrong with one clip."""


@dataclass(frozen=True)
class ClipRequest:
    """One clip of a call.

    Attributes:
        position: its place in the lists, from 0.
        count: how many clips the call makes.
        audio, image, video, text, output: as in `EADNetPipeline.__call__`, of this clip.
        seed: of its noise.
    """

    position: int
    count: int
    audio: "str | Path | np.ndarray"
    image: Picture | None
    video: str | Path | None
    text: str
    output: str | Path | None
    seed: int

    def __post_init__(self) -> None:
        """Refuse what no clip can be made of."""
        with self.named():
            if (self.image is None) == (self.video is None):
                raise PipelineError("give an image or a video, one of them")
            if not isinstance(self.text, str):
                raise PipelineError(f"text: expected words, got {type(self.text).__name__}")
            if self.output is not None:
                _check_output(Path(self.output))

    @contextmanager
    def named(self) -> Iterator[None]:
        """Put the clip's place before what is wrong with it, where there are several."""
        try:
            yield
        except FAULTS as error:
            if self.count == 1:
                raise
            raise type(error)(f"clip {self.position + 1} of {self.count}: {error}") from None


def clip_requests(
    values: dict[str, Any], seed: int, generator: "torch.Generator | list[torch.Generator] | None"
) -> tuple[list[ClipRequest], bool]:
    """The clips of one call, and whether they were given as lists.

    Args:
        values: `audio`, `image`, `video`, `text` and `output`: each a value for all clips, or a list with one a clip.
        seed: of the noise of all clips; each clip's noise depends on it and on the clip's place.
        generator: in place of the seed: one, from which the clips draw in turn, or a list with one a clip.

    Raises:
        PipelineError: lists of differing lengths, or values that do not go together; the message names the clip.
    """
    lengths = {
        name: len(value)
        for name, value in {**values, "generator": generator}.items()
        if isinstance(value, list | tuple)
    }
    if len(set(lengths.values())) > 1 or 0 in lengths.values():
        listed = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise PipelineError(f"a list needs one value for each clip; their lengths are {listed}: make them equal")
    count = next(iter(lengths.values()), 1)
    columns = {name: value if name in lengths else [value] * count for name, value in values.items()}
    _check_outputs(columns["output"], [*columns["audio"], *columns["image"], *columns["video"]])
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    seeds = _seeds(count, seed, generator)
    requests = [ClipRequest(place, count, **rows[place], seed=seeds[place]) for place in range(count)]
    return requests, bool(lengths)


def _check_output(path: Path) -> None:
    """Refuse what would fail after the clip was generated."""
    if path.suffix.lower() != ".mp4":
        raise PipelineError(f"output {path}: give a name that ends in .mp4")
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if path.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        raise PipelineError(f"output {path}: cannot be written in {folder}; give another path")


def _check_outputs(outputs: list[str | Path | None], inputs: list[Any]) -> None:
    paths = [Path(path).absolute() for path in outputs if path is not None]
    read = [Path(given) for given in inputs if isinstance(given, str | Path)]
    for path in paths:
        if paths.count(path) > 1:
            raise PipelineError(f"output: {path} would be written by several clips; give a list of different paths")
        # the same file may have two names: a link, or letters of another case
        if path.exists() and any(given.exists() and path.samefile(given) for given in read):
            raise PipelineError(f"output {path}: is an input too and would be overwritten; give another path")


def _seeds(count: int, seed: int, generator: "torch.Generator | list[torch.Generator] | None") -> list[int]:
    """A seed for each clip's noise, in [0, 2^40)."""
    if generator is None:
        return [noise_seed(seed, place) for place in range(count)]
    return [_drawn(each) for each in (generator if isinstance(generator, list | tuple) else [generator] * count)]


def noise_seed(seed: int, place: int) -> int:
    """A seed in [0, 2^40) for the clip at a place, so that neither two clips nor two seeds share noise."""
    return int.from_bytes(hashlib.sha256(f"{int(seed)} {place}".encode()).digest()[:5], "big")


def _drawn(generator: "torch.Generator") -> int:
    import torch

    if not isinstance(generator, torch.Generator):
        kind = type(generator).__name__
        raise PipelineError(f"generator: expected a torch.Generator, got {kind}; give a number as seed=")
    return int(torch.randint(2**40, (), generator=generator, device=generator.device))
