"""What is decided: the family of Holm's correction, sizes that matter, the null row, and the best run."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from metrics.spec import REGISTRY
from metrics.summary.decisions import is_decided
from metrics.summary.kinds import Kinds
from metrics.tables import KINDS
from tests.metrics.test_aggregate import rows, summary_of

KINDS_OF = Kinds(again=("full_again",), variants=("filtered",), methods=("wav2lip", "eat"))
BASE = np.linspace(20, 30, 16)
NOISE = np.random.default_rng(7).normal(0, 0.05, (9, 16))


def psnr(run: str, shift: float, noise: int = 0, **changes: object) -> list[dict]:
    return rows(run, list(BASE + shift + NOISE[noise]), **changes)


def decided(folder: Path, *parts: list[dict], place: tuple[str, str] = ("all", "all")) -> pd.DataFrame:
    """Rows of PSNR by run."""
    table = summary_of(folder, *parts, kinds=KINDS_OF).xs(place, level=("corpus", "slice"))
    return table[table.metric == "psnr@region"]


def test_every_judged_metric_states_its_smallest_difference_and_why() -> None:
    lacking = [key for key, spec in REGISTRY.items() if spec.is_judged and not (spec.smallest and spec.why_smallest)]
    assert lacking == []
    with pytest.raises(ValueError, match="smallest must be above 0 and have a reason"):
        type(spec := REGISTRY["psnr@region"])(**{**vars(spec), "why_smallest": ""})


def test_a_size_may_be_a_share_of_the_level_compared_with() -> None:
    assert REGISTRY["fid@pytorch-fid"].smallest_beside(40.0) == pytest.approx(2.0)
    assert REGISTRY["psnr@region"].smallest_beside(40.0) == 0.5
    assert REGISTRY["words@texts"].smallest_beside(40.0) == float("inf")


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ((1.0, 0.5, 1.5, 0.01, 0.5, 0.2), True),
        ((1.0, 0.5, 1.5, 0.05, 0.5, 0.2), False),
        ((1.0, -0.1, 2.1, 0.01, 0.5, 0.2), False),
        ((0.4, 0.3, 0.5, 0.01, 0.5, 0.2), False),
        ((-0.6, -0.7, -0.5, 0.01, 0.5, 0.6), False),
        ((-0.7, -0.8, -0.6, 0.01, 0.5, 0.6), True),
        ((0.1 + 0.2 + 0.2, 0.3, 0.7, 0.01, 0.5, 0.0), True),
        ((1.0, None, None, 0.01, 0.5, 0.2), False),
        ((1.0, 0.5, 1.5, np.nan, 0.5, 0.2), False),
    ],
)
def test_all_four_rules_must_hold(numbers: tuple, expected: bool) -> None:
    assert is_decided(*numbers) is expected


def test_small_differences_are_not_decided_however_certain(tmp_path: Path) -> None:
    table = decided(tmp_path, psnr("full", 0), psnr("no_stda", 0.3, 1), psnr("no_tfrm", -1, 2))
    small, large = table.loc["no_stda"], table.loc["no_tfrm"]
    assert small.p_holm < 0.001 and small.difference_low > 0 and small.smallest == 0.5 and not small.decided
    assert large.decided and pd.isna(table.loc["full"].decided) and pd.isna(large.null_reach)


def test_nothing_within_the_null_row_is_decided(tmp_path: Path) -> None:
    parts = [psnr("full", 0), psnr("no_stda", -1, 1), psnr("no_tfrm", -3, 2)]
    again = psnr("full_again", 1.2, 3)
    table = decided(tmp_path, *parts, again)
    null = table.loc["full_again"]
    assert null.kind == "again" and pd.isna(null.p_holm) and pd.isna(null.decided) and not null.best
    assert null.difference_high == pytest.approx(null.null_reach) and null.null_reach > abs(null.difference_vs_full)
    assert not table.loc["no_stda"].decided and table.loc["no_tfrm"].decided
    assert decided(tmp_path, *parts).loc["no_stda"].decided  # but for the null row


def test_ablations_methods_and_variants_are_families_of_their_own(tmp_path: Path) -> None:
    ablations = [psnr("no_stda", -1, 1), psnr("no_tfrm", -1, 2)]
    ssim = [rows(run, list(0.5 + 0.01 * NOISE[n]), metric="ssim@region") for n, run in enumerate(("full", "no_stda"))]
    whole = [psnr("full", 0), *ablations, *ssim, psnr("ground_truth", 9, 6), psnr("full_again", 0, 5)]
    others = [psnr("wav2lip", -2, 3), psnr("eat", -2, 4), psnr("filtered", -1, 7)]
    table = decided(tmp_path, *whole, *others)
    least = table.loc["no_stda"].p_vs_full
    assert table.loc["no_stda"].p_holm == pytest.approx(3 * least)  # two runs by PSNR, one of them by SSIM
    assert table.loc["wav2lip"].p_holm == pytest.approx(2 * least)
    assert table.loc["filtered"].p_holm == pytest.approx(least)
    alone = decided(tmp_path, *whole)
    assert alone.loc[["no_stda", "no_tfrm"]].p_holm.tolist() == table.loc[["no_stda", "no_tfrm"]].p_holm.tolist()
    assert table.kind.to_dict() == {
        "full": "trained", "no_stda": "trained", "no_tfrm": "trained", "ground_truth": "baseline",
        "full_again": "again", "wav2lip": "method", "eat": "method", "filtered": "variant",
    }  # fmt: skip
    assert set(table.kind) < set(KINDS)


def test_second_variants_of_a_quantity_are_in_no_family(tmp_path: Path) -> None:
    parts = [psnr("full", 0), psnr("no_stda", -1, 1)]
    repeated = [[row | {"metric": "psnr@crop"} for row in part] for part in parts]
    table = summary_of(tmp_path, *parts, *repeated, kinds=KINDS_OF).loc[("no_stda", "all", "all")]
    of_metric = table.set_index("metric")
    assert of_metric.loc["psnr@region"].p_holm == of_metric.loc["psnr@region"].p_vs_full
    assert np.isnan(of_metric.loc["psnr@crop"].p_holm) and pd.isna(of_metric.loc["psnr@crop"].decided)


def test_the_best_run_is_the_one_decidedly_ahead_of_the_next(tmp_path: Path) -> None:
    runs = [psnr("full", 0), psnr("no_stda", 0.1, 1), psnr("no_tfrm", -4, 2), psnr("ground_truth", 9, 3)]
    assert not decided(tmp_path, *runs).best.any()  # .1 dB ahead decides nothing
    table = decided(tmp_path, *runs[:1], *runs[2:], psnr("eat", 5, 4), psnr("wav2lip", 3, 5))
    assert table.index[table.best].tolist() == ["eat", "full"]
    tied = decided(tmp_path, psnr("full", 0), psnr("no_stda", 0), psnr("no_tfrm", -4, 2))
    assert not tied.best.any()


def test_five_of_sixteen_clips_win_nothing(tmp_path: Path) -> None:
    part = psnr("eat", 5, 4)
    for row in part[5:]:
        row |= {"value": None, "status": "no_video", "reason": "no video"}
    table = decided(tmp_path, psnr("full", 0), part, psnr("wav2lip", -3, 5), psnr("sadtalker", -9, 6))
    assert table.loc["eat"].coverage == 5 / 16 and table.loc["eat"].clips == 5 and not table.loc["eat"].best
