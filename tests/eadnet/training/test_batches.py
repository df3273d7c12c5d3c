"""What training batches show: reference frames far from their windows, corpora in balance, clips that are held out."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from eadnet.checkpoint import read_config
from eadnet.data.clip_set import VALIDATION_SHARE, ClipSet
from eadnet.data.clips import ClipError, save_shard
from eadnet.features.latents import FULL, Latents
from eadnet.features.shards import ShardFile
from eadnet.tables import CLIPS, read_rows, write_table
from eadnet.training.backbone import train_backbone
from eadnet.training.batches import BatchSampler, BatchSpec
from eadnet.training.loop import step_generator
from eadnet.training.references import GAP, References
from eadnet.training.run import train_run
from tests.support.toy_training import CPU, Toy, backbone_settings, training_settings, write_toy

LENGTHS = {"long": 100, "short": 40, "only": 30, "hidden": 50, "neutral": 20}
SHOWN = {"long": "neutral", "short": "neutral", "only": "only", "hidden": "absent", "neutral": "neutral"}


@pytest.fixture(scope="module")
def toy(tmp_path_factory) -> Toy:
    return write_toy(tmp_path_factory.mktemp("toy"))


# ----------------------------------------------------------------------------------------------------- references
def _clips(*names: str) -> ClipSet:
    return ClipSet([{"clip_id": name, "n_frames": LENGTHS[name], "reference": SHOWN[name]} for name in names])


def _shown(name: str, frames: int, first: int, elsewhere: bool) -> set[tuple[str, int]]:
    """Every (clip, frame) that can be the reference of a window; the set that it is drawn from lacks `neutral`."""
    usable = _clips(*reversed(LENGTHS))
    whose = [(clip, frame) for clip in usable.position for frame in range(LENGTHS[clip])]
    clips = _clips("long", "short", "only", "hidden")
    references = References(
        clips, usable, Latents([ShardFile("", "", {name: LENGTHS[name] for name in usable.position})])
    )
    places = (torch.arange(400) + 0.5) / 400
    which = torch.full((400,), clips.position[name])
    rows = references.rows(which, torch.full((400,), first), frames, torch.full((400,), elsewhere), places)
    return {whose[row] for row in rows.tolist()}


def _far(name: str, frames: int, first: int) -> set[tuple[str, int]]:
    """Frames of the clip that are at least 16 away from every frame of the window, by counting."""
    window = range(first, first + frames)
    return {(name, t) for t in range(LENGTHS[name]) if min(abs(t - frame) for frame in window) >= 16}


@pytest.mark.parametrize("frames", [1, 16])
@pytest.mark.parametrize("name", ["long", "short", "only", "hidden"])
def test_a_reference_keeps_16_frames_away_from_its_window(name: str, frames: int):
    assert GAP == 16
    neutral = {("neutral", frame) for frame in range(LENGTHS["neutral"])}
    for first in range(LENGTHS[name] - frames + 1):
        own = _far(name, frames, first)
        if own:
            assert _shown(name, frames, first, elsewhere=False) == own, first
        if name in ("long", "short"):  # the reference clip shows any frame of its own
            assert _shown(name, frames, first, elsewhere=True) == neutral
            assert own or _shown(name, frames, first, elsewhere=False) == neutral
        elif own:  # its own reference, or one that is not usable
            assert _shown(name, frames, first, elsewhere=True) == own


def test_the_farthest_frame_shows_a_speaker_who_has_no_other():
    assert not _far("only", 16, 7) and not _far("only", 16, 6)
    assert _shown("only", 16, 8, elsewhere=False) == _shown("only", 16, 8, elsewhere=True) == {("only", 0)}
    assert _shown("only", 16, 6, elsewhere=False) == {("only", 29)}
    assert _shown("only", 30, 0, elsewhere=True) == {("only", 0)}  # the window is the clip


def _sampler(toy: Toy, draw: BatchSpec, table: str | None = None, **delta) -> BatchSampler:
    inputs = toy.inputs if table is None else replace(toy.inputs, clips=table)
    return BatchSampler(inputs, backbone_settings(**delta), draw, factor=6)


def _references(draw: BatchSampler, count: int) -> list[tuple[str, int, set[tuple[str, int]]]]:
    """Of each window, its clip and first frame, and the (clip, frame)s that look like its reference."""
    batch, found = draw(count, step_generator(0, 0, 0)), []
    rows = {start: name for name, start in draw.latents.start.items()}
    everything = draw.latents.take(FULL, torch.arange(max(rows) + 36)).float()
    for name, first, picture in zip(
        draw.clips.names(batch.which), batch.first.tolist(), batch.inputs[:, 0, -4:], strict=True
    ):
        alike = (everything == picture).all(3).all(2).all(1).nonzero()[:, 0].tolist()
        starts = [max(start for start in rows if start <= row) for row in alike]
        found.append((name, first, {(rows[s], row - s) for s, row in zip(starts, alike, strict=True)}))
    return found


@pytest.mark.parametrize("frames", [1, 16])
def test_batches_hold_no_reference_near_their_windows(toy: Toy, frames: int):
    far = 0
    for name, first, alike in _references(_sampler(toy, BatchSpec(frames)), 60):
        assert {clip for clip, _ in alike} == {name}
        possible = {(name, t) for t in range(36) if t <= first - 16 or t >= first + frames + 15}
        assert not possible or alike & possible
        far += bool(possible)
    assert far > 20


def test_validation_shows_speakers_by_their_reference_clips_as_training_does(toy: Toy, tmp_path: Path):
    rows = read_rows(toy.inputs.clips, CLIPS)
    table = str(tmp_path / "clips.parquet")
    write_table(
        [row | {"reference": "clip_00" if row["split"] != "test" else row["clip_id"]} for row in rows], table, CLIPS
    )
    for split in ("train", "validation"):
        draw = _sampler(toy, BatchSpec(16, split=split), table, neutral_reference=1.0)
        found = _references(draw, 12)
        assert {name for name, *_ in found} - {"clip_00"}
        assert {clip for *_, alike in found for clip, _ in alike} == {"clip_00"}, split


# ------------------------------------------------------------------------------------------------ balance, held out
@pytest.mark.parametrize(("balance", "share"), [("windows", 150 / 1070), ("corpora", 0.5)])
def test_corpora_are_drawn_evenly_where_that_is_asked(balance: str, share: float):
    kinds = [("hdtf", 115), ("hdtf", 65), ("mead", 35), ("brief", 10)]  # 100, 50, 20 and no windows of 16 frames
    kinds = [("mead", 915), *kinds]
    clips = ClipSet([{"clip_id": str(n), "corpus": name, "n_frames": length} for n, (name, length) in enumerate(kinds)])
    which, first = clips.draw(4000, 16, torch.Generator().manual_seed(0), balance)
    drawn = Counter(which.tolist())
    hdtf = (drawn[1] + drawn[2]) / 4000
    assert hdtf == pytest.approx(share, abs=0.03)
    assert drawn[1] / (drawn[1] + drawn[2]) == pytest.approx(2 / 3, abs=0.05) and drawn[4] == 0
    assert (first <= clips.lengths[which] - 16).all()


def test_windows_with_unseen_frames_are_drawn_only_where_there_are_no_others(tmp_path: Path):
    seen = {"whole": np.ones(60, bool), "gap": np.ones(60, bool), "holes": np.arange(60) % 9 > 0}
    seen["gap"][20:24] = False
    path = save_shard(tmp_path, "landmarks", {f"{name}/seen": mask for name, mask in seen.items()})
    facts = {"corpus": "a", "n_frames": 60, "landmarks": path}
    clips = ClipSet([facts | {"clip_id": name, "unseen": int((~mask).sum())} for name, mask in seen.items()])
    which, first = clips.draw(3000, 16, torch.Generator().manual_seed(0))
    starts = {name: set(first[which == number].tolist()) for number, name in enumerate(seen)}
    assert starts["gap"] == {*range(5), *range(24, 45)}
    assert starts["whole"] == starts["holes"] == set(range(45))
    unaware = ClipSet([facts | {"clip_id": name, "unseen": 0} for name in seen])
    plain, begun = unaware.draw(3000, 16, torch.Generator().manual_seed(0))
    assert torch.equal(plain, which) and torch.equal(begun[which != 1], first[which != 1])


@pytest.mark.parametrize(("balance", "share"), [("windows", 0.25), ("corpora", 0.5)])
def test_both_stages_draw_as_the_backbone_s_settings_say(toy: Toy, tmp_path: Path, balance: str, share: float):
    rows = read_rows(toy.inputs.clips, CLIPS)
    table = str(tmp_path / "clips.parquet")
    write_table([row | {"corpus": "a" if row["clip_id"] == "clip_00" else "b"} for row in rows], table, CLIPS)
    for frames in (1, 16):
        batch = _sampler(toy, BatchSpec(frames), table, balance=balance)(400, step_generator(0, 0, 0))
        assert (batch.which == 0).float().mean().item() == pytest.approx(share, abs=0.08)


def test_no_training_clip_refers_to_one_that_is_held_out(tmp_path: Path):
    names = [f"clip_{number}" for number in range(20 * VALIDATION_SHARE)]
    blank = dict.fromkeys(CLIPS.names) | {"split": "train", "status": "ok", "n_frames": 30}
    speakers = [names[first : first + 4] for first in range(0, len(names), 4)]
    shown = {name: own[1] if name == own[0] else own[0] for own in speakers for name in own}  # two neutral clips each
    write_table([blank | {"clip_id": name, "reference": shown[name]} for name in names], tmp_path / "clips", CLIPS)
    train, held_out = (ClipSet.read(tmp_path / "clips", split) for split in ("train", "validation"))
    assert 5 <= len(held_out) <= 20 and len(train) + len(held_out) == len(names)
    assert {clip.row["reference"] for clip in train.clips} <= train.position.keys()


# -------------------------------------------------------------------------------------------------- corpora apart
@pytest.fixture(scope="module")
def two_corpora(toy: Toy, tmp_path_factory) -> str:
    """The toy set's table with its clips in two corpora, by turns."""
    table = str(tmp_path_factory.mktemp("corpora") / "clips.parquet")
    rows = [
        row | {"corpus": ("hdtf", "mead")[place % 2]} for place, row in enumerate(read_rows(toy.inputs.clips, CLIPS))
    ]
    write_table(rows, table, CLIPS)
    return table


