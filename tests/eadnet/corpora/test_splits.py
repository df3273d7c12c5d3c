"""The named splits: manifests that follow from their rules, and that let nobody stand on two sides."""

import re
from collections import Counter, defaultdict
from itertools import product

import pandas as pd
import pytest
from typer.testing import CliRunner

from eadnet.cli.main import command_line
from eadnet.config.corpora import HDTF, MEAD, Corpora, SyntheticHDTF
from eadnet.corpora import splits
from eadnet.corpora.annotations import read_annotations
from eadnet.corpora.collection import collect, summary
from eadnet.corpora.files import CorpusError
from eadnet.corpora.hdtf import list_identities
from eadnet.corpora.mead import list_actors
from eadnet.corpora.shards import list_shards
from eadnet.corpora.split_rules import EMOTE, HDTF_TEST_IDENTITIES, SENTENCES, manifests
from eadnet.corpora.splits import (
    DIGESTS,
    MANIFESTS,
    MEAD_PART_0,
    folder_test_people,
    hdtf_identity,
    hdtf_people,
    hdtf_published,
    hdtf_splits,
    mead_split,
    read_manifest,
)
from eadnet.tables import CLIPS, EMOTIONS

# Every nominal clip of one view: 48 actors x (40 neutral sentences + 7 emotions x 3 levels x 30 sentences).
UTTERANCES = [
    (actor, emotion, level, number)
    for actor, emotion in product(MEAD_PART_0, EMOTIONS)
    for level in ((1,) if emotion == "neutral" else (1, 2, 3))
    for number in range(1, SENTENCES[emotion] + 1)
]


def sides(split: str) -> dict[tuple, str | None]:
    settings = MEAD(split=split)
    return {clip: mead_split(clip[0], clip[1], clip[3], settings) for clip in UTTERANCES}


def published(**settings) -> HDTF:
    return HDTF(origin="download", **settings)


# ------------------------------------------------------------------------------------------------- manifests
def test_every_manifest_is_the_published_one_and_follows_from_its_rule(shared):
    texts = manifests(str(shared / "annotations/hdtf"))
    assert texts.keys() == DIGESTS.keys() == {path.stem for path in MANIFESTS.iterdir()}
    for name, text in texts.items():
        assert (MANIFESTS / f"{name}.tsv").read_text() == text
        assert read_manifest(name)


def test_a_changed_manifest_is_refused(tmp_path, monkeypatch):
    text = (MANIFESTS / "mead_emote-v1.tsv").read_text()
    (tmp_path / "mead_emote-v1.tsv").write_text(text.replace("M037\t*\t*\ttest", "M037\t*\t*\ttrain"))
    monkeypatch.setattr(splits, "MANIFESTS", tmp_path)
    for name in ("mead_emote-v1", "mead_eat-v1"):  # changed, absent
        with pytest.raises(CorpusError, match=f"{name}.tsv: not the published split .*git checkout"):
            read_manifest.__wrapped__(name)


def test_the_verb_checks_and_mends(tmp_path, monkeypatch):
    app = command_line()
    run = CliRunner().invoke
    assert run(app, ["splits", "--check"]).exit_code == 0
    monkeypatch.setattr("eadnet.corpora.split_rules.MANIFESTS", tmp_path)
    stale = run(app, ["splits", "--check"])
    assert stale.exit_code == 1 and stale.output.count("run `python -m eadnet splits --write`") == 5
    assert run(app, ["splits", "--write"]).exit_code == 0
    assert (tmp_path / "mead_eat-v1.tsv").read_bytes() == (MANIFESTS / "mead_eat-v1.tsv").read_bytes()
    monkeypatch.setitem(DIGESTS, "mead_eat-v1", "0" * 64)
    assert "a changed rule needs a new version" in run(app, ["splits", "--write"]).output


# ------------------------------------------------------------------------------------------------------ MEAD
def test_part_0_has_48_actors_and_670_clips_a_view():
    assert len(MEAD_PART_0) == len(set(MEAD_PART_0)) == 48
    assert len(UTTERANCES) == len(set(UTTERANCES)) == 48 * 670 == 32160
    named = [actor for actors in EMOTE.values() for actor in actors.split()]
    assert set(named) == set(MEAD_PART_0) - {"W017"} and len(named) == 47


