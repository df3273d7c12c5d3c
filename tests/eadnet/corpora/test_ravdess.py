"""RAVDESS: archives and trees as they are met, what becomes a clip, and what is left out with its reason."""

import hashlib
import os
import pickle
import zipfile
from itertools import product
from pathlib import Path

import pandas as pd
import pytest

from eadnet.config.corpora import HDTF, RAVDESS, Corpora, SyntheticRAVDESS
from eadnet.corpora.collection import collect
from eadnet.corpora.files import CorpusError, list_files
from eadnet.corpora.listing import shard_digest
from eadnet.corpora.ravdess import SETS, RAVDESSReader
from eadnet.corpora.ravdess_layout import ACTORS, EMOTION_CODES, file_name, list_actors, parse_name
from eadnet.corpora.shards import list_rest, list_shards, reader, unused_folders
from eadnet.corpora.splits import ravdess_split, read_manifest
from eadnet.tables import CLIPS, DOWNLOADS, EMOTIONS, LABELS, write_table

FEAR = "01-06-02-02-01"  # speech, fearful, strong, dogs, first
NEUTRAL = "01-01-01-01-01"


def packed(path: Path, *names: str, actor: str = "01") -> Path:
    """A zip archive of files in the actor's folder; each holds its own name."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(f"Actor_{actor}/{name}", name)
    return path


@pytest.fixture
def corpus(tmp_path):
    """One actor in archives, with song and sound; one unpacked, inside the folder that the archive is named for."""
    packed(tmp_path / "Video_Speech_Actor_01.zip", f"01-{FEAR}-01.mp4", f"02-{FEAR}-01.mp4", f"02-{NEUTRAL}-01.mp4")
    packed(tmp_path / "Video_Song_Actor_01.zip", "01-02-03-01-01-01-01.mp4", "02-02-03-01-01-01-01.mp4")
    with zipfile.ZipFile(tmp_path / "Audio_Speech_Actors_01-24.zip", "w") as archive:
        for number, take in product(("01", "02"), (FEAR, NEUTRAL)):
            archive.writestr(f"Actor_{number}/03-{take}-{number}.wav", f"sound of {take}-{number}")
    folder = tmp_path / "Video_Speech_Actor_02" / "Actor_02"
    folder.mkdir(parents=True)
    (folder / f"01-{NEUTRAL}-02.mp4").write_bytes(b"loose")
    return tmp_path


def settings(root: Path, **others) -> RAVDESS:
    return RAVDESS(origin="local", path=str(root), **others)


def reading(root: Path, shard: str = "A01", **others) -> RAVDESSReader:
    return RAVDESSReader(settings(root, **others), root, shard)


def rows_of(root: Path, shard: str = "A01", **others) -> dict[str, dict]:
    rows = reading(root, shard, **others).sources()
    assert len({row["source_id"] for row in rows}) == len(rows)
    return {row["source_id"]: row for row in rows}


def present(rows: dict[str, dict]) -> dict[str, str]:
    """Statuses without the sets of which nothing is there."""
    return {name: row["status"] for name, row in rows.items() if row["status"] != "missing"}


# ----------------------------------------------------------------------------------------------------- names
def test_every_name_of_the_corpus_is_read_and_written_alike():
    speech = [f"01-01-{emotion}-{strength}-{text}-{turn}-{actor[1:]}.mp4"
              for emotion, strength, text, turn, actor in product(EMOTION_CODES, ("01", "02"), ("01", "02"),
                                                                  ("01", "02"), ACTORS)
              if (emotion, strength) != ("01", "02")]  # fmt: skip
    takes = [parse_name(f"Actor/{name}") for name in speech]
    assert len(takes) == 24 * 60 == len({(take.actor, take.label) for take in takes})
    assert [file_name(take) for take in takes] == speech
    assert {(take.emotion, take.level) for take in takes} == set(SETS) and len(SETS) == 15
    assert set(EMOTION_CODES.values()) == set(LABELS) - {"contempt"} and "calm" not in EMOTIONS
    take = parse_name("03-02-07-02-01-02-24.wav")
    assert (take.modality, take.channel, take.name) == ("sound", "song", "sound_disgusted_3_kids_2")
    for name in ("clip.mp4", "._01-01-01-01-01-01-01.mp4", "01-01-01-01-01-01.mp4", "1-1-1-1-1-1-1.mp4"):
        assert parse_name(name) is None


@pytest.mark.parametrize(
    "name, said",
    [
        ("01-01-09-01-01-01-01.mp4", "emotion 09 is unknown (01 to 08)"),
        ("04-01-01-01-01-01-01.mp4", "modality 04 is unknown"),
        ("01-01-03-03-01-01-01.mp4", "intensity 03 is unknown"),
        ("01-01-03-01-01-01-25.mp4", "actor 25 is unknown"),
        ("01-01-01-02-01-01-01.mp4", "neutral has no strong intensity"),
        ("03-01-03-01-01-01-01.mp4", "modality 03 cannot be a .mp4"),
    ],
)
def test_codes_that_no_file_can_have_are_one_line(tmp_path, name, said):
    with pytest.raises(CorpusError) as fault:
        parse_name(name)
    assert said in str(fault.value) and "\n" not in str(fault.value)
    packed(tmp_path / "Video_Speech_Actor_01.zip", name, f"01-{FEAR}-01.mp4")
    rows = present(rows_of(tmp_path))
    assert sorted(rows.values()) == ["misnamed", "ok"]  # the rest goes on


# ------------------------------------------------------------------------------------------------ what is used
def test_every_file_has_one_row(corpus):
    rows = rows_of(corpus)
    assert present(rows) == {
        "A01_fear_3_dogs_1": "ok",
        "A01_picture_fear_3_dogs_1": "skipped",
        "A01_picture_neutral_1_kids_1": "ok",  # no recording with sound is there
        "A01_sound_fear_3_dogs_1": "companion",
        "A01_sound_neutral_1_kids_1": "companion",
        "A01_Video_Song_Actor_01.zip#Actor_01/01-02-03-01-01-01-01.mp4": "skipped",
        "A01_Video_Song_Actor_01.zip#Actor_01/02-02-03-01-01-01-01.mp4": "skipped",
    }
    reasons = {name: row["reason"] for name, row in rows.items() if row["status"] == "skipped"}
    assert "the same recording is there with its sound" in reasons.pop("A01_picture_fear_3_dogs_1")
    assert set(reasons.values()) == {"a song; only speech is read"}
    assert rows["A01_fear_3_dogs_1"]["sha256"] == hashlib.sha256(f"01-{FEAR}-01.mp4".encode()).hexdigest()
    assert present(rows_of(corpus, "A02")).keys() == {
        "A02_neutral_1_kids_1", "A02_sound_fear_3_dogs_1", "A02_sound_neutral_1_kids_1",
    }  # fmt: skip


def test_clips_say_what_their_names_say_and_are_for_testing(corpus):
    chosen = reading(corpus)
    rows = chosen.sources()
    clips = {clip.clip_id: clip for clip in chosen.clips(pd.DataFrame(rows))}
    assert clips.keys() == {"ravdess_A01_fear_3_dogs_1", "ravdess_A01_neutral_1_kids_1"}
    fear = clips["ravdess_A01_fear_3_dogs_1"]
    assert (fear.speaker, fear.emotion, fear.level, fear.sentence, fear.split) == ("A01", "fear", 3, "dogs", "test")
    copy = pickle.loads(pickle.dumps(chosen))  # as worker processes get it
    with copy.opened(fear) as media:
        assert media.video.read().decode() == f"01-{FEAR}-01.mp4"
        assert media.sound.read().decode() == f"sound of {FEAR}-01"
    with copy.opened(clips["ravdess_A01_neutral_1_kids_1"]) as media:  # a picture with the sound of modality 03
        assert media.video.read().decode() == f"02-{NEUTRAL}-01.mp4"
        assert media.sound.read().decode() == f"sound of {NEUTRAL}-01"
    assert not [entry for entry in corpus.iterdir() if entry.name.startswith("Actor")]  # nothing was extracted
    loose = reading(corpus, "A02")
    (clip,) = loose.clips(pd.DataFrame(loose.sources()))
    with loose.opened(clip) as media:
        assert media.video.read_bytes() == b"loose" and media.sound.read().decode() == f"sound of {NEUTRAL}-02"


def test_a_picture_without_any_sound_is_left_to_the_gate_of_sound(tmp_path):
    packed(tmp_path / "Video_Speech_Actor_01.zip", f"02-{FEAR}-01.mp4")
    chosen = reading(tmp_path)
    (clip,) = chosen.clips(pd.DataFrame(chosen.sources()))
    with chosen.opened(clip) as media:
        assert media.sound is None


def test_an_unpacked_tree_gives_the_same_clips(corpus):
    wanted = {name for name, status in present(rows_of(corpus)).items() if status == "ok"}
    for name in ("Video_Speech_Actor_01", "Audio_Speech_Actors_01-24", "Video_Song_Actor_01"):
        with zipfile.ZipFile(corpus / f"{name}.zip") as archive:
            archive.extractall(corpus if name.startswith("Video_Speech") else corpus / name)
        (corpus / f"{name}.zip").unlink()
    assert (corpus / "Actor_01").is_dir()
    rows = present(rows_of(corpus))
    assert {name for name, status in rows.items() if status == "ok"} == wanted
    assert sorted(rows.values()).count("companion") == 2 and len(rows) == 7


def test_what_is_there_twice_is_used_once(corpus):
    (corpus / "Actor_01").mkdir()
    (corpus / "Actor_01" / f"01-{FEAR}-01.mp4").write_bytes(b"again")
    rows = rows_of(corpus)
    assert (rows["A01_fear_3_dogs_1"]["status"], rows["A01_fear_3_dogs_1@2"]["status"]) == ("ok", "duplicate")
    assert "A01_fear_3_dogs_1 is there already" in rows["A01_fear_3_dogs_1@2"]["reason"]
    (corpus / "Actor_01" / f"01-{FEAR}-01.mp4").write_bytes(b"")  # a usable one goes before a useless one
    rows = rows_of(corpus)
    assert (
        rows["A01_fear_3_dogs_1"]["uri"].startswith("Video_Speech") and rows["A01_fear_3_dogs_1@2"]["status"] == "empty"
    )


# -------------------------------------------------------------------------------------------------- bad input
def test_an_archive_cut_short_is_one_row_and_the_others_are_read(corpus):
    path = corpus / "Video_Speech_Actor_01.zip"
    path.write_bytes(path.read_bytes()[:-30])
    rows = rows_of(corpus)
    row = rows["A01_Video_Speech_Actor_01.zip"]
    assert row["status"] == "unreadable" and "cut short" in row["reason"] and "\n" not in row["reason"]
    assert [name for name, found in rows.items() if "of which no picture is used" in (found["reason"] or "")]
    (missing,) = [found for found in rows.values() if found["status"] == "missing"]
    assert "of actor 01 nothing but its sound is there; get Video_Speech_Actor_01.zip" in missing["reason"]
    assert present(rows_of(corpus, "A02"))["A02_neutral_1_kids_1"] == "ok"


def test_a_damaged_member_is_one_row(corpus):
    path = corpus / "Video_Speech_Actor_01.zip"
    data = bytearray(path.read_bytes())
    data[data.index(f"01-{FEAR}-01.mp4".encode()) + 30] ^= 0xFF
    path.write_bytes(data)
    rows = rows_of(corpus)
    assert rows["A01_fear_3_dogs_1"]["status"] == "unreadable"
    assert rows["A01_picture_fear_3_dogs_1"]["status"] == "ok"  # the same recording, with the sound of modality 03


def test_other_names_and_other_actors_are_rows(tmp_path):
    packed(tmp_path / "Video_Speech_Actor_01.zip", "notes.txt", "film.mp4")
    rows = rows_of(tmp_path)
    assert sorted(present(rows).values()) == ["skipped", "skipped"]
    assert (
        "not a name such as 01-01-06-02-02-01-12.mp4"
        in rows["A01_Video_Speech_Actor_01.zip#Actor_01/film.mp4"]["reason"]
    )
    assert [row["reason"] for row in rows.values() if row["status"] == "missing"] == [
        "of actor 01 nothing is there; get Video_Speech_Actor_01.zip (docs/data.md), or leave it out"
    ]
    packed(tmp_path / "Video_Speech_Actor_01.zip", f"01-{FEAR}-05.mp4", f"01-{NEUTRAL}-01.mp4")
    rows = rows_of(tmp_path)
    (row,) = [row for row in rows.values() if row["status"] == "misnamed"]
    assert row["reason"].startswith("its name says actor 05, where it stands says 01;")
    assert rows["A01_neutral_1_kids_1"]["status"] == "ok"


def test_hostile_members_are_rows(tmp_path):
    with zipfile.ZipFile(tmp_path / "Video_Speech_Actor_01.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"../../01-{FEAR}-01.mp4", b"x")
        archive.writestr(f"Actor_01/01-{NEUTRAL}-01.mp4", bytes(3_000_000))
    os.mkfifo(tmp_path / "Video_Song_Actor_01.zip")
    rows = rows_of(tmp_path)
    assert present(rows) == {
        "A01_fear_3_dogs_1": "refused", "A01_neutral_1_kids_1": "refused", "A01_Video_Song_Actor_01.zip": "refused",
    }  # fmt: skip
    assert reading(tmp_path).clips(pd.DataFrame(rows.values())) == []
    assert "(corpora.ravdess.max_member_mb)" in rows_of(tmp_path, max_member_mb=2)["A01_neutral_1_kids_1"]["reason"]


def test_what_one_would_expect_and_is_not_there_has_a_row(corpus):
    missing = [row for row in rows_of(corpus).values() if row["status"] == "missing"]
    assert len(missing) == 15 - 2 and "no picture of happy level 2" in " ".join(row["reason"] for row in missing)
    drawn = RAVDESSReader(RAVDESS(), corpus, "A01").sources()
    assert not [row for row in drawn if row["status"] == "missing"]


def test_files_of_nobody_in_what_is_shared_have_one_row(corpus):
    with zipfile.ZipFile(corpus / "Audio_Speech_Actors_01-24.zip", "a") as archive:
        archive.writestr("LICENSE.txt", "terms")
    name = "Audio_Speech_Actors_01-24.zip#LICENSE.txt"
    assert rows_of(corpus)[f"A01_{name}"]["status"] == "skipped" and f"A02_{name}" not in rows_of(corpus, "A02")
    (corpus / "Audio_Speech_Actors_01-24.zip").write_bytes(b"no zip")
    assert rows_of(corpus)["A01_Audio_Speech_Actors_01-24.zip"]["status"] == "unreadable"
    assert present(rows_of(corpus, "A02")) == {"A02_neutral_1_kids_1": "ok"}


def test_what_did_not_come_says_why(tmp_path):
    row = dict.fromkeys(DOWNLOADS.names) | {"corpus": "ravdess", "shard": "A07", "name": "Video_Speech_Actor_07.zip",
                                            "url": "https://x.invalid", "status": "failed", "reason": "no"}  # fmt: skip
    (tmp_path / "downloads").mkdir()
    write_table([row], tmp_path / "downloads/A07.parquet", DOWNLOADS)
    found = RAVDESSReader(RAVDESS(origin="download"), tmp_path, "A07").sources()
    assert [(row["source_id"], row["status"]) for row in found] == [
        ("A07_download_Video_Speech_Actor_07.zip", "failed"), ("A07_picture", "missing"),
    ]  # fmt: skip


# ------------------------------------------------------------------------------------------- shards and splits
def test_actors_are_shards(corpus, tmp_path_factory):
    assert list_shards(Corpora(hdtf=None, mead=None, ravdess=settings(corpus))) == {"ravdess": ("A01", "A02")}
    assert list_actors(RAVDESS(origin="download"), None) == ACTORS and len(ACTORS) == 24
    assert list_actors(RAVDESS(synthetic=SyntheticRAVDESS(people=3)), None) == ("A01", "A02", "A03")
    some = Corpora(hdtf=None, mead=None, ravdess=settings(corpus, actors=("A02", "A09")))
    assert list_shards(some) == {"ravdess": ("A02",)} and list_rest(some) == ("ravdess",)
    (missing,) = reader("ravdess", some.ravdess, corpus, "rest").sources()
    assert (missing["source_id"], missing["status"], missing["shard"]) == ("A09_picture", "missing", "rest")
    assert shard_digest(some, "ravdess", "rest").endswith("A09")
    with pytest.raises(CorpusError, match="ravdess has no shard 'A25'"):
        reader("ravdess", RAVDESS(), corpus, "A25")
    with pytest.raises(CorpusError, match="corpora.ravdess.actors: .* holds none of them; it holds A01 A02"):
        list_actors(settings(corpus, actors=("A09",)), corpus)
    empty = tmp_path_factory.mktemp("empty")
    with pytest.raises(CorpusError, match="no Video_Speech_Actor_01.zip or Actor_01"):
        list_actors(settings(empty), empty)
    packed(empty / "Audio_Speech_Actors_01-24.zip", f"03-{FEAR}-01.wav")
    with pytest.raises(CorpusError, match=r"only sound \(Audio_Speech_Actors_01-24.zip\) and no picture"):
        list_actors(settings(empty), empty)


def test_entries_that_are_no_actor_s_have_a_warning(corpus):
    (corpus / "more").mkdir()
    packed(corpus / "Video_Speech_Actor_25.zip")
    (corpus / "readme.txt").write_text("")
    lines = unused_folders(Corpora(hdtf=HDTF(), mead=None, ravdess=settings(corpus)))
    assert len(lines) == 2 and "'Video_Speech_Actor_25.zip' is left out" in lines[0] and "'more'" in lines[1]


def test_a_shard_changes_with_its_files_alone(corpus):
    corpora = Corpora(hdtf=None, mead=None, ravdess=settings(corpus))

    def digests() -> list[str]:
        return [shard_digest(corpora, "ravdess", shard) for shard in ("A01", "A02")]

    before = digests()
    packed(corpus / "Video_Song_Actor_02.zip", "01-02-03-01-01-01-02.mp4")
    after = digests()
    assert before[0] == after[0] and before[1] != after[1]
    packed(corpus / "Audio_Speech_Actors_01-24.zip", f"03-{FEAR}-01.wav")  # everybody's
    assert all(old != new for old, new in zip(after, digests(), strict=True))
    assert shard_digest(Corpora(ravdess=RAVDESS()), "ravdess", "A01") == ""
    assert len(list_files(corpus, follow=True)) == 5


def test_every_actor_is_for_testing_and_a_corpus_of_these_alone_is_collected():
    rows = read_manifest("ravdess_all-v1")
    assert [row["actor"] for row in rows] == list(ACTORS) and {row["split"] for row in rows} == {"test"}
    assert {ravdess_split(actor, RAVDESS()) for actor in ACTORS} == {"test"}
    common = dict.fromkeys(CLIPS.names) | {"corpus": "ravdess", "shard": "A01", "speaker": "A01", "split": "test",
                                           "status": "ok", "n_frames": 50}  # fmt: skip
    clips = pd.DataFrame([common | {"clip_id": f"ravdess_A01_{name}", "emotion": name} for name in ("calm", "neutral")])
    found = collect(clips).set_index("clip_id")
    assert set(found.reference) == {"ravdess_A01_neutral"} and not found.seen_speaker.any()
