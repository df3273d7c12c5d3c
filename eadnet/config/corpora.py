"""The configuration of the corpora: their origin, and the content of the drawn ones. Light: no torch, no media."""

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from eadnet.config.section import Positive, Rate, Section, Share, Weight

SHIFTS_PER_MINUTE = (32, 120)  # the means that are possible with fixations of 0.4 to 2 s
BLINKS_PER_MINUTE = 60  # with more, blinks would overlap
NOD_REACH = 0.1  # with more, the inner face would leave the outline of the head

Sentences = Annotated[
    Literal["few", "many"],
    Field(description="`few`: 30 short sentences; `many`: 360 longer ones, several with pauses to fill the clip."),
]


View = Literal["front", "down", "top", "left_30", "left_60", "right_30", "right_60"]


TEST_ONLY = ("ravdess",)
"""Corpora for testing only: no network is trained on them, and the networks' own reports leave them out."""


class Movement(Section):
    """Movement that depends on time, not on a single frame and its sound; all of it is off by default."""

    spontaneous_blinks: Weight = Field(
        0.0, le=BLINKS_PER_MINUTE, description="Blinks per minute at irregular times, in addition to one at each pause."
    )
    gaze_shifts: Weight = Field(0.0, description="Saccades per minute, both eyes together; 0, or 32 to 120.")
    brow_beats: bool = Field(
        False, description="Brows rise during the 0.4 s after a loudness peak, instead of at the peak."
    )
    nods: Weight = Field(
        0.0,
        le=NOD_REACH,
        description="Amplitude of quick nods, in eye distances; with preprocess.smoothing 6 crops do not follow.",
    )

    @field_validator("gaze_shifts")
    @classmethod
    def _check_shifts(cls, shifts: float) -> float:
        low, high = SHIFTS_PER_MINUTE
        if shifts and not low <= shifts <= high:
            raise ValueError(f"0, or {low} to {high} per minute (fixations last 0.4 to 2 s), not {shifts:g}")
        return shifts


class SyntheticMEAD(Section):
    """The drawn MEAD: number of actors and utterances, size and length of clips."""

    train_actors: Positive = Field(12, description="Actors whose clips are (mostly) for training.")
    test_actors: Positive = Field(4, description="Actors kept for testing: the first of M003 M030 W009 W015.")
    train_sentences: Positive = Field(1, description="Training sentences per emotion and level.")
    neutral_sentences: Positive = Field(2, description="Neutral sentences per actor, all of level_1.")
    test_sentences: Positive = Field(1, description="Held-out sentences per emotion and test actor.")
    seen_test_clips: Positive = Field(1, description="Held-out-sentence clips per training actor.")
    seconds: Rate = Field(2.0, description="Length of a clip, in seconds.")
    size: Positive = Field(192, description="Height and width of the rendered video, in pixels.")
    sentences: Sentences = "few"
    motion: Movement = Movement()


class SyntheticHDTF(Section):
    """The drawn HDTF: long videos of several people with annotated intervals."""

    train_people: Positive = Field(6, description="People for training.")
    test_people: Positive = Field(2, description="People kept for testing.")
    intervals: Positive = Field(2, description="Annotated intervals per video.")
    interval_seconds: Positive = Field(3, description="Length of an interval in whole seconds (HDTF writes mm:ss).")
    size: Positive = Field(256, description="Height of the rendered video in pixels; width is 4/3 of it.")
    sentences: Sentences = "few"
    motion: Movement = Movement()


class VideoDownload(Section):
    """How HDTF's videos are fetched with yt-dlp."""

    retries: Positive = Field(5, description="Attempts per video and per fragment, with growing pauses between them.")
    pause: Weight = Field(2.0, description="Seconds between two videos, and before the first retry.")
    rate_limit: Weight = Field(0.0, description="Largest rate in KiB per second; 0 sets no limit.")
    timeout: Rate = Field(30.0, description="Seconds without an answer after which a connection is closed.")
    cookies: str | None = Field(None, description="cookies.txt of a signed-in browser, for videos that require it.")


class HDTF(Section):
    """HDTF: annotation text files plus full-length videos."""

    origin: Literal["synthetic", "download", "local"] = Field(
        "synthetic",
        description="`synthetic` draws it here; `download` fetches it; `local` reads a folder you have.",
    )
    path: str | None = Field(None, description="`local`: folder of full videos, or of already cut clips.")
    annotations: str | None = Field(
        None, description="Folder of the annotation files; null searches `path`, else fetches the published ones."
    )
    split: Literal["reenactment19"] = Field("reenactment19", description="Named split of the real corpus.")
    test_identities: tuple[str, ...] = Field(
        (), description="Identities (names without final digits) for test, in place of the named split's."
    )
    shard_size: Positive = Field(4, description="Identities per shard.")
    max_seconds: Rate = Field(10.0, description="A longer interval is cut into clips of at most this many seconds.")
    download: VideoDownload = VideoDownload()
    synthetic: SyntheticHDTF = SyntheticHDTF()


class Archive(Section):
    """One file of a download: its source, and its expected size and digest."""

    name: str = Field(description="File name in the actor's folder, such as video.tar.")
    id: str | None = Field(None, description="Google Drive file id.")
    url: str | None = Field(None, description="Address, in place of an id.")
    bytes: Annotated[int, Field(ge=0)] = Field(0, description="Size; 0 where unknown.")
    sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = Field("", description="Digest; empty where unknown.")

    @model_validator(mode="after")
    def _check(self) -> "Archive":
        if (self.id is None) == (self.url is None):
            raise ValueError("give either id or url")
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 ._-]*", self.name):
            raise ValueError(f"name '{self.name}' is no plain file name")
        return self


