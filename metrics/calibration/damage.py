"""Known damage to a true clip, in five strengths: what the response of every metric is measured with.

Every damage makes a damaged *video* of the clip (``DAMAGES`` names them), so that the ordinary path measures and scores
it. Its file carries the clip's sound without loss, but where the sound is what is damaged; metrics that judge lips with
the clip's true sound see nothing of that. An offset and a wrong sound are made by the picture (which comes too late or
too soon, or from another moment), so that all of them see it. Chance is seeded by clip and damage but not by strength:
a stronger damage does the same, and more of it. Lengths are in inter-ocular distances, so that a strength means the
same for small and large faces; what encoders and players do is in their own units. Light: OpenCV is imported where a
frame is changed.
"""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import comb

import numpy as np

from metrics.calibration.sounds import delayed, resampled, unchanged
from metrics.tables import FPS

VERSION = 2
"""Bumped with any change that can move a damaged pixel or sample, those of encoders too."""
CRF = 12  # x264 quality of all damaged videos but the compressed ones: that of generated and ground-truth videos
STRENGTHS = 5


@dataclass(frozen=True)
class WholeClip:
    """A clip's whole frames (T, H, W, 3) uint8 with its transforms (T, 2, 3) from source to crop pixels.

    `eyes` is the mean inter-ocular distance in source pixels; `other` the clip whose face is swapped in.
    """

    frames: np.ndarray
    transforms: np.ndarray
    eyes: float
    other: "WholeClip | None" = None


Change = Callable[[WholeClip, float, np.random.Generator], Iterator[np.ndarray]]
SoundChange = Callable[[np.ndarray, int, float], np.ndarray]


@dataclass(frozen=True)
class Damage:
    """One kind of damage: `change` yields the damaged frames; `amounts` are its five strengths, in `unit`.

    `sound` gives the damaged wave of one (n,) at some rate; `picture_codec` and `sound_codec` are the encoders that the
    file passes. Amounts grow or, where less is worse, fall. `signed` damages have either sign; `partner` is the
    face that a swap needs (``emotion``: the same person's in another emotion, ``identity``: another person's). `group`
    is the heading under which tables show it.
    """

    name: str
    title: str
    group: str
    unit: str
    amounts: tuple[float, ...]
    change: Change
    description: str
    signed: bool = False
    partner: str = ""
    sound: SoundChange = unchanged
    picture_codec: str = "libx264"
    sound_codec: str = "flac"

    def __post_init__(self) -> None:
        """Check that there are five strengths in order."""
        ordered = sorted(set(self.amounts))
        if len(self.amounts) != STRENGTHS or list(self.amounts) not in (ordered, ordered[::-1]):
            raise ValueError(f"{self.name}: {self.amounts} are not {STRENGTHS} growing or falling amounts")

    @property
    def steps(self) -> list[tuple[int, float]]:
        """(strength 1 to 5, amount), with both signs where the damage is signed."""
        signs = (1, -1) if self.signed else (1,)
        return [(number, sign * amount) for number, amount in enumerate(self.amounts, 1) for sign in signs]

    def apply(self, footage: WholeClip, amount: float, clip_id: str) -> Iterator[np.ndarray]:
        """The damaged frames, (H, W, 3) uint8 each, as many as there were (at another rate: for as long).

        Raises:
            ValueError: the damage swaps faces and the footage has no other clip.
        """
        if self.partner and footage.other is None:
            raise ValueError(f"{self.name}: {clip_id} has no other clip to swap in")
        return self.change(footage, amount, np.random.default_rng(zlib.crc32(f"{self.name} {clip_id}".encode())))

    def crf(self, amount: float) -> int:
        """Quality, on the scale of the picture's encoder, at which the damaged frames are written."""
        return round(amount) if self.unit == "crf" else CRF

    def fps(self, amount: float) -> float:
        """Frames a second of the damaged video."""
        return amount if self.unit == "fps" else FPS

    def bits(self, amount: float) -> int:
        """Bits a second of its sound; 0 where its encoder loses nothing."""
        return round(1000 * amount) if self.unit == "kbit/s" else 0


