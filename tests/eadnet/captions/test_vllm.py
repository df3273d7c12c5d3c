"""The real vLLM, in its own environment, with tiny random models: ``make test-captions``.

It needs the caption environment (``CAPTION_PYTHON`` names another interpreter than the one that make leaves).
"""

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from PIL import Image

from eadnet.captions.engines.answers import Answer
from eadnet.captions.engines.transformers import make_backend
from eadnet.captions.schema import answer_schema
from eadnet.config.captions import LanguageModel
from eadnet.config.machine import Captioning
from eadnet.media.reading import read_video
from tests.support.caption_questions import ENVIRONMENT, ask, conversation, endless, synthetic_frames
from tests.support.paths import ROOT

pytestmark = pytest.mark.captions

INTERPRETER = Path(os.environ.get("CAPTION_PYTHON", ROOT / ".venv-caption-cpu/bin/python"))
CHOSEN = {"prompt": "frames", "frames": 4, "dtype": "float32", "max_answer": 2000}
MACHINE = {"cache_bytes": 1 << 28, "max_sequences": 16}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tiny models, made by the environment that runs them."""
    if not INTERPRETER.exists():
        pytest.fail(f"needs the caption environment ({INTERPRETER} is not there; make caption-cpu)")
    folder = tmp_path_factory.mktemp("models")
    command = [str(INTERPRETER), str(ROOT / "tests/support/tiny_vlm.py"), str(folder)]
    subprocess.run(command, check=True, capture_output=True, env=ENVIRONMENT)
    return folder


def check(answers: list[Answer]) -> None:
    """All are complete and of the schema, without a space that is not in a string."""
    for answer in answers:
        assert (answer.finish_reason, answer.failure) == ("stop", "")
        found = json.loads(answer.text)
        jsonschema.validate(found, answer_schema())
        assert answer.text == json.dumps(found, separators=(",", ":"), ensure_ascii=False)


def in_this_environment(models: Path, kind: str, asked: list, **chosen: object) -> list[Answer]:
    """The same questions answered by the engine `transformers`, here."""
    model = LanguageModel(folder=str(models / kind), **CHOSEN | chosen)
    return make_backend(model, Captioning(), models / kind, "tiny").answer(asked)


def test_batch_of_synthetic_frames(models: Path, tmp_path: Path) -> None:
    asked = [conversation(k, synthetic_frames(k)) for k in range(16)]
    mixed = [*asked[:5], endless(asked[0]), *asked[5:]]
    rounds = [mixed, asked, *([chat] for chat in asked)]
    chosen = CHOSEN | {"folder": str(models / "qwen3_vl")}
    first, second, *alone = ask(INTERPRETER, tmp_path / "job", "vllm", chosen, MACHINE, rounds)
    refused = first.pop(5)
    assert refused.failure.startswith("refused by vLLM:") and "8192 tokens" in refused.failure
    assert not refused.text and not refused.transient
    check(first)
    assert second == first, "a second run must give the same rows"
    assert [answer for (answer,) in alone] == first, "the batch must not matter"
    assert len({answer.text for answer in first}) == 16, "frames must matter"
    (again, *_) = ask(INTERPRETER, tmp_path / "again", "vllm", chosen, MACHINE, [asked])
    assert again == first, "another process must give the same rows"
    assert in_this_environment(models, "qwen3_vl", asked) == first, "transformers must give the same rows"


def test_plain_generation_in_the_environment_of_vllm(models: Path, tmp_path: Path) -> None:
    asked = [conversation(k, synthetic_frames(k)) for k in range(4)]
    chosen = CHOSEN | {"folder": str(models / "qwen2_5_vl")}
    (plain,) = ask(INTERPRETER, tmp_path / "plain", "transformers", chosen, {}, [asked])
    (batched,) = ask(INTERPRETER, tmp_path / "batched", "vllm", chosen, MACHINE, [asked])
    check(batched)
    assert plain == batched


def test_measured_units_alone_for_a_model_of_text(models: Path, tmp_path: Path) -> None:
    asked = [conversation(k, (), "units") for k in range(6)]
    chosen = CHOSEN | {"folder": str(models / "qwen3"), "prompt": "units"}
    (answers,) = ask(INTERPRETER, tmp_path / "job", "vllm", chosen, MACHINE, [asked])
    check(answers)
    assert len({answer.text for answer in answers}) > 1, "measures must matter"
    assert in_this_environment(models, "qwen3", asked, prompt="units") == answers


def test_real_clips(models: Path, tmp_path: Path, shared: Path) -> None:
    clips = sorted(path for path in (shared / "clips").iterdir() if path.suffix in (".mp4", ".mpg"))[:8]
    asked = [conversation(0, _frames(clip), "frames_and_units") for clip in clips]
    chosen = CHOSEN | {"folder": str(models / "qwen3_vl"), "prompt": "frames_and_units"}
    (answers,) = ask(INTERPRETER, tmp_path / "job", "vllm", chosen, MACHINE, [asked])
    check(answers)
    assert len(clips) == len({answer.text for answer in answers}), "the same words, so only the frames differ"


def test_frames_are_scaled_by_nobody_but_us(models: Path, tmp_path: Path) -> None:
    """A model's room is so narrow that prompts fit with frames as they are, and not if the processor enlarged them."""
    small, large = (replace(conversation(0, ()), images=synthetic_frames(0, 4, side)) for side in (64, 256))
    chosen = CHOSEN | {"folder": str(models / "qwen3_vl"), "max_answer": 8}
    (answer,) = in_this_environment(models, "qwen3_vl", [small], max_length=64, max_answer=8)
    needed = int(answer.failure.split()[4])  # "refused: the prompt has N tokens, ..."
    narrow = chosen | {"max_length": needed + 8}
    ((fits, fits_not),) = ask(INTERPRETER, tmp_path / "narrow", "vllm", narrow, MACHINE, [[small, large]])
    assert (fits.finish_reason, fits.failure) == ("length", "")
    assert f"{needed + 8} tokens" in fits_not.failure or "maximum model length" in fits_not.failure
    ((scaled,),) = ask(INTERPRETER, tmp_path / "scaled", "vllm", narrow | {"image_size": 64}, MACHINE, [[large]])
    assert (scaled.finish_reason, scaled.failure) == ("length", "")


@pytest.mark.parametrize(
    ("kind", "chosen", "machine", "message"),
    [
        ("qwen3", {}, {}, "sees no pictures: choose language_model.prompt `units`"),
        ("nothing", {}, {}, "vLLM cannot run the model in"),
        ("qwen3_vl", {}, {"cache_bytes": 1 << 12}, "vLLM cannot run the model in"),
    ],
)
def test_engine_that_cannot_work_says_why(
    models: Path, tmp_path: Path, kind: str, chosen: dict, machine: dict, message: str
) -> None:
    asked = [conversation(0, synthetic_frames(0))]
    chosen = CHOSEN | {"folder": str(models / kind)} | chosen
    with pytest.raises(AssertionError, match=message):
        ask(INTERPRETER, tmp_path / "job", "vllm", chosen, MACHINE | machine, [asked])


def _frames(clip: Path, count: int = 4, side: int = 96) -> tuple[np.ndarray, ...]:
    """Frames of the first two seconds, scaled to a square."""
    frames = read_video(clip, fps=5, seconds=2.0)
    places = ((np.arange(count) + 0.5) * len(frames) / count).astype(int)
    return tuple(np.asarray(Image.fromarray(frames[place]).resize((side, side))) for place in places)
