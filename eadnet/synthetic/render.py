"""The drawn MEAD and HDTF, written as these are distributed, so that the readers of the real ones read them.

MEAD: ``{actor}/video.tar`` with ``video/front/{emotion}/level_{n}/{NNN}.mp4`` (30 fps, H.264, AAC 48 kHz) and
``{actor}/audio.tar`` with ``audio/{emotion}/level_{n}/{NNN}.m4a`` (48 kHz stereo AAC). HDTF: fifteen annotation files
and one 25 fps video a person that holds all annotated intervals. Beside them goes the truth (one safetensors file a
shard): what was drawn at 25 fps, for tests and never for the workflow.
Run by ``python -m eadnet render-mead``, ``render-hdtf-annotations`` and ``render-hdtf``.
"""

import io
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from eadnet.config.corpora import HDTF, MEAD, Movement, SyntheticHDTF, SyntheticMEAD
from eadnet.corpora.files import CorpusError
from eadnet.corpora.splits import hdtf_people, mead_people
from eadnet.media.writing import write_audio, write_video
from eadnet.progress import progress_bar
from eadnet.provenance import atomic_path
from eadnet.synthetic.acting import CRF, TRUTH_FPS, moved, perform, record_facts, save_truth
from eadnet.synthetic.expressions import expression
from eadnet.synthetic.motion import Motion
from eadnet.synthetic.people import Person, sample_person
from eadnet.synthetic.puppet import Framing, Puppet
from eadnet.synthetic.script import Line, derived_seed, hdtf_line, mead_lines
from eadnet.synthetic.speech import SAMPLE_RATE, Speech, join, silence

MEAD_FPS, HDTF_FPS = 30, 25
GAP_SECONDS = 1  # silence between annotated intervals of HDTF
GROUPS = ("RD", "WDA", "WRA")


# ------------------------------------------------------------------------------------------------------ MEAD
def render_mead(settings: SyntheticMEAD, seed: int, actor: str, folder: Path, truth: Path) -> int:
    """Draw one actor's archives and truth; returns the number of clips.

    Raises:
        CorpusError: no such actor, or more sentences than MEAD has numbers for.
    """
    lines = mead_lines(settings, seed, actor)
    person = _mead_person(settings, seed, actor)
    puppet = Puppet(person, _mead_framing(settings.size))
    facts: dict[str, np.ndarray] = {}
    notes = {"person": asdict(person)}
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="render-")))
        video = stack.enter_context(_Archive.create(folder / "video.tar"))
        audio = stack.enter_context(_Archive.create(folder / "audio.tar"))
        bar = stack.enter_context(progress_bar(actor, len(lines), "clips"))
        for line in lines:
            clip_id = f"mead_{actor}_front_{line.emotion}_{line.level}_{line.number:03d}"
            speech = perform(person, line, settings.seconds, clip_id)
            _act(puppet, speech, line, _motion(settings, speech, line, MEAD_FPS, clip_id), scratch)
            video.add(f"video/front/{line.stem}.mp4", scratch / "clip.mp4")
            audio.add(f"audio/{line.stem}.m4a", scratch / "clip.m4a")
            record_facts(facts, notes, clip_id, _motion(settings, speech, line, TRUTH_FPS, clip_id), line, speech.text)
            bar.update()
    save_truth(truth, facts, notes)
    return len(lines)


def _mead_person(settings: SyntheticMEAD, seed: int, actor: str) -> Person:
    index = mead_people(MEAD(synthetic=settings)).index(actor)
    return sample_person(actor, seed, female=actor.startswith("W"), index=index)


def _mead_framing(size: int) -> Framing:
    even = size // 2 * 2
    return Framing(even, even, 0.20 * even, even / 2 - 0.5, 0.44 * even)


def _motion(settings: SyntheticMEAD, speech: Speech, line: Line, fps: int, key: str) -> Motion:
    """The motion of a whole clip; the head sways by the clip's own seed."""
    times = np.arange(round(speech.seconds * fps)) / fps
    return moved(speech, times, line, derived_seed(1, key), settings.motion)


