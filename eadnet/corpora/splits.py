"""Who and what is held out for testing: the rules of the corpora, and the names of the drawn people.

Pure functions of names and settings; reads and writes nothing.
"""

import hashlib
import itertools
import re

from eadnet.corpora.settings import HDTF, MEAD

# MEAD ids that EMOTE's list of usable actors holds, most used first; the four test actors of EAT stand in the config.
MEAD_ACTORS = tuple(
    "M005 M007 M009 M011 M012 M013 W011 W014 W016 W018 W019 W021 M019 M022 M023 M024 W023 W024 W025 W026 M025 M026 "
    "M027 M028 W028 W029 M029 M031 M032 M033 W033 W035 M034 M035 W036 W037 M037 M039 W038 W040 M040 M041 M042".split()
)
MEAD_TEST_ACTORS = ("M003", "M030", "W009", "W015")  # EAT and EVP test on these
MEAD_HELD_OUT = {"neutral": range(31, 41)}  # official rule: the last ten sentences of neutral,
MEAD_HELD_OUT_OTHERS = range(25, 31)  # and the last six of each other emotion

# Identities that OTAvatar, GOHA and GAGAvatar test on.
HDTF_TEST_IDENTITIES = tuple(
    "WRA_ReneeEllmers WRA_GeoffDavis WRA_JoePitts WRA_TimScott WRA_JohnThune WRA_ToddYoung WRA_RoyBlunt "
    "WRA_ErikPaulsen WRA_TomPrice WRA_TomCotton WRA_EricCantor WRA_RichardShelby WRA_RobPortman WRA_DeanHeller "
    "WRA_VickyHartzler WRA_ReincePriebus WDA_MikeDoyle WDA_CatherineCortezMasto WDA_MartinHeinrich".split()
)
HDTF_SAME_PERSON = {"WDA_WhipJimClyburn": "WDA_JamesClyburn"}  # two names of one video

_FIRST = {
    "WDA": "Ada Cleo Edda Greta Iris Kaya Mina Opal Quinn Selma Thea Vera".split(),
    "WRA": "Abel Bruno Cyrus Dario Emil Felix Gideon Hugo Ivo Jonas Linus Otto".split(),
}
_LAST = "Marlow Oakley Tarrant Wexford Linden Hartnell Corvin Esker Fenwick Galloway Ingram Lockyer".split()


class SplitError(ValueError):
    """A split that cannot be made from the settings; the message names the key and the mend."""


def mead_people(settings: MEAD) -> tuple[str, ...]:
    """Actors of the drawn MEAD: test actors, then training actors.

    Raises:
        SplitError: more actors are asked for than MEAD has ids.
    """
    drawn = settings.synthetic
    others = [actor for actor in MEAD_ACTORS if actor not in MEAD_TEST_ACTORS]
    for key, wanted, known in (
        ("test_actors", drawn.test_actors, MEAD_TEST_ACTORS),
        ("train_actors", drawn.train_actors, others),
    ):
        if wanted > len(known):
            raise SplitError(f"corpora.mead.synthetic.{key}: {wanted} asked for, {len(known)} ids known; lower it")
    return (*MEAD_TEST_ACTORS[: drawn.test_actors], *others[: drawn.train_actors])


def mead_split(actor: str, emotion: str, number: int, settings: MEAD) -> str:
    """`test` for every clip of a test actor and for held-out sentences of the others, else `train`."""
    held_out = number in MEAD_HELD_OUT.get(emotion, MEAD_HELD_OUT_OTHERS)
    return "test" if actor in MEAD_TEST_ACTORS or held_out else "train"


def hdtf_people(settings: HDTF) -> tuple[str, ...]:
    """Names (``{group}_{name}``) of the people of the drawn HDTF: training people, then test people."""
    count = settings.synthetic.train_people + settings.synthetic.test_people
    names = {
        "RD": (f"Radio{number}" for number in itertools.count(1)),
        "WDA": _full_names("WDA"),
        "WRA": _full_names("WRA"),
    }
    if count > 3 * len(_LAST) * 12:
        raise SplitError(
            f"corpora.hdtf.synthetic: {count} people asked for, {3 * len(_LAST) * 12} names known; lower it"
        )
    return tuple(f"{group}_{next(names[group])}" for group, _ in zip(itertools.cycle(names), range(count)))


def hdtf_identity(group: str, name: str) -> str:
    """Who a video shows: ``{group}_{name}`` without the digits that number a person's videos.

    Radio shows are called Radio1, Radio2, ...: there the digits tell people apart and stay.
    """
    identity = f"{group}_{name}" if group == "RD" else f"{group}_{re.sub(r'[0-9]+$', '', name) or name}"
    return HDTF_SAME_PERSON.get(identity, identity)


def hdtf_test_identities(settings: HDTF, identities: tuple[str, ...]) -> frozenset[str]:
    """The identities held out for testing.

    Drawn people: the last `test_people`. Real people: those of the settings; else the published list, as far as it is
    here; else the last tenth.

    Raises:
        SplitError: the settings name an identity that the annotations lack.
    """
    if settings.origin == "synthetic":
        return frozenset(hdtf_people(settings)[-settings.synthetic.test_people :])
    bare = {identity.split("_", 1)[1]: identity for identity in identities}
    if settings.test_identities:
        chosen = {bare.get(name, name) for name in settings.test_identities}
        unknown = sorted(chosen - set(identities))
        if unknown:
            raise SplitError(
                f"corpora.hdtf.test_identities: '{unknown[0]}' is not in the annotations; check its spelling"
            )
        return frozenset(chosen)
    published = frozenset(HDTF_TEST_IDENTITIES) & set(identities)
    return published or frozenset(identities[-max(1, len(identities) // 10) :])


def folder_test_people(people: set[str], share: float) -> frozenset[str]:
    """A share of people, picked by the digest of their names: adding a person moves hardly anybody else.

    At least one is picked and one is left, where there are two.
    """
    ranked = sorted(people, key=lambda person: hashlib.sha256(person.encode()).digest())
    count = round(share * len(ranked))
    if share > 0 and len(ranked) > 1:
        count = min(max(count, 1), len(ranked) - 1)
    return frozenset(ranked[:count])


def _full_names(group: str) -> itertools.chain:
    """All pairs of first and last name, each walk through the last names starting one further on."""
    pairs = (
        (first, _LAST[(turn + place) % len(_LAST)]) for turn in range(12) for place, first in enumerate(_FIRST[group])
    )
    return (first + last for first, last in pairs)
