"""Recipes of small videos of every kind, drawn by hypothesis; `written_videos` makes files of them.

A recipe is plain data, so that a failing test prints what to write. The first value of every choice is the simplest:
hypothesis shrinks towards it.
"""

from dataclasses import dataclass, fields
from fractions import Fraction

from hypothesis import strategies as st
from hypothesis.vendor.pretty import RepresentationPrinter

PLAIN = ("yuv420p",)
FULL = ("yuvj420p", "yuvj422p", "yuvj444p")
H264 = ("yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuvj420p")
CODECS: dict[str, dict[str, tuple[str, ...]]] = {
    "mp4": {"libx264": H264, "mpeg4": PLAIN, "mjpeg": FULL, "libvpx-vp9": PLAIN},
    "mov": {"libx264": H264, "mpeg4": PLAIN, "mjpeg": FULL, "prores_ks": ("yuv422p10le", "yuv444p10le")},
    "mkv": {"libx264": H264, "mpeg4": PLAIN, "libvpx": PLAIN, "libvpx-vp9": ("yuv420p", "yuv444p"),
            "mpeg2video": ("yuv420p", "yuv422p"), "ffv1": ("yuv420p", "yuv444p", "yuv420p16le", "bgr0")},
    "webm": {"libvpx": PLAIN, "libvpx-vp9": ("yuv420p", "yuv422p", "yuv444p")},
    "avi": {"mpeg4": PLAIN, "mjpeg": FULL, "mpeg2video": PLAIN, "huffyuv": ("rgb24",),
            "ffv1": ("yuv420p", "bgr0")},
    "flv": {"libx264": ("yuv420p", "yuv444p"), "flv": PLAIN},
    "ts": {"libx264": H264[:4], "mpeg2video": PLAIN, "mpeg1video": PLAIN},
    "mpg": {"mpeg1video": PLAIN, "mpeg2video": PLAIN},
    "gif": {"gif": ("rgb8", "gray")},
}  # fmt: skip
"""Codecs of each container, with the pixel formats of each codec."""
# H.264 in AVI is left out: AVI has no times, and beside sound FFmpeg writes a gap behind the first packet of x264, so
# that two plain readings differ by a frame (test_h264_in_avi_comes_in_the_order_of_display holds what can be held).
SOUND_CODECS = {
    "mp4": ("aac", "libmp3lame"), "mov": ("aac", "pcm_s16le"), "mkv": ("pcm_s16le", "aac", "libopus", "flac"),
    "webm": ("libopus",), "avi": ("pcm_s16le", "mp2", "libmp3lame"), "flv": ("aac", "libmp3lame"),
    "ts": ("aac", "mp2"), "mpg": ("mp2",), "gif": (),
}  # fmt: skip
ANY_ODD = ("mjpeg", "mpeg4", "libvpx", "libvpx-vp9", "ffv1", "gif", "huffyuv", "flv")
"""Codecs whose pictures may have any width and height, whatever the pixel format."""
MPEG = ("mpeg1video", "mpeg2video")
RATES = tuple(map(Fraction, (25, 30, 50, 60, "24000/1001", "30000/1001", 10, 12, 15, 24)))
MPEG_RATES = RATES[:6]
GIF_RATES = tuple(map(Fraction, (25, 10, 20, 50)))
STEADY = ("avi", "gif", "mpg", "ts")
"""Containers that are written at a constant rate only; AVI and GIF also know no first timestamp."""


@dataclass(frozen=True)
class Sound:
    """A sound stream: `start` in seconds from the first picture, `share` of the video's length, how channels lie."""

    codec: str
    rate: int
    channels: str  # mono, stereo, or opposite: the right channel is the left one upside down
    start: float
    share: float


@dataclass(frozen=True)
class Shot:
    """So many pictures of one scene: the number of a drawn person, or None of an empty wall.

    `entry` is how it follows the shot before it: by a cut, a fade through black or a dissolve. A `still` shot repeats
    its first picture.
    """

    person: int | None
    pictures: int
    entry: str = "cut"
    still: bool = False


