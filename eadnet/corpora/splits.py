"""Who and what is held out: named splits as committed manifests, and the names of the drawn people.

``manifests/{corpus}_{split}-v{n}.tsv`` are written by ``python -m eadnet splits --write`` from the rules in
``split_commands``; a manifest whose digest is not the one below is refused. Reads manifests, writes nothing. Light.
"""

import csv
import hashlib
import itertools
import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

from eadnet.config.corpora import HDTF, MEAD, RAVDESS
from eadnet.corpora.files import CorpusError

MANIFESTS = files("eadnet.corpora") / "manifests"
# A manifest never changes under its name: a changed rule makes a new version.
DIGESTS = {
    "hdtf_reenactment19-v1": "64ec01f27178ab50905d8f09fc61b4cdd12207927a4bd5fae5d914da7338a4a7",
    "mead_eat-v1": "8a3457a171adf668b53e5282accf71f8a201dec721405fb17f7402be388f72ed",
    "mead_eat_sentences-v1": "02f11f0f4f4e973f4f1d4155f008ac65cc234f73d70b7511be27737dcc0d5eb8",
    "mead_emote-v1": "5dedc3d6dcd6d091a8b52ec6001b64cea49ba4b11a529a4d7bdf3d9973921520",
    "mead_official_sentences-v1": "984d115992cbdace6427a5b8426e4c541326636d5a1bba16092fa88b59aa2029",
    "ravdess_all-v1": "16281b58d63be346034989326185a59279b44d6af9eccf2e8f0030ffbc3a9954",
}
ANY = "*"  # in a manifest's column: whatever stands there

MEAD_TEST_ACTORS = ("M003", "M030", "W009", "W015")  # EAT's
# The other actors whom EMOTE uses, in the order in which the drawn corpus takes their names.
MEAD_ACTORS = tuple(
    "M005 M007 M009 M011 M012 M013 W011 W014 W016 W018 W019 W021 M019 M022 M023 M024 W023 W024 W025 W026 M025 M026 "
    "M027 M028 W028 W029 M029 M031 M032 M033 W033 W035 M034 M035 W036 W037 M037 M039 W038 W040 M040 M041 M042".split()
)
# Released as part 0: EMOTE's 47, and W017, of whom there is only the view from below.
MEAD_PART_0 = tuple(sorted((*MEAD_TEST_ACTORS, *MEAD_ACTORS, "W017")))
MEAD_HELD_OUT = {"neutral": range(31, 41)}  # official rule: the last ten sentences of neutral,
MEAD_HELD_OUT_OTHERS = range(25, 31)  # and the last six of each other emotion

HDTF_SAME_PERSON = {"WDA_WhipJimClyburn": "WDA_JamesClyburn"}  # two names of one video

_FIRST = {
    "WDA": "Ada Cleo Edda Greta Iris Kaya Mina Opal Quinn Selma Thea Vera".split(),
    "WRA": "Abel Bruno Cyrus Dario Emil Felix Gideon Hugo Ivo Jonas Linus Otto".split(),
}
_LAST = "Marlow Oakley Tarrant Wexford Linden Hartnell Corvin Esker Fenwick Galloway Ingram Lockyer".split()


@cache
def read_manifest(name: str) -> tuple[dict[str, str], ...]:
    """The rows of a committed manifest, such as ``mead_eat-v1``, by column.

    Raises:
        CorpusError: the file is absent, or is not the one that was published under this name.
    """
    path = MANIFESTS / f"{name}.tsv"
    content = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(content).hexdigest() != DIGESTS.get(name):
        raise CorpusError(f"{path}: not the published split of this name; restore it with `git checkout -- {path}`")
    return tuple(csv.DictReader(content.decode().splitlines(), delimiter="\t"))


# ------------------------------------------------------------------------------------------------------ MEAD
def mead_people(settings: MEAD) -> tuple[str, ...]:
    """Actors of the drawn MEAD: test actors, then training actors.

    Raises:
        CorpusError: more actors are requested than MEAD has ids.
    """
    drawn = settings.synthetic
    for key, wanted, known in (
        ("test_actors", drawn.test_actors, MEAD_TEST_ACTORS),
        ("train_actors", drawn.train_actors, MEAD_ACTORS),
    ):
        if wanted > len(known):
            raise CorpusError(f"corpora.mead.synthetic.{key}: {wanted} requested, {len(known)} ids known; lower it")
    return (*MEAD_TEST_ACTORS[: drawn.test_actors], *MEAD_ACTORS[: drawn.train_actors])


