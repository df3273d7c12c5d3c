"""HDTF: the published annotation files with all their defects, and what the reader makes of them."""

import pandas as pd
import pytest

from eadnet.config.corpora import HDTF, Corpora
from eadnet.corpora.annotations import annotation_folder, read_annotations
from eadnet.corpora.files import CorpusError
from eadnet.corpora.hdtf import FileNames, HDTFReader, list_groups, list_identities
from eadnet.corpora.listing import shard_digest
from eadnet.corpora.shards import list_rest, list_shards
from eadnet.corpora.splits import hdtf_identity
from eadnet.tables import DOWNLOADS, write_table

ANNOTATIONS = {
    "WDA_video_url.txt": "\ufeffAnnLee1 https://example.invalid/a\nAnnLee2 https://example.invalid/b&t=6s\nBo https://example.invalid/c",
    "WDA_annotion_time.txt": "AnnLee1.mp4 00:01-00:03 00:05-01:05 \nAnnLee2.mp4 00:10-00:05\n",
    "WDA_resolution.txt": "AnnLee1.mp4 720\nAnnLee2.mp4 0\n",
    "WDA_crop_wh.txt": "AnnLee1_0.mp4 100 400 20 400",
    "WDA_crop_ratio.txt": "AnnLee1_0.mp4 1.2\n",
}


@pytest.fixture
def corpus(tmp_path):
    """A small HDTF with a BOM, trailing spaces, a missing newline, an absent crop and an absent video."""
    (tmp_path / "annotations").mkdir()
    (tmp_path / "videos").mkdir()
    for name, text in ANNOTATIONS.items():
        (tmp_path / "annotations" / name).write_text(text, encoding="utf-8")
    (tmp_path / "videos" / "AnnLee1.mp4").write_bytes(b"video")
    (tmp_path / "videos" / "stray.mp4").write_bytes(b"other")
    return tmp_path


def local(path, **settings) -> HDTF:
    return HDTF(origin="local", path=str(path), **settings)


def test_published_annotations_are_read_whole(shared):
    videos = read_annotations(shared / "annotations" / "hdtf")
    assert sum(video.url is not None for video in videos) == 370
    assert sum(bool(video.intervals) for video in videos) == 369
    assert sum(len(video.intervals) for video in videos) == 436
    assert sum(len(video.crops) for video in videos) == 421
    seconds = sum(end - start for video in videos for start, end in video.intervals)
    assert seconds / 3600 == pytest.approx(17.07, abs=0.005)
    assert "CarolynMaloney2" in {video.name for video in videos}  # naive readers lose it to the byte order mark


def test_published_defects_are_known_by_name(shared):
    videos = {video.key: video for video in read_annotations(shared / "annotations" / "hdtf")}
    uncropped = {
        f"{key}_{place}"
        for key, video in videos.items()
        for place in range(len(video.intervals))
        if place not in video.crops
    }
    assert uncropped == {
        *(f"RD_{name}" for name in ("Radio6_0", "Radio15_0")),
        *(f"WDA_{name}" for name in ("ByronDorgan0_0", "DeanPhillips_0", "JeffMerkley0_0", "JimMcGovern_0")),
        *(f"WDA_{name}" for name in ("JimMcGovern1_0", "LindaSnchez_0")),
        *(f"WRA_{name}" for name in ("BillCassidy_0", "CandiceMiller_0", "DuncanHunter_1", "JaimeHerreraBeutler_0")),
        *(f"WRA_{name}" for name in ("KevinBrady0_0", "MittRomney_1", "RudyGiuliani_0")),
    }
    odd = {key: video.height for key, video in videos.items() if video.height not in (720, 1080)}
    assert odd == {
        "WDA_DanKildee": 360, "WDA_RaulRuiz": 700, "WRA_GregWalden": 714, "WRA_KevinMcCarthy1": 0, "RD_Radio56": 2160
    }  # fmt: skip
    taller = {
        key for key, video in videos.items() for box in video.crops.values() if video.height and box[3] > video.height
    }
    assert taller == {"WDA_MaggieHassan", "WDA_MazieHirono1", "WRA_PeterKing"}
    assert [key for key, video in videos.items() if not video.intervals] == ["RD_Radio24"]


