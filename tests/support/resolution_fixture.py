"""Made-up spreads of what 30 clips can decide, for the report's tests."""

from pathlib import Path

from eadnet.tables import write_table
from metrics.resolution.table import RESOLUTION
from metrics.summary.paper_columns import COLUMNS

LEVELS = {"FID": (50.0, 3.0, 1.0), "SSIM": (0.86, 0.01, 0.001), "Sync-C": (2.0, 0.1, 0.05), "FVD": (200.0, 10.0, 8.0),
          "Acc_emo": (0.5, 0.09, 0.06)}  # fmt: skip
"""Value, its spread over draws, and that of a difference on the same draws, by column of the paper's tables."""


def write_resolution(path: Path, scale: float = 1.0, corpora: tuple[str, ...] = ("hdtf", "mead")) -> Path:
    """Spreads of two runs beside a base row; of `hdtf` no clip has an emotion. Returns the path."""
    blank = dict.fromkeys(RESOLUTION.names) | {"size": 30, "synthetic": True, "method": False, "metric_version": 1}
    rows = []
    for corpus in corpora:
        for column in COLUMNS:
            common = blank | {"corpus": corpus, "column": column.name, "metric": column.keys[-1]}
            if column.in_points and corpus == "hdtf":
                rows.append(common | {"reason": "no clip of this corpus has a value"})
                continue
            common |= {"draws": 200, "clips": 24, "people": 8, "people_drawn": 10, "seeds": 1}
            level, sd, paired = (LEVELS[column.name][0], *(scale * value for value in LEVELS[column.name][1:]))
            rows += [
                common
                | {"run": run, "base": "latentsync", "value": level, "mean": level, "sd": sd, "reason": "one seed"}
                | ({} if run == "latentsync" else {"difference": 20 * LEVELS[column.name][2], "sd_paired": paired})
                for run in ("full", "latentsync", "no_stda")
            ]
    write_table(rows, path, RESOLUTION)
    return path