def _of_corpus(table: str, corpus: str) -> set[str]:
    return {row["clip_id"] for row in read_rows(table, CLIPS) if row["corpus"] == corpus}


@pytest.mark.parametrize("corpus", ["hdtf", "mead"])
def test_clips_of_other_corpora_are_never_drawn(toy: Toy, two_corpora: str, corpus: str):
    inputs = replace(toy.inputs, clips=two_corpora, corpora=(corpus,))
    own = _of_corpus(two_corpora, corpus)
    draw = BatchSampler(inputs, backbone_settings(), BatchSpec(16), factor=6)
    batches = [draw(8, step_generator(0, 0, step)) for step in range(20)]
    drawn = {name for batch in batches for name in draw.clips.names(batch.which)}
    assert drawn and drawn == set(ClipSet.read(two_corpora, "train").position) & own
    batch = batches[0]  # what is shown belongs to the clip that is named
    first = draw.latents.start[draw.clips.names(batch.which)[0]] + int(batch.first[0])
    assert torch.equal(batch.clean[0], draw.latents.take(FULL, torch.arange(first, first + 16)).float())
    held_out = BatchSampler.held_out(inputs, backbone_settings(), BatchSpec(16), factor=6)
    assert set(held_out.clips.position) == set(ClipSet.read(two_corpora, "validation").position) & own != set()


