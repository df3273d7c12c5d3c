"""The caption stage around a language model: frames, questions, retries, what is remembered, and what a kill costs."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from eadnet.captions.answer_cache import ShardCaches
from eadnet.captions.engines.answers import Answer, AnswerError, read_answer
from eadnet.captions.engines.conversations import Conversation, png_bytes, sample_frames
from eadnet.captions.engines.language import LanguageEngine
from eadnet.captions.measures.descriptors import FULL_STRENGTH, Descriptors
from eadnet.captions.measures.voice import Voice
from eadnet.captions.prompt import prompt_for
from eadnet.captions.requests import Fault, Outcome
from eadnet.captions.rows import caption_rows
from eadnet.captions.schema import CaptionRecord
from eadnet.config.captions import LanguageModel
from eadnet.data.clips import Clip, save_shard
from eadnet.tables import CAPTIONS, CLIPS
from tests.support.paths import ROOT
from tests.support.scripted_backend import ScriptedBackend

RECORD = CaptionRecord(
    emotion="sad", confidence=0.7, intensity="slight", valence=-0.4, arousal=-0.2, action_units=("inner brow raiser",),
    upper_face={"brows": "drawn up", "eyes": "at rest", "forehead": "at rest"},
    lower_face={"mouth_corners": "lowered", "jaw": "at rest", "nose": "at rest", "cheeks": "at rest"},
    head={"pose": "upright", "motion": "calm"}, gaze="down", dynamics="static",
    caption_short="The person looks sad.", caption_full="The person looks a little sad, inner brows drawn up.",
    paraphrases=("A sad look.", "An unhappy expression.", "The face seems sorrowful."),
)  # fmt: skip
GOOD = RECORD.model_dump_json()
MEASURES = Descriptors(dict.fromkeys(FULL_STRENGTH, 0.3), True, 0.05, 0.0, (0.0, 0.0), 15.0, "static", Voice(0, 0, 0))


@pytest.fixture()
def rows(tmp_path: Path) -> list[dict]:
    """Six clips with crops on disk, each of its own grey."""
    crops = {f"clip_{k}": np.full((20, 32, 32, 3), 40 * k, np.uint8) for k in range(6)}
    video = save_shard(tmp_path, "crops", crops)
    told = {"corpus": "mead", "shard": "M003", "video": video, "emotion": "sad", "level": 1, "status": "ok"}
    return [
        dict.fromkeys(CLIPS.names) | told | {"clip_id": name, "sha256": f"{k:064x}"} for k, name in enumerate(crops)
    ]


def engine(script, **chosen) -> LanguageEngine:
    model = LanguageModel(**chosen)
    return LanguageEngine("vllm", ScriptedBackend(script), prompt_for(model.prompt), model)


def stage(rows: list[dict], writer: LanguageEngine, folder: Path | None = None, batch: int = 4) -> list[dict]:
    measures = {row["clip_id"]: MEASURES for row in rows}
    return caption_rows(rows, measures, writer, True, batch, ShardCaches(folder), lambda line: None)


# ------------------------------------------------------------------------------------------------------ frames
def test_frames_are_spread_evenly_and_scaled(tmp_path: Path) -> None:
    counting = np.arange(100, dtype=np.uint8)[:, None, None, None] * np.ones((1, 24, 24, 3), np.uint8)
    clip = Clip({"clip_id": "a", "video": save_shard(tmp_path, "crops", {"a": counting})})
    assert [int(frame[0, 0, 0]) for frame in sample_frames(clip, 4)] == [12, 37, 62, 87]
    assert [frame.shape for frame in sample_frames(clip, 3, 48)] == [(48, 48, 3)] * 3
    assert len(sample_frames(clip, 500)) == 100


def test_png_keeps_every_pixel() -> None:
    import io

    from PIL import Image

    frame = np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(png_bytes(frame)))), frame)


def test_messages_hold_pictures_then_question_then_what_was_refused() -> None:
    chat = Conversation("a", "rules", "question", (np.zeros((2, 2, 3), np.uint8),)).after("{", "no JSON")
    messages = chat.messages(lambda image: {"type": "image", "shape": image.shape})
    assert [message["role"] for message in messages] == ["system", "user", "assistant", "user"]
    assert messages[1]["content"] == [{"type": "image", "shape": (2, 2, 3)}, {"type": "text", "text": "question"}]
    assert Conversation("a", "rules", "question").messages(dict)[1]["content"] == "question"


# ----------------------------------------------------------------------------------------------------- retries
def test_refused_answer_is_asked_about_again_and_told_why(rows: list[dict]) -> None:
    writer = engine(lambda chat: Answer(GOOD if chat.exchanges or chat.clip_id != "clip_2" else '{"emotion": "bored"}'))
    captions = stage(rows, writer)
    assert [row["status"] for row in captions] == ["ok"] * 6
    assert [row["attempts"] for row in captions] == [1, 1, 2, 1, 1, 1]
    assert captions[2]["faults"] == ["schema"]
    (again,) = [chat for batch in writer.backend.batches for chat in batch if chat.exchanges]
    assert again.exchanges[0][0] == '{"emotion": "bored"}'
    assert "emotion" in again.exchanges[0][1]


def test_answers_that_stay_bad_become_a_status_row_after_three(rows: list[dict]) -> None:
    captions = stage(rows, engine(lambda chat: Answer("no" if chat.clip_id == "clip_1" else GOOD)))
    assert captions[1]["status"] == "no_caption"
    assert captions[1]["faults"] == ["json"] * 3
    assert captions[1]["reason"].startswith("clip_1: all 3 answers were refused, the last for json")
    assert captions[1]["caption"] is None
    assert sum(row["status"] == "ok" for row in captions) == 5


def test_no_retries_ask_once(rows: list[dict]) -> None:
    writer = engine(lambda chat: Answer("no"), retries=0)
    assert {row["attempts"] for row in stage(rows, writer)} == {1}
    assert len(writer.backend.asked) == 6


def test_unreadable_frames_are_that_clips_fault(rows: list[dict]) -> None:
    rows[3]["video"] = str(Path(rows[3]["video"]).with_name("lost.safetensors"))
    captions = stage(rows, engine(lambda chat: Answer(GOOD)))
    assert captions[3]["faults"] == ["frames"]
    assert "lost.safetensors" in captions[3]["reason"]
    assert [row["status"] for row in captions].count("ok") == 5


def test_text_only_prompt_reads_no_frames(rows: list[dict]) -> None:
    for row in rows:
        row["video"] = "nowhere.safetensors"
    writer = engine(lambda chat: Answer(GOOD), prompt="units")
    assert {row["status"] for row in stage(rows, writer)} == {"ok"}
    assert {len(chat.images) for batch in writer.backend.batches for chat in batch} == {0}


def test_typographic_marks_are_brought_into_plain_form() -> None:
    text = GOOD.replace("A sad look.", "A sad \u2018look\u2019 \u2014 indeed.")
    assert read_answer(Answer(text)).paraphrases[0] == "A sad 'look' - indeed."
    with pytest.raises(AnswerError, match="paraphrases"):
        read_answer(Answer(GOOD.replace("A sad look.", "A s\u0430d look.")))  # a Cyrillic letter


# -------------------------------------------------------------------------------------------- what is remembered
def test_second_run_asks_nothing_and_gives_the_same_rows(rows: list[dict], tmp_path: Path) -> None:
    first = stage(rows, engine(lambda chat: Answer(GOOD)), tmp_path / "answers")
    again = engine(lambda chat: pytest.fail(f"asked about {chat.clip_id}"))
    assert stage(rows, again, tmp_path / "answers") == first


@pytest.mark.parametrize(
    "answer",
    [Answer(""), Answer("no"), Answer("", elsewhere="reasoning"), Answer("I am sorry"), Answer(GOOD, "length")],
)
def test_a_refused_answer_is_not_remembered(rows: list[dict], tmp_path: Path, answer: Answer) -> None:
    """A server that was repaired under the same name is asked again, about the refused clips only."""
    first = stage(rows, engine(lambda chat: answer if chat.clip_id == "clip_1" else Answer(GOOD)), tmp_path)
    assert first[1]["status"] == "no_caption"
    repaired = engine(lambda chat: Answer(GOOD))
    assert {row["status"] for row in stage(rows, repaired, tmp_path)} == {"ok"}
    assert repaired.backend.asked == ["clip_1"]


def test_a_refusal_in_the_folder_of_an_older_version_is_asked_again(rows: list[dict], tmp_path: Path) -> None:
    stage(rows, engine(lambda chat: Answer(GOOD)), tmp_path)
    for path in tmp_path.rglob("*.jsonl"):
        lines = [json.loads(line)[0] for line in path.read_text().splitlines()]
        refused = json.dumps({"record": None, "faults": [["json", "not one JSON object"]]})
        path.write_text("\n".join(json.dumps([key, refused]) for key in lines))
    asked = engine(lambda chat: Answer(GOOD))
    assert {row["status"] for row in stage(rows, asked, tmp_path)} == {"ok"}
    assert len(asked.backend.asked) == 6


def test_an_answer_in_another_field_is_not_asked_for_again_in_the_same_run(rows: list[dict]) -> None:
    writer = engine(lambda chat: Answer("", elsewhere="reasoning_content"))
    assert {tuple(row["faults"]) for row in stage(rows, writer)} == {("misplaced",)}
    assert len(writer.backend.asked) == 6


def test_an_empty_answer_is_quoted_as_one(rows: list[dict]) -> None:
    """Some servers refuse a turn without text."""
    writer = engine(lambda chat: Answer(GOOD) if chat.exchanges else Answer(" \n"))
    assert {tuple(row["faults"]) for row in stage(rows, writer)} == {("empty",)}
    again = [chat for batch in writer.backend.batches for chat in batch if chat.exchanges]
    assert {chat.exchanges[0][0] for chat in again} == {"(no text)"}
    assert not [chat for chat in again if "server" in chat.exchanges[0][1]]  # advice is for users


@pytest.mark.parametrize(
    "change",
    [{"frames": 4}, {"image_size": 64}, {"dtype": "float32"}, {"max_answer": 100}, {"prompt": "units"}, {"retries": 1}],
)
def test_whatever_can_change_an_answer_is_asked_again(rows: list[dict], tmp_path: Path, change: dict) -> None:
    stage(rows, engine(lambda chat: Answer(GOOD)), tmp_path)
    changed = engine(lambda chat: Answer(GOOD), **change)
    stage(rows, changed, tmp_path)
    assert len(changed.backend.asked) == 6


def test_changed_clip_label_or_model_is_asked_again(rows: list[dict], tmp_path: Path) -> None:
    stage(rows, engine(lambda chat: Answer(GOOD)), tmp_path)
    rows[0]["sha256"], rows[1]["emotion"] = "f" * 64, "happy"
    changed = engine(lambda chat: Answer(GOOD))
    stage(rows, changed, tmp_path)
    assert changed.backend.asked == ["clip_0", "clip_1"]
    other = engine(lambda chat: Answer(GOOD))
    other.backend.model = "scripted@2"
    stage(rows, other, tmp_path)
    assert len(other.backend.asked) == 6


def test_unreachable_is_not_remembered(rows: list[dict], tmp_path: Path) -> None:
    away = Answer(failure="127.0.0.1 gives no answer", transient=True)
    captions = stage(rows, engine(lambda chat: away if chat.clip_id == "clip_4" else Answer(GOOD)), tmp_path)
    assert captions[4]["faults"] == ["unreachable"]
    back = engine(lambda chat: Answer(GOOD))
    assert {row["status"] for row in stage(rows, back, tmp_path)} == {"ok"}
    assert back.backend.asked == ["clip_4"]


def test_damaged_cache_is_as_good_as_none(rows: list[dict], tmp_path: Path) -> None:
    folder = tmp_path / "answers"
    first = stage(rows, engine(lambda chat: Answer(GOOD)), folder)
    for path in folder.rglob("*.jsonl"):
        path.write_bytes(path.read_bytes()[:-40] + b'\xff\n["a"]\nnull\n')
    assert stage(rows, engine(lambda chat: Answer(GOOD)), folder) == first


def test_outcome_survives_the_cache() -> None:
    outcome = Outcome(RECORD, (Fault("json", 'not "JSON"\u2028'),))
    assert Outcome.from_json(outcome.to_json()) == outcome


def test_killed_job_loses_at_most_the_batch_under_way(rows: list[dict], tmp_path: Path) -> None:
    """SIGKILL in the third batch of two: the four clips before, of two shards, are remembered, byte for byte."""
    rows = [row | {"shard": "M005"} if place > 2 else row for place, row in enumerate(rows)]
    program = f"""
        import os, signal, sys
        sys.path.insert(0, {str(ROOT)!r})
        from tests.eadnet.captions.test_stage import *
        rows = {rows!r}
        def script(chat):
            if chat.clip_id == "clip_5":
                os.kill(os.getpid(), signal.SIGKILL)
            return Answer(GOOD)
        stage(rows, engine(script), Path({str(tmp_path / "answers")!r}), batch=2)
    """
    killed = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], env=dict(os.environ), check=False)
    assert killed.returncode == -signal.SIGKILL
    after = engine(lambda chat: Answer(GOOD))
    resumed = stage(rows, after, tmp_path / "answers", batch=2)
    assert after.backend.asked == ["clip_4", "clip_5"]
    assert resumed == stage(rows, engine(lambda chat: Answer(GOOD)))
    assert all(set(row) == set(CAPTIONS.names) for row in resumed)
