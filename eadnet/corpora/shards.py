"""The shards of every corpus: the unit of work, known before anything is decoded.

`list_shards` runs when the Snakefile is parsed, so this module and all that it imports stay light. It reads folder
listings and HDTF's annotation text of local corpora, knows those that are yet to be downloaded from the manifests of
their splits, and writes nothing.
"""

from pathlib import Path

from eadnet.corpora.folder import FolderReader, list_videos
from eadnet.corpora.hdtf import HDTFReader, list_identities
from eadnet.corpora.mead import MEADReader, list_actors, other_folders
from eadnet.corpora.settings import HDTF, MEAD, Corpora, FolderCorpus
from eadnet.corpora.sources import CorpusError, Reader

_READERS = {"hdtf": (HDTF, HDTFReader), "mead": (MEAD, MEADReader), "folder": (FolderCorpus, FolderReader)}


def list_shards(corpora: Corpora) -> dict[str, tuple[str, ...]]:
    """Shard names by corpus, for the corpora that are switched on.

    MEAD has one shard an actor; HDTF and folders have groups of `shard_size` identities or videos: 000, 001, ...

    Raises:
        CorpusError: a local folder is absent or empty; the message names the key.
        eadnet.corpora.splits.SplitError: the drawn corpora ask for more people than there are names.
    """
    shards: dict[str, tuple[str, ...]] = {}
    if corpora.hdtf:
        people = list_identities(corpora.hdtf, _local_folder("hdtf", corpora.hdtf))
        shards["hdtf"] = _groups(len(people), corpora.hdtf.shard_size)
    if corpora.mead:
        shards["mead"] = list_actors(corpora.mead, _local_folder("mead", corpora.mead))
    if corpora.folder:
        shards["folder"] = _groups(len(list_videos(corpora.folder.path)), corpora.folder.shard_size)
    return shards


def unused_folders(corpora: Corpora) -> list[str]:
    """One line for each folder beside the actors of a local MEAD that is no shard, with the mend."""
    if not corpora.mead or corpora.mead.origin != "local":
        return []
    return [
        f"corpora.mead.path: folder {name!r} is left out; an actor's folder is called M003 or W009, rename or remove it"
        for name in other_folders(corpora.mead.path)
    ]


def shard_people(settings: HDTF, root: str | Path | None, shard: str) -> tuple[str, ...]:
    """The HDTF identities (``{group}_{name}``) of one shard; `root` may hold annotation files."""
    first = int(shard) * settings.shard_size
    return list_identities(settings, root)[first : first + settings.shard_size]


def settings_model(corpus: str) -> type[HDTF] | type[MEAD] | type[FolderCorpus]:
    """The configuration model of a corpus.

    Raises:
        CorpusError: no such corpus.
    """
    return _known(corpus)[0]


def reader(corpus: str, settings: HDTF | MEAD | FolderCorpus, root: str | Path, shard: str) -> Reader:
    """The reader of one shard.

    Raises:
        CorpusError: no such corpus or shard.
    """
    if corpus != "mead" and not shard.isdecimal():
        raise CorpusError(f"{corpus} has no shard '{shard}'; shards are 000, 001, ...")
    return _known(corpus)[1](settings, root, shard)


def _known(corpus: str) -> tuple:
    if corpus not in _READERS:
        raise CorpusError(f"unknown corpus '{corpus}'; use {', '.join(_READERS)}")
    return _READERS[corpus]


def _local_folder(name: str, settings: HDTF | MEAD) -> Path | None:
    if settings.origin != "local":
        return None
    if not settings.path or not Path(settings.path).is_dir():
        raise CorpusError(f"corpora.{name}.path: '{settings.path}' is not a folder; give one, or set origin: download")
    return Path(settings.path)


def _groups(count: int, size: int) -> tuple[str, ...]:
    return tuple(f"{index:03d}" for index in range(-(-count // size)))
