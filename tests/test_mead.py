"""MEAD: archives and trees as they are met, read safely."""

import io
import tarfile

import pandas as pd
import pytest

from eadnet.corpora.mead import MEADReader, list_actors, parse_path
from eadnet.corpora.settings import MEAD, SyntheticMEAD
from eadnet.corpora.sources import CorpusError
from eadnet.corpora.splits import SplitError, mead_people, mead_split

SETTINGS = MEAD(origin="local", path="unused")


def add(
    archive: tarfile.TarFile, name: str, content: bytes = b"x", kind: bytes = tarfile.REGTYPE, link: str = ""
) -> None:
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.size = kind, link, len(content) if kind == tarfile.REGTYPE else 0
    archive.addfile(member, io.BytesIO(content))


@pytest.fixture
def actor(tmp_path):
    """An actor's folder with one archive of each kind and some trouble."""
    folder = tmp_path / "M003"
    folder.mkdir()
    with tarfile.open(folder / "video.tar", "w") as archive:
        add(archive, "video/front/angry/level_2/007.mp4", b"seven")
        add(archive, "video/front/neutral/level_1/031.mp4", b"neutral")
        add(archive, "video/left_30/angry/level_2/007.mp4")
        add(archive, "video/front/angry/level_2/._007.mp4")
        add(archive, "video/front/sad/level_1/001.mp4", b"")
    with tarfile.open(folder / "video_2.tar", "w") as archive:
        add(archive, "M003/video/1/front/fear/level_3/002.mp4", b"nested")
        add(archive, "video/front/happy_level_1/003.mp4", b"flat")
        add(archive, "video/front/angry/level_2/007.mp4", b"again")
    with tarfile.open(folder / "audio.tar", "w") as archive:
        add(archive, "audio/angry/level_2/007.m4a", b"speech")
    return tmp_path


def by_id(rows: list[dict]) -> dict[str, str]:
    assert len({row["source_id"] for row in rows}) == len(rows)
    return {row["source_id"]: row["status"] for row in rows}


def test_paths_of_all_known_layouts():
    for path in ("video/front/angry/level_1/001.mp4", "video28/video/1/front/angry_level_1/001.mp4"):
        assert parse_path(path).name == "front_angry_1_001"
    assert parse_path("audio/disgusted/level_3/020.m4a").name == "audio_disgusted_3_020"
    for path in ("video/front/angry/level_4/001.mp4", "video/front/glad/level_1/001.mp4", "001.mp4"):
        assert parse_path(path) is None


def test_every_member_has_one_row(actor):
    statuses = by_id(MEADReader(SETTINGS, actor, "M003").sources())
    assert len(statuses) == 9
    used = {name for name, status in statuses.items() if status == "ok"}
    assert used == {f"M003_front_{name}" for name in ("angry_2_007", "neutral_1_031", "fear_3_002", "happy_1_003")}
    assert statuses["M003_audio_angry_2_007"] == "companion"
    assert statuses["M003_left_30_angry_2_007"] == "skipped"
    assert statuses["M003_front_sad_1_001"] == "empty"
    assert sorted(statuses.values()).count("duplicate") == 1


def test_members_are_read_from_the_archive_with_their_sound(actor):
    reader = MEADReader(SETTINGS, actor, "M003")
    clips = {clip.clip_id: clip for clip in reader.clips(pd.DataFrame(reader.sources()))}
    angry = clips["mead_M003_front_angry_2_007"]
    assert (angry.emotion, angry.level, angry.sentence, angry.split) == ("angry", 2, "007", "test")
    with reader.opened(angry) as media:
        assert (media.video.read(), media.sound.read()) == (b"seven", b"speech")
    with reader.opened(clips["mead_M003_front_fear_3_002"]) as media:
        assert (media.video.read(), media.sound) == (b"nested", None)
    assert [path.name for path in actor.iterdir()] == ["M003"]  # nothing was extracted


def test_an_unpacked_tree_gives_the_same_clips(actor):
    packed = MEADReader(SETTINGS, actor, "M003")
    rows = packed.sources()
    for name in ("video.tar", "video_2.tar", "audio.tar"):
        path = actor / "M003" / name
        with tarfile.open(path) as archive:
            archive.extractall(actor / "M003", filter="data")
        path.unlink()
    loose = MEADReader(SETTINGS, actor, "M003")
    found = loose.sources()
    used = [sorted(row["source_id"] for row in table if row["status"] == "ok") for table in (rows, found)]
    assert used[0] == used[1]
    clip = next(clip for clip in loose.clips(pd.DataFrame(found)) if clip.emotion == "angry")
    with loose.opened(clip) as media:
        assert media.sound.read_bytes() == b"speech"


@pytest.mark.parametrize(
    "name, kind, link",
    [
        ("../../front/angry/level_1/001.mp4", tarfile.REGTYPE, ""),
        ("/absolute/video/front/angry/level_1/001.mp4", tarfile.REGTYPE, ""),
        ("video/front/angry/level_1/001.mp4", tarfile.SYMTYPE, "/etc/passwd"),
        ("video/front/angry/level_1/001.mp4", tarfile.LNKTYPE, "../../secret"),
        ("video/front/angry/level_1/001.mp4", tarfile.CHRTYPE, ""),
        ("video/front/angry/level_1/001.mp4", tarfile.FIFOTYPE, ""),
    ],
)
def test_hostile_members_are_refused(tmp_path, name, kind, link):
    (tmp_path / "W009").mkdir()
    with tarfile.open(tmp_path / "W009" / "video.tar", "w") as archive:
        add(archive, name, kind=kind, link=link)
    reader = MEADReader(SETTINGS, tmp_path, "W009")
    rows = reader.sources()
    assert [row["status"] for row in rows] == ["refused"]
    assert reader.clips(pd.DataFrame(rows)) == []


def test_a_cut_archive_keeps_what_is_whole(actor):
    path = actor / "M003" / "video_2.tar"
    path.write_bytes(path.read_bytes()[:1800])
    statuses = by_id(MEADReader(SETTINGS, actor, "M003").sources())
    assert statuses["M003_front_fear_3_002"] == "ok"
    assert statuses["M003_M003/video_2.tar"] == "unreadable"


def test_an_archive_that_is_none_is_a_row(tmp_path):
    (tmp_path / "M003").mkdir()
    (tmp_path / "M003" / "video.tar").write_bytes(b"<html>quota exceeded</html>" * 100)
    assert list(by_id(MEADReader(SETTINGS, tmp_path, "M003").sources()).values()) == ["unreadable"]


def test_splits_follow_people_and_sentences():
    assert mead_split("M003", "angry", 1, SETTINGS) == "test"
    assert mead_split("M005", "angry", 24, SETTINGS) == "train"
    assert mead_split("M005", "angry", 25, SETTINGS) == "test"
    assert mead_split("M005", "neutral", 30, SETTINGS) == "train"
    assert mead_split("M005", "neutral", 31, SETTINGS) == "test"


def test_actors_are_shards(tmp_path):
    drawn = MEAD(synthetic=SyntheticMEAD(train_actors=3, test_actors=2))
    assert mead_people(drawn) == ("M003", "M030", "M005", "M007", "M009")
    with pytest.raises(SplitError, match="train_actors: 99"):
        list_actors(MEAD(synthetic=SyntheticMEAD(train_actors=99)), None)
    with pytest.raises(CorpusError, match="no actor folder"):
        list_actors(SETTINGS, tmp_path)
    (tmp_path / "W011").mkdir()
    (tmp_path / "notes").mkdir()
    assert list_actors(SETTINGS, tmp_path) == ("W011",)
