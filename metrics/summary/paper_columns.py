"""The columns of the paper's tables, and which of our metrics stands for each.

A paper prints "FID"; a registry has several. Each column names the variant that comes nearest to the paper's and, where
its published weights are absent, the corpus's own judge, whose values compare with no published number. Reads nothing.
"""

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """A column of the paper's Tables 1 to 4.

    `keys` are metric keys of ``metrics.spec.REGISTRY``, best first. A column `in_points` is a share, which tables show
    in percent and whose differences count in percentage points. One that is `absolute` has differences in its own unit;
    those of any other read as shares of the base row's value.
    """

    name: str
    higher_is_better: bool
    keys: tuple[str, ...]
    in_points: bool = False
    absolute: bool = False


COLUMNS = (
    Column("FID", False, ("fid@pytorch-fid", "fid@corpus-v1")),
    # Of the whole aligned crop, which is what a method puts out and papers compare; the paper states no region. It ends
    # at 1, and moves less the nearer it comes: a share of its value would mean nothing.
    Column("SSIM", True, ("ssim@crop",), absolute=True),
    Column("Sync-C", True, ("lse_c@ref-v1", "lse_c@corpus-v1")),
    Column("FVD", False, ("fvd@stylegan-v", "fvd@corpus-v1")),
    Column("Acc_emo", True, ("acc_emo@emotion-fan", "acc_emo@corpus-v1"), in_points=True),
)
"""In the paper's order. Only MEAD has labels of emotion, so that the last column stands in its tables alone."""


def chosen(available: Collection[str]) -> dict[str, str]:
    """The metric key that stands for each column, by its name, in the paper's order.

    Args:
        available: keys that have a value. A column none of whose keys is among them is left out.
    """
    best = {column.name: next((key for key in column.keys if key in available), None) for column in COLUMNS}
    return {name: key for name, key in best.items() if key is not None}