@pytest.mark.parametrize(
    "split, people, clips",
    [
        ("eat", {"train": 42, "val": 2, "test": 4}, {"train": 28140, "val": 1340, "test": 2680}),
        ("emote", {"train": 32, "val": 7, "test": 8, None: 1}, {"train": 21440, "val": 4690, "test": 5360, None: 670}),
    ],
)
def test_splits_by_person_let_nobody_stand_on_two_sides(split, people, clips):
    found = sides(split)
    of_person = defaultdict(set)
    for (actor, *_), side in found.items():
        of_person[actor].add(side)
    assert all(len(seen) == 1 for seen in of_person.values())
    assert Counter(side for seen in of_person.values() for side in seen) == people
    assert Counter(found.values()) == clips


@pytest.mark.parametrize(
    "split, clips",
    [
        # Held out: 10 of 40 neutral, 6 of 30 others at each of 21 emotions and levels: 136 of 670 clips of an actor.
        ("official_sentences", {"train": 48 * 534, "test": 48 * 136}),
        ("eat_sentences", {"train": 44 * 534, "test": 44 * 136 + 4 * 670}),
    ],
)
def test_splits_by_sentence_hold_out_the_same_sentences_of_all_who_train(split, clips):
    found = sides(split)
    assert Counter(found.values()) == clips
    trained = {clip[1:] for clip, side in found.items() if side == "train"}
    tested = {
        clip[1:] for clip, side in found.items() if side == "test" and clip[0] not in ("M003", "M030", "W009", "W015")
    }
    assert not trained & tested
    assert {clip[3] for clip, side in found.items() if side == "train" and clip[1] == "neutral"} == set(range(1, 31))


def test_eat_sentences_tests_eats_actors_whole():
    found = sides("eat_sentences")
    for actor in ("M003", "M030", "W009", "W015"):
        assert {side for clip, side in found.items() if clip[0] == actor} == {"test"}


def test_whom_a_split_does_not_name():
    assert mead_split("W032", "sad", 1, MEAD(split="eat")) == "train"
    assert mead_split("W032", "sad", 1, MEAD(split="emote")) is None
    assert mead_split("M005", "angry", 31, MEAD()) == "train"  # beyond the nominal numbers


def test_the_default_is_what_it_was():
    for number, wanted in ((24, "train"), (25, "test"), (30, "test")):
        assert mead_split("M005", "angry", number, MEAD()) == wanted
    for number, wanted in ((30, "train"), (31, "test"), (40, "test")):
        assert mead_split("M005", "neutral", number, MEAD()) == wanted
    assert mead_split("M003", "angry", 1, MEAD()) == "test"


def test_actors_to_download_are_known_without_any_file():
    assert list_actors(MEAD(origin="download"), None) == MEAD_PART_0
    assert list_actors(MEAD(origin="download", actors=("W009", "M003")), None) == ("W009", "M003")
    with pytest.raises(CorpusError, match="corpora.mead.split: 'emote'"):
        list_actors(MEAD(split="emote"), None)


# ------------------------------------------------------------------------------------------------------ HDTF
def test_every_published_video_has_one_split_and_no_identity_two():
    rows = read_manifest("hdtf_reenactment19-v1")
    assert len({row["name"] for row in rows}) == len(rows) == 370
    of_person = defaultdict(set)
    for row in rows:
        of_person[row["identity"]].add(row["split"])
    assert all(len(seen) == 1 for seen in of_person.values())
    assert Counter(side for seen in of_person.values() for side in seen) == {"train": 244, "val": 13, "test": 19}
    assert {name for name, seen in of_person.items() if seen == {"test"}} == HDTF_TEST_IDENTITIES


