"""Recognisers of emotion: accuracy, macro F1, Emotion-FAN against the published code, ONNX files, people left out."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score

from eadnet.config.evaluation import JudgeSettings
from eadnet.config.networks import Schedule
from eadnet.data.clips import Clip, save_shard
from eadnet.tables import CLIPS, EMOTIONS, read_table, write_table
from metrics.families import emotion_fan, hsemotion
from metrics.families.recognition import Answer, f1_value, macro_f1, recognised
from metrics.functional.face_chips import CHIP_POINTS, MESH_POINTS, boxes, chip, similarity
from metrics.measuring.extractors.emotion_fan import Extractor, as_jpeg
from metrics.networks.emotion_fan import CLASSES, FILE, EmotionFan, load_emotion_fan
from metrics.scoring.pairs import Pair, load_pairs
from metrics.scoring.score import score_pairs
from metrics.scoring.settings import ScoringSettings
from metrics.spec import FAMILIES, family_specs
from metrics.tables import MEASUREMENTS
from tests.support.metrics_fixture import FRAMES, RESOLUTION, write_corpus

# Made once with yuangan/evaluation_eat@e39b004 code/emotionfan_basiccode/networks.py (torch 2.13.0, CPU):
# resnet18_at(at_type="self_relation-attention").eval() with the weights of `drawn_weights`, eval of both levels on
# the 5 images of default_rng(21).random((5, 3, 224, 224)), of which the first 3 are one clip and the others another
PUBLISHED_ATTENTION = (0.2290777, 0.2349458, 0.2365513, 0.2365519, 0.2415758)
PUBLISHED_LOGITS = (
    (12.670577, 6.457971, -3.415271, 4.014587, -4.984924, -3.253714, 12.073833, -12.205039),
    (12.839151, 6.778706, -3.809315, 4.129096, -4.840895, -3.649773, 11.890805, -12.399214),
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture
def pairs(corpus: Path, tmp_path: Path) -> list[Pair]:
    """The true test clips as generated ones, in the middle of a face; the first clip has one in 20 frames only."""
    clips = [Clip(row) for row in read_table(corpus, CLIPS).query("split == 'test'").to_dict("records")]
    landmarks = {clip.clip_id: clip.landmarks.copy() for clip in clips}
    landmarks[clips[0].clip_id][20:] = np.nan
    save_shard(tmp_path, "crops", {clip.clip_id: clip.crops for clip in clips})
    save_shard(tmp_path, "landmarks", landmarks)
    rows = [
        dict.fromkeys(MEASUREMENTS.names)
        | {"clip_id": clip.clip_id, "n_frames": FRAMES, "status": "ok", "video_sha256": clip.clip_id}
        for clip in clips
    ]
    write_table(rows, tmp_path / "measurements.parquet", MEASUREMENTS)
    return load_pairs(tmp_path, corpus)


def with_assets(folder: Path) -> ScoringSettings:
    """Settings of which every published asset is a folder in `folder`, unchecked; an absent one is absent."""

    class Unchecked(ScoringSettings):
        def weights(self, asset: str) -> Path:
            return folder / asset if (folder / asset).is_dir() else super().weights(asset)

    return Unchecked(None, "face", RESOLUTION, 16, cache=folder / "cache")


# ------------------------------------------------------------------------------------------------- answers
def test_macro_f1_is_scikit_learns_over_the_labels_that_occur() -> None:
    rng = np.random.default_rng(3)
    labels, answers = rng.choice([0, 2, 4, 5], 60), rng.integers(0, 8, 60)
    answers[:35] = labels[:35]
    value, low, high = macro_f1(labels, answers)
    expected = f1_score(labels, answers, labels=np.unique(labels), average="macro")
    assert value == pytest.approx(expected, abs=1e-12) and low < value < high
    assert macro_f1(labels, labels) == (1, 1, 1)
    assert macro_f1(labels, answers) == (value, low, high)
    assert macro_f1(labels, (labels + 1) % 8)[0] < 0.3


def test_rows_of_a_recogniser(pairs: list[Pair]) -> None:
    pairs[1].row["emotion"] = None
    wrong = {pair.clip_id: (EMOTIONS.index(pair.row["emotion"] or "sad") + (index == 2)) % 8
             for index, pair in enumerate(pairs)}  # fmt: skip
    values = list(recognised(pairs, "corpus-v1", lambda pair: Answer(np.eye(8)[wrong[pair.clip_id]], 7)))
    accuracy = {value.clip_id: value for value in values if value.metric == "acc_emo@corpus-v1"}
    assert [accuracy[pair.clip_id].value for pair in pairs] == [1, None, 0]
    assert accuracy[pairs[1].clip_id].status == "no_label"
    assert [value.value for value in values if value.metric.startswith("predicted")] == list(wrong.values())
    (f1,) = [value for value in values if value.metric == "macro_f1_emo@corpus-v1"]
    assert f1.clip_id is None and f1.n == 2 and 0 <= f1.ci_low <= f1.value <= f1.ci_high <= 1
    assert f1_value("macro_f1_emo@corpus-v1", pairs[::-1], wrong).value == f1.value
    assert "warning: 2 clips" in f1.notes and f1.again(pairs[:1]).n == 1
    unanswered = f1_value("macro_f1_emo@corpus-v1", pairs, {})
    assert (unanswered.status, unanswered.n, unanswered.n_wanted) == ("too_few", 0, 2)
    assert f1_value("macro_f1_emo@corpus-v1", pairs[1:2], wrong).status == "no_label"


def test_a_label_beyond_the_eight_emotions_is_not_scored(pairs: list[Pair]) -> None:
    for pair in pairs:
        pair.row["emotion"] = "calm"  # RAVDESS's
    values = list(recognised(pairs, "corpus-v1", lambda pair: Answer(np.eye(8)[0], 7)))
    accuracy = [value for value in values if value.metric == "acc_emo@corpus-v1"]
    assert [(value.value, value.status) for value in accuracy] == [(None, "no_label")] * len(pairs)
    assert "labelled calm, which is none of the eight emotions" in accuracy[0].reason
    assert [value.value for value in values if value.metric.startswith("predicted")] == [0] * len(pairs)
    assert [value.status for value in values if value.clip_id is None] == ["no_label"]


# --------------------------------------------------------------------------------------------- emotion-fan
def drawn_weights(network: EmotionFan) -> dict[str, torch.Tensor]:
    """Weights of the published names from one stream of numbers, in the order of the names."""
    rng = np.random.default_rng(20)
    drawn = {}
    for name, value in sorted(network.state_dict().items()):
        if name.endswith("num_batches_tracked"):
            continue
        noise = rng.standard_normal(tuple(value.shape))
        if name.endswith("running_var"):
            noise = 1 + 0.1 * np.abs(noise)
        elif value.ndim == 1:
            noise = 0.1 * noise + name.endswith("weight")
        else:
            noise *= 0.004 if value.ndim == 2 else np.sqrt(2 / np.prod(value.shape[1:]))
        drawn[name] = torch.from_numpy(noise.astype(np.float32))
    return drawn


@pytest.fixture(scope="module")
def fan_assets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint as the published training writes it, with drawn weights."""
    folder = tmp_path_factory.mktemp("assets")
    (folder / "emotion-fan").mkdir()
    network = EmotionFan()
    state = network.state_dict() | drawn_weights(network)
    stored = {f"module.{name}": value for name, value in state.items()} | {"module.fc.bias": torch.zeros(7)}
    checkpoint = {"epoch": 61, "state_dict": stored, "accuracy": torch.tensor(84.3655), "name": "drawn"}
    torch.save(checkpoint, folder / "emotion-fan" / FILE)
    return folder


