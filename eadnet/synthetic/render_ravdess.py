"""The drawn RAVDESS, written as the real one is distributed, so that its reader reads it.

``Video_Speech_Actor_NN.zip`` holds ``Actor_NN/01-01-...mp4`` (16:9, 30 fps, H.264, AAC 48 kHz), the actor's emotions
with the two statements and intensities in turn, and the first of them once more without sound (modality 02). A real
clip has one statement; in drawn ones that are long enough the two take turns, so that the mouth does not rest.
``Video_Song_Actor_NN.zip`` holds one short file under a song's name, so that songs are met and left out. Beside them
goes the truth (``acting.save_truth``). Run by ``python -m eadnet render-ravdess``.
"""

import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from eadnet.config.corpora import SyntheticRAVDESS
from eadnet.corpora.files import CorpusError
from eadnet.corpora.ravdess_layout import (
    ACTORS,
    BOTH,
    EMOTION_CODES,
    LEVELS,
    PICTURE,
    SONG,
    SPEECH,
    STATEMENTS,
    RecordedTake,
    archive_name,
    file_name,
)
from eadnet.media.writing import write_video
from eadnet.progress import progress_bar
from eadnet.provenance import atomic_path
from eadnet.synthetic.acting import CRF, TRUTH_FPS, moved, perform, record_facts, save_truth
from eadnet.synthetic.expressions import expression
from eadnet.synthetic.motion import Motion
from eadnet.synthetic.people import Person, sample_person
from eadnet.synthetic.puppet import Framing, Puppet
from eadnet.synthetic.script import SENTENCE_SECONDS, Line, derived_seed
from eadnet.synthetic.speech import SAMPLE_RATE, Speech

FPS = 30
SONG_SECONDS = 0.6  # its sound is never used: a song is left out by its name
FIRST_LOOK = 30  # place among all drawn looks: beyond those of MEAD's and HDTF's people
MADE = (2018, 4, 5, 0, 0, 0)  # time of every member: equal content is equal bytes


@dataclass(frozen=True)
class _Stage:
    """Who acts, before which camera, and where files lie until they are packed."""

    person: Person
    puppet: Puppet
    settings: SyntheticRAVDESS
    scratch: Path


def ravdess_takes(settings: SyntheticRAVDESS, actor: str) -> list[RecordedTake]:
    """The recordings of an actor: each emotion `repetitions` times, statements and intensities in turn.

    Raises:
        CorpusError: no such actor is drawn.
    """
    drawn = ACTORS[: settings.people]
    if actor not in drawn:
        raise CorpusError(f"actor {actor} is not drawn; the settings ask for {' '.join(drawn)}")
    takes, chosen = [], _emotions(settings.emotions, drawn.index(actor))
    for turn, emotion in enumerate(EMOTION_CODES.values()):
        for repetition in range(1, settings.repetitions + 1) if emotion in chosen else ():
            place = turn + drawn.index(actor) + repetition
            level = 1 if emotion == "neutral" else list(LEVELS.values())[place % 2]
            statement = list(STATEMENTS)[place // 2 % 2]
            takes.append(RecordedTake(BOTH, SPEECH, emotion, level, statement, repetition, actor))
    return takes


def _emotions(count: int, place: int) -> set[str]:
    """Neutral and `count` - 1 others, from the one whose turn it is at the actor's place."""
    neutral, *others = EMOTION_CODES.values()
    return {neutral, *(others[(place + turn) % len(others)] for turn in range(count - 1))}


def render_ravdess(settings: SyntheticRAVDESS, seed: int, actor: str, folder: Path, truth: Path) -> int:
    """Draw one actor's archives and truth; returns the number of clips. Errors as `ravdess_takes`."""
    takes, place = ravdess_takes(settings, actor), ACTORS.index(actor)
    person = sample_person(f"RAVDESS {actor}", seed, female=place % 2 == 1, index=FIRST_LOOK + place)
    puppet = Puppet(person, _framing(settings.size))
    facts: dict[str, np.ndarray] = {}
    notes = {"person": asdict(person)}
    with tempfile.TemporaryDirectory(prefix="render-") as scratch:
        stage = _Stage(person, puppet, settings, Path(scratch))
        with _archive(folder / archive_name(actor)) as archive, progress_bar(actor, len(takes), "clips") as bar:
            for take in takes:
                key = f"ravdess_{actor}_{take.label}"
                speech = perform(person, _line(take, settings.seconds), settings.seconds, key)
                _pack(archive, take, _film(stage, take, speech, key, with_sound=True))
                if take is takes[0]:
                    silent = replace(take, modality=PICTURE)
                    _pack(archive, silent, _film(stage, take, speech, key, with_sound=False))
                motion, line = _motion(stage, take, speech, TRUTH_FPS, key), _line(take, settings.seconds)
                record_facts(facts, notes, key, motion, line, speech.text)
                bar.update()
        with _archive(folder / archive_name(actor, SONG)) as archive:
            song = replace(takes[-1], channel=SONG, emotion="happy", level=LEVELS["01"])
            speech = perform(person, _line(song, SONG_SECONDS), SONG_SECONDS, f"ravdess_{actor}_song")
            _pack(archive, song, _film(stage, song, speech, f"ravdess_{actor}_song", with_sound=True))
    save_truth(truth, facts, notes)
    return len(takes)


def _line(take: RecordedTake, seconds: float) -> Line:
    """What is said: the take's statement, and while there is time for a whole one the two in turn."""
    own = STATEMENTS[take.statement]
    other = next(text for text in STATEMENTS.values() if text != own)
    said = max(1, int(seconds // SENTENCE_SECONDS["few"]))
    return Line(take.emotion, take.level, take.repetition, (own, other) * (said // 2) + (own,) * (said % 2))


def _framing(size: int) -> Framing:
    """Head and shoulders before a wide picture, as the real ones."""
    height = size // 2 * 2
    width = 2 * round(height * 8 / 9)
    return Framing(width, height, 0.17 * height, width / 2 - 0.5, 0.42 * height)


def _motion(stage: _Stage, take: RecordedTake, speech: Speech, fps: int, key: str) -> Motion:
    times = np.arange(round(speech.seconds * fps)) / fps
    return moved(speech, times, _line(take, speech.seconds), derived_seed(1, key), stage.settings.motion)


def _film(stage: _Stage, take: RecordedTake, speech: Speech, key: str, with_sound: bool) -> Path:
    """Act a take before the camera; returns the video, which the next one replaces."""
    frames = stage.puppet.wear(expression(take.emotion, take.level)).frames(_motion(stage, take, speech, FPS, key))
    path = stage.scratch / "take.mp4"
    write_video(path, frames, FPS, speech.wave if with_sound else None, SAMPLE_RATE, crf=CRF)
    return path


@contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """A zip archive to be written, all or nothing."""
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        yield archive


def _pack(archive: zipfile.ZipFile, take: RecordedTake, path: Path) -> None:
    entry = zipfile.ZipInfo(f"Actor_{take.actor[1:]}/{file_name(take)}", MADE)
    entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o100644 << 16
    archive.writestr(entry, path.read_bytes())
