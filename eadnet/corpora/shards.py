"""The shards of every corpus: the unit of work, known before anything is decoded.

`list_shards` runs when the Snakefile is parsed, so this module and all that it imports stay light. It reads folder
listings and HDTF's annotation text of local corpora, knows those that are yet to be downloaded from the manifests of
their splits, and writes nothing.
"""

from pathlib import Path

from eadnet.config.corpora import HDTF, MEAD, RAVDESS, Corpora, FolderCorpus
from eadnet.corpora.absent import AbsentActors
from eadnet.corpora.files import REST, CorpusError
from eadnet.corpora.folder import FolderReader, list_videos
from eadnet.corpora.hdtf import HDTFReader, list_groups, list_identities
from eadnet.corpora.mead import MEADReader, list_actors, other_folders
from eadnet.corpora.mead import absent_actors as absent_from_mead
from eadnet.corpora.ravdess import RAVDESSReader
from eadnet.corpora.ravdess_layout import absent_actors as absent_from_ravdess
from eadnet.corpora.ravdess_layout import list_actors as list_ravdess_actors
from eadnet.corpora.ravdess_layout import other_entries
from eadnet.corpora.sources import Reader

AnyCorpus = HDTF | MEAD | RAVDESS | FolderCorpus

_READERS = {
    "hdtf": (HDTF, HDTFReader),
    "mead": (MEAD, MEADReader),
    "ravdess": (RAVDESS, RAVDESSReader),
    "folder": (FolderCorpus, FolderReader),
}
_ABSENT = {"mead": absent_from_mead, "ravdess": absent_from_ravdess}  # their shards are actors, no numbers


def list_shards(corpora: Corpora) -> dict[str, tuple[str, ...]]:
    """Shard names by corpus, for the corpora that are switched on.

    MEAD and RAVDESS have one shard an actor; HDTF and folders have groups of `shard_size` identities or videos: 000,
    001, ... Of a corpus on disk only those that have a file; `list_rest` names the corpora that have rows besides.

    Raises:
        CorpusError: a local folder is absent or empty, or the drawn corpora ask for more people than there are names.
    """
    shards: dict[str, tuple[str, ...]] = {}
    if corpora.hdtf:
        shards["hdtf"] = list_groups(corpora.hdtf, _local_folder("hdtf", corpora.hdtf))
    if corpora.mead:
        shards["mead"] = list_actors(corpora.mead, _local_folder("mead", corpora.mead))
    if corpora.ravdess:
        shards["ravdess"] = list_ravdess_actors(corpora.ravdess, _local_folder("ravdess", corpora.ravdess))
    if corpora.folder:
        shards["folder"] = _groups(len(list_videos(corpora.folder.path)), corpora.folder.shard_size)
    return shards


def list_rest(corpora: Corpora) -> tuple[str, ...]:
    """The corpora that have a shard `REST`: a local HDTF, and a local MEAD or RAVDESS that lacks a wanted actor."""
    local = ["hdtf"] if corpora.hdtf and corpora.hdtf.origin == "local" else []
    sections = {name: getattr(corpora, name) for name in _ABSENT}
    return (*local, *(name for name, own in sections.items() if own and _ABSENT[name](own, own.path)))


def unused_folders(corpora: Corpora) -> list[str]:
    """One line for each folder (or archive) beside the actors of a local MEAD or RAVDESS that is left out."""
    lines = []
    if corpora.mead and corpora.mead.origin == "local":
        lines += [
            f"corpora.mead.path: folder {name!r} is left out; an actor's folder is called M003 or W009, rename or "
            "remove it"
            for name in other_folders(corpora.mead.path)
        ]
    if corpora.ravdess and corpora.ravdess.origin == "local":
        names = [path.name for path in Path(corpora.ravdess.path).iterdir() if path.is_dir() or path.suffix == ".zip"]
        lines += [
            f"corpora.ravdess.path: {name!r} is left out; an actor's archive is called Video_Speech_Actor_01.zip, a "
            "folder Actor_01, rename or remove it"
            for name in other_entries(names)
        ]
    return lines


def shard_people(settings: HDTF, root: str | Path | None, shard: str) -> tuple[str, ...]:
    """The HDTF identities (``{group}_{name}``) of one shard; `root` may hold annotation files."""
    first = int(shard) * settings.shard_size
    return list_identities(settings, root)[first : first + settings.shard_size]


def settings_model(corpus: str) -> type[AnyCorpus]:
    """The configuration model of a corpus.

    Raises:
        CorpusError: no such corpus.
    """
    return _known(corpus)[0]


def reader(corpus: str, settings: AnyCorpus, root: str | Path, shard: str) -> Reader:
    """The reader of one shard.

    Raises:
        CorpusError: no such corpus or shard.
    """
    make = _known(corpus)[1]
    if shard == REST and corpus in _ABSENT:
        return AbsentActors(lambda actor: make(settings, root, actor), _ABSENT[corpus](settings, root))
    if corpus not in _ABSENT and not shard.isdecimal() and (corpus, shard) != ("hdtf", REST):
        raise CorpusError(f"{corpus} has no shard '{shard}'; shards are 000, 001, ...")
    return make(settings, root, shard)


def _known(corpus: str) -> tuple:
    if corpus not in _READERS:
        raise CorpusError(f"unknown corpus '{corpus}'; use {', '.join(_READERS)}")
    return _READERS[corpus]


def _local_folder(name: str, settings: HDTF | MEAD | RAVDESS) -> Path | None:
    if settings.origin != "local":
        return None
    if not settings.path or not Path(settings.path).is_dir():
        raise CorpusError(f"corpora.{name}.path: '{settings.path}' is not a folder; give one, or set origin: download")
    return Path(settings.path)


def _groups(count: int, size: int) -> tuple[str, ...]:
    return tuple(f"{index:03d}" for index in range(-(-count // size)))