def test_no_address_stands_under_two_identities(shared):
    people = defaultdict(set)
    for video in read_annotations(shared / "annotations/hdtf"):
        people[re.search(r"v=([\w-]{11})", video.url)[1]].add(video.identity)
    assert len(people) == 369  # of 370: the Clyburn pair is one video
    assert all(len(identities) == 1 for identities in people.values())
    assert hdtf_identity("WDA", "WhipJimClyburn") == hdtf_identity("WDA", "JamesClyburn1") == "WDA_JamesClyburn"


def test_shards_to_download_are_those_of_the_annotation_files(shared):
    folder = str(shared / "annotations/hdtf")
    known = list_identities(published(), None)
    assert known == list_identities(published(annotations=folder), None) and len(known) == 276
    assert hdtf_published(HDTF()) == {video.key: video.identity for video in read_annotations(folder)}
    assert len(list_shards(Corpora(hdtf=published(), mead=None))["hdtf"]) == 69


def test_settings_take_the_place_of_the_test_identities():
    known = list_identities(published(), None)
    found = hdtf_splits(published(test_identities=("AdamSchiff", "RD_Radio1")), known)
    assert {name for name, side in found.items() if side == "test"} == {"WDA_AdamSchiff", "RD_Radio1"}
    assert found["WRA_TimScott"] == "train" and Counter(found.values())["val"] == 13
    with pytest.raises(CorpusError, match="test_identities: 'Unknown'"):
        hdtf_splits(published(test_identities=("Unknown",)), known)


def test_people_whom_no_split_names():
    strangers = tuple(f"WDA_Person{chr(65 + place)}" for place in range(20))
    found = hdtf_splits(published(), strangers)
    assert [name for name, side in found.items() if side == "test"] == list(strangers[-2:])
    mixed = hdtf_splits(published(), (*strangers, "WRA_TimScott"))
    assert Counter(mixed.values()) == {"train": 20, "test": 1}


def test_drawn_people_are_distinct_and_the_last_are_for_testing():
    settings = HDTF(synthetic=SyntheticHDTF(train_people=200, test_people=40))
    people = hdtf_people(settings)
    assert len(set(people)) == 240
    assert [hdtf_identity(*person.split("_", 1)) for person in people] == list(people)
    found = hdtf_splits(settings, people)
    assert [person for person in people if found[person] == "test"] == list(people[-40:])
    assert set(found.values()) == {"train", "test"}


# ------------------------------------------------------------------------------------------------ references
def test_nobody_is_shown_by_a_clip_of_a_split_that_must_not_be_seen():
    rows = [
        ("a1", "A", "test", "neutral"),
        ("a2", "A", "val", "neutral"),
        ("a3", "A", "train", "neutral"),
        ("a4", "A", "train", "sad"),
        ("b1", "B", "val", "sad"),
        ("b2", "B", "test", "neutral"),
        ("b3", "B", "val", "happy"),
        ("c1", "C", "test", "sad"),
        ("c2", "C", "val", "neutral"),
    ]
    names = ("clip_id", "speaker", "split", "emotion")
    common = dict.fromkeys(CLIPS.names) | {"corpus": "folder", "shard": "000", "status": "ok", "n_frames": 50}
    clips = collect(pd.DataFrame([common | dict(zip(names, row, strict=True)) for row in rows]))
    assert dict(zip(clips["clip_id"], clips["reference"], strict=True)) == {
        "a1": "a3", "a2": "a3", "a3": "a3", "a4": "a3",  # all prefer what may be trained on
        "b1": "b3", "b2": "b2", "b3": "b1",  # validation sees no test clip
        "c1": "c2", "c2": "c2",
    }  # fmt: skip
    assert clips.set_index("clip_id")["seen_speaker"].to_dict()["b1"] is False
    assert "(2 train, 4 val, 3 test)" in summary(clips)[0]


# ---------------------------------------------------------------------------------------------------- folder
def test_people_are_split_by_name_not_by_order():
    people = {f"person{number}" for number in range(40)}
    held_out = folder_test_people(people, 0.25)
    assert len(held_out) == 10
    assert len(folder_test_people(people | {"new"}, 0.25) ^ held_out) <= 2  # one may come in for another
    assert len(folder_test_people({"a", "b"}, 0.1)) == 1
    assert not folder_test_people({"a"}, 0.0)
