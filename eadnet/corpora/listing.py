"""What a shard of a local corpus is made of, as one digest: when it changes, the shard is read again.

The workflow passes it as a parameter, because a corpus of your own is no output of any rule and its file names may
hold what no workflow manager likes. Reads names, sizes and times, never contents; writes nothing.
"""

import hashlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from eadnet.config.corpora import HDTF, MEAD, RAVDESS, Corpora, FolderCorpus
from eadnet.corpora.annotations import annotation_folder, known_videos
from eadnet.corpora.files import REST, Found, list_files
from eadnet.corpora.hdtf import FileNames, list_groups
from eadnet.corpora.mead import absent_actors as absent_from_mead
from eadnet.corpora.ravdess import files_of
from eadnet.corpora.ravdess_layout import absent_actors as absent_from_ravdess
from eadnet.corpora.ravdess_layout import list_actors
from eadnet.corpora.shards import shard_people

Lister = Callable[..., list[Found]]


def shard_digest(corpora: Corpora, corpus: str, shard: str, lister: Lister = list_files) -> str:
    """Hex digest over names, sizes and modification times of the files behind one shard.

    Empty for drawn corpora. Of those that are downloaded only annotation files of your own count: what came of the
    download stands in a table that rules know.

    Args:
        corpora: the configuration.
        corpus: mead, hdtf, ravdess or folder.
        shard: one of its shards.
        lister: `list_files`, or a cached one (``functools.cache``): shards of one folder share its listing.
    """
    settings = getattr(corpora, corpus)
    if getattr(settings, "origin", "local") != "local":
        given = getattr(settings, "annotations", None) if settings.origin == "download" else None
        return files_digest(lister(given)) if given else ""
    if shard == REST:
        return _digest_of_rest(settings, lister)
    if isinstance(settings, MEAD):
        return files_digest(lister(Path(settings.path, shard), follow=True))
    if isinstance(settings, RAVDESS):
        first = list_actors(settings, settings.path)[0] == shard
        digest = files_digest(files_of(shard, lister(settings.path, follow=True), first))
        return f"{digest} first" if first else digest  # it accounts for more files of all actors' archives
    if isinstance(settings, FolderCorpus):  # splits and names depend on all files of the folder
        return files_digest(lister(settings.path) + _listed(settings.table))
    return files_digest(_of_people(settings, shard, lister))


def _digest_of_rest(settings: HDTF | MEAD | RAVDESS, lister: Lister) -> str:
    """What shard `REST` depends on: who is absent, and the files that belong to no shard."""
    if isinstance(settings, MEAD):
        return " ".join(absent_from_mead(settings, settings.path))
    if isinstance(settings, RAVDESS):
        absent = absent_from_ravdess(settings, settings.path)
        listed = lister(settings.path, follow=True)
        return files_digest(found for actor in absent for found in files_of(actor, listed, False)) + " ".join(absent)
    return (
        f"{files_digest(_of_people(settings, REST, lister))} {' '.join(list_groups(settings, settings.path, lister))}"
    )


def _of_people(settings: HDTF, shard: str, lister: Lister) -> list[Found]:
    """The annotation files and the media of a shard's people; for `REST` the files that belong to no person."""
    identities = known_videos(settings, settings.path)
    names = FileNames(identities)
    people = {None} if shard == REST else {*shard_people(settings, settings.path, shard)}
    matches = ((found, names.of_file(found)) for found in lister(settings.path, follow=True))
    media = [found for found, match in matches if (identities[match[0]] if match else None) in people]
    folder = annotation_folder(settings)
    return media + (lister(folder) if folder else [])


def _listed(table: str | None) -> list[Found]:
    if not table or not os.path.isfile(table):
        return []
    status = os.stat(table)
    return [Found(table, status.st_size, status.st_mtime_ns)]


def files_digest(files: Iterable[Found]) -> str:
    """Hex digest over names, sizes, modification times and faults of listed files."""
    digest = hashlib.sha256()
    for found in files:
        digest.update(os.fsencode(found.name) + f"\0{found.size} {found.modified} {found.fault}\0".encode())
    return digest.hexdigest()
