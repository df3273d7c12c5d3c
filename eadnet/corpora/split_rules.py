"""The rules of the named splits, from which ``python -m eadnet splits`` writes or checks the manifests.

Reads HDTF's annotation files where they are given; writes ``eadnet/corpora/manifests/*.tsv``. MEAD's rows are tried by
actor, then by sentence, then for everybody (``splits.mead_split``).
"""

import hashlib
from collections.abc import Callable, Iterable

from eadnet.corpora.ravdess_layout import ACTORS
from eadnet.corpora.splits import (
    ANY,
    DIGESTS,
    MANIFESTS,
    MEAD_HELD_OUT,
    MEAD_HELD_OUT_OTHERS,
    MEAD_PART_0,
    MEAD_TEST_ACTORS,
    by_digest,
)
from eadnet.tables import EMOTIONS

MEAD_VALIDATION_ACTORS = ("M032", "W033")  # ours: EAT names test actors only
# EMOTE (Danecek et al., 2023): 32 actors for training, 7 for validation, 8 for testing.
EMOTE = {
    "train": "M003 M005 M007 M009 M011 M012 M013 M019 M022 M023 M024 M025 M026 M027 M028 M029 M030 M031 "
    "W009 W011 W014 W015 W016 W018 W019 W021 W023 W024 W025 W026 W028 W029",
    "val": "M032 M033 M034 M035 W033 W035 W036",
    "test": "M037 M039 M040 M041 M042 W037 W038 W040",
}
SENTENCES = {emotion: 40 if emotion == "neutral" else 30 for emotion in EMOTIONS}
# Identities that OTAvatar, GOHA and GAGAvatar test on.
HDTF_TEST_IDENTITIES = frozenset(
    "WRA_ReneeEllmers WRA_GeoffDavis WRA_JoePitts WRA_TimScott WRA_JohnThune WRA_ToddYoung WRA_RoyBlunt "
    "WRA_ErikPaulsen WRA_TomPrice WRA_TomCotton WRA_EricCantor WRA_RichardShelby WRA_RobPortman WRA_DeanHeller "
    "WRA_VickyHartzler WRA_ReincePriebus WDA_MikeDoyle WDA_CatherineCortezMasto WDA_MartinHeinrich".split()
)
HDTF_VALIDATION_SHARE = 0.05  # ours, of the identities that are not for testing

COMMAND = "python -m eadnet splits --write"

Row = tuple[str, ...]


def write_manifests(annotations: str | None, write: bool, report: Callable[[str], None]) -> list[str]:
    """Write the manifests, or only compare them.

    Args:
        annotations: folder of HDTF's annotation files; None makes MEAD's and RAVDESS's only.
        write: whether files are written.
        report: takes a line a file that was written.

    Returns:
        A line for each manifest that differs from its rule, or whose digest is not the declared one.
    """
    faults = []
    for name, text in manifests(annotations).items():
        path, digest = MANIFESTS / f"{name}.tsv", hashlib.sha256(text.encode()).hexdigest()
        if write:
            MANIFESTS.mkdir(exist_ok=True)
            path.write_bytes(text.encode())
            report(f"wrote {path.name}: {digest}")
        elif not path.is_file() or path.read_bytes() != text.encode():
            faults.append(f"stale: {path.name}; run `{COMMAND}`")
        if digest != DIGESTS.get(name):
            faults.append(f"{name} has another digest than splits.DIGESTS; a changed rule needs a new version")
    return faults


def manifests(annotations: str | None = None) -> dict[str, str]:
    """The text of every manifest that can be made, by name; HDTF's needs the folder of annotation files."""
    columns = ("actor", "emotion", "number", "split")
    texts = {f"mead_{name}-v1": _as_text(columns, rows()) for name, rows in MEAD_RULES.items()}
    texts["ravdess_all-v1"] = _as_text(("actor", "split"), [(actor, "test") for actor in ACTORS])
    if annotations is not None:
        texts["hdtf_reenactment19-v1"] = _as_text(("name", "identity", "split"), reenactment19(annotations))
    return texts


def eat() -> list[Row]:
    """EAT's four test actors, two validation actors of ours, everybody else for training."""
    held_out = dict.fromkeys(MEAD_TEST_ACTORS, "test") | dict.fromkeys(MEAD_VALIDATION_ACTORS, "val")
    return [(actor, ANY, ANY, held_out.get(actor, "train")) for actor in MEAD_PART_0] + [(ANY, ANY, ANY, "train")]


def official_sentences() -> list[Row]:
    """MEAD's own split: the last sentences of every level are for testing, whichever the actor."""
    rows = [
        (ANY, emotion, str(number), "test" if number in MEAD_HELD_OUT.get(emotion, MEAD_HELD_OUT_OTHERS) else "train")
        for emotion, count in SENTENCES.items()
        for number in range(1, count + 1)
    ]
    return [*rows, (ANY, ANY, ANY, "train")]


def emote() -> list[Row]:
    """EMOTE's actors; whom it does not name has no split."""
    return sorted((actor, ANY, ANY, split) for split, actors in EMOTE.items() for actor in actors.split())


def eat_sentences() -> list[Row]:
    """EAT's test actors whole, and the official held-out sentences of everybody else."""
    return [(actor, ANY, ANY, "test") for actor in MEAD_TEST_ACTORS] + official_sentences()


def reenactment19(annotations: str) -> list[Row]:
    """Nineteen test identities, a twentieth of the others by digest for validation, the rest for training."""
    from eadnet.corpora.annotations import read_annotations

    videos = read_annotations(annotations)
    others = {video.identity for video in videos} - HDTF_TEST_IDENTITIES
    held_out = dict.fromkeys(by_digest(others)[: round(HDTF_VALIDATION_SHARE * len(others))], "val")
    held_out |= dict.fromkeys(HDTF_TEST_IDENTITIES, "test")
    return sorted((video.key, video.identity, held_out.get(video.identity, "train")) for video in videos)


MEAD_RULES = {
    "eat": eat,
    "eat_sentences": eat_sentences,
    "emote": emote,
    "official_sentences": official_sentences,
}


def _as_text(columns: Row, rows: Iterable[Row]) -> str:
    return "".join("\t".join(row) + "\n" for row in (columns, *rows))
