"""What is known of a video before its frames are decoded: size, rate, sound, and whether the true clip's frames fit."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from eadnet.data.clips import SAMPLES_PER_FRAME, Clip
from eadnet.media.decoding import MediaError
from eadnet.media.reading import MediaInfo, probe
from metrics.functional.sync import SILENCE
from metrics.measuring.footage_notes import (
    Heard,
    compared_sound,
    picture_notes,
    rate_note,
    reference_notes,
    sound_end,
)
from metrics.scoring.own_video import native_rate, read_own_sound
from metrics.tables import FPS, OTHER_SIZE

ASPECT_TOLERANCE = 0.02


@dataclass(frozen=True)
class Footage:
    """A video that can be opened, and the clip that it is compared with.

    `size` is the true source's height and width, `wave` the video's own sound ((n,) int16 at 16 kHz, None without),
    `refusal` why it has no aligned view. `notes` and `own_notes` say what differs in either view.
    """

    path: str
    clip: Clip
    info: MediaInfo
    size: tuple[int, int]
    wave: np.ndarray | None
    refusal: MediaError | None
    notes: tuple[str, ...]
    own_notes: tuple[str, ...]

    @property
    def rate(self) -> Fraction:
        """Frames a second of the file; 25 where it differs by a container's rounding only."""
        return native_rate(self.info.fps)

    @property
    def same_size(self) -> bool:
        """Whether its frames are the true source's, pixel on pixel."""
        return (self.info.height, self.info.width) == self.size

    @property
    def has_sound(self) -> bool:
        """Whether there is anything to be in step with."""
        return self.wave is not None and int(np.abs(self.wave.astype(np.int32)).max(initial=0)) > SILENCE * 32768

    @property
    def most_frames(self) -> int:
        """More frames at 25 fps than it can have, by what its container states; a large number where it states none."""
        return int(self.info.seconds * FPS) + FPS if self.info.seconds else 1 << 30

    def sound(self, samples: int) -> np.ndarray:
        """Its own sound, int16, to go with a picture of so many samples: silence without any, shorter where it ends.

        An encoder may drop part of the last frame's sound, which is filled with zeros.
        """
        if self.wave is None:
            return np.zeros(samples, np.int16)
        lacking = samples - len(self.wave)
        return np.pad(self.wave, (0, lacking)) if 0 < lacking < SAMPLES_PER_FRAME else self.wave[:samples]


def inspect(video: dict, clip: Clip) -> Footage:
    """Open the video of a row of VIDEOS.

    Raises:
        MediaError: it was not made, or cannot be read.
    """
    if video["status"] != "ok":
        raise MediaError(video["reason"] or "the video was not made", video["status"])
    path = video["video"]
    sound: list[str] = []
    info, true, own = probe(path), _source_info(clip), read_own_sound(path, sound)
    size = _size(clip, true)
    wave = None if own is None else np.round(np.clip(own, -1, 1) * 32767).astype(np.int16)
    true_wave = (clip.audio * 32768).astype(np.int16)
    heard = compared_sound(path, own, true_wave) if video["driving_audio"] == clip.clip_id else Heard()
    aspect, signal = _other_aspect(path, info, size), [*picture_notes(path, info), *sound]
    notes = [*rate_note(info), *signal, *heard.notes, *reference_notes(clip, true)]
    if aspect is None and (info.height, info.width) != size:
        notes.append(f"{info.width}x{info.height} scaled to {size[1]}x{size[0]}")
    own_notes = [f"{note} for metrics of that rate" for note in rate_note(info)]
    own_notes += [*signal, *heard.own_notes, *sound_end(wave, info)]
    # A video of another aspect alone is still in step; one of another sound is not.
    return Footage(path, clip, info, size, wave, heard.refusal or aspect, tuple(notes), tuple(own_notes))


def true_size(clip: Clip) -> tuple[int, int]:
    """Height and width of the clip's source video, in whose pixels its transforms are."""
    return _size(clip, _source_info(clip))


def _source_info(clip: Clip) -> MediaInfo | None:
    return probe(clip.row["source"]) if clip.row["source"] else None


def _size(clip: Clip, true: MediaInfo | None) -> tuple[int, int]:
    return (true.height, true.width) if true else (int(clip.row["height"]), int(clip.row["width"]))


def scaled(frame: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The frame, (H, W, 3) uint8, in another size of the same aspect."""
    import cv2

    height, width = frame.shape[:2]
    if (height, width) == size:
        return frame
    method = cv2.INTER_AREA if height > size[0] else cv2.INTER_CUBIC
    return cv2.resize(frame, size[::-1], interpolation=method)


def _other_aspect(path: str, info: MediaInfo, size: tuple[int, int]) -> MediaError | None:
    if abs(info.width / info.height / (size[1] / size[0]) - 1) <= ASPECT_TOLERANCE:
        return None
    here, there = f"{info.width}x{info.height}", f"{size[1]}x{size[0]}"
    return MediaError(f"{path}: {here} has another aspect than the source's {there}; render that size", OTHER_SIZE)
