"""Known damage: each kind does what it says, the metrics move the way they should, and the verdicts follow the rule."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from eadnet.config.section import ConfigError
from eadnet.media.reading import read_video
from eadnet.media.writing import write_video
from eadnet.tables import CLIPS, read_rows, read_table
from metrics.calibration import calibrate as calibration
from metrics.calibration.calibrate import calibrate
from metrics.calibration.damage import CRF, DAMAGES, STRENGTHS, WholeClip, damages
from metrics.calibration.damaged_videos import choose_takes, partners
from metrics.calibration.responses import BLIND, CALIBRATION, MOVES, NO_VALUE, SEES, TOO_FEW, WRONG, summarise
from metrics.families.image import compare
from metrics.families.landmarks import correlation
from metrics.families.temporal import mean_difference
from metrics.functional.sync import sync_values
from metrics.measuring import passes
from metrics.scoring.settings import ScoringSettings
from metrics.tables import Unscorable
from reports import style
from reports.figures.calibration import LOWEST
from reports.figures.calibration import build as figure_of
from reports.load import EmptyInputs
from reports.tables import formats
from reports.tables.calibration import build as table_of
from tests.support.metrics_fixture import FRAMES, RESOLUTION, draw, smooth_noise, unsearched, write_corpus

REGION = np.ones((RESOLUTION, RESOLUTION), bool)
IN_TIME = [name for name, damage in DAMAGES.items() if damage.group == "Sound and time"]
IN_PICTURE = ["blur", "noise", "brightness_flicker", "shake", "shift"]


def face(opening: np.ndarray, skin: tuple[int, int, int] = (200, 160, 130)) -> WholeClip:
    frames = draw(opening, skin, 0.5)
    return WholeClip(frames, np.tile(np.eye(2, 3), (len(frames), 1, 1)), 30.0)


@pytest.fixture(scope="module")
def footage() -> WholeClip:
    opening = smooth_noise(np.random.default_rng(0), FRAMES)
    other = face(1 - opening[:30], (90, 60, 200))
    true = face(opening)
    return WholeClip(true.frames, true.transforms, true.eyes, other)


def damaged(name: str, footage: WholeClip, amount: float) -> np.ndarray:
    return np.stack(list(DAMAGES[name].apply(footage, amount, "clip")))


def clock(count: int = 100) -> WholeClip:
    """Every pixel of a frame says which frame it is."""
    frames = np.broadcast_to(np.arange(count, dtype=np.uint8)[:, None, None, None], (count, 2, 2, 3))
    return WholeClip(frames, np.tile(np.eye(2, 3), (count, 1, 1)), 1.0)


def order_after(name: str, amount: float, count: int = 100) -> np.ndarray:
    """Which true frame is seen at each moment."""
    return damaged(name, clock(count), amount)[:, 0, 0, 0].astype(int)


# -------------------------------------------------------------------------------------------------- the damages
def test_every_damage_keeps_length_and_size_and_repeats_itself(footage: WholeClip) -> None:
    count, *size = footage.frames.shape
    for name, damage in DAMAGES.items():
        for _, amount in (damage.steps[0], damage.steps[-1]):
            once = damaged(name, footage, amount)
            assert once.shape == (round(count * damage.fps(amount) / 25), *size) and once.dtype == np.uint8, name
            assert np.array_equal(once, damaged(name, footage, amount)), name


def test_every_strength_changes_more_than_the_one_before(footage: WholeClip) -> None:
    for name in (*IN_PICTURE, "swapped_emotion", "frozen_video", "wrong_audio"):
        quality = [
            compare(damaged(name, footage, amount), footage.frames, REGION).psnr_region
            for _, amount in DAMAGES[name].steps
        ]
        assert quality[0] < 100 and quality == sorted(quality, reverse=True), (name, quality)


def test_compression_lies_in_the_encoder(footage: WholeClip, tmp_path: Path) -> None:
    compression = DAMAGES["compression"]
    assert np.array_equal(damaged("compression", footage, 48), footage.frames)
    assert {damage.crf(1) for damage in DAMAGES.values() if damage.unit != "crf"} == {CRF}
    quality = []
    for crf in (CRF, *(compression.crf(amount) for _, amount in compression.steps)):
        write_video(tmp_path / "clip.mp4", footage.frames, crf=crf)
        quality.append(compare(read_video(tmp_path / "clip.mp4"), footage.frames, REGION).psnr_region)
    assert quality == sorted(quality, reverse=True) and quality[0] > quality[-1] + 10


def test_frames_in_time() -> None:
    assert order_after("audio_offset", 4)[:7].tolist() == [0, 0, 0, 0, 0, 1, 2]
    assert order_after("audio_offset", -4)[-6:].tolist() == [98, 99, 99, 99, 99, 99]
    assert order_after("wrong_audio", 1.0).tolist() == [*range(50, 100), *range(50)]
    assert (order_after("wrong_audio", 0.2) == np.arange(100)).sum() == 80
    assert order_after("frozen_video", 1.0).tolist() == [0] * 100
    assert order_after("frozen_video", 0.4).tolist() == [*[0] * 40, *range(40, 100)]
    for share in DAMAGES["dropped_frames"].amounts:
        order = order_after("dropped_frames", share)
        kept = order == np.arange(100)
        assert kept.sum() == 100 - round(100 * share) and (np.diff(order) >= 0).all()
    late = [np.arange(100) - order_after("repeated_frames", share) for share in DAMAGES["repeated_frames"].amounts]
    assert [lag[-1] for lag in late] == [2, 5, 10, 20, 40] and all((np.diff(lag) >= 0).all() for lag in late)
    for window in DAMAGES["shuffled_frames"].amounts:
        order = order_after("shuffled_frames", window)
        assert sorted(order) == list(range(100)) and (order // window == np.arange(100) // window).all()


def test_averaged_frames_spread_a_flash_by_binomial_weights() -> None:
    frames = np.zeros((21, 2, 2, 3), np.uint8)
    frames[10] = 240
    flash = WholeClip(frames, np.tile(np.eye(2, 3), (21, 1, 1)), 1.0)
    assert damaged("averaged_frames", flash, 1)[8:13, 0, 0, 0].tolist() == [0, 60, 120, 60, 0]
    assert damaged("averaged_frames", flash, 2)[7:14, 0, 0, 0].tolist() == [0, 15, 60, 90, 60, 15, 0]
    assert (damaged("averaged_frames", clock(), 4)[4:-4] == clock().frames[4:-4]).all()  # a steady course stays


def test_another_rate_shows_the_nearest_frame() -> None:
    assert order_after("frame_rate", 50)[:5].tolist() == [0, 1, 1, 2, 2]
    assert order_after("frame_rate", 30)[:8].tolist() == [0, 1, 2, 3, 3, 4, 5, 6]
    assert order_after("frame_rate", 15)[:4].tolist() == [0, 2, 3, 5]


def test_a_moved_crop_moves_by_whole_pixels(footage: WholeClip) -> None:
    moved = damaged("moved_crop", footage, 2)
    assert np.array_equal(moved[:, 2:, 2:], footage.frames[:, :-2, :-2])
    assert np.array_equal(moved[:, 0], moved[:, 2]) and np.array_equal(moved[:, :, 0], moved[:, :, 2])


def test_a_stronger_loss_contains_the_weaker() -> None:
    lost = [set(np.flatnonzero(np.diff(order_after("dropped_frames", share)) == 0)) for share in (0.1, 0.2, 0.4)]
    assert lost[0] < lost[1] < lost[2]


def test_a_swapped_face_lies_where_the_true_one_has_been() -> None:
    spot = np.zeros((2, 64, 64, 3), np.uint8)
    spot[:, 20:24, 40:44] = 255
    true = np.array([[2.0, 0, -8], [0, 2.0, -6]])  # source to crop: the spot's place is at (76, 38) of the crop
    theirs = np.array([[1.0, 0, 34], [0, 1.0, 16]])
    other = WholeClip(spot, np.tile(theirs, (2, 1, 1)), 20.0)
    footage = WholeClip(np.zeros_like(spot), np.tile(true, (2, 1, 1)), 10.0, other)
    seen = damaged("swapped_identity", footage, 1.0)[0, :, :, 0].astype(float)
    rows, columns = np.indices(seen.shape)
    centre = np.array([(columns * seen).sum(), (rows * seen).sum()]) / seen.sum() + 0.5
    in_crop = true[:, :2] @ centre + true[:, 2]
    assert in_crop == pytest.approx(theirs[:, :2] @ (42, 22) + theirs[:, 2], abs=0.3)
    with pytest.raises(ValueError, match="no other clip"):
        next(DAMAGES["swapped_identity"].apply(other, 1.0, "clip"))
    with pytest.raises(ValueError, match="there are: audio_offset"):
        damages(["audio_offsett"])


# ------------------------------------------------------------------------------------- direction of cheap metrics
def test_a_perfect_judge_reads_the_offset() -> None:
    time = np.arange(100.0)
    for _, amount in DAMAGES["audio_offset"].steps:
        seen, heard = order_after("audio_offset", amount)[10:90, None], time[10:90, None]
        assert sync_values(seen, heard).offset == amount
    with pytest.raises(Unscorable):
        sync_values(seen[:12], heard[:12])


def test_lips_follow_the_true_ones_less_and_less() -> None:
    opening = smooth_noise(np.random.default_rng(1), 100)
    late = [correlation(opening[order_after("audio_offset", amount)], opening) for amount in (0, 1, 2, 4)]
    assert late == sorted(late, reverse=True) and late[0] == pytest.approx(1) and late[-1] < 0.5
    for name in ("shuffled_frames", "frozen_video", "wrong_audio", "repeated_frames"):
        strongest = DAMAGES[name].amounts[-1]
        assert correlation(opening[order_after(name, strongest)], opening) < 0.6, name


def test_flicker_and_stillness_are_told_apart(footage: WholeClip) -> None:
    def trembling(name: str) -> list[float]:
        return [mean_difference(damaged(name, footage, a), REGION, 2) for a in DAMAGES[name].amounts]

    still = mean_difference(footage.frames, REGION, 2)
    for name in ("brightness_flicker", "noise", "shake"):
        values = [still, *trembling(name)]
        assert values == sorted(values) and values[-1] > 3 * still, name
    frozen = [still, *trembling("frozen_video")]
    assert frozen == sorted(frozen, reverse=True) and frozen[-1] == 0


# --------------------------------------------------------------------------------------------- choosing and running
@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus"), people=3, clips=3)


def test_clips_and_partners_are_chosen_by_name(corpus: Path) -> None:
    rows = read_rows(corpus, CLIPS)
    takes = choose_takes(rows[::-1], 4, 30, "all")
    assert takes == choose_takes(rows, 4, 30, "all")
    assert len({take.row["speaker"] for take in takes}) == 3 and {take.row["n_frames"] for take in takes} == {30}
    for take in choose_takes(rows, 99, 30, "all"):
        mood, person = take.partners["emotion"], take.partners["identity"]
        assert mood["speaker"] == take.row["speaker"] and mood["emotion"] != take.row["emotion"]
        assert person["speaker"] != take.row["speaker"] and person["emotion"] == take.row["emotion"]
    assert partners(rows[0], rows[:1]) == {"emotion": None, "identity": None}
    with pytest.raises(ConfigError, match="keeps its whole frames"):
        choose_takes([row | {"width": 640} for row in rows], 4, 30, "all")


def test_a_killed_calibration_goes_on_and_the_verdicts_are_right(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passes, "find_faces", unsearched)
    settings, output, seen = ScoringSettings(None, "full", RESOLUTION, 16), tmp_path / "calibration.parquet", []
    respond = calibration.Bench.respond

    def mortal(bench: calibration.Bench, damage: object) -> object:
        seen.append(damage.name)
        if len(seen) == 2:
            raise KeyboardInterrupt
        return respond(bench, damage)

    monkeypatch.setattr(calibration.Bench, "respond", mortal)
    names, families = ("blur", "frozen_video"), ("image", "landmarks")
    for _ in range(2):
        try:
            calibrate(corpus, families, settings, output, names, 3, 25, "test", lambda line: None)
        except KeyboardInterrupt:
            assert not output.exists() and len(list((tmp_path / "calibration.parts").glob("*"))) == 1
    assert seen == ["frozen_video", "blur", "blur"] and not (tmp_path / "calibration.parts").exists()
    table = read_table(output, CALIBRATION)
    assert sorted(table.strength.unique()) == list(range(STRENGTHS + 1))
    per_clip = table[table.metric == "psnr@region"]
    assert len(per_clip) == 2 * 3 * 6 and per_clip.value.notna().all()
    verdicts = summarise(table).set_index(["metric", "damage"])
    blurred = verdicts.loc["psnr@region", "blur"]
    assert blurred.verdict == SEES and blurred.monotone and blurred.seen_from <= 3 and blurred.spearman > 0.9
    assert blurred.change > 3 and blurred.undamaged - blurred.damaged == pytest.approx(blurred.change)
    frozen = verdicts.loc["psnr@region", "frozen_video"]
    assert frozen.verdict == SEES and frozen.spearman > 0.9
    assert verdicts.loc["m_lmd@mediapipe", "blur"].verdict == NO_VALUE  # no face was found


# --------------------------------------------------------------------------------------------------- the verdict
def responses(metric: str, losses: list[list[float]], damage: str = "blur") -> pd.DataFrame:
    """A CALIBRATION table: one list a strength (0 to 5) with a value a clip."""
    rows = [
        dict.fromkeys(CALIBRATION.names)
        | {"damage": damage, "metric": metric, "strength": strength, "amount": float(strength), "unit": "x", "n": 1,
           "clip_id": f"clip_{place}", "value": value, "status": "ok"}
        for strength, values in enumerate(losses) for place, value in enumerate(values)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def verdict(metric: str, losses: list[list[float]]) -> pd.Series:
    return summarise(responses(metric, losses)).iloc[0]


def test_verdicts_follow_the_rule() -> None:
    clips = [30.0, 32.0, 34.0, 33.0]
    falling = [[value - 2 * strength for value in clips] for strength in range(6)]
    seen = verdict("psnr@region", falling)
    assert (seen.signed, seen.absolute, seen.largest) == (-10, 10, 10)
    assert (seen.verdict, seen.seen_from, seen.monotone) == (SEES, 1, True)
    assert seen.change == pytest.approx(10) and seen.effect == pytest.approx(10 / np.std(clips, ddof=1))
    assert seen.seen_amount == DAMAGES["blur"].amounts[0]
    assert verdict("psnr@region", falling[::-1]).verdict == WRONG
    assert verdict("m_lmd@mediapipe", falling[::-1]).verdict == SEES  # the same numbers where lower is better
    mixed = [clips] * 5 + [[31.0, 31.0, 35.0, 32.0]]
    assert verdict("psnr@region", mixed).verdict == BLIND and verdict("psnr@region", mixed).change == 0
    assert verdict("psnr@region", [values[:2] for values in falling]).verdict == TOO_FEW
    assert verdict("psnr@region", [*falling[:5], [None] * 4]).verdict == NO_VALUE
    late = [clips, clips, clips, clips, falling[4], falling[5]]
    assert verdict("psnr@region", late).seen_from == 4


def test_targets_classes_and_sets_have_a_worse_side_too() -> None:
    ratio = [[1.0, 1.02, 0.98]] + [[1 - 0.1 * strength] * 3 for strength in range(1, 6)]
    assert verdict("flicker_ratio@region", ratio).verdict == SEES
    assert verdict("flicker_ratio@region", [[2 - value for value in values] for values in ratio]).verdict == SEES
    answers = [[0, 3, 5]] * 3 + [[0, 3, 1]] * 2 + [[1, 1, 1]]
    classes = verdict("predicted_emotion@corpus-v1", answers)
    assert classes.verdict == MOVES and classes.change == 1.0
    table = responses("fid@corpus-v1", [[1.0], [1.5], [2.0], [3.0], [6.0], [9.0]]).assign(clip_id=None)
    wide = summarise(table.assign(ci_low=table.value - 1, ci_high=table.value + 1)).iloc[0]
    assert (wide.verdict, wide.seen_from, wide.level) == (SEES, 4, "set")
    assert summarise(table.assign(ci_low=table.value - 5, ci_high=table.value + 5)).iloc[0].verdict == BLIND
    assert summarise(table).iloc[0].verdict == TOO_FEW


def test_both_signs_of_an_offset_count() -> None:
    late = responses("sync_offset@corpus-v1", [[0.0] * 3] + [[float(s)] * 3 for s in range(1, 6)], "audio_offset")
    soon = late[late.strength > 0].assign(value=lambda rows: -rows.value)
    both = summarise(pd.concat([late, soon])).iloc[0]
    assert both.verdict == SEES and both.change == 5 and both.damaged == 0
    assert both.signed == 0 and both.absolute == both.largest == 5  # the mean of both signs hides it, the others not


# -------------------------------------------------------------------------------------------------- table and figure
def test_table_and_figure_show_the_verdicts(tmp_path: Path) -> None:
    falling = [[30.0 - 2 * strength, 32.0 - 2 * strength, 34.0 - 2 * strength] for strength in range(6)]
    parts = [responses("psnr@region", falling), responses("psnr@region", falling[::-1], "noise"),
             responses("flicker_ratio@region", [[1.0, 0.99, 1.01]] * 6, "noise"),
             responses("psnr@region", falling, "frozen_video")]  # fmt: skip
    table = table_of(pd.concat(parts))
    assert [panel.group for panel in table.panels] == ["Sound and time", "Picture"]
    rows = {row[1].text: row[2:] for row in table.panels[1].rows}
    assert table.panels[1].header[2:] == ("Blur, to 0.16 inter-ocular", "Noise, to 40 grey levels")
    seen, wrong = rows["PSNR (dB) ↑"]
    assert (seen.text, seen.detail, seen.strong) == ("5.0", "from 0.01", True)
    assert (wrong.text, wrong.detail, wrong.strong) == ("−5.0", "wrong way", False)
    assert [cell.text for cell in rows["Flicker ratio → 1"]] == ["–", "0.0"]
    assert "Read as an improvement: Noise (PSNR)" in table.caption and "3 real clips" in table.caption
    formats.write(table, tmp_path)
    with style.figure_style():
        figure = figure_of(pd.concat(parts))
        style.save(figure, tmp_path / "calibration.svg")
    assert len(figure.axes) == 2 * (1 + 3) and (tmp_path / "calibration.png").stat().st_size > 5000
    heights = {line.get_ydata()[-1] for axes in figure.axes for line in axes.get_lines() if len(line.get_ydata()) == 6}
    assert heights == {1.0, LOWEST, 0.0}  # the strongest response, one cut off below, and none
    with pytest.raises(EmptyInputs, match="no response"):
        table_of(pd.concat(parts)[:0])