def test_emotion_fan_equals_the_published_network(fan_assets: Path) -> None:
    network = load_emotion_fan(fan_assets / "emotion-fan" / FILE)
    images = torch.from_numpy(np.random.default_rng(21).random((5, 3, 224, 224), dtype=np.float32))
    with torch.inference_mode():
        features = network.frames(images)
        logits = [network.clip(features[:3]), network.clip(features[3:])]
        assert network.alpha(features).flatten().numpy() == pytest.approx(PUBLISHED_ATTENTION, abs=1e-5)
    for found, published in zip(logits, PUBLISHED_LOGITS, strict=True):
        assert found.numpy() == pytest.approx(published, abs=1e-3)
    assert sum(value.numel() for value in network.parameters()) == 11190354
    shares = emotion_fan.probabilities(network, features[:3].numpy())
    assert EMOTIONS[shares.argmax()] == CLASSES[logits[0].argmax()] == "happy" and shares.sum() == pytest.approx(1)


def test_a_foreign_checkpoint_is_one_line(tmp_path: Path) -> None:
    torch.save({"state_dict": {"module.conv1.weight": torch.zeros(1)}}, tmp_path / "fan")
    with pytest.raises(ValueError, match="does not hold Emotion-FAN"):
        load_emotion_fan(tmp_path / "fan")


