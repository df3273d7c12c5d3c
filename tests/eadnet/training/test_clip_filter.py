"""EAD-Net's filter of the training set: what is measured, what is kept, and what training then draws."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from pyarrow import parquet
from safetensors.torch import load_file, save_file

from eadnet.checkpoint import read_config, save_model
from eadnet.config.configuration import load
from eadnet.config.section import ConfigError
from eadnet.config.training import Filter
from eadnet.data.clip_set import ClipSet
from eadnet.data.clips import ClipError
from eadnet.features.latents import FULL
from eadnet.features.text_tokens import TextTokens, write_tokens
from eadnet.models.loading import load_backbone, read_backbone
from eadnet.models.unet.levels import Modules
from eadnet.tables import CAPTIONS, CLIPS, EMOTIONS, TRAINING_FILTER, read_rows, write_table
from eadnet.training.batches import BatchSampler, BatchSpec
from eadnet.training.clip_filter import measure_clips
from eadnet.training.kept_clips import kept_clips
from eadnet.training.loop import TrainingError, step_generator
from eadnet.training.run import train_run
from tests.support.feature_files import shard_file, write_features
from tests.support.toy_training import CPU, TOY, Toy, saved_weights, training_settings, write_toy

LABELS = ("happy", "happy", "sad", None, "sad", "angry", "happy", "sad")
CHEAP = {"sync": 0, "trepa": 0, "perceptual": 0, "velocity": 0}


@pytest.fixture(scope="module")
def toy(tmp_path_factory) -> Toy:
    """The toy set with eight training clips, all but one labelled, and a backbone whose text projection acts."""
    folder = tmp_path_factory.mktemp("toy")
    toy = write_toy(folder, replace(TOY, train_clips=len(LABELS)))
    rows = read_rows(toy.inputs.clips, CLIPS)
    labels = dict(zip((row["clip_id"] for row in rows if row["split"] == "train"), LABELS, strict=True))
    write_table([row | {"emotion": labels.get(row["clip_id"]), "level": 2} for row in rows], toy.inputs.clips, CLIPS)
    _encode_words(toy.inputs.tokens)
    weights = saved_weights(toy.backbone)
    generator = torch.Generator().manual_seed(5)
    for name in ("text_fusion.project.weight", "text_fusion.project.bias"):
        weights[name] = torch.randn(weights[name].shape, generator=generator)
    save_file(weights, Path(toy.backbone) / "model.safetensors")
    return toy


@pytest.fixture(scope="module")
def table(toy, tmp_path_factory) -> str:
    return _measured(toy, tmp_path_factory.mktemp("table"))


def _encode_words(path: str) -> None:
    """Add random states of the emotion words, of one to six tokens, to a file of encoded texts."""
    known = TextTokens.load(path)
    random = np.random.default_rng(1)
    states = [known.states(index) for index in range(len(known.texts))]
    states += [random.standard_normal((1 + n % 6, known.width)).astype(np.float16) for n in range(len(EMOTIONS))]
    write_tokens(path, (*known.texts, *EMOTIONS), [len(rows) for rows in states], states, known.width, known.max_tokens)


def _measured(toy: Toy, folder: Path, **inputs: str) -> str:
    given = vars(toy.inputs) | {"backbone": toy.backbone} | inputs
    names = ("clips", "captions", "tokens", "audio", "backbone")
    measure_clips(*(given[name] for name in names), CPU, str(folder / "filter.parquet"))
    return str(folder / "filter.parquet")


# ------------------------------------------------------------------------------------------------- what is measured
def test_cosines_are_those_of_a_loop_over_frames_and_tokens(toy, table):
    rows = read_rows(table, TRAINING_FILTER)
    assert [row["clip_id"] for row in rows] == list(ClipSet.read(toy.inputs.clips, "train").position)
    assert tuple(row["emotion"] for row in rows) == LABELS and {row["level"] for row in rows} == {2}
    weights = {name: value.double().numpy() for name, value in saved_weights(toy.backbone).items()}
    words = {emotion: _pooled_by_hand(weights, toy, emotion) for emotion in EMOTIONS}
    for row in rows:
        if row["emotion"] is None:
            assert row["cosine"] is row["rival"] is row["rival_emotion"] is None
            continue
        fused = _fused_by_hand(weights, toy, row["clip_id"])
        cosines = {
            emotion: sum(fused * word) / np.sqrt(sum(fused**2) * sum(word**2)) for emotion, word in words.items()
        }
        assert row["cosine"] == pytest.approx(cosines.pop(row["emotion"]), abs=1e-5)
        assert row["rival"] == pytest.approx(max(cosines.values()), abs=1e-5)
        assert row["rival"] == pytest.approx(cosines[row["rival_emotion"]], abs=1e-5)
    assert len({row["cosine"] for row in rows}) == len(rows)


def _pooled_by_hand(weights: dict, toy: Toy, text: str) -> np.ndarray:
    """mean(W f_t + b), token by token."""
    tokens = TextTokens.load(toy.inputs.tokens)
    states = tokens.states(int(tokens.lookup([text])[0])).astype(np.float64)
    projected = [
        weights["text_fusion.project.weight"] @ state + weights["text_fusion.project.bias"] for state in states
    ]
    return sum(projected) / len(projected)


def _fused_by_hand(weights: dict, toy: Toy, clip_id: str) -> np.ndarray:
    """Mean of f_a + lambda mean(W f_t + b), one frame and one audio token after the other."""
    features = load_file(shard_file(*toy.inputs.audio))[clip_id][0].float()
    caption = next(row["caption"] for row in read_rows(toy.inputs.captions, CAPTIONS) if row["clip_id"] == clip_id)
    added = weights["text_fusion.scale"] * _pooled_by_hand(weights, toy, caption)
    encoder = load_backbone(toy.backbone, Modules(fusion="added")).audio_encoder.double()
    frames = next(row["n_frames"] for row in read_rows(toy.inputs.clips, CLIPS) if row["clip_id"] == clip_id)
    vectors = []
    for frame in range(frames):
        centre = int(3.2 * (frame + 0.5))
        steps = [min(max(centre + offset, 0), len(features) - 1) for offset in range(-11, 12)]
        with torch.no_grad():
            heard = encoder(features[steps][None].double())[0].numpy()
        vectors += [token + added for token in heard]
    return sum(vectors) / len(vectors)


def test_a_long_clip_is_measured_as_in_one_part_and_progress_is_shown(toy, table, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("eadnet.training.clip_filter.PART", 7)
    parts = read_rows(_measured(toy, tmp_path), TRAINING_FILTER)
    assert capsys.readouterr().err.splitlines()[-1].startswith("compared 8/8 (")
    for one, other in zip(parts, read_rows(table, TRAINING_FILTER), strict=True):
        assert one["cosine"] == (other["cosine"] and pytest.approx(other["cosine"], abs=1e-6))


def test_a_clip_that_cannot_be_read_is_a_line_and_the_others_are_measured(toy, table, tmp_path, capsys):
    features = load_file(shard_file(*toy.inputs.audio))
    del features["clip_01"]
    features["clip_02"] = torch.full_like(features["clip_02"], float("nan"))
    audio = write_features(tmp_path, "mel", features)
    rows = read_rows(_measured(toy, tmp_path, audio=audio), TRAINING_FILTER)
    whole = read_rows(table, TRAINING_FILTER)
    unread = {"cosine": None, "rival": None, "rival_emotion": None}
    assert rows == [row | unread if row["clip_id"] in ("clip_01", "clip_02") else row for row in whole]
    printed = capsys.readouterr()
    first, second = [line for line in printed.err.splitlines() if not line.startswith("compared ")]
    assert first.startswith("clip_01: not measured: ") and "run encode-audio again" in first
    assert second.startswith("clip_02: not measured: ") and "no number" in second
    assert printed.out.endswith(": 5 of 8 clips measured, 1 have no label\n") and printed.out.count("\n") == 1


@pytest.mark.parametrize(("fault", "said"), [("text", "reads no text"), ("zero", "train it longer")])
def test_a_backbone_that_does_not_read_measures_no_clip(toy, tmp_path, capsys, fault, said):
    model = load_backbone(toy.backbone, Modules(fusion="added"))
    if fault == "zero":
        for parameter in model.text_fusion.project.parameters():
            parameter.data.zero_()
    config = read_config(toy.backbone) | ({"text": "none"} if fault == "text" else {})
    save_model(tmp_path / "backbone", model, config)
    rows = read_rows(_measured(toy, tmp_path, backbone=str(tmp_path / "backbone")), TRAINING_FILTER)
    assert len(rows) == 8 and {row["cosine"] for row in rows} == {row["rival_emotion"] for row in rows} == {None}
    assert said in capsys.readouterr().out
    with pytest.raises(TrainingError, match="training.filter: no cosine was measured; set it to null, or") as raised:
        kept_clips(rows, Filter())
    assert "\n" not in str(raised.value)


# ---------------------------------------------------------------------------------------------------- what is kept
def _rows(count: int, seed: int) -> list[dict]:
    random = np.random.default_rng(seed)
    blank = dict.fromkeys(TRAINING_FILTER.names)
    labels = random.choice(["happy", "sad", "fear", None], count, p=[0.5, 0.3, 0.1, 0.1])
    cosines = random.integers(-10, 11, count) / 10  # with ties
    rows = [
        blank | {"clip_id": f"c{n:03d}", "emotion": label, "cosine": float(cosine) if label and n % 9 else None}
        for n, (label, cosine) in enumerate(zip(labels, cosines, strict=True))
    ]
    return [rows[n] for n in random.permutation(count)]


def _kept_by_loop(rows: list[dict], threshold: float, hundredths: int) -> set[str]:
    kept = set()
    for row in rows:
        if row["emotion"] is None:
            kept.add(row["clip_id"])
        elif row["cosine"] is not None:
            peers = [other for other in rows if other["emotion"] == row["emotion"] and other["cosine"] is not None]
            better = 0
            for other in peers:
                tied = other["cosine"] == row["cosine"] and other["clip_id"] < row["clip_id"]
                better += other["cosine"] > row["cosine"] or tied
            if row["cosine"] >= threshold or better * 100 < hundredths * len(peers):
                kept.add(row["clip_id"])
    return kept


@pytest.mark.parametrize("threshold", [-1.0, 0.3, 0.8, 1.0])
@pytest.mark.parametrize("hundredths", [0, 7, 25, 100])
def test_kept_clips_are_those_of_a_loop(threshold, hundredths):
    settings = Filter(threshold=threshold, at_least=hundredths / 100)
    for seed in range(5):
        rows = _rows(120, seed)
        kept = kept_clips(rows, settings)
        assert kept.clip_ids == _kept_by_loop(rows, threshold, hundredths)
        assert kept.extra == kept.clip_ids - _kept_by_loop(rows, threshold, 0) and kept.clips == 120


def test_a_threshold_above_all_cosines_keeps_at_least_so_many_of_each_emotion(toy, table):
    rows = read_rows(table, TRAINING_FILTER)
    kept = kept_clips(rows, Filter(threshold=1.0, at_least=0.25))
    assert Counter(row["emotion"] for row in rows if row["clip_id"] in kept.clip_ids) == Counter(
        ["happy", "sad", "angry", None]
    )
    for emotion in ("happy", "sad", "angry"):
        best = max((row for row in rows if row["emotion"] == emotion), key=lambda row: row["cosine"])
        assert best["clip_id"] in kept.extra
    assert str(kept) == "filter: 4 of 8 clips are kept, 3 only through at_least"


# ------------------------------------------------------------------------------------------------- what is drawn
def test_training_draws_kept_clips_only_and_validation_stays_whole(toy, table):
    kept = kept_clips(read_rows(table, TRAINING_FILTER), Filter(threshold=1.0, at_least=0.5)).clip_ids
    stage_one, config = read_backbone(toy.backbone)
    drawn = {}
    for name, chosen in (("kept", kept), ("all", None)):
        draw = BatchSampler(toy.inputs, stage_one, BatchSpec(16), config["factor"], chosen)
        batches = [draw(8, step_generator(0, 0, step)) for step in range(20)]
        drawn[name] = {clip for batch in batches for clip in draw.clips.names(batch.which)}
        first = batches[0]  # what is drawn belongs to the clip that is named
        rows = (draw.latents.start[draw.clips.names(first.which)[0]] + first.first[0]) + torch.arange(16)
        assert torch.equal(first.clean[0], draw.latents.take(FULL, rows).float())
    assert drawn["kept"] == kept and len(kept) == 6 and len(drawn["all"]) == 8
    held_out = BatchSampler.held_out(toy.inputs, stage_one, BatchSpec(16), config["factor"])
    assert set(held_out.clips.position) == set(ClipSet.read(toy.inputs.clips, "validation").position) != set()


def test_kept_clips_that_are_none_to_train_on_are_one_line(toy):
    clips = ClipSet.read(toy.inputs.clips, "train")
    with pytest.raises(ClipError, match="clip other is kept but is none to train on; run filter-clips again"):
        clips.only({"clip_00", "other"})
    with pytest.raises(ClipError, match="no clip is kept; lower training.filter.threshold or raise"):
        clips.only(set())


class Stopped(Exception):
    pass


def _train(toy: Toy, table: str | None, output: Path, **delta) -> Path:
    settings = training_settings(losses=CHEAP, stda="none", tfrm="none", **delta)
    train_run(toy.inputs, settings, CPU, "toy", 0, toy.backbone, toy.supervisors, str(output), table)
    return output


def test_a_filtered_run_says_what_it_keeps_and_resumes_as_if_never_stopped(toy, table, tmp_path, monkeypatch, capsys):
    strict = {"filter": {"threshold": 1.0, "at_least": 0.25}}
    drawn, draw = [], BatchSampler.__call__

    def noted(self: BatchSampler, count: int, generator: torch.Generator):
        if self.spec.split == "train" and len(drawn) == 4:
            raise Stopped
        batch = draw(self, count, generator)
        drawn.append(self.clips.names(batch.which)) if self.spec.split == "train" else None
        return batch

    whole = saved_weights(_train(toy, table, tmp_path / "whole", **strict))
    assert "filter: 4 of 8 clips are kept, 3 only through at_least\n" in capsys.readouterr().out
    with monkeypatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(BatchSampler, "__call__", noted)
        _train(toy, table, tmp_path / "cut", **strict)
    kept = kept_clips(read_rows(table, TRAINING_FILTER), Filter(**strict["filter"])).clip_ids
    assert {name for names in drawn for name in names} <= kept
    capsys.readouterr()
    resumed = saved_weights(_train(toy, table, tmp_path / "cut", **strict))
    assert "starting over" not in capsys.readouterr().err
    assert all(torch.equal(value, resumed[name]) for name, value in whole.items())
    losses = [parquet.read_table(tmp_path / name / "train.parquet") for name in ("whole", "cut")]
    assert losses[0].equals(losses[1])
    assert json.loads((tmp_path / "cut/config.json").read_text())["training"]["filter"] == strict["filter"]


def test_a_checkpoint_of_other_kept_clips_is_not_gone_on_with(toy, table, tmp_path, monkeypatch, capsys):
    settings = {"filter": {"threshold": 0.0, "at_least": 0.25}}
    rows = read_rows(table, TRAINING_FILTER)
    for name, cosine in (("all", 0.5), ("few", -0.5)):
        changed = [row | {"cosine": row["cosine"] and cosine} for row in rows]
        write_table(changed, tmp_path / f"{name}.parquet", TRAINING_FILTER)
    draw = BatchSampler.__call__

    def failing(self: BatchSampler, count: int, generator: torch.Generator):
        if (tmp_path / "run/checkpoint/state.pt").exists():
            raise Stopped
        return draw(self, count, generator)

    with monkeypatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(BatchSampler, "__call__", failing)
        _train(toy, str(tmp_path / "all.parquet"), tmp_path / "run", **settings)
    fresh = saved_weights(_train(toy, str(tmp_path / "few.parquet"), tmp_path / "fresh", **settings))
    capsys.readouterr()
    changed = saved_weights(_train(toy, str(tmp_path / "few.parquet"), tmp_path / "run", **settings))
    assert "of other settings or inputs; starting over" in capsys.readouterr().err
    assert all(torch.equal(value, changed[name]) for name, value in fresh.items())


def test_a_filter_without_its_table_is_one_line(toy, tmp_path):
    with pytest.raises(TrainingError, match="training.filter is on, but --filter names no table; run filter-clips$"):
        _train(toy, None, tmp_path, filter={})


# ---------------------------------------------------------------------------------------------------- the switch
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"training": {"filter": {"threshold": 1.5}}}, "training.filter.threshold: Input should be less than or equal"),
        ({"training": {"filter": {"at_least": -0.1}}}, "training.filter.at_least: Input should be greater than or"),
        ({"training": {"filter": {"treshold": 0.8}}}, "training.filter.treshold'; did you mean 'threshold'?"),
        ({"training": {"filter": True}}, "training.filter: "),
        ({"runs": {"full": {}, "mine": {"filter": {"tau": 1}}}}, "unknown key 'runs.mine.filter.tau'"),
        (
            {"runs": {"full": {}, "mine": {"filter": {}}}, "backbone": {"text": "none"}},
            "runs.mine.filter: with backbone.text `none` no clip can be measured; set the filter to null, or",
        ),
    ],
)
def test_a_bad_value_of_the_switch_is_one_line(change, words):
    with pytest.raises(ConfigError) as raised:
        load(change)
    assert words in str(raised.value) and "\n" not in str(raised.value)


def test_the_filter_is_off_by_default_and_a_run_may_have_its_own():
    assert load({}).training.filter is None
    config = load({"training": {"filter": {}}, "runs": {"full": {}, "a": {"filter": {"threshold": 0.5}},
                                                        "b": {"filter": None}}})  # fmt: skip
    assert config.run("full").filter == Filter(threshold=0.8, at_least=0.25)
    assert config.run("a").filter == Filter(threshold=0.5, at_least=0.25) and config.run("b").filter is None
