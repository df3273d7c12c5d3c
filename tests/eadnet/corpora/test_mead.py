"""MEAD: archives and trees as they are met, read safely."""

import gzip
import io
import os
import pickle
import tarfile
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from eadnet.config.corpora import MEAD, Corpora, SyntheticMEAD
from eadnet.config.preprocessing import Preprocess
from eadnet.corpora.archives import MemberIndex, read_index
from eadnet.corpora.files import CorpusError
from eadnet.corpora.listing import shard_digest
from eadnet.corpora.mead import MEADReader, list_actors, parse_path
from eadnet.corpora.shards import list_rest, list_shards, reader
from eadnet.corpora.splits import mead_people
from eadnet.media.reading import probe
from eadnet.preprocessing.pieces import cut_in_pieces
from eadnet.tables import DOWNLOADS, write_table
from tests.support.made_footage import write_talk

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


def present(rows: list[dict]) -> dict[str, str]:
    """Statuses without the sets of which nothing is there."""
    return {name: status for name, status in by_id(rows).items() if status != "missing"}


def test_every_member_has_one_row(actor):
    statuses = present(MEADReader(SETTINGS, actor, "M003").sources())
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
        (
            "../../front/angry/level_1/001.mp4",
            tarfile.REGTYPE,
            "",
        ),  # every other kind: tests/eadnet/corpora/test_archives.py
        ("video/front/angry/level_1/001.mp4", tarfile.SYMTYPE, "/etc/passwd"),
    ],
)
def test_hostile_members_are_refused(tmp_path, name, kind, link):
    (tmp_path / "W009").mkdir()
    with tarfile.open(tmp_path / "W009" / "video.tar", "w") as archive:
        add(archive, name, kind=kind, link=link)
    reader = MEADReader(SETTINGS, tmp_path, "W009")
    rows = reader.sources()
    assert list(present(rows).values()) == ["refused"]
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
    assert list(present(MEADReader(SETTINGS, tmp_path, "M003").sources()).values()) == ["unreadable"]


def reading(root, **settings) -> MEADReader:
    return MEADReader(MEAD(origin="local", path="unused", **settings), root, "M003")


def test_wanted_views_are_clips_and_others_rows(actor):
    statuses = by_id(reading(actor, views=("front", "left_30")).sources())
    assert statuses["M003_left_30_angry_2_007"] == statuses["M003_front_angry_2_007"] == "ok"
    statuses = by_id(reading(actor, views=("left_30",)).sources())
    assert statuses["M003_left_30_angry_2_007"] == "ok" and statuses["M003_front_angry_2_007"] == "skipped"


def test_utterances_are_cut_only_where_asked(tmp_path):
    path = tmp_path / "M003/video/front/angry/level_2/007.mp4"
    path.parent.mkdir(parents=True)
    write_talk(path, seconds=2.4)
    found = {}
    for longest in (None, 1.0):
        reader = reading(tmp_path, max_seconds=longest)
        (clip,) = reader.clips(pd.DataFrame(reader.sources()))
        with reader.opened(clip) as media:
            cut = cut_in_pieces(clip, media.video, probe(media.video), Preprocess())
            found[longest] = [(piece.clip.clip_id, len(piece.frames)) for piece in cut]
    name = "mead_M003_front_angry_2_007"
    assert found == {None: [(name, 60)], 1.0: [(f"{name}_{part}", 20) for part in range(3)]}


def test_clips_are_left_out_by_pattern_and_by_split(actor):
    rows = {row["source_id"]: row for row in reading(actor, exclude=("M003_angry_2_*", "W*")).sources()}
    angry = rows["M003_front_angry_2_007"]
    assert angry["status"] == "excluded" and "M003_angry_2_*" in angry["reason"]
    assert rows["M003_front_fear_3_002"]["status"] == "ok"
    (actor / "M003").rename(actor / "W017")
    rows = MEADReader(MEAD(origin="local", path="unused", split="emote"), actor, "W017").sources()
    assert {row["status"] for row in rows if "_front_angry" in row["source_id"]} >= {"excluded"}
    assert {row["reason"] for row in rows if row["status"] == "excluded"} == {"not in split emote (corpora.mead.split)"}


def test_what_one_would_expect_and_is_not_there_has_a_row(actor):
    rows = [row for row in reading(actor, views=("front", "top")).sources() if row["status"] == "missing"]
    names = {row["source_id"] for row in rows}
    assert len(rows) == 2 * 22 - 5  # angry 2, neutral 1, sad 1, fear 3 and happy 1 have a file seen from the front
    assert {"M003_front_angry_1", "M003_top_neutral_1", "M003_top_angry_2"} <= names
    assert not names & {"M003_front_angry_2", "M003_front_sad_1", "M003_front_neutral_2"}
    assert "surprised level 3 seen from top" in next(
        r["reason"] for r in rows if r["source_id"] == "M003_top_surprised_3"
    )
    assert not [row for row in MEADReader(MEAD(), actor, "M003").sources() if row["status"] == "missing"]  # drawn


def test_large_members_are_refused_by_name(actor):
    with tarfile.open(actor / "M003/video.tar", "a") as archive:
        add(archive, "video/front/fear/level_1/001.mp4", bytes(1_000_001))
    rows = {row["source_id"]: row for row in reading(actor, max_member_mb=1).sources()}
    assert rows["M003_front_fear_1_001"]["status"] == "refused"
    assert by_id(reading(actor).sources())["M003_front_fear_1_001"] == "ok"


