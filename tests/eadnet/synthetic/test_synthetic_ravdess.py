"""The drawn RAVDESS: the official layout, the same content twice, people and a calm of its own."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors import safe_open

from eadnet.config.corpora import HDTF, MEAD, RAVDESS, SyntheticRAVDESS
from eadnet.corpora.files import CorpusError
from eadnet.corpora.ravdess import RAVDESSReader
from eadnet.corpora.ravdess_layout import EMOTION_CODES, parse_name
from eadnet.corpora.splits import hdtf_people, mead_people
from eadnet.media.reading import probe, read_audio, read_video
from eadnet.synthetic.people import sample_person
from eadnet.synthetic.render_ravdess import ravdess_takes, render_ravdess
from eadnet.tables import LABELS

TINY = SyntheticRAVDESS(people=2, seconds=1.1, size=96)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ravdess")
    render_ravdess(TINY, 0, "A02", folder, folder / "truth.safetensors")
    return folder


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {entry.filename: archive.read(entry) for entry in archive.infolist()}


def test_archives_have_the_official_layout(drawn: Path) -> None:
    speech, song = (members(drawn / f"Video_{kind}_Actor_02.zip") for kind in ("Speech", "Song"))
    takes = [parse_name(name) for name in speech]
    assert all(name.startswith("Actor_02/") for name in [*speech, *song]) and len(song) == 1
    assert [take.modality for take in takes].count("picture") == 1 and len(takes) == 9
    assert {take.emotion for take in takes} == set(LABELS) - {"contempt"}
    assert {take.level for take in takes} == {1, 2, 3} and {take.statement for take in takes} == {"kids", "dogs"}
    assert parse_name(next(iter(song))).channel == "song"


def test_media_are_those_of_the_real_one_but_for_their_size(drawn: Path) -> None:
    found = members(drawn / "Video_Speech_Actor_02.zip")
    for name, content in found.items():
        info = probe(io.BytesIO(content))
        assert (info.width, info.height, info.fps) == (170, 96, 30)
        assert info.has_audio == name.startswith("Actor_02/01-")
        assert info.seconds == pytest.approx(1.1, abs=0.02)
    sound = read_audio(io.BytesIO(found["Actor_02/01-01-01-01-02-01-02.mp4"]), 16000)
    assert np.abs(sound).max() > 0.05


def test_its_reader_takes_what_is_speech_and_says_what_it_leaves(drawn: Path) -> None:
    chosen = RAVDESSReader(RAVDESS(synthetic=TINY), drawn, "A02")
    rows = pd.DataFrame(chosen.sources())
    assert rows.status.value_counts().to_dict() == {"ok": 8, "skipped": 2} and len(set(rows.reason.dropna())) == 2
    with safe_open(drawn / "truth.safetensors", framework="numpy") as truth:
        notes = json.loads(truth.metadata()["notes"])
        clips = chosen.clips(rows)
        for clip in clips:
            assert truth.get_tensor(f"{clip.clip_id}/opening").shape == (28,)
            assert (notes[clip.clip_id]["emotion"], notes[clip.clip_id]["level"]) == (clip.emotion, clip.level)
            assert notes[clip.clip_id]["text"].endswith("by the door.")
    assert {clip.split for clip in clips} == {"test"}


def test_drawing_twice_gives_the_same_content(drawn: Path, tmp_path: Path) -> None:
    render_ravdess(TINY, 0, "A02", tmp_path, tmp_path / "truth.safetensors")
    first, second = (members(folder / "Video_Speech_Actor_02.zip") for folder in (drawn, tmp_path))
    assert first.keys() == second.keys()
    name = "Actor_02/01-01-01-01-02-01-02.mp4"
    assert np.array_equal(read_video(io.BytesIO(first[name])), read_video(io.BytesIO(second[name])))
    assert (drawn / "truth.safetensors").read_bytes() == (tmp_path / "truth.safetensors").read_bytes()


def test_takes_differ_and_all_statements_and_intensities_occur() -> None:
    settings = SyntheticRAVDESS(people=4, repetitions=2)
    takes = [take for actor in ("A01", "A02", "A03", "A04") for take in ravdess_takes(settings, actor)]
    assert len({(take.actor, take.label) for take in takes}) == len(takes) == 4 * 16
    happy = {(take.level, take.statement) for take in takes if take.emotion == "happy"}
    assert happy == {(2, "kids"), (2, "dogs"), (3, "kids"), (3, "dogs")}
    with pytest.raises(CorpusError, match="actor A05 is not drawn; the settings ask for A01 A02 A03 A04"):
        ravdess_takes(settings, "A05")


def test_some_emotions_take_turns_and_every_actor_is_neutral_once() -> None:
    settings = SyntheticRAVDESS(people=9, emotions=3)
    shown = [[take.emotion for take in ravdess_takes(settings, f"A{number:02d}")] for number in range(1, 10)]
    assert all(len(own) == len(set(own)) == 3 and own[0] == "neutral" for own in shown)
    assert shown[0] == ["neutral", "calm", "happy"] and shown[1] == ["neutral", "happy", "sad"]
    assert {emotion for own in shown for emotion in own} == set(EMOTION_CODES.values())


def test_long_clips_say_both_statements_in_turn_until_their_end(tmp_path: Path) -> None:
    settings = SyntheticRAVDESS(people=1, emotions=2, seconds=7.5, size=64)
    render_ravdess(settings, 0, "A01", tmp_path, tmp_path / "truth.safetensors")
    with safe_open(tmp_path / "truth.safetensors", framework="numpy") as truth:
        notes = json.loads(truth.metadata()["notes"])
    said = [note["text"] for key, note in notes.items() if key.startswith("ravdess")]
    assert len(said) == 2 and all(text.count("Kids") and text.count("Dogs") for text in said)


def test_its_people_are_nobody_of_the_other_corpora(drawn: Path) -> None:
    with safe_open(drawn / "truth.safetensors", framework="numpy") as truth:
        person = json.loads(truth.metadata()["notes"])["person"]
    others = [sample_person(name, 0, female=True) for name in (*mead_people(MEAD()), *hdtf_people(HDTF()))]
    assert person["female"] and person["seed"] not in {other.seed for other in others}
    assert person["face_width"] not in {other.face_width for other in others}
