"""Remembered token states: they change nothing but the time that a run takes, wherever an earlier one was killed."""

import filecmp
import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from eadnet.features import text_cache
from eadnet.features.text_cache import TextCache, encode_file
from eadnet.features.text_encoder import TextEncoder, make_text_encoder
from eadnet.features.text_tokens import TextTokens, write_tokens
from tests.support.published_weights import write_mirror

SAID = sorted({"", *(f"The {how} person {does}." for how in ("sad", "calm", "shy") for does in ("nods", "sits"))})


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small CLIP in the published form."""
    mirror = tmp_path_factory.mktemp("mirror")
    write_mirror(mirror, "small", only=["clip-vit-large-patch14"])
    return mirror / "clip-vit-large-patch14"


@pytest.fixture(scope="module")
def clip(published: Path) -> TextEncoder:
    return make_text_encoder("clip", published)


@pytest.fixture(scope="module")
def fresh(clip: TextEncoder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is written where nothing was remembered."""
    path = tmp_path_factory.mktemp("fresh") / "tokens.safetensors"
    assert encode_file(clip, SAID, path, 24).new == len(SAID) - 1
    assert os.listdir(path.parent) == [path.name]
    return path


def test_the_file_holds_what_the_encoder_makes(clip: TextEncoder, fresh: Path) -> None:
    tokens, mask = clip.encode(SAID, max_tokens=24)
    loaded = TextTokens.load(fresh)
    again, valid = loaded.gather(loaded.lookup(SAID))
    np.testing.assert_array_equal(again, tokens)
    np.testing.assert_array_equal(valid, mask)


@pytest.mark.parametrize("before", [SAID[1:2], SAID[::-1][:4], ["Another text.", *SAID], SAID])
def test_remembered_or_not_the_file_is_the_same(
    clip: TextEncoder, fresh: Path, before: list[str], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    encode_file(clip, before, tmp_path / "before.safetensors", 24, cache=tmp_path)
    done = encode_file(clip, SAID, tmp_path / "a.safetensors", 24, cache=tmp_path)
    lacking = len(set(SAID) - {"", *before})
    assert (done.texts, done.new) == (len(SAID), lacking)
    assert (f"{lacking}/{lacking}" in capsys.readouterr().err) == bool(lacking)
    assert filecmp.cmp(tmp_path / "a.safetensors", fresh, shallow=False)


def test_another_encoder_cut_or_shape_shares_nothing(clip: TextEncoder, published: Path, tmp_path: Path) -> None:
    for source in ("clip", "changed"):
        shutil.copytree(published, tmp_path / source)
    tokenizer = tmp_path / "changed" / "tokenizer.json"
    tokenizer.write_text(tokenizer.read_text() + "\n")
    (tmp_path / "clip" / ".checked.json").write_text("{}")  # remembers when files were checked; moves no state
    changed = make_text_encoder("clip", tmp_path / "changed")
    for one, length, rows in ((clip, 24, 8), (clip, 23, 8), (clip, 24, 4), (changed, 24, 8)):
        assert encode_file(one, SAID, tmp_path / "a", length, rows, tmp_path / "cache").new == len(SAID) - 1
    same = make_text_encoder("clip", tmp_path / "clip")
    assert encode_file(same, SAID, tmp_path / "a", 24, cache=tmp_path / "cache").new == 0
    names = {path.name for path in (tmp_path / "cache").iterdir()}
    assert len(names) == 4 and all(name.startswith("clip-") for name in names)


def test_the_number_of_threads_is_part_of_the_identity(clip: TextEncoder, published: Path) -> None:
    threads = torch.get_num_threads()
    assert clip.identity["threads"] == threads
    torch.set_num_threads(threads + 1)
    try:
        other = make_text_encoder("clip", published).identity
    finally:
        torch.set_num_threads(threads)
    assert {key for key in other if other[key] != clip.identity[key]} == {"threads"}


def test_damaged_parts_are_made_again(
    clip: TextEncoder, fresh: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    encode_file(clip, SAID, tmp_path / "a", 24, cache=tmp_path / "cache")
    (part,) = (tmp_path / "cache").rglob("*.safetensors")
    part.write_bytes(part.read_bytes()[:-1])
    assert encode_file(clip, SAID, tmp_path / "a", 24, cache=tmp_path / "cache").new == len(SAID) - 1
    assert f"{part}: damaged; its texts are encoded again" in capsys.readouterr().err
    assert filecmp.cmp(tmp_path / "a", fresh, shallow=False)


def remember_until_killed(cache: TextCache, states: dict[str, np.ndarray]) -> None:
    """Add texts one by one in a child process, which is killed in the middle of writing the third."""
    child = os.fork()
    if child == 0:
        first, second, third = states
        cache.add({first: states[first]})
        cache.add({second: states[second]})
        text_cache.write_tokens = write_half_and_die
        cache.add({third: states[third]})
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def write_half_and_die(path: Path, texts: list[str], lengths: list[int], states: list[np.ndarray], *sizes: int) -> None:
    def interrupted() -> Iterator[np.ndarray]:
        yield states[0][:-1]
        os.kill(os.getpid(), signal.SIGKILL)

    write_tokens(path, texts, lengths, interrupted(), *sizes)


def test_a_killed_job_goes_on(clip: TextEncoder, fresh: Path, tmp_path: Path) -> None:
    """What was finished is kept; the half is ignored, and goes after a day."""
    output, known = tmp_path / "a.safetensors", TextTokens.load(fresh)
    cache = TextCache(tmp_path, clip, 24, 8)
    remember_until_killed(cache, {text: known.states(SAID.index(text)) for text in SAID[1:4]})
    parts = sorted(path.name for path in cache.folder.glob("*.safetensors"))
    assert [name.startswith(".") for name in parts] == [True, False, False]
    assert encode_file(clip, SAID, output, 24, cache=tmp_path).new == len(SAID) - 1 - 2
    assert filecmp.cmp(output, fresh, shallow=False)
    half = cache.folder / parts[0]
    assert half.exists()
    os.utime(half, (time.time() - 2 * text_cache.DAY,) * 2)
    assert encode_file(clip, SAID, output, 24, cache=tmp_path).new == 0 and not half.exists()


def test_jobs_may_share_the_folder(clip: TextEncoder, fresh: Path, tmp_path: Path) -> None:
    """Two that started before either had finished leave one file, and each goes on reading its own."""
    known, both = TextTokens.load(fresh), [TextCache(tmp_path, clip, 24, 8) for _ in range(2)]
    states = {text: known.states(SAID.index(text)) for text in SAID[1:]}
    for cache in both:
        cache.add(states)
    assert len(list(both[0].folder.glob("*.safetensors"))) == 1
    for cache in both:
        np.testing.assert_array_equal(cache.states(SAID[2]), states[SAID[2]])
    assert encode_file(clip, SAID, tmp_path / "a.safetensors", 24, cache=tmp_path).new == 0
