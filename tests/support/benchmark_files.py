"""Snakemake's benchmark files of a small run, as reports read them."""

from pathlib import Path


def write(folder: Path) -> None:
    """Write `benchmarks` below a results folder."""
    times = {
        "render_mead/M003": 11,
        "render_mead/M005": 9.5,
        "pretrain_backbone": 210,
        "train/full/0": 60,
        "score/full/0": 8.5,
    }
    for name, seconds in times.items():
        path = folder / "benchmarks" / f"{name}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"s\th:m:s\tmax_rss\tmax_vms\n{seconds}\t0:00:01\t{900 + seconds}\t-\n")