def test_a_usable_file_goes_before_a_useless_one_of_the_same_name(actor):
    with tarfile.open(actor / "M003/video.tar", "a") as archive:
        add(archive, "video/front/sad/level_1/001.mp4", b"sad")  # the first of that name is empty
    reader = reading(actor)
    rows = reader.sources()
    statuses = by_id(rows)
    assert (statuses["M003_front_sad_1_001"], statuses["M003_front_sad_1_001@2"]) == ("ok", "empty")
    clip = next(clip for clip in reader.clips(pd.DataFrame(rows)) if clip.emotion == "sad")
    with reader.opened(clip) as media:
        assert media.video.read() == b"sad"


def test_compressed_archives_and_odd_files_are_rows(actor, tmp_path):
    folder = actor / "M003"
    (folder / "video_3.tar.gz").write_bytes(gzip.compress((folder / "video.tar").read_bytes()))
    with zipfile.ZipFile(folder / "top.zip", "w") as archive:
        archive.writestr("a", "b")
    os.mkfifo(folder / "pipe.tar")
    (folder / "loop").symlink_to(folder)
    rows = {row["source_id"]: row for row in reading(actor).sources()}
    for name in ("video_3.tar.gz", "top.zip"):
        row = rows[f"M003_M003/{name}"]
        assert row["status"] == "unreadable" and "unpack it, or repack it as .tar" in row["reason"]
    assert rows["M003_M003/pipe.tar"]["status"] == "refused"
    assert rows["M003_M003/loop"]["status"] == "skipped"


WALKED: list[str] = []


def counted(path: Path, max_size: int) -> MemberIndex:
    WALKED.append(path.name)
    return read_index(path, max_size)


def test_every_archive_is_indexed_once_and_goes_with_the_reader(actor, monkeypatch):
    WALKED.clear()
    monkeypatch.setattr("eadnet.corpora.mead.read_index", counted)
    reader = reading(actor)
    clips = reader.clips(pd.DataFrame(reader.sources()))
    copy = pickle.loads(pickle.dumps(reader))
    for clip in clips:
        with copy.opened(clip) as media:
            assert media.video.read()
    assert sorted(WALKED) == ["audio.tar", "video.tar", "video_2.tar"]


def test_what_did_not_come_says_why(actor):
    blank = dict.fromkeys(DOWNLOADS.names) | {"corpus": "mead", "shard": "W011"}
    rows = [
        blank | {"name": "video.tar", "url": "https://example.invalid/v", "status": "quota", "reason": "try tomorrow"},
        blank | {"name": "audio.tar", "path": "W011/audio.tar", "status": "ok"},
    ]
    (actor / "downloads").mkdir()
    write_table(rows, actor / "downloads/W011.parquet", DOWNLOADS)
    found = MEADReader(MEAD(origin="download"), actor, "W011").sources()  # the actor has no folder
    statuses = by_id(found)
    assert statuses.pop("W011_download_video.tar") == "quota"
    assert set(statuses.values()) == {"missing"} and len(statuses) == 22
    assert MEADReader(MEAD(origin="download"), actor, "W011").clips(pd.DataFrame(found)) == []


def test_actors_are_shards(tmp_path):
    drawn = MEAD(synthetic=SyntheticMEAD(train_actors=3, test_actors=2))
    assert mead_people(drawn) == ("M003", "M030", "M005", "M007", "M009")
    with pytest.raises(CorpusError, match="train_actors: 99"):
        list_actors(MEAD(synthetic=SyntheticMEAD(train_actors=99)), None)
    with pytest.raises(CorpusError, match="no actor folder"):
        list_actors(SETTINGS, tmp_path)
    (tmp_path / "W011").mkdir()
    (tmp_path / "notes").mkdir()
    assert list_actors(SETTINGS, tmp_path) == ("W011",)
    wanted = MEAD(origin="local", path=str(tmp_path), actors=("M003", "W011", "W009"))
    corpora = Corpora(hdtf=None, mead=wanted, ravdess=None)
    assert list_shards(corpora) == {"mead": ("W011",)} and list_rest(corpora) == ("mead",)
    rows = reader("mead", wanted, tmp_path, "rest").sources()  # those without a folder have rows that say so
    assert {row["source_id"].split("_")[0] for row in rows} == {"M003", "W009"}
    assert {(row["status"], row["shard"]) for row in rows} == {("missing", "rest")} and len(rows) == 2 * 23
    assert shard_digest(corpora, "mead", "rest") == "M003 W009"
    with pytest.raises(CorpusError, match="corpora.mead.actors: none of them"):
        list_actors(MEAD(origin="local", path="unused", actors=("M003",)), tmp_path)


def test_a_sound_whose_clip_is_in_no_view_is_said(actor):
    with tarfile.open(actor / "M003" / "audio.tar", "a") as archive:
        add(archive, "audio/angry/level_2/031.m4a", b"speech")
    rows = {row["source_id"]: row for row in MEADReader(SETTINGS, actor, "M003").sources()}
    assert rows["M003_audio_angry_2_007"]["status"] == "companion"
    lone = rows["M003_audio_angry_2_031"]
    assert lone["status"] == "lone_sound" and "no video is used" in lone["reason"]
