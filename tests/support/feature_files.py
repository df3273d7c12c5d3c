"""Files of features with their index, written without any encoder."""

import json
from collections.abc import Mapping
from pathlib import Path

from safetensors.torch import load_file, save_file
from torch import Tensor

from eadnet.features.audio import feature_writer
from eadnet.features.shards import ShardFile, write_index


def write_features(folder: Path, kind: str, tensors: Mapping[str, Tensor]) -> tuple[str, ...]:
    """Audio features (V, S, C) float16 by clip_id as one shard; returns the paths of the indices."""
    with feature_writer(
        folder / "audio.safetensors", {clip: tuple(value.shape) for clip, value in tensors.items()}
    ) as write:
        for clip, tensor in tensors.items():
            write(clip, tensor)
    write_index(folder / "audio.json", kind, [ShardFile("audio.safetensors", "", dict.fromkeys(tensors, 1))])
    return (str(folder / "audio.json"),)


def shard_file(index: str) -> Path:
    """The only file of an index."""
    (file,) = json.loads(Path(index).read_text())["files"]
    return Path(index).parent / file["path"]


def rewritten(index: str, folder: Path, tensors: Mapping[str, Tensor]) -> tuple[str, ...]:
    """A copy of an index of one file in which some tensors are others; returns the paths of the indices."""
    held = json.loads(Path(index).read_text())
    folder.mkdir(parents=True, exist_ok=True)
    save_file({**load_file(shard_file(index)), **tensors}, folder / held["files"][0]["path"])
    (folder / Path(index).name).write_text(json.dumps(held))
    return (str(folder / Path(index).name),)