@dataclass(frozen=True, repr=False)
class Recipe:
    """One video. `width` and `height` are those of the upright picture, before its pixels are made square.

    Without `shots` its pictures show their own number. `steps` are lengths of pictures in milliseconds, one after
    another and again from the start; () is a constant rate. `kept` is the share of the file that is left of it.
    """

    suffix: str
    codec: str
    pixel_format: str
    width: int
    height: int
    pictures: int
    rate: Fraction = Fraction(25)
    gop: int = 12
    b_frames: int = 0
    steps: tuple[int, ...] = ()
    first: float = 0.0
    rotation: int = 0
    aspect: Fraction = Fraction(1)
    matrix: str | None = None
    sounds: tuple[Sound, ...] = ()
    cover: bool = False
    data: bool = False
    index_first: bool = True
    kept: float = 1.0
    shots: tuple[Shot, ...] = ()

    def __repr__(self) -> str:
        """What is not as usual: short enough for a report of a failure."""
        special = [field.name for field in fields(self) if getattr(self, field.name) != field.default]
        return f"Recipe({', '.join(f'{name}={getattr(self, name)!r}' for name in special)})"

    def _repr_pretty_(self, printer: RepresentationPrinter, cycle: bool) -> None:
        printer.text(repr(self))

    @property
    def seconds(self) -> float:
        """How long the pictures are shown."""
        return float(sum(self.lengths))

    @property
    def size(self) -> tuple[int, int]:
        """Upright width and height with square pixels: the stored width is stretched, to an even number."""
        if self.aspect == 1:
            return self.width, self.height
        if self.rotation % 180:
            return self.width, 2 * round(self.height / self.aspect / 2)
        return 2 * round(self.width * self.aspect / 2), self.height

    @property
    def lengths(self) -> list[Fraction]:
        """Seconds for which each picture is shown."""
        if not self.steps:
            return [1 / self.rate] * self.pictures
        return [Fraction(self.steps[number % len(self.steps)], 1000) for number in range(self.pictures)]


@st.composite
def numbered_videos(draw: st.DrawFn, suffix: str) -> Recipe:
    """A video of one container whose pictures show their own number."""
    codec = draw(st.sampled_from(tuple(CODECS[suffix])))
    pixel_format = draw(st.sampled_from(CODECS[suffix][codec]))
    width, height = draw(_sizes(codec, pixel_format))
    mp4 = suffix in ("mp4", "mov")
    pictures = draw(st.integers(1, 120))
    stretched = codec in ("libx264", "mpeg4") and min(width, height) >= 32  # what is left has 16 pixels or more
    aspects = tuple(map(Fraction, (1, "4/3", "8/9", 2))) if stretched else (Fraction(1),)
    recipe = Recipe(
        suffix, codec, pixel_format, width, height, pictures,
        rate=draw(st.sampled_from(_rates(codec))),
        gop=draw(st.sampled_from((12, 1, 50, 125, 250))),
        b_frames=draw(st.integers(0, 2)) if codec in ("libx264", "mpeg4", *MPEG) else 0,
        steps=() if suffix in STEADY or codec in MPEG else draw(_steps()),
        first=0.0 if suffix in ("avi", "gif") else draw(st.sampled_from((0.0, 0.5, 3.0, 40.0))),
        rotation=draw(st.sampled_from((0, 90, 180, 270))) if mp4 else 0,
        aspect=draw(st.sampled_from(aspects)),
        matrix=draw(st.sampled_from((None, "bt709", "smpte170m"))),
        sounds=draw(sounds_of(suffix)),
        cover=mp4 and draw(st.booleans()),
        data=suffix == "ts" and draw(st.booleans()),
        index_first=draw(st.booleans()) if mp4 else True,
        kept=draw(st.sampled_from((1.0, 1.0, 1.0, 0.9, 0.6, 0.3))),
    )  # fmt: skip
    return recipe