def extracted(settings: ScoringSettings, frames: np.ndarray, landmarks: np.ndarray, size: int) -> np.ndarray:
    """(T, 512) features of a video that is seen in parts of `size` frames."""
    extractor = Extractor(settings)
    extractor.begin(len(frames), None)
    for start in range(0, len(frames), size):
        extractor.see(frames[start : start + size], landmarks[start : start + size])
    return extractor.finish(lambda: iter(()), np.zeros(0, np.int16))["emotion_fan"]


def test_emotion_fan_answers_from_every_frame_with_a_face(fan_assets: Path, pairs: list[Pair]) -> None:
    """A clip's one answer is the published one over all of its frames; those without a face are left out."""
    settings = with_assets(fan_assets)
    clips = {pair.clip_id: (pair.generated_crops, pair.generated_landmarks) for pair in pairs}
    arrays = {clip_id: extracted(settings, *arrays, 16) for clip_id, arrays in clips.items()}
    save_shard(pairs[0].folder, "extracted", {f"{clip_id}/emotion_fan": array for clip_id, array in arrays.items()})
    values = score_pairs("emotion_fan", pairs, settings)
    assert {value.metric for value in values} == {spec.key for spec in family_specs("emotion_fan")}
    network = load_emotion_fan(fan_assets / "emotion-fan" / FILE)
    right = []
    for pair in pairs:
        of_clip = {value.metric: value for value in values if value.clip_id == pair.clip_id}
        frames, landmarks = clips[pair.clip_id]
        shown = np.isfinite(landmarks).all((1, 2))
        faces = np.stack([as_jpeg(chip(as_jpeg(frame), points)) for frame, points in
                          zip(frames[shown], landmarks[shown], strict=True)])  # fmt: skip
        with torch.inference_mode():
            features = network.frames(torch.from_numpy(faces).permute(0, 3, 1, 2).float() / 255)
            answer = CLASSES[network.clip(features).argmax()]
        assert EMOTIONS[int(of_clip["predicted_emotion@emotion-fan"].value)] == answer
        right.append(float(answer == pair.row["emotion"]))
        assert of_clip["acc_emo@emotion-fan"].value == right[-1]
        assert of_clip["acc_emo@emotion-fan"].n == shown.sum() == (20 if pair is pairs[0] else FRAMES)
    assert np.isnan(arrays[pairs[0].clip_id][20:]).all() and np.isfinite(arrays[pairs[1].clip_id]).all()


def test_what_emotion_fan_sees_does_not_hang_on_the_parts(fan_assets: Path, pairs: list[Pair]) -> None:
    arrays = pairs[0].generated_crops[:24], pairs[0].generated_landmarks[:24]
    whole, parts = (extracted(with_assets(fan_assets), *arrays, size) for size in (24, 7))
    assert parts == pytest.approx(whole, abs=1e-4, nan_ok=True) and whole.shape == (24, 512)


def test_a_video_without_a_face_or_measured_without_the_weights_has_a_reason(
    fan_assets: Path, pairs: list[Pair]
) -> None:
    lost = {f"{pairs[0].clip_id}/emotion_fan": np.full((FRAMES, 512), np.nan, np.float32)}
    save_shard(pairs[0].folder, "extracted", lost)
    first, second, _ = (
        value for value in score_pairs("emotion_fan", pairs, with_assets(fan_assets)) if value.metric.startswith("acc")
    )
    assert first.status == "no_face" and second.status not in ("ok", "no_face") and second.value is None
    assert "\n" not in second.reason