def _act(puppet: Puppet, speech: Speech, line: Line, motion: Motion, scratch: Path) -> None:
    """Write clip.mp4 and clip.m4a."""
    frames = puppet.wear(expression(line.emotion, line.level)).frames(motion)
    write_video(scratch / "clip.mp4", frames, MEAD_FPS, speech.wave, SAMPLE_RATE, crf=CRF)
    write_audio(scratch / "clip.m4a", speech.wave, SAMPLE_RATE, channels=2)


class _Archive:
    """A tar file whose bytes depend on its members' bytes alone."""

    def __init__(self, archive: tarfile.TarFile) -> None:
        self._archive = archive

    @classmethod
    def create(cls, path: Path) -> "_ArchiveContext":
        """Open for writing, all or nothing."""
        return _ArchiveContext(path)

    def add(self, name: str, path: Path) -> None:
        """Append a file under `name`, without time or owner."""
        data = path.read_bytes()
        member = tarfile.TarInfo(name)
        member.size, member.mode = len(data), 0o644
        self._archive.addfile(member, io.BytesIO(data))


class _ArchiveContext(ExitStack):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def __enter__(self) -> _Archive:
        temporary = self.enter_context(atomic_path(self._path))
        return _Archive(self.enter_context(tarfile.open(temporary, "w", format=tarfile.USTAR_FORMAT)))


# ------------------------------------------------------------------------------------------------------ HDTF
def write_hdtf_annotations(settings: HDTF, folder: Path) -> None:
    """Write the fifteen annotation files, with the quirks of the published ones.

    Quirks: WDA_video_url.txt opens with a byte order mark; WDA and WRA lack the final newline there; some URLs carry a
    start time; some time lines end in a space.
    """
    drawn = settings.synthetic
    people = hdtf_people(settings)
    for group in GROUPS:
        names = [person.split("_", 1)[1] for person in people if person.startswith(f"{group}_")]
        for kind, text in _annotations(drawn, group, names).items():
            with atomic_path(folder / f"{group}_{kind}.txt") as temporary:
                temporary.write_bytes(text.encode("utf-8"))


def _annotations(drawn: SyntheticHDTF, group: str, names: list[str]) -> dict[str, str]:
    urls, times, heights, boxes, ratios = [], [], [], [], []
    for place, name in enumerate(names):
        person = f"{group}_{name}"
        late = "&t=6s" if place % 3 == 1 else ""
        urls.append(f"{name} https://example.invalid/watch?v={zlib.crc32(person.encode()):08x}{late}")
        spans = " ".join(
            f"{_clock(start)}-{_clock(start + drawn.interval_seconds)}" for start in _starts(drawn, person)
        )
        times.append(f"{name}.mp4 {spans}" + (" " if place % 4 == 2 else ""))
        heights.append(f"{name}.mp4 {_hdtf_framing(drawn, person).height}")
        left, top, side = _crop(drawn, person)
        for interval in range(drawn.intervals):
            boxes.append(f"{name}_{interval}.mp4 {left} {side} {top} {side}")
            ratios.append(f"{name}_{interval}.mp4 {'1.0' if place % 5 == 4 else '1.2'}")
    mark, end = ("\ufeff" if group == "WDA" else ""), ("\n" if group == "RD" else "")
    return {
        "video_url": mark + "\n".join(urls) + end,
        "annotion_time": "".join(f"{row}\n" for row in sorted(times)),
        "resolution": "".join(f"{row}\n" for row in sorted(heights)),
        "crop_wh": "".join(f"{row}\n" for row in sorted(boxes)),
        "crop_ratio": "".join(f"{row}\n" for row in sorted(ratios)),
    }


def render_hdtf(settings: HDTF, seed: int, shard: str, folder: Path, truth: Path) -> int:
    """Draw the videos of one shard's people, and their truth; returns the number of intervals.

    Raises:
        CorpusError: the shard has no people.
    """
    from eadnet.corpora.shards import shard_people

    people = shard_people(settings, None, shard)
    if not people:
        raise CorpusError(f"HDTF shard {shard} has no people; there are {len(hdtf_people(settings))} people")
    facts: dict[str, np.ndarray] = {}
    notes: dict[str, dict] = {}
    with progress_bar(shard, len(people), "people") as bar:
        for name in people:
            person = _hdtf_person(settings, seed, name)
            notes[name] = asdict(person)
            _render_hdtf_video(settings, seed, person, folder / f"{name.split('_', 1)[1]}.mp4", facts, notes)
            bar.update()
    save_truth(truth, facts, notes)
    return len(people) * settings.synthetic.intervals


