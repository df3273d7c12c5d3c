"""HDTF: the published annotation files with all their defects, and what the reader makes of them."""

import pandas as pd
import pytest

from eadnet.corpora.hdtf import HDTFReader, list_identities, read_annotations
from eadnet.corpora.settings import HDTF, SyntheticHDTF
from eadnet.corpora.sources import CorpusError
from eadnet.corpora.splits import SplitError, hdtf_identity, hdtf_people, hdtf_test_identities

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


def test_published_test_identities_are_held_out(shared):
    settings = local(shared / "annotations" / "hdtf")
    identities = list_identities(settings, settings.path)
    held_out = hdtf_test_identities(settings, identities)
    assert len(held_out) == 19
    assert {"WRA_TimScott", "WDA_MartinHeinrich"} <= held_out
    assert hdtf_identity("WDA", "WhipJimClyburn") == hdtf_identity("WDA", "JamesClyburn1")


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
        "videos_stray_mp4": "not_annotated",
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
    with pytest.raises(SplitError, match="test_identities: 'Nobody'"):
        HDTFReader(local(corpus, test_identities=("Nobody",)), corpus, "000")
    empty = tmp_path_factory.mktemp("empty")
    with pytest.raises(CorpusError, match="annotion_time"):
        list_identities(local(empty), empty)


def test_drawn_people_are_distinct_and_the_last_are_for_testing():
    settings = HDTF(synthetic=SyntheticHDTF(train_people=200, test_people=40))
    people = hdtf_people(settings)
    assert len(set(people)) == 240
    assert [hdtf_identity(*person.split("_", 1)) for person in people] == list(people)
    assert hdtf_test_identities(settings, people) == set(people[-40:])
