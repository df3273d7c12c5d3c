"""A folder of videos as it comes: hostile names, companions, labels."""

import os
import socket
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest

from eadnet.config.corpora import FolderCorpus
from eadnet.corpora.files import CorpusError
from eadnet.corpora.folder import FolderReader, list_videos, read_labels
from eadnet.corpora.sources import path_of, slugs, uri_of
from eadnet.tables import SOURCES, read_table, write_table

HOSTILE = ("-rf.mp4", "$(touch x).mp4", "a b'\"c.mp4", "new\nline.mp4", "naïve #1.mp4", "per%cent.mp4")


@pytest.fixture
def folder(tmp_path):
    """Nested videos of several suffixes with the files that stand around them."""
    root = tmp_path / "videos"
    for name in (
        "a.mp4",
        "a.wav",
        "sub/a.MOV",
        "sub/b.mpg",
        "sub/b.mp4",
        "notes.txt",
        "lone.wav",
        ".hidden.mp4",
        *HOSTILE,
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())
    return root


def reader(root, shard="000", **settings) -> FolderReader:
    return FolderReader(FolderCorpus(path=str(root), **{"shard_size": 100, **settings}), root, shard)


def test_every_file_has_one_row_and_a_unique_id(folder):
    rows = reader(folder).sources()
    files = sum(len(names) for _, _, names in os.walk(folder))
    assert len(rows) == len({row["source_id"] for row in rows}) == len({row["uri"] for row in rows}) == files
    statuses = {path_of(row["uri"]): row["status"] for row in rows}
    assert statuses["a.wav"] == "companion"
    assert statuses["notes.txt"] == statuses[".hidden.mp4"] == "skipped" and statuses["lone.wav"] == "lone_sound"
    assert all(statuses[name] == "ok" for name in HOSTILE)


def test_what_is_no_video_has_a_row_that_says_what_to_do(folder):
    """Pictures of a folder, animations, hidden folders, sounds too many, of odd suffixes and without a video."""
    others = {
        "frames/0002.png": "", "frames/0010.png": "", "one/cover.jpg": "a picture",
        ".git/x.mp4": "", "sub/a.WAV": None, "a.flac": "goes before", "sub/b.srt": "convert it to .mp4",
        "sub/only.m4a": "put the video there",
    }  # fmt: skip
    for name in others:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"1")
    rows = {
        path_of(row["uri"]): row for shard in ("000", "001") for row in reader(folder, shard, shard_size=6).sources()
    }
    assert "2 numbered pictures (0002.png to 0010.png)" in rows["frames/"]["reason"] and rows["frames/"]["bytes"] == 2
    assert rows[".git"]["status"] == "skipped" and "hidden" in rows[".git"]["reason"]
    assert (rows["a.flac"]["status"], rows["sub/a.WAV"]["status"]) == ("duplicate", "companion")
    for name, reason in others.items():
        assert not reason or reason in rows[name]["reason"], name
    assert not {"frames/0002.png", ".git/x.mp4"} & {*rows}
    whole = reader(folder)
    clip = next(clip for clip in whole.clips(pd.DataFrame(whole.sources())) if clip.uri == "sub/a.MOV")
    with whole.opened(clip) as media:
        assert media.sound == folder / "sub/a.WAV"


def test_a_folder_of_frames_alone_names_the_fix(tmp_path):
    (tmp_path / "0001.png").write_bytes(b"1")
    with pytest.raises(CorpusError, match="holds no video .*a file .png is a picture; .*ffmpeg -framerate 25"):
        list_videos(tmp_path)


def test_shards_share_the_files_out(folder):
    whole = {row["uri"] for row in reader(folder).sources()}
    parts = [row["uri"] for shard in ("000", "001", "002") for row in reader(folder, shard, shard_size=4).sources()]
    assert sorted(parts) == sorted(whole)


def test_hostile_names_survive_a_table_and_open(folder, tmp_path):
    (folder / os.fsdecode(b"latin-\xe9.mp4")).write_bytes(b"bytes")
    chosen = reader(folder)
    write_table(chosen.sources(), tmp_path / "s.parquet", SOURCES)
    clips = chosen.clips(read_table(tmp_path / "s.parquet", SOURCES))
    assert len({clip.clip_id for clip in clips}) == len(clips) == len(HOSTILE) + 5
    for clip in clips:
        assert clip.clip_id.replace("-", "").replace("_", "").isalnum() and clip.clip_id.isascii()
        with chosen.opened(clip) as media:
            assert media.video.is_file()


def test_sound_of_the_same_stem_is_offered(folder):
    chosen = reader(folder)
    clips = {clip.uri: clip for clip in chosen.clips(pd.DataFrame(chosen.sources()))}
    with chosen.opened(clips["a.mp4"]) as media:
        assert media.sound == folder / "a.wav"
    with chosen.opened(clips["sub/b.mp4"]) as media:
        assert media.sound is None


