"""How many processes train together."""

import pytest

from eadnet.training.ranks import common_shares, ranks
from tests.support.toy_training import backbone_settings, training_settings


@pytest.mark.parametrize(
    ("gpus", "expected"), [(1, 1), (2, 2), (3, 2), (4, 4), (5, 4), (6, 4), (7, 4), (8, 8), (16, 8)]
)
def test_eight_shares_fit_every_number_of_gpus(gpus: int, expected: int):
    assert ranks(8, gpus, threads=1) == expected


@pytest.mark.parametrize(("shares", "threads", "expected"), [(8, 64, 8), (6, 4, 3), (2, 1, 1), (1, 16, 1), (7, 6, 1)])
def test_on_a_cpu_the_threads_are_the_limit(shares: int, threads: int, expected: int):
    assert ranks(shares, 0, threads) == expected


def test_every_phase_can_be_divided():
    optimiser = {"steps": 1, "batch_size": 1, "learning_rate": 1e-3}
    settings = training_settings(
        processes=4, optimiser=optimiser | {"accumulate": 6}, adaptation=optimiser | {"accumulate": 4}
    )
    assert common_shares(settings) == 8
    assert common_shares(backbone_settings(processes=2, optimiser=optimiser | {"accumulate": 3})) == 6