def test_stages_learn_from_their_corpora_alone_and_say_so(toy: Toy, two_corpora: str, tmp_path: Path, monkeypatch):
    drawn, draw = set(), BatchSampler.__call__

    def noted(self: BatchSampler, count: int, generator: torch.Generator):
        batch = draw(self, count, generator)
        drawn.update(self.clips.names(batch.which))
        return batch

    monkeypatch.setattr(BatchSampler, "__call__", noted)
    own = _of_corpus(two_corpora, "hdtf")
    inputs = replace(toy.inputs, clips=two_corpora, corpora=("hdtf",))
    folder = str(tmp_path / "backbone")
    train_backbone(inputs, backbone_settings(), CPU, 0, toy.supervisors.autoencoder, None, folder)
    assert drawn and drawn <= own and read_config(folder)["corpora"] == ["hdtf"]
    drawn.clear()
    settings = training_settings(losses={"sync": 0.0, "trepa": 0.0, "lpips": 0.0}, corpora=["hdtf"])
    train_run(inputs, settings, CPU, "toy", 0, folder, toy.supervisors, str(tmp_path / "run"))
    assert drawn and drawn <= own and read_config(tmp_path / "run")["corpora"] == ["hdtf"]


def test_a_corpus_without_clips_is_one_line(toy: Toy, two_corpora: str):
    with pytest.raises(ClipError, match="no usable train clip"):
        BatchSampler(
            replace(toy.inputs, clips=two_corpora, corpora=("ravdess",)), backbone_settings(), BatchSpec(16), factor=6
        )