def test_labels_name_people_emotions_and_splits(folder, tmp_path):
    table = tmp_path / "labels.csv"
    table.write_text(
        "\ufefffile,person_id,emotion,level,split,notes\na.mp4,ann,happy,2,test,x\nsub/b.mpg,ann,,,,\nsub/b.mp4,bo,,,val,\ngone.mp4,,,,,\n"
    )
    chosen = reader(folder, table=str(table))
    rows = chosen.sources()
    clips = {clip.uri: clip for clip in chosen.clips(pd.DataFrame(rows))}
    assert (clips["a.mp4"].speaker, clips["a.mp4"].emotion, clips["a.mp4"].level) == ("ann", "happy", 2)
    assert clips["a.mp4"].split == "test" and clips["sub/b.mp4"].split == "val"
    assert clips["sub/b.mpg"].speaker == "ann" and clips["sub/b.mpg"].emotion is None
    assert {row["uri"]: row["status"] for row in rows}["gone.mp4"] == "missing"


@pytest.mark.parametrize(
    "text, fault",
    [
        ("name\na.mp4\n", "no column 'file'"),
        ("file,emotion\na.mp4,glad\n", "line 2: emotion 'glad'"),
        ("file,level\na,x\n", "level 'x'"),
        ("file,split\na,valid\n", "split 'valid' is unknown; use train, val, test"),
        ("file,person\na.mp4,ann\n\n,bo\n", "line 4: the cell 'file' is empty"),
        ("file\na.mp4\nb.mp4\na.mp4\n", "line 4: 'a.mp4' is in line 2 already"),
        ("file;person\na.mp4;ann\n", "no column 'file'.*separate columns by commas"),
        ("file,person,person\n", "two columns 'person'"),
    ],
)
def test_wrong_tables_name_the_line(tmp_path, text, fault):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(CorpusError, match=fault):
        read_labels(tmp_path / "t.csv")


def test_what_is_no_plain_file_has_a_row_and_is_not_opened(folder):
    outside = folder.parent / "outside"
    outside.mkdir()
    (outside / "c.mp4").write_bytes(b"c")
    (folder / "linked").symlink_to(outside)
    (folder / "sub/loop").symlink_to(folder)
    (folder / "self").symlink_to(folder / "self")
    (folder / "broken.mp4").symlink_to("nowhere.mp4")
    (folder / "video.mp4").symlink_to(outside / "c.mp4")
    os.mkfifo(folder / "pipe.mp4")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "socket.wav"))
    rows = {row["uri"]: row for row in reader(folder).sources()}
    found = {
        name: rows[name]["status"] for name in ("linked", "sub/loop", "self", "broken.mp4", "pipe.mp4", "socket.wav")
    }
    assert found == {
        "linked": "skipped", "sub/loop": "skipped", "self": "unreadable", "broken.mp4": "unreadable",
        "pipe.mp4": "refused", "socket.wav": "refused",
    }  # fmt: skip
    assert rows["video.mp4"]["status"] == "ok"  # a link to a file is that file
    assert all(row["reason"] for row in rows.values() if row["status"] != "ok")
    assert not any("c.mp4" in name for name in rows if name != "-rf.mp4" and "/" in name)
    assert sum(row["shard"] == "001" for row in reader(folder, "001", shard_size=5).sources()) == 5


def test_a_folder_that_may_not_be_read_is_a_row():
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        (root / "a.mp4").write_bytes(b"a")
        (root / "locked").mkdir(mode=0)
        with other_user():
            rows = {row["uri"]: row for row in reader(root).sources()}
        (root / "locked").chmod(0o755)
    assert rows["a.mp4"]["status"] == "ok"
    assert rows["locked"]["status"] == "unreadable" and "Permission denied" in rows["locked"]["reason"]


@contextmanager
def other_user():
    """Be nobody for a while if we are root, whom no rights stop."""
    user = os.geteuid()
    os.seteuid(user or 65534)
    try:
        yield
    finally:
        os.seteuid(user)


def test_empty_and_absent_folders_are_named(tmp_path):
    with pytest.raises(CorpusError, match="holds no video"):
        list_videos(tmp_path)
    with pytest.raises(CorpusError, match="not a folder"):
        list_videos(tmp_path / "absent")


def test_slugs_never_collide():
    names = ["a/b.mp4", "a_b.mp4", "A_b.mp4", "äöü", "", "c"]
    found = slugs(names)
    assert len({slug.lower() for slug in found.values()}) == len(names)
    assert found["c"] == "c"
    assert path_of(uri_of("x#y%20\n.mp4")) == "x#y%20\n.mp4"
