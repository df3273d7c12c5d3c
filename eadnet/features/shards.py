"""Features of clips in a file per shard, and the small index of a batch of shards that stands for them.

``{folder}/{shard}.safetensors`` appears when it is whole and names in its metadata what it was made from, its identity.
``{folder}/{batch}.json``, the index, appears when all shards of a batch are there. Only the index is an output for the
workflow. A killed job thus loses one shard: the next one keeps the files whose identity is the present one. The index
holds the digest of each file, so that indices alone say whether features have changed.

At the scale of the paper (53 h, 139 shards) a shard's latents are about 560 MB and its sound's features 17 MB (mel);
all indices together are 2 MB.
"""

import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from tqdm import tqdm

from eadnet.data.clip_set import ClipSet
from eadnet.data.clips import ClipError
from eadnet.data.tensor_files import TensorFile, TensorFileError
from eadnet.digests import file_digest
from eadnet.progress import progress_bar
from eadnet.provenance import atomic_path
from eadnet.tables import CLIPS, read_rows

IDENTITY = "identity"
"""Key of a shard file's metadata."""
FAULTS = (ClipError, TensorFileError)
"""What can be wrong with one shard; the others are encoded."""


@dataclass(frozen=True)
class Shard:
    """A shard to encode.

    Attributes:
        table: its table of clips.
        clips: the usable ones; None where there is none.
        path: the file to write.
    """

    table: str
    clips: ClipSet | None
    path: Path


@dataclass(frozen=True)
class ShardFile:
    """A shard's file, as an index lists it.

    Attributes:
        path: of the file.
        sha256: of its bytes.
        clips: frames of each clip, by clip_id, in the order of the file.
    """

    path: str
    sha256: str
    clips: dict[str, int]


def encode_shards(
    tables: Iterable[str | Path],
    output: str | Path,
    kind: str,
    identity: Callable[[Shard], str],
    encode: Callable[[Shard, str, Callable[[], object]], None],
    label: str,
) -> None:
    """Write the files of a batch of shards, then their index; a file that is there and the present one is kept.

    Args:
        tables: CLIPS tables, one a shard; a shard has the name of its table's folder.
        output: the index to write; the files stand beside it.
        kind: of the features, such as "mel".
        identity: of all that a shard's file is made from.
        encode: writes a shard's file, with its identity in the metadata; calls the function for every clip.
        label: of the progress bar.

    Raises:
        ClipError, TensorFileError: a shard cannot be read; the others are there, and there is no index.
    """
    folder, done, faults = Path(output).parent, [], []
    shards = [_shard(table, folder) for table in tables]
    usable = [shard for shard in shards if shard.clips is not None]
    with progress_bar(label, sum(len(shard.clips) for shard in usable), "clips") as bar:
        for shard in usable:
            try:
                wanted = identity(shard)
                if _identity_of(shard.path) == wanted:
                    bar.update(len(shard.clips))
                else:
                    _clear(shard.path)
                    encode(shard, wanted, bar.update)
            except FAULTS as fault:
                tqdm.write(f"{shard.table}: {fault}", file=sys.stderr)
                faults.append(fault)
                continue
            lengths = {clip.clip_id: clip.row["n_frames"] for clip in shard.clips.clips}
            done.append(ShardFile(shard.path.name, file_digest(shard.path), lengths))
    if faults:
        raise faults[0]
    write_index(output, kind, done)


def write_index(path: str | Path, kind: str, files: Iterable[ShardFile]) -> None:
    """Write an index; paths of the files are relative to its folder."""
    text = json.dumps({"kind": kind, "files": [asdict(file) for file in files]}, indent=1)
    with atomic_path(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def read_indices(paths: Iterable[str | Path], verb: str) -> tuple[str, list[ShardFile]]:
    """The kind of features and the files that indices list, in their order.

    Args:
        paths: of indices.
        verb: the command line that writes them, for messages.

    Raises:
        TensorFileError: an index is absent, damaged, or of another kind than the first.
    """
    kinds, files = [], []
    for path in paths:
        kind, listed = _index(path, verb)
        files += listed
        kinds.append(kind)
        if kinds[0] != kinds[-1]:
            raise TensorFileError(f"{path} is of {kinds[-1]}, others of {kinds[0]}; delete it and run {verb} again")
    if not files:
        raise TensorFileError(f"no usable clip in {', '.join(map(str, paths)) or 'no index'}; run {verb} again")
    return kinds[0], files


def shards_identity(paths: Iterable[str | Path], verb: str) -> dict[str, str]:
    """Digests of the files that indices list, by the last two parts of their paths: the same for any batches."""
    _, files = read_indices(paths, verb)
    return {"/".join(Path(file.path).parts[-2:]): file.sha256 for file in files}


class OpenShards:
    """The files of some indices, each mapped at first use.

    Args:
        files: as `read_indices` lists them.
        verb: the command line that writes them, for messages.
    """

    def __init__(self, files: list[ShardFile], verb: str) -> None:
        self.files, self.verb = files, verb
        self._open: dict[int, TensorFile] = {}

    def __getitem__(self, number: int) -> TensorFile:
        """The file of that number, open; raises TensorFileError where it is absent or damaged."""
        if number not in self._open:
            fix = (
                f"delete the .json files beside it, and itself if it is there; then run {self.verb} or snakemake again"
            )
            self._open[number] = TensorFile(self.files[number].path, fix=fix)
        return self._open[number]


def _shard(table: str | Path, folder: Path) -> Shard:
    rows = [row for row in read_rows(table, CLIPS) if row["status"] == "ok"]
    return Shard(str(table), ClipSet(rows) if rows else None, folder / f"{Path(table).parent.name}.safetensors")


def _clear(path: Path) -> None:
    """Remove what killed processes were writing in place of a shard's file: each may be hundreds of megabytes."""
    for left in path.parent.glob(f".{path.stem}.*{path.suffix}"):
        left.unlink(missing_ok=True)


def _identity_of(path: Path) -> str | None:
    """The identity in a file; None where the file is absent, damaged or has none."""
    try:
        return TensorFile(path).metadata(IDENTITY)
    except TensorFileError:
        return None


def _index(path: str | Path, verb: str) -> tuple[str, list[ShardFile]]:
    """Kind and files of one index."""
    folder = Path(path).parent
    try:
        held = json.loads(Path(path).read_text(encoding="utf-8"))
        listed = [
            ShardFile(str(folder / file["path"]), str(file["sha256"]), dict(file["clips"])) for file in held["files"]
        ]
        return str(held["kind"]), listed
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = "absent" if isinstance(error, FileNotFoundError) else f"no index ({type(error).__name__})"
        raise TensorFileError(f"{path} is {reason}; delete it and run {verb} again") from None
