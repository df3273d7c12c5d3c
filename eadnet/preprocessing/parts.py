"""What has been finished of a shard, source by source: a killed job goes on where it was.

``{folder}/.parts/{clip_id}.safetensors`` holds the arrays of one clip and ``{source's clip_id}.json`` the rows of one
source. The rows come last, and with them a fingerprint of all that they were made from: a part counts only if they are
there and it is the present one. ``{source's clip_id}.begun`` stands for a source at work; where one is left over, its
process has died.
"""

import hashlib
import json
import shutil
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import numpy as np

from eadnet.config.preprocessing import Preprocess
from eadnet.corpora.sources import ClipSource
from eadnet.data.tensor_files import TensorFile, streamed_tensors
from eadnet.jobs.ownership import check_owned
from eadnet.provenance import atomic_path

# File of the finished shard: the keys of a part that it holds, and what they are called there
FILES = {
    "crops": {"crops": "{clip}"},
    "audio": {"audio": "{clip}"},
    "landmarks": {"landmarks": "{clip}", "transform": "{clip}/transform", "seen": "{clip}/seen"},
}


class Parts:
    """The finished sources of a shard."""

    def __init__(
        self,
        folder: Path,
        settings: Preprocess,
        version: int,
        digests: dict[str, str | None],
        quality: bool = False,
        weights: dict[str, str] | None = None,
    ) -> None:
        """`digests` are the SHA-256 of the sources' files, by `source_id`; `weights` those of the published weights.

        `quality` says whether it is measured.
        """
        self.shard, self.folder = folder, folder / ".parts"
        self.made_with = [settings.model_dump(mode="json", exclude={"keep_crops"}), version, quality, weights or {}]
        self.digests = digests

    def load(self, source: ClipSource) -> list[dict] | None:
        """The rows of a source, if it is finished and nothing behind it has changed."""
        try:
            stored = json.loads(self._rows_path(source).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return None
        rows = stored["rows"] if stored.get("fingerprint") == self._fingerprint(source) else None
        return rows if rows is not None and all(map(self._is_whole, rows)) else None

    def begin(self, source: ClipSource) -> None:
        """Note that a source is at work, until its rows are stored."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._note_path(source).touch()

    def was_begun(self, source: ClipSource) -> bool:
        """Whether a process died, or was stopped, while the source was at work."""
        return self._note_path(source).exists()

    def store_arrays(self, clip_id: str, arrays: dict[str, np.ndarray]) -> None:
        """Keep the arrays of one clip."""
        specs = {name: (value.shape, value.dtype) for name, value in arrays.items()}
        with streamed_tensors(self._path(clip_id), specs) as writer:
            for name, value in arrays.items():
                writer.append(name, value)

    def store_rows(self, source: ClipSource, rows: list[dict]) -> None:
        """Keep the rows of a source; its clips' arrays must be there.

        Raises:
            eadnet.jobs.ownership.OwnershipError: the shard was this job's and is another's now.
        """
        check_owned(self.shard)
        text = json.dumps({"fingerprint": self._fingerprint(source), "rows": rows})
        with atomic_path(self._rows_path(source)) as temporary:
            temporary.write_text(text, encoding="utf-8")
        self._note_path(source).unlink(missing_ok=True)

    def join(self, clip_ids: Iterable[str]) -> dict[str, str]:
        """Write the shard's files from the parts of these clips, one array at a time; their paths by name.

        Raises:
            eadnet.jobs.ownership.OwnershipError: as of `store_rows`.
        """
        check_owned(self.shard)
        clip_ids, paths = list(clip_ids), {}
        for name, keys in FILES.items():
            places = {
                form.format(clip=clip): (self._path(clip), key) for clip in clip_ids for key, form in keys.items()
            }
            path = self.shard / f"{name}.safetensors"
            specs = {called: TensorFile(part, "numpy").spec(key) for called, (part, key) in places.items()}
            with streamed_tensors(path, specs) as writer:
                for called, (part, key) in places.items():
                    writer.append(called, TensorFile(part, "numpy").tensor(key))
            paths[name] = str(path)
        return paths

    def clear(self) -> None:
        """Drop the parts: the shard is whole."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _is_whole(self, row: dict) -> bool:
        """Whether all files of a clip are there; the workflow, for one, may have removed some."""
        here = row["source"] is None or Path(row["source"]).is_file()
        return row["status"] != "ok" or (here and self._path(row["clip_id"]).is_file())

    def _path(self, clip_id: str) -> Path:
        return self.folder / f"{clip_id}.safetensors"

    def _note_path(self, source: ClipSource) -> Path:
        return self.folder / f"{source.clip_id}.begun"

    def _rows_path(self, source: ClipSource) -> Path:
        return self.folder / f"{source.clip_id}.json"

    def _fingerprint(self, source: ClipSource) -> str:
        content = [self.digests.get(source.source_id), asdict(source), self.made_with]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
