"""In words: what a video or its reference needed before they could be compared, and how their sounds differ."""

from dataclasses import dataclass

import numpy as np

from eadnet.data.clips import SAMPLES_PER_FRAME, Clip
from eadnet.media.decoding import MediaError
from eadnet.media.reading import MediaInfo
from eadnet.media.spectrogram import SAMPLE_RATE
from metrics.functional.sync import SILENCE
from metrics.measuring.own_sound import ALIKE, LATE, REACH, compare_sound, is_beyond
from metrics.measuring.timing import storage_notes
from metrics.scoring.own_video import native_rate, read_own_sound
from metrics.tables import BEYOND, FPS


@dataclass(frozen=True)
class Heard:
    """What comparing two sounds gave: clauses on either view, and why there is no aligned view."""

    notes: tuple[str, ...] = ()
    own_notes: tuple[str, ...] = ()
    refusal: MediaError | None = None


def picture_notes(path: str, info: MediaInfo) -> tuple[str, ...]:
    """Clauses on what was done to a video's signal and on how its frames are stored; none for an ordinary file."""
    return tuple(dict.fromkeys((*info.notes, *storage_notes(path))))


def rate_note(info: MediaInfo) -> tuple[str, ...]:
    """That a video was brought to the common rate, where it was."""
    return (f"{info.fps:.2f} fps brought to {FPS}",) if native_rate(info.fps) != FPS else ()


def reference_notes(clip: Clip, info: MediaInfo | None) -> tuple[str, ...]:
    """The same of the clip that a video is compared with, and what its sound lacks.

    Args:
        clip: the clip.
        info: of its source; None where that is not kept.
    """
    if info is None:
        return ()
    said = [*rate_note(info), *picture_notes(clip.row["source"], info), *_reference_sound(clip)]
    return tuple(f"the reference: {note}" for note in said)


def compared_sound(path: str, own: np.ndarray | None, wave: np.ndarray) -> Heard:
    """Compare a video's own sound with its clip's.

    Args:
        path: of the video, for the reason.
        own: (m,) float sound at 16 kHz; None without any.
        wave: (n,) int16 sound of the clip at 16 kHz.
    """
    if own is None:
        return Heard(("no sound, so the pair rests on names alone",), (_no_sound(path),))
    compared = compare_sound(own, wave)
    if compared is None:
        mute = np.abs(own).max(initial=0) < SILENCE
        return (
            Heard(("its sound is silent, so the pair rests on names alone",), ("its sound is silent",))
            if mute
            else Heard()
        )
    alike, late = compared
    said = f"its sound comes {1000 * late / SAMPLE_RATE:+.0f} ms late"
    if alike < ALIKE:
        reason = f"{path}: its sound is not the clip's (correlation {alike:.2f}); pair it with the video it imitates"
        return Heard((), ("its sound is not the clip's",), MediaError(reason, "wrong_audio"))
    if is_beyond(late):
        said += f", beyond the {1000 * REACH // SAMPLE_RATE} ms either way that are searched"
        return Heard((), (said,), MediaError(f"{path}: {said}; move it to its picture", BEYOND))
    return Heard((said,), (said,)) if abs(late) > LATE else Heard()


def faceless(seen: np.ndarray) -> tuple[str, ...]:
    """That a video shows no face in some of its frames, and from when on; of a (T,) bool mask at the common rate."""
    missing = np.flatnonzero(~seen)
    if not len(missing):
        return ()
    return (f"no face in {len(missing)} of its {len(seen)} frames, the first at {missing[0] / FPS:.2f} s",)


def sound_end(wave: np.ndarray | None, info: MediaInfo) -> tuple[str, ...]:
    """That a video's sound, (n,) at 16 kHz, ends over a frame before its picture, where it does."""
    ends = 0 if wave is None or not info.seconds else info.seconds - len(wave) / SAMPLE_RATE
    return (f"its sound ends {ends:.2f} s before the picture",) if ends * SAMPLE_RATE > SAMPLES_PER_FRAME else ()


def _no_sound(path: str) -> str:
    return "no sound: a .gif holds none" if path.lower().endswith(".gif") else "no sound"


def _reference_sound(clip: Clip) -> tuple[str, ...]:
    """That a clip is silent, or its sound ends over a frame early; the rest of the clip's sound is zeros."""
    heard = np.flatnonzero(clip.audio)
    if not len(heard):
        return ("no sound, so the sounds were not compared",)
    if len(clip.audio) - heard[-1] <= SAMPLES_PER_FRAME:
        return ()
    try:
        wave = read_own_sound(clip.row["source"])
    except MediaError:
        return ()
    ends = 0 if wave is None else (len(clip.audio) - len(wave)) / SAMPLE_RATE
    return (f"its sound ends {ends:.2f} s before the picture",) if ends * SAMPLE_RATE > SAMPLES_PER_FRAME else ()
