"""The drawn corpora: the official layouts, the same content twice, the truth beside them."""

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

from eadnet.config.corpora import HDTF, MEAD, Movement, SyntheticHDTF, SyntheticMEAD
from eadnet.corpora.annotations import read_annotations
from eadnet.corpora.files import CorpusError
from eadnet.corpora.mead import parse_path
from eadnet.corpora.splits import MEAD_TEST_ACTORS, hdtf_people, mead_people, mead_split
from eadnet.media.reading import probe, read_audio, read_video
from eadnet.synthetic.render import render_hdtf, render_mead, write_hdtf_annotations
from eadnet.synthetic.script import hdtf_line, mead_lines
from eadnet.synthetic.sentences import books

TINY = SyntheticMEAD(train_actors=2, test_actors=1, seconds=1.2, size=96)
HDTF_TINY = HDTF(
    shard_size=2, synthetic=SyntheticHDTF(train_people=3, test_people=1, intervals=2, interval_seconds=2, size=128)
)


@pytest.fixture(scope="module")
def actor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mead")
    render_mead(TINY, 0, "M003", folder, folder / "truth.safetensors")
    return folder


@pytest.fixture(scope="module")
def hdtf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hdtf")
    write_hdtf_annotations(HDTF_TINY, folder / "annotations")
    render_hdtf(HDTF_TINY, 0, "000", folder / "videos", folder / "truth.safetensors")
    return folder


def _members(path: Path) -> dict[str, io.BytesIO]:
    with tarfile.open(path) as archive:
        return {member.name: io.BytesIO(archive.extractfile(member).read()) for member in archive}


def test_mead_archives_have_the_official_layout(actor: Path) -> None:
    videos, sounds = _members(actor / "video.tar"), _members(actor / "audio.tar")
    assert len(videos) == len(sounds) == 9
    for name in videos:
        said = parse_path(name)
        assert name.startswith("video/front/") and said.view == "front"
        assert f"audio/{said.emotion}/level_{said.level}/{said.number:03d}.m4a" in sounds
        assert mead_split("M003", said.emotion, said.number, MEAD()) == "test"


def test_mead_media_are_native(actor: Path) -> None:
    video = next(iter(_members(actor / "video.tar").values()))
    info = probe(video)
    assert (info.width, info.height, info.fps, info.has_audio) == (96, 96, 30, True)
    assert info.seconds == pytest.approx(1.2, abs=0.02)
    sound = next(iter(_members(actor / "audio.tar").values()))
    assert len(read_audio(sound, 16000)) == pytest.approx(1.2 * 16000, abs=1100)


def test_drawing_twice_gives_the_same_content(actor: Path, tmp_path: Path) -> None:
    render_mead(TINY, 0, "M003", tmp_path, tmp_path / "truth.safetensors")
    for archive in ("video.tar", "audio.tar"):
        first, second = _members(actor / archive), _members(tmp_path / archive)
        assert first.keys() == second.keys()
    assert (actor / "truth.safetensors").read_bytes() == (tmp_path / "truth.safetensors").read_bytes()
    name = "video/front/neutral/level_1/001.mp4"
    first, second = (_members(folder / "video.tar")[name] for folder in (actor, tmp_path))
    assert np.array_equal(read_video(first), read_video(second))
    assert np.array_equal(read_audio(first), read_audio(second))


def test_the_truth_lies_beside_the_media(actor: Path) -> None:
    with safe_open(actor / "truth.safetensors", framework="numpy") as truth:
        notes = json.loads(truth.metadata()["notes"])
        clip = next(name for name in notes if "_happy_" in name)
        assert truth.get_tensor(f"{clip}/opening").shape == (30,)
        assert truth.get_tensor(f"{clip}/sway").shape == (30, 4)
    assert notes["person"]["name"] == "M003"
    assert notes[clip]["text"].endswith((".", "?")) and "12" in notes[clip]["action_units"]


def test_every_actor_has_a_mead_lines(tmp_path: Path) -> None:
    settings = SyntheticMEAD()
    for name in mead_people(MEAD()):
        lines = mead_lines(settings, 0, name)
        assert len({line.stem for line in lines}) == len(lines)
        splits = [mead_split(name, line.emotion, line.number, MEAD()) for line in lines]
        wanted = {"test"} if name in MEAD_TEST_ACTORS else {"train", "test"}
        assert set(splits) == wanted
        assert {line.level for line in lines if line.emotion == "neutral"} == {1}


def test_default_counts_are_those_of_the_config() -> None:
    settings = SyntheticMEAD()
    counts = [len(mead_lines(settings, 0, name)) for name in mead_people(MEAD())]
    assert counts == [2 + 7] * 4 + [2 + 7 * 3 + 1] * 12


def test_test_actors_say_held_out_sentences() -> None:
    trained = {line.utterances for line in mead_lines(SyntheticMEAD(), 0, "M005") if line.number < 25}
    tested = {line.utterances for line in mead_lines(SyntheticMEAD(), 0, "M003") if line.emotion != "neutral"}
    assert not trained & tested