@st.composite
def face_videos(draw: st.DrawFn, whole: bool = True, longest: int = 40) -> Recipe:
    """A video of up to three shots with and without a drawn face, of at most `longest` pictures each.

    `whole`: it is not cut off.
    """
    suffix = draw(st.sampled_from(("mp4", "mkv", "avi", "ts", "flv", "webm", "mpg")))
    codec = next(iter(CODECS[suffix]))
    shots = tuple(draw(st.lists(_shots(longest), min_size=1, max_size=3)))
    return Recipe(
        suffix, codec, "yuv420p",
        width=draw(st.sampled_from((160, 192, 320))),
        height=draw(st.sampled_from((160, 192, 240))),
        pictures=sum(shot.pictures for shot in shots),
        rate=draw(st.sampled_from(_rates(codec)[:3])),
        gop=draw(st.sampled_from((12, 50, 250))),
        b_frames=draw(st.integers(0, 2)) if codec in ("libx264", "mpeg4", *MPEG) else 0,
        first=0.0 if suffix == "avi" else draw(st.sampled_from((0.0, 0.5))),
        rotation=draw(st.sampled_from((0, 90))) if suffix == "mp4" else 0,
        sounds=draw(sounds_of(suffix)),
        kept=1.0 if whole else draw(st.sampled_from((1.0, 1.0, 1.0, 0.7))),
        shots=shots,
    )  # fmt: skip


@st.composite
def sounds_of(draw: st.DrawFn, suffix: str) -> tuple[Sound, ...]:
    """No, one or two sound streams that a container can hold."""
    if not SOUND_CODECS[suffix]:
        return ()
    counts = (1, 0) if suffix in ("flv", "mpg") else (1, 0, 2)  # an FLV holds one; MPEG-PS orders them anew
    return tuple(draw(_sound(suffix)) for _ in range(draw(st.sampled_from(counts))))


@st.composite
def _sound(draw: st.DrawFn, suffix: str) -> Sound:
    codec = draw(st.sampled_from(SOUND_CODECS[suffix]))
    rate = 48000 if codec == "libopus" else draw(st.sampled_from((44100, 22050) if suffix == "flv" else (48000, 44100)))
    start = 0.0 if suffix == "avi" else draw(st.sampled_from((0.0, -0.025, 0.04, 0.5, -0.4)))
    channels = draw(st.sampled_from(("mono", "stereo", "opposite")))
    return Sound(codec, rate, channels, start, draw(st.sampled_from((1.0, 0.5, 1.2))))


@st.composite
def _shots(draw: st.DrawFn, longest: int) -> Shot:
    person = draw(st.sampled_from((0, 1, None)))
    entry = draw(st.sampled_from(("cut", "fade", "dissolve")))
    return Shot(person, draw(st.integers(1, longest)), entry, draw(st.booleans()))


@st.composite
def _sizes(draw: st.DrawFn, codec: str, pixel_format: str) -> tuple[int, int]:
    """Width and height that the codec takes; now and then larger than the rest."""
    small = st.one_of(st.integers(8, 32), st.integers(8, 32), st.integers(33, 80)).map(lambda half: 2 * half)
    odd = codec in ANY_ODD or pixel_format == "yuv444p"
    side = st.one_of(small, small.map(lambda even: even + 1)) if odd else small
    if draw(st.integers(0, 40)) == 40:
        return 640, 360
    return draw(side), draw(side)


def _rates(codec: str) -> tuple[Fraction, ...]:
    return MPEG_RATES if codec in MPEG else GIF_RATES if codec == "gif" else RATES


def _steps() -> st.SearchStrategy[tuple[int, ...]]:
    return st.one_of(st.just(()), st.lists(st.integers(8, 200), min_size=2, max_size=7).map(tuple))
