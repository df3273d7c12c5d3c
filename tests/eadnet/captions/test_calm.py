"""RAVDESS's label beyond the eight emotions, `calm`: texts it has, judges and language models do not know it."""

import json
import random
from pathlib import Path

import pandas as pd
import pytest

from eadnet.captions.engines import DescriptorEngine
from eadnet.captions.engines.answers import Answer, AnswerError, read_answer
from eadnet.captions.grammar.observation import observe
from eadnet.captions.requests import Request
from eadnet.captions.schema import CaptionRecord, answer_schema
from eadnet.tables import CAPTIONS, CLIPS, EMOTIONS, LABELS, read_table, write_table
from metrics.captions.scoring import score_captions
from metrics.tables import SCORES
from tests.eadnet.captions.test_captions import clip_row, descriptors, valid_record
from tests.metrics.test_captions import blind_rows, clip_rows, of, told_rows


def test_no_judge_has_a_ninth_class():
    assert LABELS == (*EMOTIONS, "calm") and len(EMOTIONS) == 8


def test_a_calm_clip_has_texts():
    shown = descriptors(random.Random(3))
    (outcome,) = DescriptorEngine(seed=0).caption([Request(clip_row("clip", "calm", 3), shown)])
    assert outcome.record.emotion == "calm" and "calm" in outcome.record.caption_full
    assert (outcome.record.intensity, outcome.record.valence, outcome.record.arousal) == ("none", 0, 0)
    assert outcome.record.confidence == observe(shown, "neutral", 1).confidence  # a calm face looks like a neutral one
    assert CaptionRecord.model_validate_json(outcome.record.model_dump_json()) == outcome.record  # as the cache does


def test_no_language_model_may_answer_calm():
    assert answer_schema()["properties"]["emotion"]["enum"] == list(EMOTIONS)
    assert read_answer(Answer(json.dumps(valid_record()))).emotion in EMOTIONS
    with pytest.raises(AnswerError, match="emotion"):
        read_answer(Answer(json.dumps(valid_record() | {"emotion": "calm"})))


def scored(folder: Path, captions: list[dict], calm: str) -> pd.DataFrame:
    """Scores of captions of the usual clips, of which one is labelled calm."""
    clips = [row | {"emotion": "calm"} if row["clip_id"] == calm else row for row in clip_rows()]
    write_table(clips, folder / "clips.parquet", CLIPS)
    write_table(captions, folder / "captions.parquet", CAPTIONS)
    score_captions([folder / "captions.parquet"], folder / "clips.parquet", None, "main", 7, folder / "scores.parquet")
    return read_table(folder / "scores.parquet", SCORES)


def test_captions_of_a_calm_clip_are_not_judged_by_its_label(tmp_path: Path):
    right = of(scored(tmp_path, blind_rows(), "m3"), "emotion_right@labels")
    assert right.value.dropna().index.to_list() == ["m0", "m1", "m2", "m4"]
    assert (right.status["m3"], right.reason["m3"]) == ("no_label", "its label is none of the eight emotions")
    assert right.reason["h0"] == "the corpus gives no clip an emotion"
    told = [row | {"emotion": "calm"} if row["clip_id"] == "m3" else row for row in told_rows()]
    assert of(scored(tmp_path, told, "m3"), "emotion_macro_f1@labels").status.to_list() == ["told"]