# ----------------------------------------------------------------------------------------------- sound and time
def _delayed(footage: WholeClip, amount: float, generator: np.random.Generator) -> Iterator[np.ndarray]:
    count = len(footage.frames)
    return _picked(footage, np.clip(np.arange(count) - round(amount), 0, count - 1))


def _elsewhere(footage: WholeClip, amount: float, generator: np.random.Generator) -> Iterator[np.ndarray]:
    order = np.arange(len(footage.frames))
    wrong = order < round(amount * len(order))
    return _picked(footage, np.where(wrong, (order + len(order) // 2) % len(order), order))


def _dropped(footage: WholeClip, amount: float, generator: np.random.Generator) -> Iterator[np.ndarray]:
    order = np.arange(len(footage.frames))
    order[_struck(len(order), amount, generator)] = 0
    return _picked(footage, np.maximum.accumulate(order))


def _repeated(footage: WholeClip, amount: float, generator: np.random.Generator) -> Iterator[np.ndarray]:
    steps = np.ones(len(footage.frames), int)
    steps[_struck(len(steps), amount, generator)] = 0
    steps[0] = 0
    return _picked(footage, np.cumsum(steps))


def _shuffled(footage: WholeClip, amount: float, generator: np.random.Generator) -> Iterator[np.ndarray]:
    order = np.arange(len(footage.frames))
    for start in range(0, len(order), round(amount)):
        generator.shuffle(order[start : start + round(amount)])
    return _picked(footage, order)


def _frozen(footage: WholeClip, amount: float, generator: np.random.Generator) -> Iterator[np.ndarray]:
    order = np.arange(len(footage.frames))
    return _picked(footage, np.where(order < round(amount * len(order)), 0, order))


def _averaged(footage: WholeClip, amount: float, generator: np.random.Generator) -> Iterator[np.ndarray]:
    """A filter [1 2 1] / 4 over time, `amount` times: binomial weights; the frames at the ends are held."""
    reach, count = round(amount), len(footage.frames)
    weights = [comb(2 * reach, place) / 4**reach for place in range(2 * reach + 1)]
    for middle in range(count):
        places = np.clip(np.arange(middle - reach, middle + reach + 1), 0, count - 1)
        taken = (
            weight * footage.frames[place].astype(np.float32) for weight, place in zip(weights, places, strict=True)
        )
        yield _to_bytes(sum(taken))


def _struck(count: int, share: float, generator: np.random.Generator) -> np.ndarray:
    """Indices of a share of the frames, never the first; a larger share contains a smaller one."""
    return 1 + generator.permutation(count - 1)[: round(share * count)]


def _picked(footage: WholeClip, order: np.ndarray) -> Iterator[np.ndarray]:
    return (footage.frames[index] for index in order)


# ------------------------------------------------------------------------------------------------------ picture
def _blurred(footage: WholeClip, amount: float, generator: np.random.Generator) -> Iterator[np.ndarray]:
    import cv2

    return (cv2.GaussianBlur(frame, (0, 0), amount * footage.eyes) for frame in footage.frames)


def _noisy(footage: WholeClip, amount: float, generator: np.random.Generator) -> Iterator[np.ndarray]:
    return (_to_bytes(frame + amount * generator.standard_normal(frame.shape, np.float32)) for frame in footage.frames)


def _unchanged(footage: WholeClip, amount: float, generator: np.random.Generator) -> Iterator[np.ndarray]:
    return iter(footage.frames)  # the encoder does the damage


def _flickering(footage: WholeClip, amount: float, generator: np.random.Generator) -> Iterator[np.ndarray]:
    levels = amount * generator.standard_normal(len(footage.frames)).astype(np.float32)
    return (_to_bytes(frame + level) for frame, level in zip(footage.frames, levels, strict=True))


def _shaken(footage: WholeClip, amount: float, generator: np.random.Generator) -> Iterator[np.ndarray]:
    ways = amount * footage.eyes * generator.standard_normal((len(footage.frames), 2))
    return (_moved(frame, way) for frame, way in zip(footage.frames, ways, strict=True))


def _shifted(footage: WholeClip, amount: float, generator: np.random.Generator) -> Iterator[np.ndarray]:
    return (_moved(frame, (amount * footage.eyes, 0.0)) for frame in footage.frames)


def _slid(footage: WholeClip, amount: float, generator: np.random.Generator) -> Iterator[np.ndarray]:
    step = round(amount)
    for frame in footage.frames:
        padded = np.pad(frame, ((step, 0), (step, 0), (0, 0)), mode="edge")
        yield padded[: frame.shape[0], : frame.shape[1]]


def _at_rate(footage: WholeClip, amount: float, generator: np.random.Generator) -> Iterator[np.ndarray]:
    count = len(footage.frames)
    moments = np.arange(round(count * amount / FPS)) * FPS / amount
    return _picked(footage, np.minimum(np.floor(moments + 0.5).astype(int), count - 1))


def _moved(frame: np.ndarray, way: tuple[float, float]) -> np.ndarray:
    import cv2

    matrix = np.array([[1, 0, way[0]], [0, 1, way[1]]], np.float64)
    return cv2.warpAffine(frame, matrix, frame.shape[1::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _to_bytes(frame: np.ndarray) -> np.ndarray:
    return np.rint(frame.clip(0, 255)).astype(np.uint8)


# ------------------------------------------------------------------------------------------------------ content
def _swapped(footage: WholeClip, amount: float, generator: np.random.Generator) -> Iterator[np.ndarray]:
    """In the first part of the clip, the other clip's frames, moved so that the faces lie in one place."""
    changed = round(amount * len(footage.frames))
    for index, frame in enumerate(footage.frames):
        yield _in_place(footage, index) if index < changed else frame


def _in_place(footage: WholeClip, index: int) -> np.ndarray:
    """A frame of the other clip, which runs to and fro, with its face where the true frame has its own."""
    import cv2

    other, height, width = footage.other, *footage.frames.shape[1:3]
    there = index % (2 * len(other.frames))
    there = min(there, 2 * len(other.frames) - 1 - there)
    to_crop, back = (np.vstack([matrix, (0, 0, 1)]) for matrix in (other.transforms[there], footage.transforms[index]))
    matrix = (np.linalg.inv(back) @ to_crop)[:2]
    matrix[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5  # OpenCV counts from the centres of pixels
    return cv2.warpAffine(
        other.frames[there], matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


TIME, PICTURE, CONTENT = "Sound and time", "Picture", "Content"
SOUND_FILE, PICTURE_FILE = "Encoding of sound", "Encoding of picture"
RATES = (128, 96, 64, 48, 32)
SHARES = (0.2, 0.4, 0.6, 0.8, 1.0)

DAMAGES: dict[str, Damage] = {
    damage.name: damage
    for damage in (
        Damage(
            "audio_offset", "Audio offset", TIME, "frames", (1, 2, 4, 7, 10), _delayed,
            "The picture comes so many frames late (+) or soon (-) against the sound; the frame at the edge is held.",
            signed=True,
        ),
        Damage(
            "wrong_audio", "Wrong audio", TIME, "of the clip", SHARES, _elsewhere,
            "In this share of the clip, from its start, the picture shows what was said half a clip away, so that "
            "face and light are true but the lips fit another sound. It brings one or two cuts with it.",
        ),
        Damage(
            "dropped_frames", "Dropped frames", TIME, "of frames", (0.05, 0.1, 0.2, 0.4, 0.6), _dropped,
            "Frames drawn at random are lost and the one before is held; the others keep their time.",
        ),
        Damage(
            "repeated_frames", "Repeated frames", TIME, "of frames", (0.02, 0.05, 0.1, 0.2, 0.4), _repeated,
            "Frames drawn at random are shown twice, so that the picture falls behind more and more; its end is lost.",
        ),
        Damage(
            "shuffled_frames", "Shuffled frames", TIME, "frames", (2, 4, 8, 16, 32), _shuffled,
            "The clip is cut into windows of so many frames, and within each the order is drawn at random.",
        ),
        Damage(
            "frozen_video", "Frozen video", TIME, "of the clip", SHARES, _frozen,
            "The first frame stands still in this share of the clip, from its start; then the picture goes on in time.",
        ),
        Damage(
            "averaged_frames", "Averaged frames", TIME, "times", (1, 2, 4, 8, 16), _averaged,
            "A filter [1 2 1] / 4 over time, so many times over every pixel; nothing else changes.",
        ),
        Damage(
            "blur", "Blur", PICTURE, "inter-ocular", (0.01, 0.02, 0.04, 0.08, 0.16), _blurred,
            "Gaussian blur of this standard deviation.",
        ),
        Damage(
            "noise", "Noise", PICTURE, "grey levels", (2, 5, 10, 20, 40), _noisy,
            "Gaussian noise of this standard deviation, independent in every pixel, channel and frame.",
        ),
        Damage(
            "compression", "Compression", PICTURE, "crf", (23, 30, 36, 42, 48), _unchanged,
            f"Encoded by x264 at this rate factor instead of {CRF}.",
        ),
        Damage(
            "brightness_flicker", "Brightness flicker", PICTURE, "grey levels", (1, 2, 4, 8, 16), _flickering,
            "Every frame is lighter or darker by a level drawn with this standard deviation.",
        ),
        Damage(
            "shake", "Shake", PICTURE, "inter-ocular", (0.005, 0.01, 0.02, 0.04, 0.08), _shaken,
            "Every frame is moved by a vector drawn with this standard deviation along either axis.",
        ),
        Damage(
            "shift", "Shift", PICTURE, "inter-ocular", (0.01, 0.02, 0.05, 0.1, 0.2), _shifted,
            "All frames are moved to the right by this much.",
        ),
        Damage(
            "swapped_emotion", "Swapped emotion", CONTENT, "of the clip", SHARES, _swapped,
            "In this share of the clip, from its start, the same person is seen in another emotion (and says "
            "something else); the faces lie in one place.",
            partner="emotion",
        ),
        Damage(
            "swapped_identity", "Swapped identity", CONTENT, "of the clip", SHARES, _swapped,
            "In this share of the clip, from its start, another person is seen; the faces lie in one place.",
            partner="identity",
        ),
        *(
            Damage(
                name, title, SOUND_FILE, "kbit/s", RATES, _unchanged,
                f"The video's own sound (48 kHz, one channel) is encoded as {title} at this rate.", sound_codec=codec,
            )
            for name, title, codec in (("aac", "AAC", "aac"), ("mp3", "MP3", "libmp3lame"), ("opus", "Opus", "libopus"))
        ),
        Damage(
            "sound_delay", "Sound delay", SOUND_FILE, "ms", (10, 20, 64 / 3, 30, 64), _unchanged,
            "The video's own sound comes so much late, less than a frame or hardly more: 21.3 and 64 ms are what a "
            "reader adds that ignores the edit list of AAC at 48 and at 16 kHz.",
            sound=delayed,
        ),
        Damage(
            "resampled_sound", "Resampled sound", SOUND_FILE, "samples", (16, 8, 4, 2, 1), _unchanged,
            "The video's own sound is brought to 16 kHz by a filter whose half length is so many samples.",
            sound=resampled,
        ),
        Damage(
            "h265", "H.265", PICTURE_FILE, "crf", (20, 26, 32, 38, 44), _unchanged,
            f"Encoded by x265 at this rate factor instead of by x264 at {CRF}.", picture_codec="libx265",
        ),
        Damage(
            "vp9", "VP9", PICTURE_FILE, "crf", (20, 30, 40, 50, 60), _unchanged,
            f"Encoded by libvpx at this rate factor instead of by x264 at {CRF}.", picture_codec="libvpx-vp9",
        ),
        Damage(
            "frame_rate", "Frame rate", PICTURE_FILE, "fps", (50, 30, 24, 20, 15), _at_rate,
            "The file has so many frames a second, each the true one nearest in time; it is brought back to 25.",
        ),
        Damage(
            "moved_crop", "Moved crop", PICTURE_FILE, "px", (1, 2, 4, 8, 16), _slid,
            "The video is cut out so many whole pixels further left and up; nothing is interpolated.",
        ),
    )
}  # fmt: skip
"""Every damage by name, in the order of tables and figures."""


def damages(names: list[str] | tuple[str, ...]) -> list[Damage]:
    """Damages by name, in the order of tables.

    Raises:
        ValueError: there is no such damage; the message names those there are.
    """
    unknown = [name for name in names if name not in DAMAGES]
    if unknown:
        raise ValueError(f"no damage '{unknown[0]}'; there are: {', '.join(DAMAGES)}")
    return [damage for name, damage in DAMAGES.items() if name in names]