# ------------------------------------------------------------------------------------------------- faces
def test_a_chip_stands_where_dlib_puts_it() -> None:
    """A picture drawn so that its eyes and nose are dlib's places, turned, doubled and shifted, comes back."""
    import cv2

    goal = (np.array(CHIP_POINTS) + 0.25) / 1.5 * 224
    rng = np.random.default_rng(5)
    drawn = cv2.resize(rng.integers(0, 256, (14, 14, 3)).astype(np.uint8), (224, 224), interpolation=cv2.INTER_CUBIC)
    moved = np.array([[1.9, -0.3, 60], [0.3, 1.9, 20]])
    photograph = cv2.warpAffine(drawn, moved, (560, 560), flags=cv2.INTER_CUBIC)
    landmarks = np.zeros((478, 2), np.float32)
    landmarks[list(MESH_POINTS)] = goal @ moved[:, :2].T + moved[:, 2]
    face = chip(photograph, landmarks)
    assert np.abs(face.astype(int) - drawn)[8:-8, 8:-8].mean() < 6
    assert similarity(goal, 2 * goal + 3) == pytest.approx(np.array([[2, 0, 3], [0, 2, 3]]), abs=1e-9)
    cut = chip(photograph[:, :300], landmarks)  # half of the face is beyond the frame
    assert (cut[:, -40:] == 0).all() and np.abs(cut.astype(int) - face)[:, :80].max() <= 1


def test_a_picture_is_stored_as_the_published_evaluation_stores_it(tmp_path: Path) -> None:
    import cv2

    picture = np.random.default_rng(2).integers(0, 256, (40, 60, 3)).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "frame.jpg"), picture[..., ::-1])
    assert np.array_equal(as_jpeg(picture), cv2.imread(str(tmp_path / "frame.jpg"))[..., ::-1])


def test_boxes_hold_the_mesh_and_survive_the_border() -> None:
    crop = np.zeros((1, 100, 100, 3), np.uint8)
    crop[:, 20:60, 30:70] = 200
    landmarks = np.full((1, 478, 2), 50.0, np.float32)
    landmarks[0, :2] = (30.4, 20.7), (70.2, 60.9)
    (face,) = boxes(crop, landmarks, np.eye(2, 3)[None], 8)
    assert face.shape == (8, 8, 3) and (face == 200).all()
    landmarks[0, :2] = (-500, -500)
    landmarks[0, 2:] = -400
    (face,) = boxes(crop, landmarks, np.eye(2, 3)[None], 8)
    assert face.shape == (8, 8, 3)


