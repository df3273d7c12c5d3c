"""When a local corpus counts as changed."""

import shutil
from functools import cache
from pathlib import Path

from eadnet.config.corpora import HDTF, MEAD, Corpora, FolderCorpus
from eadnet.corpora.files import list_files
from eadnet.corpora.listing import shard_digest


def test_drawn_corpora_have_none():
    assert shard_digest(Corpora(), "mead", "M003") == shard_digest(Corpora(), "hdtf", "000") == ""


def test_of_corpora_to_download_only_given_annotations_count(tmp_path: Path):
    corpora = Corpora(hdtf=HDTF(origin="download"), mead=MEAD(origin="download"))
    assert shard_digest(corpora, "mead", "M003") == shard_digest(corpora, "hdtf", "000") == ""
    (tmp_path / "RD_annotion_time.txt").write_text("")
    given = Corpora(hdtf=HDTF(origin="download", annotations=str(tmp_path)), mead=None)
    before = shard_digest(given, "hdtf", "000")
    (tmp_path / "RD_annotion_time.txt").write_text("Radio1.mp4 00:00-00:10\n")
    assert "" != before != shard_digest(given, "hdtf", "000")


def test_a_folder_changes_with_any_file_and_its_table(tmp_path: Path):
    folder, table = tmp_path / "videos", tmp_path / "labels.csv"
    folder.mkdir()
    (folder / "a b{c}<d>.mp4").write_bytes(b"1")
    table.write_text("file\n")
    corpora = Corpora(hdtf=None, mead=None, folder=FolderCorpus(path=str(folder), table=str(table)))
    digests = [shard_digest(corpora, "folder", "000")]
    assert shard_digest(corpora, "folder", "000") == digests[0]
    (folder / "z.mp4").symlink_to("nowhere")
    digests.append(shard_digest(corpora, "folder", "000"))
    (folder / "a b{c}<d>.mp4").write_bytes(b"12")
    digests.append(shard_digest(corpora, "folder", "000"))
    table.write_text("file,person\n")
    digests.append(shard_digest(corpora, "folder", "000"))
    assert len(set(digests)) == 4


def test_an_actor_changes_alone(tmp_path: Path):
    corpora = Corpora(hdtf=None, mead=MEAD(origin="local", path=str(tmp_path)))
    for actor in ("M003", "M005"):
        (tmp_path / actor).mkdir()
        (tmp_path / actor / "video.tar").write_bytes(b"1")
    before = {actor: shard_digest(corpora, "mead", actor) for actor in ("M003", "M005")}
    (tmp_path / "M005/audio.tar").write_bytes(b"1")
    assert shard_digest(corpora, "mead", "M003") == before["M003"]
    assert shard_digest(corpora, "mead", "M005") != before["M005"]


def test_a_video_changes_the_shard_of_its_person(shared: Path, tmp_path: Path):
    shutil.copytree(shared / "annotations/hdtf", tmp_path / "annotations")
    corpora = Corpora(hdtf=HDTF(origin="local", path=str(tmp_path)), mead=None)
    before = {shard: shard_digest(corpora, "hdtf", shard) for shard in ("000", "050")}
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos/Radio1.mp4").write_bytes(b"1")
    assert shard_digest(corpora, "hdtf", "000") != before["000"]
    assert shard_digest(corpora, "hdtf", "050") == before["050"]


def test_a_cut_clip_counts_where_annotations_are_to_be_fetched(tmp_path: Path):
    corpora = Corpora(hdtf=HDTF(origin="local", path=str(tmp_path)), mead=None)
    before = {shard: shard_digest(corpora, "hdtf", shard) for shard in ("000", "050")}
    (tmp_path / "RD_Radio1_000.mp4").write_bytes(b"1")
    assert shard_digest(corpora, "hdtf", "000") != before["000"]
    assert shard_digest(corpora, "hdtf", "050") == before["050"]
    stray = {shard: shard_digest(corpora, "hdtf", shard) for shard in ("000", "rest")}
    (tmp_path / "stray.mp4").write_bytes(b"1")  # it belongs to no actor
    assert shard_digest(corpora, "hdtf", "000") == stray["000"]
    assert shard_digest(corpora, "hdtf", "rest") != stray["rest"]


def test_a_lister_that_remembers_walks_once(tmp_path: Path):
    (tmp_path / "a.mp4").write_bytes(b"1")
    corpora = Corpora(hdtf=None, mead=None, folder=FolderCorpus(path=str(tmp_path)))
    lister = cache(list_files)
    digests = {shard_digest(corpora, "folder", shard, lister) for shard in ("000", "001", "002")}
    assert digests == {shard_digest(corpora, "folder", "000")} and lister.cache_info().misses == 1
