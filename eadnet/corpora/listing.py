"""What a shard of a local corpus is made of, as one digest: when it changes, the shard is read again.

The workflow passes it as a parameter, because a corpus of your own is no output of any rule and its file names may
hold what no workflow manager likes. Reads names, sizes and times, never contents; writes nothing.
"""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from eadnet.corpora.hdtf import HDTFReader
from eadnet.corpora.settings import HDTF, Corpora, FolderCorpus


def shard_digest(corpora: Corpora, corpus: str, shard: str) -> str:
    """Hex digest over names, sizes and modification times of the files behind one shard; empty for drawn corpora."""
    settings = getattr(corpora, corpus)
    if getattr(settings, "origin", "local") == "synthetic":
        return ""
    return _digest(_files(settings, shard))


def _files(settings: object, shard: str) -> list[Path]:
    root = Path(settings.path)
    if isinstance(settings, FolderCorpus):  # splits and names depend on all files of the folder
        return _below(root) + ([Path(settings.table)] if settings.table else [])
    if isinstance(settings, HDTF):
        videos = HDTFReader(settings, root, shard).annotated.values()
        stems = {stem for video in videos for stem in (video.name, f"{video.group}_{video.name}")}
        return [path for path in _below(root) if path.suffix == ".txt" or path.stem in stems]
    return _below(root / shard)


def _below(folder: Path) -> list[Path]:
    return sorted(Path(base) / name for base, _, names in os.walk(folder) for name in names)


def _digest(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        try:
            status = path.stat()
        except OSError:  # a dangling link; reading it makes a row with the reason
            digest.update(os.fsencode(path) + b"\0absent\0")
            continue
        digest.update(os.fsencode(path) + f"\0{status.st_size} {status.st_mtime_ns}\0".encode())
    return digest.hexdigest()