# ------------------------------------------------------------------------------------------------- ONNX
def write_network(path: Path, outputs: int) -> None:
    """An ONNX network whose numbers are fixed mixtures of the three channels' means."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    weight = np.random.default_rng(outputs).standard_normal((3, outputs)).astype(np.float32)
    nodes = [
        helper.make_node("GlobalAveragePool", ["input"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weight"], ["output"]),
    ]
    graph = helper.make_graph(
        nodes, "tiny", [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", 3, 224, 224])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["n", outputs])],
        [numpy_helper.from_array(weight, "weight")],
    )  # fmt: skip
    path.parent.mkdir(exist_ok=True)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)


@pytest.fixture
def hse_assets(tmp_path: Path) -> Path:
    write_network(tmp_path / "hsemotion" / hsemotion.EMOTION_FILE, 8)
    write_network(tmp_path / "hsemotion-va" / hsemotion.AFFECT_FILE, 10)
    return tmp_path


def test_hsemotion_scores(hse_assets: Path, pairs: list[Pair]) -> None:
    values = score_pairs("hsemotion", pairs, with_assets(hse_assets))
    assert {value.metric for value in values} == {spec.key for spec in family_specs("hsemotion")}
    assert len(values) == 6 * len(pairs) + 1 and all(value.status == "ok" for value in values)
    of_first = {value.metric: value for value in values if value.clip_id == pairs[0].clip_id}
    assert of_first["acc_emo@hsemotion"].n == of_first["valence_mae@hsemotion-va"].n == 20
    assert of_first["valence_mae@hsemotion-va"].value == 0  # the truth itself
    (face,) = boxes(*(item[:1] for item in (pairs[0].generated_crops, pairs[0].generated_landmarks,
                                            pairs[0].truth.transforms)), 224)  # fmt: skip
    mean = (face.astype(np.float64).mean((0, 1)) / 255 - hsemotion.MEAN) / hsemotion.DEVIATION
    assert hsemotion.normalised([face]).mean((2, 3), dtype=float)[0] == pytest.approx(mean, abs=1e-4)
    weight = np.random.default_rng(10).standard_normal((3, 10)).astype(np.float32)
    look = hsemotion.opened(hse_assets / "hsemotion-va" / hsemotion.AFFECT_FILE, 10, with_assets(hse_assets))
    assert look(pairs[0], False)[0] == pytest.approx(mean @ weight, abs=1e-3)
    assert np.isnan(look(pairs[0], False)[20:]).all() and np.isfinite(look(pairs[0], True)).all()


def test_a_different_picture_has_another_valence(hse_assets: Path, pairs: list[Pair]) -> None:
    pair = pairs[1]
    redder = SimpleNamespace(
        clip_id="x", status="ok", in_step=True, n_frames=FRAMES, truth=pair.truth, true_crops=pair.true_crops,
        true_landmarks=pair.true_landmarks, row=pair.row, true_digest="b", seen=pair.seen,
        faces=replace(pair.faces, crops=pair.true_crops + np.uint8([40, 0, 0]), digest="a"),
    )  # fmt: skip
    values = {value.metric: value.value for value in hsemotion.score([redder], with_assets(hse_assets))}
    assert values["valence_mae@hsemotion-va"] > 0.01 and values["arousal_mae@hsemotion-va"] > 0.01


def test_absent_or_wrong_networks(hse_assets: Path, pairs: list[Pair], tmp_path: Path) -> None:
    for name in ("emotion_fan", "hsemotion"):
        values = score_pairs(name, pairs, with_assets(tmp_path / "nothing"))
        assert {value.status for value in values} == {"weights_absent"}
        assert {value.metric for value in values} == {spec.key for spec in family_specs(name)}
        assert FAMILIES[name].assets[0] in values[0].reason
    (hse_assets / "hsemotion-va").rename(hse_assets / "elsewhere")
    statuses = {value.metric: value.status for value in score_pairs("hsemotion", pairs, with_assets(hse_assets))}
    assert statuses["acc_emo@hsemotion"] == "ok" and statuses["arousal@hsemotion-va"] == "weights_absent"
    with pytest.raises(ValueError, match="gives 8 numbers a face, expected 10"):
        hsemotion.opened(hse_assets / "hsemotion" / hsemotion.EMOTION_FILE, 10, with_assets(hse_assets))
    (tmp_path / "broken.onnx").write_bytes(b"no network")
    with pytest.raises(ValueError, match="no ONNX network"):
        hsemotion.opened(tmp_path / "broken.onnx", 8, with_assets(hse_assets))


def test_classes_are_the_projects_words() -> None:
    assert set(CLASSES) == set(hsemotion.CLASSES) == set(EMOTIONS)
    shares, frames = hsemotion.emotion_shares(np.where(np.arange(8) == 4, 9.0, 0.0)[None])
    assert EMOTIONS[shares.argmax()] == "happy" and frames == 1


# ---------------------------------------------------------------------------------------------- left-out people
def test_leaving_speakers_out_changes_the_report_alone(corpus: Path, tmp_path: Path) -> None:
    from metrics.judges import JudgeError, read_report
    from metrics.judges.speakers import speaker_folds
    from metrics.judges.training import train_judge

    settings = JudgeSettings(optimiser=Schedule(steps=12, batch_size=12, learning_rate=2e-3, warmup=5))
    for name, folds in (("plain", 0), ("left", 2)):
        train_judge("emotion", settings, 0, corpus, tmp_path / name, lambda line: None, left_out_folds=folds)
    plain, left = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("plain", "left"))
    assert plain == left
    assert "leave_speaker_out" not in read_report(tmp_path / "plain")
    report = read_report(tmp_path / "left")["leave_speaker_out"]
    assert report["folds"] == 2 and report["people"] == 3 and report["n"] == 9 and report["accuracy"] > 0.5
    with pytest.raises(JudgeError, match="only 'emotion'"):
        train_judge("sync", JudgeSettings(optimiser=Schedule(steps=1, batch_size=2, learning_rate=1e-3)), 0, corpus,
                    tmp_path / "sync", lambda line: None, left_out_folds=1)  # fmt: skip
    clips = [SimpleNamespace(row={"speaker": speaker}) for speaker in "aabcc"]
    parts = speaker_folds(clips, 9, 0)
    assert sorted(sum(parts, [])) == ["a", "b", "c"] and len(parts) == 3
    assert speaker_folds(clips[:2], 9, 0) == []
