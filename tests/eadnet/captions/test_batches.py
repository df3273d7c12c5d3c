"""One job for many shards: its rows, its cache, a shard without captions, and an engine that has nothing to do."""

import shutil
from pathlib import Path

import pytest

from eadnet import tables
from eadnet.captions.answer_cache import ShardCaches
from eadnet.captions.engines.answers import Answer
from eadnet.captions.engines.language import LanguageEngine
from eadnet.captions.engines.weights import locate
from eadnet.captions.prompt import prompt_for
from eadnet.captions.rows import caption_rows
from eadnet.config.captions import Captions
from eadnet.config.machine import Assets
from tests.support.caption_server import Reply, completion, question_of, serving
from tests.support.caption_shards import MEASURES, caption, write_shard
from tests.support.hostile_answers import answer_text
from tests.support.scripted_backend import ScriptedBackend

GRAMMAR = {"engine": "descriptor"}
GOOD = Reply(completion(answer_text()))


@pytest.fixture()
def shards(tmp_path: Path) -> list[Path]:
    """Three shards: usable clips, clips of which none is usable, and both."""
    statuses = {"M003": ["ok", "ok", "ok"], "M005": ["no_face", "no_measures"], "M007": ["no_face", "ok"]}
    return [write_shard(tmp_path / name, own, name, name) for name, own in statuses.items()]


def rows_of(path: Path) -> list[dict]:
    return tables.read_rows(path, tables.CAPTIONS)


def served(address: str) -> dict:
    return {"engine": "server", "language_model": {"endpoint": address, "prompt": "units"}}


def test_a_job_of_many_shards_writes_the_rows_of_each_one_after_another(shards: list[Path], tmp_path: Path) -> None:
    alone = []
    for shard in shards:
        assert caption([shard], shard / "captions.parquet", GRAMMAR).exit_code == 0
        alone += rows_of(shard / "captions.parquet")
    done = caption(shards, tmp_path / "all.parquet", GRAMMAR, batch=2)
    assert done.exit_code == 0 and "4 of 7 clips captioned" in done.output, done.output
    assert rows_of(tmp_path / "all.parquet") == alone


def test_answers_are_kept_by_shard_however_shards_are_put_together(shards: list[Path], tmp_path: Path) -> None:
    """Jobs of one shard, as earlier versions ran them, and jobs of many read each other's answers."""
    cache = tmp_path / "answers"
    with serving(lambda request, before: GOOD) as server:
        for order in (shards, shards[2:], shards[::-1]):
            done = caption(order, tmp_path / "captions.parquet", served(server.address), cache, batch=8)
            assert done.exit_code == 0, done.output
    assert len(server.asked) == 4
    assert "4 of 4 clips were captioned before" in done.output
    assert {path.parent.relative_to(cache).as_posix() for path in cache.rglob("*.jsonl")} == {"mead/M003", "mead/M007"}
    shutil.rmtree(cache / "mead/M007")
    with serving(lambda request, before: GOOD) as server:
        assert caption(shards, tmp_path / "captions.parquet", served(server.address), cache).exit_code == 0
    assert len(server.asked) == 1


def test_a_shard_that_gets_no_caption_costs_the_others_nothing(tmp_path: Path) -> None:
    """Clips labelled happy are refused: a shard of one such clip ends the job after all others, or is accepted."""
    shards = [write_shard(tmp_path / name, own, name, name)
              for name, own in {"M003": ["no_face", "ok"], "M005": ["ok", "no_face"]}.items()]  # fmt: skip
    cache, table = tmp_path / "answers", tmp_path / "captions.parquet"

    def script(request: dict, before: int) -> Reply:
        return GOOD if "sad" in question_of(request) else Reply(completion("I cannot help with that."))

    with serving(script) as server:
        done = caption(shards, table, served(server.address), cache)
        fault = str(done.exception)
        assert done.exit_code == 1 and fault.startswith("mead/M003: none of 1 clips was captioned"), done.output
        assert "allow_none" in fault and "M003_1: all 3 answers were refused" in done.output
        asked = len(server.asked)
        accepted = caption(shards, table, served(server.address), cache, allow_none=True)
    assert accepted.exit_code == 0 and "1 of 2 clips were captioned before" in accepted.output
    assert len(server.asked) == asked + 3  # the refused clip's answers alone
    assert [(row["shard"], row["status"]) for row in rows_of(table) if row["status"] != "no_face"] == [
        ("M003", "no_caption"),
        ("M005", "ok"),
    ]
    assert rows_of(table)[1]["reason"].startswith("M003_1: all 3 answers were refused")


def test_a_language_model_is_not_started_where_nothing_is_to_be_asked(shards: list[Path], tmp_path: Path) -> None:
    """This environment has no vLLM: the job succeeds from cached answers alone, and fails for a single missing one."""
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text("{}", encoding="utf-8")
    settings = {"engine": "vllm", "language_model": {"folder": str(model), "prompt": "units"}}
    chosen = Captions(**settings)
    backend = ScriptedBackend(lambda conversation: Answer(answer_text()))
    backend.model = locate(chosen, Assets())[1]
    writer = LanguageEngine("vllm", backend, prompt_for("units"), chosen.language_model)
    rows = [row for shard in shards for row in tables.read_rows(shard / "clips.parquet", tables.CLIPS)]
    measures = {row["clip_id"]: MEASURES if row["clip_id"] != "M005_1" else "a face in only 2 frames" for row in rows}
    made = caption_rows(rows, measures, writer, caches=ShardCaches(tmp_path / "answers"), report=lambda line: None)
    done = caption(shards, tmp_path / "captions.parquet", settings, tmp_path / "answers")
    assert done.exit_code == 0, done.exception
    assert rows_of(tmp_path / "captions.parquet") == made
    shutil.rmtree(tmp_path / "answers/mead/M007")
    done = caption(shards, tmp_path / "captions.parquet", settings, tmp_path / "answers")
    assert done.exit_code == 1 and "vLLM cannot be imported" in str(done.exception)
