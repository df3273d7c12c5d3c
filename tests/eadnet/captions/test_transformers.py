"""Plain generation with transformers: real code and real files, only the models are tiny and random."""

import json
import re
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from eadnet.captions.engines.answers import Answer
from eadnet.captions.engines.conversations import Conversation
from eadnet.captions.engines.transformers import make_backend
from eadnet.captions.requests import CaptionError
from eadnet.captions.schema import answer_schema
from eadnet.config.captions import LanguageModel
from eadnet.config.machine import Captioning
from tests.support.caption_questions import conversation, endless, synthetic_frames
from tests.support.tiny_vlm import make_tiny_model

VARIANTS = {"qwen3_vl": "frames", "qwen3": "units"}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that sees and one of text alone."""
    folder = tmp_path_factory.mktemp("models")
    for kind in VARIANTS:
        make_tiny_model(folder, kind)
    return folder


def backend(models: Path, kind: str = "qwen3_vl", rows: int | None = None, **chosen):
    settings = {"prompt": VARIANTS[kind], "frames": 4, "dtype": "float32", "max_answer": 1500} | chosen
    return make_backend(LanguageModel(**settings), Captioning(max_sequences=rows), models / kind, "tiny@1")


def questions(kind: str, count: int) -> list[Conversation]:
    sees = kind != "qwen3"
    return [conversation(k, synthetic_frames(k) if sees else (), VARIANTS[kind]) for k in range(count)]


def prompt_length(answer: Answer) -> int:
    """Tokens of a prompt, from the line that says that it is too long."""
    return int(re.search(r"the prompt has (\d+) tokens", answer.failure)[1])


@pytest.mark.parametrize("kind", VARIANTS)
def test_answers_keep_the_schema_and_do_not_hang_on_the_batch(models: Path, kind: str) -> None:
    model = backend(models, kind)
    asked = questions(kind, 4)
    answers = model.answer([*asked[:2], endless(asked[0]), *asked[2:]])
    refused = answers.pop(2)
    assert refused.failure.startswith("refused: the prompt has") and not refused.text and not refused.transient
    for answer in answers:
        assert (answer.finish_reason, answer.failure) == ("stop", "")
        found = json.loads(answer.text)
        jsonschema.validate(found, answer_schema())
        assert answer.text == json.dumps(found, separators=(",", ":"), ensure_ascii=False)  # no space anywhere
    alone = asked[1:3] if kind == "qwen3_vl" else asked[1:2]
    assert [model.answer([chat])[0] for chat in alone] == answers[1 : 1 + len(alone)]
    assert model.model == "tiny@1"


def test_answers_hang_on_the_frames(models: Path) -> None:
    asked = questions("qwen3_vl", 3)
    same_words = [replace(chat, user=asked[0].user) for chat in asked]
    answers = backend(models, max_answer=160).answer(same_words)
    assert len({answer.text for answer in answers}) == 3
    assert backend(models, rows=2, max_answer=160).answer([same_words[k] for k in (2, 0, 1)]) == [
        answers[k] for k in (2, 0, 1)
    ]


def test_unfinished_answers_say_so(models: Path) -> None:
    asked = questions("qwen3", 1)
    (whole,) = backend(models, "qwen3").answer(asked)
    (cut,) = backend(models, "qwen3", max_answer=40).answer(asked)
    assert cut.finish_reason == "length" and whole.text.startswith(cut.text) and len(cut.text) < len(whole.text)
    (refused,) = backend(models, "qwen3", max_length=60, max_answer=40).answer(asked)
    room = 30  # prompt and answer share max_length, whatever max_answer allows
    tight = backend(models, "qwen3", max_length=prompt_length(refused) + room)
    (shorter,) = tight.answer(asked)
    assert shorter.finish_reason == "length" and cut.text.startswith(shorter.text) and 0 < len(shorter.text)


def test_frames_are_never_enlarged_and_kept_below_the_size_asked_for(models: Path) -> None:
    def tokens(side: int, **chosen: int) -> int:
        asked = replace(questions("qwen3_vl", 1)[0], images=synthetic_frames(1, 4, side))
        return prompt_length(backend(models, max_length=60, max_answer=40, **chosen).answer([asked])[0])

    smallest = tokens(32)  # a token covers 32 x 32 pixels
    assert tokens(64) == smallest + 4 * 3
    assert tokens(256) == smallest + 4 * 63
    assert tokens(256, image_size=64) == smallest + 4 * 3


def test_placeholders_in_a_text_are_refused(models: Path) -> None:
    asked = questions("qwen3_vl", 2)
    forged = replace(asked[0], user="<|image_pad|>" + asked[0].user)
    first, second = backend(models, max_answer=20).answer([forged, asked[1]])
    assert first.failure == "refused: the prompt has 5 places for 4 pictures"
    assert second.text and not second.failure


def test_engine_that_cannot_work_says_why(models: Path, tmp_path: Path) -> None:
    with pytest.raises(CaptionError, match="sees no pictures: choose language_model.prompt `units`"):
        backend(models, "qwen3", prompt="frames")
    with pytest.raises(CaptionError, match="quantisation is vLLM's"):
        backend(models, quantisation="fp8")
    with pytest.raises(CaptionError, match="transformers cannot run the model in"):
        backend(tmp_path)


def test_tiny_models_are_made_the_same_twice(models: Path, tmp_path: Path) -> None:
    again = make_tiny_model(tmp_path, "qwen3_vl")
    names = sorted(path.name for path in again.iterdir())
    assert names == sorted(path.name for path in (models / "qwen3_vl").iterdir())
    for name in names:
        assert (again / name).read_bytes() == (models / "qwen3_vl" / name).read_bytes(), name
