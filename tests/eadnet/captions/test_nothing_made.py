"""The command `caption` where nothing is captioned: its exit code, its last line, its table, and the run after it."""

from pathlib import Path

import pytest
from click.testing import Result

from eadnet import tables
from eadnet.captions.engines.answers import FAULTS
from eadnet.captions.failures import ADVICE, nothing_made
from tests.support.caption_server import CaptionServer, Reply, completion, failure, question_of, serving
from tests.support.caption_shards import caption as caption_shards
from tests.support.caption_shards import write_shard
from tests.support.hostile_answers import answer_text

GOOD = completion(answer_text())
MISPLACED = completion(None, reasoning_content=answer_text())


def caption(folder: Path, server: CaptionServer, **machine: object) -> Result:
    """Caption the shard of a folder, with the folder's cache of answers."""
    settings = {"engine": "server", "language_model": {"endpoint": server.address, "prompt": "units"}}
    machine = {"attempts": 1} | machine
    return caption_shards([folder], folder / "captions.parquet", settings, folder / "answers", **machine)


def test_every_clip_refused_is_an_error_and_a_repaired_server_is_asked_again(tmp_path: Path) -> None:
    write_shard(tmp_path, ["ok", "ok", "no_face"])
    with serving(lambda request, before: Reply(MISPLACED)) as server:
        done = caption(tmp_path, server)
        fault = str(done.exception)
        assert done.exit_code == 1 and fault.isprintable()
        assert "none of 2 clips was captioned" in fault and "(2 times) is misplaced" in fault
        assert "reasoning_content" in fault and "--reasoning-parser" in fault
        for name in ("clip_0", "clip_1"):  # the log keeps them: Snakemake deletes the table
            assert f"{name}: no answer (misplaced)" in done.output
        table = tables.read_table(tmp_path / "captions.parquet", tables.CAPTIONS)
        assert list(table["status"]) == ["no_caption", "no_caption", "no_face"]
        server.script = lambda request, before: Reply(GOOD)
        repaired = caption(tmp_path, server)
    assert repaired.exit_code == 0 and "2 of 3 clips captioned" in repaired.output
    assert "captioned before" not in repaired.output


def test_a_good_answer_among_refused_ones_is_success_and_is_used_again(tmp_path: Path) -> None:
    """The clip labelled sad gets a caption, the one labelled happy none."""
    write_shard(tmp_path, ["ok", "ok"])

    def script(request: dict, before: int) -> Reply:
        return Reply(GOOD) if "sad" in question_of(request) else failure(400, "At most 1 image(s) may be provided.")

    with serving(script) as server:
        for _ in range(2):
            done = caption(tmp_path, server)
            assert done.exit_code == 0 and "1 of 2 clips captioned" in done.output
    assert "1 of 2 clips were captioned before: these answers are used again" in done.output
    table = tables.read_table(tmp_path / "captions.parquet", tables.CAPTIONS)
    assert table["reason"][1].endswith("At most 1 image(s) may be provided.")
    assert len(server.asked) == 3


def test_a_shard_that_may_be_without_captions_keeps_its_rows(tmp_path: Path) -> None:
    write_shard(tmp_path, ["ok"])
    with serving(lambda request, before: Reply(completion("I cannot help with that."))) as server:
        done = caption(tmp_path, server, allow_none=True)
    assert done.exit_code == 0 and "(1 times) is refusal" in done.output
    assert list(tables.read_table(tmp_path / "captions.parquet", tables.CAPTIONS)["status"]) == ["no_caption"]


@pytest.mark.parametrize("statuses", [[], ["no_face"], ["no_measures", "no_face"]])
def test_a_shard_without_a_clip_to_caption_is_success(tmp_path: Path, statuses: list[str]) -> None:
    write_shard(tmp_path, statuses)
    with serving(lambda request, before: Reply(MISPLACED)) as server:
        done = caption(tmp_path, server)
    assert done.exit_code == 0, done.output
    assert list(tables.read_table(tmp_path / "captions.parquet", tables.CAPTIONS)["status"]) == statuses
    assert not server.asked


def test_the_most_frequent_fault_is_named_with_what_to_do() -> None:
    assert set(ADVICE) < set(FAULTS)
    rows = [{"status": "no_caption", "faults": ["json", kind], "reason": f"{kind} of {place}."} for place, kind in
            enumerate(["schema", "forbidden", "forbidden", "schema", "forbidden"])]  # fmt: skip
    line = nothing_made(rows)
    assert line.startswith("none of 5 clips") and "(3 times) is forbidden: forbidden of 1;" in line
    assert line.endswith(ADVICE["forbidden"])
    assert nothing_made([*rows, {"status": "ok", "faults": [], "reason": None}]) == ""