def mead_split(actor: str, emotion: str, number: int, settings: MEAD) -> str | None:
    """`train`, `val` or `test` by the named split; None for an actor whom the split leaves out.

    A row for the actor counts before one for the sentence, and that before one for everybody.
    """
    rules = _mead_rules(f"mead_{settings.split}-v1")
    keys = ((actor, ANY, ANY), (ANY, emotion, str(number)), (ANY, ANY, ANY))
    return next((rules[key] for key in keys if key in rules), None)


@cache
def _mead_rules(name: str) -> dict[tuple[str, str, str], str]:
    return {(row["actor"], row["emotion"], row["number"]): row["split"] for row in read_manifest(name)}


# ------------------------------------------------------------------------------------------------------ HDTF
def hdtf_people(settings: HDTF) -> tuple[str, ...]:
    """Names (``{group}_{name}``) of the people of the drawn HDTF: training people, then test people."""
    count = settings.synthetic.train_people + settings.synthetic.test_people
    names = {
        "RD": (f"Radio{number}" for number in itertools.count(1)),
        "WDA": _full_names("WDA"),
        "WRA": _full_names("WRA"),
    }
    if count > 3 * len(_LAST) * 12:
        raise CorpusError(
            f"corpora.hdtf.synthetic: {count} people requested, {3 * len(_LAST) * 12} names known; lower it"
        )
    return tuple(f"{group}_{next(names[group])}" for group, _ in zip(itertools.cycle(names), range(count)))


def hdtf_identity(group: str, name: str) -> str:
    """Who a video shows: ``{group}_{name}`` without the digits that number a person's videos.

    Radio shows are called Radio1, Radio2, ...: there the digits distinguish people and stay.
    """
    identity = f"{group}_{name}" if group == "RD" else f"{group}_{re.sub(r'[0-9]+$', '', name) or name}"
    return HDTF_SAME_PERSON.get(identity, identity)


def hdtf_published(settings: HDTF) -> dict[str, str]:
    """Identities of the published videos, by ``{group}_{name}``: known without the annotation files."""
    return {row["name"]: row["identity"] for row in read_manifest(f"hdtf_{settings.split}-v1")}


def hdtf_splits(settings: HDTF, identities: tuple[str, ...]) -> dict[str, str]:
    """The split of every identity.

    Drawn people: the last `test_people` are for testing. Real people: as the named split has them, and training for the
    others; where it has none of them, the last tenth is for testing. `test_identities` take the place of
    the named split's test identities.

    Raises:
        CorpusError: the settings name an identity that the annotations lack.
    """
    if settings.origin == "synthetic":
        named, tested = {}, set(identities[-settings.synthetic.test_people :])
    else:
        named = {row["identity"]: row["split"] for row in read_manifest(f"hdtf_{settings.split}-v1")}
        tested = _chosen(settings, identities) or {name for name in identities if named.get(name) == "test"}
        if not tested and named.keys().isdisjoint(identities):
            tested = set(identities[-max(1, len(identities) // 10) :])
    kept = {name: "val" if named.get(name) == "val" else "train" for name in identities}
    return kept | dict.fromkeys(tested, "test")


def _chosen(settings: HDTF, identities: tuple[str, ...]) -> set[str]:
    bare = {identity.split("_", 1)[1]: identity for identity in identities}
    chosen = {bare.get(name, name) for name in settings.test_identities}
    unknown = sorted(chosen - set(identities))
    if unknown:
        raise CorpusError(f"corpora.hdtf.test_identities: '{unknown[0]}' is not in the annotations; check its spelling")
    return chosen


def _full_names(group: str) -> itertools.chain:
    """All pairs of first and last name, each walk through the last names starting one further on."""
    pairs = (
        (first, _LAST[(turn + place) % len(_LAST)]) for turn in range(12) for place, first in enumerate(_FIRST[group])
    )
    return (first + last for first, last in pairs)


# --------------------------------------------------------------------------------------------------- RAVDESS
def ravdess_split(actor: str, settings: RAVDESS) -> str:
    """The split of an actor, such as A12, by the named split: `test`, since there is no other."""
    return _ravdess_rules(f"ravdess_{settings.split}-v1")[actor]


@cache
def _ravdess_rules(name: str) -> dict[str, str]:
    return {row["actor"]: row["split"] for row in read_manifest(name)}


# ---------------------------------------------------------------------------------------------------- folder
def folder_test_people(people: set[str], share: float) -> frozenset[str]:
    """A share of people, picked by the digest of their names: adding a person moves few others.

    At least one is picked and one is left, where there are two.
    """
    count = round(share * len(people))
    if share > 0 and len(people) > 1:
        count = min(max(count, 1), len(people) - 1)
    return frozenset(by_digest(people)[:count])


def by_digest(names: Iterable[str]) -> list[str]:
    """Names in the order of their SHA-256: as good as shuffled, and the same everywhere."""
    return sorted(names, key=lambda name: hashlib.sha256(name.encode()).digest())
