"""Which metric stands for a column of the paper's tables."""

from metrics.spec import REGISTRY
from metrics.summary.paper_columns import COLUMNS, chosen


def test_every_key_exists_and_points_the_way_of_its_column():
    for column in COLUMNS:
        assert column.keys
        assert {REGISTRY[key].higher_is_better for key in column.keys} == {column.higher_is_better}, column.name
        assert column.in_points == (REGISTRY[column.keys[0]].name == "acc_emo")


def test_the_first_key_that_has_a_value_is_chosen():
    assert chosen({"ssim@crop", "fid@corpus-v1", "fid@clean", "lse_c@corpus-v1", "lse_c@ref-v1"}) == {
        "FID": "fid@corpus-v1", "SSIM": "ssim@crop", "Sync-C": "lse_c@ref-v1"
    }  # fmt: skip
    assert chosen([key for column in reversed(COLUMNS) for key in column.keys]) == {
        column.name: column.keys[0] for column in COLUMNS
    }


def test_no_value_no_column():
    assert chosen(()) == {}