def test_identities_group_numbered_videos_but_not_radio_shows():
    assert hdtf_identity("WDA", "AmyKlobuchar0") == hdtf_identity("WDA", "AmyKlobuchar1") == "WDA_AmyKlobuchar"
    assert hdtf_identity("RD", "Radio1") != hdtf_identity("RD", "Radio2")


def test_every_input_has_one_row(corpus):
    rows = {row["source_id"]: row for row in HDTFReader(local(corpus), corpus, "000").sources()}
    statuses = {name: row["status"] for name, row in rows.items()}
    assert statuses == {
        "WDA_AnnLee1_0": "ok",
        "WDA_AnnLee1_1": "ok",
        "WDA_AnnLee2_0": "bad_annotation",
        "WDA_Bo": "not_annotated",
    }
    assert rows["WDA_AnnLee1_0"]["bytes"] == 5 and len(rows["WDA_AnnLee1_0"]["sha256"]) == 64
    assert all(row["reason"] for row in rows.values() if row["status"] != "ok")


def test_clips_carry_interval_crop_and_person(corpus):
    reader = HDTFReader(local(corpus, test_identities=("AnnLee",)), corpus, "000")
    first, second = reader.clips(pd.DataFrame(reader.sources()))
    assert (first.clip_id, first.start, first.seconds, first.speaker) == ("hdtf_WDA_AnnLee1_0", 1.0, 2.0, "WDA_AnnLee")
    assert (first.crop.x, first.crop.y, first.crop.width, first.crop.frame_height) == (100, 20, 400, 720)
    assert (second.seconds, second.crop, second.wants_crop, second.split) == (60.0, None, True, "test")
    with reader.opened(first) as media:
        assert media.video.read_bytes() == b"video"


def test_a_missing_video_names_its_url(corpus):
    (corpus / "videos" / "AnnLee1.mp4").unlink()
    row = HDTFReader(local(corpus), corpus, "000").sources()[0]
    assert row["status"] == "missing" and "https://example.invalid/a" in row["reason"]


def test_wrong_settings_name_the_mend(corpus, tmp_path_factory):
    with pytest.raises(CorpusError, match="test_identities: 'Unknown'"):
        HDTFReader(local(corpus, test_identities=("Unknown",)), corpus, "000")
    empty = tmp_path_factory.mktemp("empty")
    with pytest.raises(CorpusError, match="annotion_time"):
        HDTFReader(local(empty), empty, "000")


# ------------------------------------------------------------------------------------------- files as they are met
def test_names_of_files():
    names = FileNames(["WDA_AmyKlobuchar0", "WDA_AdamSchiff", "RD_Radio1"])
    assert names.match("AmyKlobuchar0") == names.match("WDA_AmyKlobuchar0") == ("WDA_AmyKlobuchar0", None)
    assert names.match("WDA_AdamSchiff_000") == ("WDA_AdamSchiff", 0)
    assert names.match("RD_Radio1_0012") == ("RD_Radio1", 12)
    for stem in ("AmyKlobuchar", "WRA_AdamSchiff", "AdamSchiff_x", "AdamSchiff_00001", "_000", "Radio1_\u0663"):
        assert names.match(stem) is None


def rows_of(root, shard="000", **settings) -> dict[str, dict]:
    rows = HDTFReader(local(root, **settings), root, shard).sources()
    assert len({row["source_id"] for row in rows}) == len(rows)
    return {row["source_id"]: row for row in rows}