@dataclass(frozen=True)
class _Take:
    """One HDTF interval with the silence around it: the line, its speech, and where the interval begins in `speech`."""

    key: str
    line: Line
    speech: Speech
    offset: float


def _render_hdtf_video(settings: HDTF, seed: int, person: Person, path: Path, facts: dict, notes: dict) -> None:
    drawn = settings.synthetic
    takes = _takes(settings, seed, person)
    whole = join([take.speech for take in takes])
    puppet = Puppet(person, _hdtf_framing(drawn, person.name))
    write_video(path, _hdtf_frames(puppet, takes, whole, drawn.motion), HDTF_FPS, whole.wave, SAMPLE_RATE, crf=CRF)
    start = 0.0
    for take in takes:
        times = start + take.offset + np.arange(drawn.interval_seconds * TRUTH_FPS) / TRUTH_FPS
        motion = moved(whole, times, take.line, person.seed, drawn.motion)
        record_facts(facts, notes, take.key, motion, take.line, take.speech.text)
        start += take.speech.seconds


def _takes(settings: HDTF, seed: int, person: Person) -> list[_Take]:
    """The intervals of a video; half of each gap, and the opening seconds, are acted with the interval beside them."""
    drawn = settings.synthetic
    takes = []
    for interval in range(drawn.intervals):
        key = f"hdtf_{person.name}_{interval}"
        line = hdtf_line(settings, seed, person.name, interval)
        speech = perform(person, line, drawn.interval_seconds, key)
        before = _starts(drawn, person.name)[0] if interval == 0 else GAP_SECONDS / 2
        takes.append(_Take(key, line, join([silence(before), speech, silence(GAP_SECONDS / 2)]), before))
    return takes


def _hdtf_frames(puppet: Puppet, takes: list[_Take], whole: Speech, movement: Movement) -> Iterator[np.ndarray]:
    """Frames of all takes; the head sways on without a jump from one to the next."""
    shown, elapsed = 0, 0.0
    for take in takes:
        elapsed += take.speech.seconds
        stop = round(elapsed * HDTF_FPS)
        motion = moved(whole, np.arange(shown, stop) / HDTF_FPS, take.line, puppet.person.seed, movement)
        yield from puppet.wear(expression(take.line.emotion, take.line.level)).frames(motion)
        shown = stop


def _hdtf_person(settings: HDTF, seed: int, name: str) -> Person:
    group, index = name.split("_", 1)[0], hdtf_people(settings).index(name)
    female = group == "WDA" or (group == "RD" and (index // 3) % 2 == 0)
    return sample_person(name, seed, female=female, index=index + 7)


def _hdtf_framing(drawn: SyntheticHDTF, person: str) -> Framing:
    height = drawn.size // 2 * 2
    width = 2 * round(2 * height / 3)
    aside = (zlib.crc32(person.encode()) % 9 - 4) * 0.01
    return Framing(width, height, 0.145 * height, round((0.5 + aside) * width) - 0.5, 0.42 * height)


def _crop(drawn: SyntheticHDTF, person: str) -> tuple[int, int, int]:
    """Left, top and side of the square face window, even numbers, in pixels."""
    framing = _hdtf_framing(drawn, person)
    side = min(2 * round(2.45 * framing.inter_ocular), framing.height)
    left = int(np.clip(2 * round((framing.eye_x - side / 2) / 2), 0, framing.width - side))
    top = int(np.clip(2 * round((framing.eye_y - 0.44 * side) / 2), 0, framing.height - side))
    return left, top, side


def _starts(drawn: SyntheticHDTF, person: str) -> list[int]:
    """Whole seconds at which the annotated intervals begin."""
    first = 1 + zlib.crc32(person.encode()) % 2
    return [first + place * (drawn.interval_seconds + GAP_SECONDS) for place in range(drawn.intervals)]


def _clock(seconds: int) -> str:
    return f"{seconds // 60:02d}:{seconds % 60:02d}"