def test_hdtf_annotations_read_like_the_published_ones(hdtf: Path) -> None:
    assert len(list((hdtf / "annotations").iterdir())) == 15
    raw = (hdtf / "annotations" / "WDA_video_url.txt").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf") and not raw.endswith(b"\n")
    videos = read_annotations(hdtf / "annotations")
    assert {video.identity for video in videos} == set(hdtf_people(HDTF_TINY))
    for video in videos:
        assert video.url.startswith("https://example.invalid/") and video.height == 128
        assert [end - start for start, end in video.intervals] == [2, 2] and video.intervals[0][0] >= 1
        assert len(video.crops) == 2


def test_hdtf_videos_hold_their_intervals(hdtf: Path) -> None:
    videos = {video.name: video for video in read_annotations(hdtf / "annotations")}
    drawn = sorted((hdtf / "videos").glob("*.mp4"))
    assert len(drawn) == 2
    for path in drawn:
        info, video = probe(path), videos[path.stem]
        assert info.fps == 25 and info.height == 128 and info.width > 160
        assert info.seconds >= video.intervals[-1][1]
        for start, end in video.intervals:
            wave = read_audio(path, 16000, start, end - start)
            assert np.abs(wave[:1000]).max() < 0.05 < np.abs(wave).max()
        x, y, width, height = video.crops[0]
        assert width == height and x >= 0 and y >= 0 and x + width <= info.width and y + height <= info.height


def test_unknown_actor_and_too_many_sentences_are_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="W999 is not drawn"):
        mead_lines(TINY, 0, "W999")
    with pytest.raises(CorpusError, match="train_sentences: at most 24"):
        mead_lines(SyntheticMEAD(train_sentences=25), 0, "M005")
    with pytest.raises(CorpusError, match="has no people"):
        render_hdtf(HDTF_TINY, 0, "009", tmp_path, tmp_path / "truth.safetensors")


MOVING = Movement(spontaneous_blinks=12.0, gaze_shifts=50.0, brow_beats=True, nods=0.03)
LONG = SyntheticMEAD(
    train_actors=1, test_actors=1, neutral_sentences=1, seconds=12.0, size=96, sentences="many", motion=MOVING
)


def test_a_long_clip_holds_several_sentences_with_pauses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = mead_lines(LONG, 0, "M003")[:1]
    monkeypatch.setattr("eadnet.synthetic.render.mead_lines", lambda *_: first)
    render_mead(LONG, 0, "M003", tmp_path, tmp_path / "truth.safetensors")
    video = next(iter(_members(tmp_path / "video.tar").values()))
    assert probe(video).seconds == pytest.approx(12, abs=0.05)
    with safe_open(tmp_path / "truth.safetensors", framework="numpy") as truth:
        notes = json.loads(truth.metadata()["notes"])
        clip = next(name for name in notes if name != "person")
        viseme = truth.get_tensor(f"{clip}/viseme")
        shapes = {name: truth.get_tensor(f"{clip}/{name}").shape for name in ("gaze", "nod", "beat", "blink")}
    assert notes[clip]["text"].count(".") >= 3
    assert shapes == {"gaze": (300, 2), "nod": (300, 2), "beat": (300,), "blink": (300,)}
    silent = np.flatnonzero(np.diff(np.pad(viseme == 0, 1).astype(int))).reshape(-1, 2)
    pauses = silent[silent[:, 1] - silent[:, 0] >= 5]
    assert len(pauses) >= 4 and (viseme[-50:] > 0).any()  # speech goes on to the end


def test_many_sentences_are_heard_and_their_numbers_keep_them_apart() -> None:
    settings = SyntheticMEAD(seconds=12.0, sentences="many", train_actors=4)
    training, held_out = map(set, books("many"))
    of_number: dict[int, set[str]] = {}
    heard: set[str] = set()
    for actor in mead_people(MEAD(synthetic=settings)):
        for line in mead_lines(settings, 0, actor):
            assert len(line.utterances) == 5 and set(line.utterances) <= (held_out if line.number > 24 else training)
            if line.number > 24:
                of_number.setdefault(line.number, set()).update(line.utterances)
            heard |= set(line.utterances)
    assert len(heard & training) >= 200 and len(heard & held_out) >= 40
    assert sum(map(len, of_number.values())) == len(set.union(*of_number.values()))


def test_a_long_interval_is_chained_of_the_split_of_its_person() -> None:
    drawn = SyntheticHDTF(train_people=3, test_people=1, interval_seconds=20, sentences="many")
    settings = HDTF(synthetic=drawn)
    for place, person in enumerate(hdtf_people(settings)):
        line = hdtf_line(settings, 0, person, 1)
        assert len(line.utterances) == 9 and set(line.utterances) <= set(books("many")[place == 3])