def put(path, content=b"clip"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


@pytest.mark.parametrize("place", ["AnnLee1.mp4", "videos/WDA_AnnLee1.mkv", "deep/er/WDA_AnnLee1.MP4"])
def test_full_videos_are_found_wherever_they_lie(corpus, place):
    (corpus / "videos/AnnLee1.mp4").unlink()
    put(corpus / place)
    assert rows_of(corpus)["WDA_AnnLee1_0"]["uri"] == f"{place}#t=1,3"


def test_cut_clips_stand_for_their_intervals(corpus):
    (corpus / "videos/AnnLee1.mp4").unlink()
    for name in ("clips/WDA_AnnLee1_000.mp4", "clips/a/WDA_AnnLee1_007.mp4", "AnnLee2_000.mp4", "clips/WDA_Bo_002.mp4"):
        put(corpus / name)
    put(corpus / "clips/WDA_AnnLee1_000.wav")
    rows = rows_of(corpus, max_seconds=4.0)
    assert {name: row["status"] for name, row in rows.items()} == {
        "WDA_AnnLee1_0": "ok",
        "WDA_AnnLee1_1": "missing",
        "WDA_AnnLee1_7": "ok",
        "WDA_AnnLee2_0": "ok",  # its interval cannot be read, and need not
        "WDA_Bo_2": "ok",
        "clips/WDA_AnnLee1_000.wav": "companion",
    }
    reader = HDTFReader(local(corpus, max_seconds=4.0), corpus, "000")
    clips = {clip.clip_id: clip for clip in reader.clips(pd.DataFrame(rows.values()))}
    cut = clips["hdtf_WDA_AnnLee1_0"]
    assert (cut.uri, cut.start, cut.seconds, cut.max_seconds) == ("clips/WDA_AnnLee1_000.mp4", 0.0, None, 4.0)
    assert (cut.crop, cut.wants_crop, cut.speaker) == (None, False, "WDA_AnnLee")
    assert clips["hdtf_WDA_Bo_2"].speaker == "WDA_Bo"
    with reader.opened(cut) as media:
        assert (media.video.read_bytes(), media.sound) == (b"clip", corpus / "clips/WDA_AnnLee1_000.wav")


def test_a_full_video_goes_before_cut_clips_and_the_first_before_others(corpus):
    put(corpus / "clips/WDA_AnnLee1_001.mp4")
    put(corpus / "other/AnnLee1.mp4")
    rows = rows_of(corpus)
    assert rows["WDA_AnnLee1_1"]["uri"] == "other/AnnLee1.mp4#t=5,65"  # by name, of two equals
    for name in ("clips/WDA_AnnLee1_001.mp4", "videos/AnnLee1.mp4"):
        assert rows[name]["status"] == "duplicate" and rows[name]["reason"]


def test_a_cut_clip_stands_in_for_a_full_video_that_is_no_use(corpus):
    put(corpus / "videos/AnnLee1.mp4", b"")
    put(corpus / "clips/WDA_AnnLee1_000.mp4")
    rows = rows_of(corpus)
    assert rows["WDA_AnnLee1_0"]["status"] == "ok" and rows["WDA_AnnLee1_1"]["status"] == "empty"
    put(corpus / "clips/WDA_AnnLee1_001.mp4")
    assert rows_of(corpus)["videos/AnnLee1.mp4"]["status"] == "empty"


def test_a_linked_folder_of_videos_is_read(corpus, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("disk") / "videos"
    (corpus / "videos").rename(elsewhere)
    (corpus / "videos").symlink_to(elsewhere)
    (corpus / "loop").symlink_to(corpus)
    rows = rows_of(corpus)
    assert rows["WDA_AnnLee1_0"]["status"] == "ok"
    loop = rows_of(corpus, "rest")["loop"]
    assert loop["status"] == "skipped" and "link to a folder" in loop["reason"]


def test_without_annotation_files_shards_are_known_and_rows_need_fetched_ones(shared, tmp_path):
    put(tmp_path / "clips/WDA_AdamSchiff_000.mp4")
    assert annotation_folder(local(tmp_path)) is None
    place = list_identities(local(tmp_path), tmp_path).index("WDA_AdamSchiff")
    with pytest.raises(CorpusError, match="corpora.hdtf.annotations"):
        HDTFReader(local(tmp_path), tmp_path, "000")
    fetched = str(shared / "annotations/hdtf")
    row = rows_of(tmp_path, f"{place // 4:03d}", annotations=fetched)["WDA_AdamSchiff_0"]
    assert (row["status"], row["uri"]) == ("ok", "clips/WDA_AdamSchiff_000.mp4")
    with pytest.raises(CorpusError, match="corpora.hdtf.annotations: no RD"):
        annotation_folder(local(tmp_path, annotations=str(tmp_path)))


def test_a_shard_is_a_group_with_a_file_and_all_else_is_one_table(tmp_path):
    """Ten people, two of whom have a file, in groups of two; a file more changes no other group."""
    (tmp_path / "annotations").mkdir()
    names = [f"Person{letter}" for letter in "ABCDEFGHIJ"]
    lines = "".join(f"{name}.mp4 00:01-00:03\n" for name in names)
    (tmp_path / "annotations/WDA_annotion_time.txt").write_text(lines)
    for name in ("PersonC.ts", "PersonH_000.webm", "stranger.mp4", "PersonE.heic", "notes.txt"):
        put(tmp_path / "videos" / name)
    settings = local(tmp_path, shard_size=2)
    assert list_groups(settings, tmp_path) == ("001", "003")
    tables = {shard: rows_of(tmp_path, shard, shard_size=2) for shard in ("001", "003", "rest")}
    statuses = {name: row["status"] for rows in tables.values() for name, row in rows.items()}
    expected = {f"WDA_{name}_0": "ok" if name[-1] in "CH" else "missing" for name in names}
    strays = {"videos_stranger_mp4": "not_annotated", "videos_PersonE_heic": "skipped", "videos_notes_txt": "skipped"}
    assert statuses == expected | strays
    assert tables["rest"]["videos_PersonE_heic"]["reason"].endswith("(.heic); convert it to .mp4 or remove it")
    assert HDTFReader(settings, tmp_path, "rest").clips(pd.DataFrame(tables["rest"].values())) == []

    corpora = Corpora(hdtf=settings, mead=None, ravdess=None)
    before = {shard: shard_digest(corpora, "hdtf", shard) for shard in tables}
    put(tmp_path / "videos/PersonA.mp4")
    assert list_shards(corpora) == {"hdtf": ("000", "001", "003")} and list_rest(corpora) == ("hdtf",)
    changed = {shard for shard, digest in before.items() if shard_digest(corpora, "hdtf", shard) != digest}
    assert changed == {"rest"} and "WDA_PersonA_0" not in rows_of(tmp_path, "rest", shard_size=2)


def test_a_folder_of_hdtf_without_a_video_has_the_table_of_what_is_missing(corpus):
    (corpus / "videos/AnnLee1.mp4").unlink()
    assert list_groups(local(corpus), corpus) == ()
    assert {row["status"] for row in rows_of(corpus, "rest").values()} == {"missing", "bad_annotation", "not_annotated"}


def download(root, **rows: tuple):
    """A table of downloads: (path, status, reason) by video."""
    blank = dict.fromkeys(DOWNLOADS.names) | {"corpus": "hdtf", "shard": "000"}
    made = [
        blank | {"name": name, "path": path, "status": status, "reason": reason}
        for name, (path, status, reason) in rows.items()
    ]
    (root / "downloads").mkdir()
    write_table(made, root / "downloads/000.parquet", DOWNLOADS)


def test_what_did_not_come_says_why(corpus):
    (corpus / "videos/AnnLee1.mp4").rename(corpus / "videos/AnnLee2.mp4")
    text = "AnnLee1.mp4 00:01-00:03 00:05-01:05\nAnnLee2.mp4 00:10-00:15\n"
    (corpus / "annotations/WDA_annotion_time.txt").write_text(text)
    download(
        corpus,
        WDA_AnnLee1=(None, "private", "the owner has made it private"),
        WDA_AnnLee2=("videos/AnnLee2.mp4", "wrong_height", "360 for 720"),
    )
    settings = HDTF(origin="download", annotations=str(corpus / "annotations"))
    rows = {row["source_id"]: row for row in HDTFReader(settings, corpus, "000").sources()}
    for place in (0, 1):
        row = rows[f"WDA_AnnLee1_{place}"]
        assert (row["status"], row["reason"]) == ("private", "the owner has made it private")
    assert rows["WDA_AnnLee2_0"]["status"] == "ok"
    assert not any("stray" in name for name in rows)  # other shards may be on their way
