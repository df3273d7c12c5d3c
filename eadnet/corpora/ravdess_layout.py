"""RAVDESS by its names: what a file's seven codes mean, and whose an archive or a folder is.

A file is called ``01-01-06-02-02-01-12.mp4``: modality, channel, emotion, intensity, statement, repetition, actor. It
stands in ``Video_Speech_Actor_12.zip``, in ``Audio_Speech_Actors_01-24.zip`` (all actors together), or in such an
archive's content, with or without the folder that the archive is named for. Light: opens nothing.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from eadnet.config.corpora import RAVDESS
from eadnet.corpora.files import CorpusError
from eadnet.media.suffixes import AUDIO_SUFFIXES, VIDEO_SUFFIXES

ACTORS = tuple(f"A{number:02d}" for number in range(1, 25))
SHARED = "all actors"
"""Owner of what holds sound of all actors."""

BOTH, PICTURE, SOUND = "both", "picture", "sound"
SPEECH, SONG = "speech", "song"
EMOTION_CODES = {
    "01": "neutral", "02": "calm", "03": "happy", "04": "sad", "05": "angry", "06": "fear", "07": "disgusted",
    "08": "surprised",
}  # fmt: skip
STATEMENTS = {"kids": "Kids are talking by the door.", "dogs": "Dogs are sitting by the door."}
LEVELS = {"01": 2, "02": 3}
"""Our level by intensity: normal and strong. Neutral, which has no strong, is of level 1, as MEAD's."""

CODES = {
    "modality": {"01": BOTH, "02": PICTURE, "03": SOUND},
    "channel": {"01": SPEECH, "02": SONG},
    "emotion": EMOTION_CODES,
    "intensity": {"01": "normal", "02": "strong"},
    "statement": dict(zip(("01", "02"), STATEMENTS, strict=True)),
    "repetition": {"01": 1, "02": 2},
    "actor": {actor[1:]: actor for actor in ACTORS},
}
_NAME = re.compile(r"\d\d(?:-\d\d){6}")
_OWN = re.compile(r"(?:(?:Video|Audio)_(?:Speech|Song)_)?Actor_(\d\d)(?:\.zip)?", re.IGNORECASE)
_SHARED = re.compile(r"Audio_(?:Speech|Song)_Actors_01-24(?:\.zip)?", re.IGNORECASE)
_INSIDE = re.compile(r"(?:^|/)Actor_(\d\d)/", re.IGNORECASE)


@dataclass(frozen=True)
class RecordedTake:
    """What a file's name states; `actor` is the shard's name, such as A12, and `level` ours."""

    modality: str
    channel: str
    emotion: str
    level: int
    statement: str
    repetition: int
    actor: str

    @property
    def label(self) -> str:
        """``fear_3_dogs_1``: what one recording of an actor's speech is called, whatever its modality."""
        return f"{self.emotion}_{self.level}_{self.statement}_{self.repetition}"

    @property
    def name(self) -> str:
        """The label after the modality where that is not both: ``sound_fear_3_dogs_1``."""
        return self.label if self.modality == BOTH else f"{self.modality}_{self.label}"


def parse_name(path: str) -> RecordedTake | None:
    """Read the codes of a file's name, whatever folders stand before it; None where it has not RAVDESS's form.

    Raises:
        CorpusError: a code is unknown, or two do not go together.
    """
    name = PurePosixPath(path)
    if not _NAME.fullmatch(name.stem):
        return None
    said = dict(zip(CODES, name.stem.split("-"), strict=True))
    for part, code in said.items():
        if code not in CODES[part]:
            known = list(CODES[part])
            raise CorpusError(f"{part} {code} is unknown ({known[0]} to {known[-1]}); rename or remove it")
    if said["emotion"] == "01" and said["intensity"] == "02":
        raise CorpusError("neutral has no strong intensity; rename or remove it")
    found = {part: CODES[part][code] for part, code in said.items()}
    if name.suffix.lower() not in (AUDIO_SUFFIXES if found["modality"] == SOUND else VIDEO_SUFFIXES):
        raise CorpusError(f"modality {said['modality']} cannot be a {name.suffix or 'file without suffix'}; rename it")
    found["level"] = 1 if found["emotion"] == "neutral" else LEVELS[said["intensity"]]
    del found["intensity"]
    return RecordedTake(**found)


def file_name(take: RecordedTake) -> str:
    """The file name of a take, with the suffix that RAVDESS gives it; inverse of `parse_name`."""
    strong = take.emotion != "neutral" and take.level == LEVELS["02"]
    values = vars(take) | {"intensity": "strong" if strong else "normal"}
    codes = [next(code for code, value in known.items() if value == values[part]) for part, known in CODES.items()]
    return "-".join(codes) + (".wav" if take.modality == SOUND else ".mp4")


def archive_name(actor: str, channel: str = SPEECH) -> str:
    """``Video_Speech_Actor_12.zip``: the archive of an actor's pictures with and without sound."""
    return f"Video_{channel.capitalize()}_Actor_{actor[1:]}.zip"


def owner(top: str) -> str | None:
    """Whose an entry right inside the corpus's folder is: an actor, `SHARED`, or None: not of RAVDESS."""
    if _SHARED.fullmatch(top):
        return SHARED
    match = _OWN.fullmatch(top)
    return CODES["actor"].get(match[1]) if match else None


def shared_owner(path: str) -> str | None:
    """Whose a file is among those of all actors: by the innermost folder ``Actor_NN``, else by its name's last code."""
    folders = _INSIDE.findall(path)
    stem = PurePosixPath(path).stem
    number = folders[-1] if folders else stem[-2:] if _NAME.fullmatch(stem) else ""
    return CODES["actor"].get(number)


def list_actors(settings: RAVDESS, root: str | Path | None) -> tuple[str, ...]:
    """Actors, one a shard: all of whom the folder holds something (of the settings' if these name some), or all 24.

    `root` is only needed for a folder of your own.

    Raises:
        CorpusError: the folder holds no actor (that is wanted), or sound alone.
    """
    if settings.origin == "synthetic":
        return ACTORS[: settings.synthetic.people]
    if settings.origin == "download":
        return settings.actors or ACTORS
    owners = {name: owner(name) for name in sorted(path.name for path in Path(root).iterdir())}
    there = tuple(sorted(set(owners.values()) - {SHARED, None}))
    if not there and SHARED in owners.values():
        sound = next(name for name, whose in owners.items() if whose == SHARED)
        raise CorpusError(
            f"{root}: only sound ({sound}) and no picture; put Video_Speech_Actor_01.zip and others there"
        )
    if not there:
        raise CorpusError(f"{root}: no Video_Speech_Actor_01.zip or Actor_01; give the folder that holds RAVDESS")
    wanted = tuple(name for name in settings.actors or there if name in there)
    if not wanted:
        raise CorpusError(f"corpora.ravdess.actors: {root} holds none of them; it holds {' '.join(there)}")
    return wanted


def absent_actors(settings: RAVDESS, root: str | Path | None) -> tuple[str, ...]:
    """Actors of the settings of whom a local corpus holds nothing of their own; others have none that are absent."""
    if settings.origin != "local":
        return ()
    there = list_actors(settings, root)
    return tuple(name for name in settings.actors if name not in there)


def other_entries(names: Iterable[str]) -> tuple[str, ...]:
    """Of entries right inside the corpus's folder those that are no actor's; hidden ones do not count."""
    return tuple(sorted(name for name in names if not name.startswith(".") and owner(name) is None))