class ArchiveDownload(Section):
    """How MEAD's archives are fetched: a Google Drive folder, or single files, by gdown."""

    folder: str | None = Field(
        "1GwXP-KpWOxOenOxITTsURJZQ_1pkd4-j", description="Drive folder of MEAD part 0; null fetches `files` only."
    )
    files: dict[str, tuple[Archive, ...]] = Field(
        {}, description="Archives by actor, in place of the folder's files of that actor."
    )
    retries: Positive = Field(5, description="Attempts per file, with growing pauses between them.")
    pause: Weight = Field(5.0, description="Seconds between two files, and before the first retry.")
    cookies: str | None = Field(None, description="cookies.txt of a signed-in browser, against the folder's quota.")


class MEAD(Section):
    """MEAD: one shard an actor, `video.tar` and `audio.tar` (or the unpacked tree)."""

    origin: Literal["synthetic", "download", "local"] = Field(
        "synthetic",
        description="`synthetic` draws it here; `download` fetches it; `local` reads a folder you have.",
    )
    path: str | None = Field(None, description="`local`: folder with one sub-folder per actor.")
    actors: tuple[Annotated[str, Field(pattern=r"^[MW]\d{3}$")], ...] = Field(
        (), description="Real corpus: these actors only; empty takes all (download: the 48 of part 0)."
    )
    views: tuple[View, ...] = Field(("front",), min_length=1, description="Views that become clips.")
    exclude: tuple[str, ...] = Field(
        (), description="Clips left out, as patterns over `actor_emotion_level_number`, such as `W019_surprised_3_*`."
    )
    split: Literal["eat_sentences", "eat", "official_sentences", "emote"] = Field(
        "eat_sentences", description="Named split (docs/data.md); `eat_sentences` joins `eat` and `official_sentences`."
    )
    max_seconds: Rate | None = Field(
        None, description="A longer video is cut into clips of at most this many seconds; null keeps videos whole."
    )
    max_member_mb: Positive = Field(512, description="A larger member of an archive is refused, in megabytes.")
    download: ArchiveDownload = ArchiveDownload()
    synthetic: SyntheticMEAD = SyntheticMEAD()


class SyntheticRAVDESS(Section):
    """The drawn RAVDESS: every person shows all eight emotions, or some of them in turn."""

    people: Positive = Field(2, le=24, description="Actors, men and women in turn.")
    emotions: Annotated[int, Field(ge=2, le=8)] = Field(
        8, description="Emotions per actor: neutral, and others, which take turns from actor to actor."
    )
    repetitions: Positive = Field(1, le=2, description="Recordings per actor and emotion.")
    seconds: Rate = Field(1.2, description="Length of a clip, in seconds; long ones say both statements in turn.")
    size: Positive = Field(192, description="Height of the rendered video in pixels; width is 16/9 of it.")
    motion: Movement = Movement()


class RecordArchive(Section):
    """One archive that does not come from the Zenodo record: its address, and its expected size and digest."""

    url: str = Field(description="Address.")
    bytes: Annotated[int, Field(ge=0)] = Field(0, description="Size; 0 where unknown.")
    sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = Field("", description="Digest; empty where unknown.")


RAVDESSActor = Annotated[str, Field(pattern=r"^A(0[1-9]|1\d|2[0-4])$")]


class RecordDownload(Section):
    """How RAVDESS's archives are fetched from Zenodo, record 1188976."""

    base: str = Field(
        "https://zenodo.org/records/1188976/files", description="Address of the folder that holds the archives."
    )
    files: dict[RAVDESSActor, RecordArchive] = Field({}, description="Archives by actor, in place of the record's.")
    retries: Positive = Field(5, description="Attempts per file, with growing pauses between them.")
    pause: Weight = Field(5.0, description="Seconds between two files, and before the first retry.")
    timeout: Rate = Field(60.0, description="Seconds without an answer after which a connection is closed.")


class RAVDESS(Section):
    """RAVDESS, for testing only: one shard an actor, `Video_Speech_Actor_01.zip` (or the unpacked tree)."""

    origin: Literal["synthetic", "download", "local"] = Field(
        "synthetic",
        description="`synthetic` draws it here; `download` fetches it; `local` reads a folder you have.",
    )
    path: str | None = Field(
        None, description="`local`: folder that holds the archives, or the folders `Actor_01`, ..."
    )
    actors: tuple[RAVDESSActor, ...] = Field(
        (), description="Real corpus: these actors only, such as A01 (odd: men); empty takes all."
    )
    split: Literal["all"] = Field("all", description="Named split (docs/data.md): every clip is for testing.")
    max_member_mb: Positive = Field(128, description="A larger member of an archive is refused, in megabytes.")
    download: RecordDownload = RecordDownload()
    synthetic: SyntheticRAVDESS = SyntheticRAVDESS()


class FolderCorpus(Section):
    """Any folder of talking-head videos, with an optional CSV (file, person, emotion, level, split)."""

    path: str = Field(description="Folder of videos, searched recursively.")
    table: str | None = Field(None, description="Optional CSV: file, person, emotion, level, split.")
    shard_size: Positive = Field(8, description="Videos per shard.")
    test_share: Share = Field(0.25, description="Share of people held out for test where the CSV names no split.")
    max_seconds: Rate = Field(10.0, description="A longer video is cut into clips of at most this many seconds.")


class Corpora(Section):
    """The corpora that this run reads; null leaves one out."""

    hdtf: HDTF | None = HDTF()
    mead: MEAD | None = MEAD()
    ravdess: RAVDESS | None = RAVDESS()
    folder: FolderCorpus | None = None
