"""Say how long each rule took: ``python workflow/times.py --benchmarks results/benchmarks --since 1750000000``.

Reads the benchmark files that Snakemake wrote (``{rule}/{job}.tsv``); writes to standard output only. Files older
than `--since` (seconds of the epoch; the start of the run) belong to earlier runs and are left out of the wall time's
account, so that a partial rerun prints only what it did.
"""

import argparse
import csv
import time
from collections.abc import Iterator
from pathlib import Path


def main() -> None:
    """Parse the options and print the table."""
    parser = argparse.ArgumentParser(description="How long each rule took.")
    parser.add_argument("--benchmarks", type=Path, required=True, help="Folder of the benchmark files.")
    parser.add_argument("--since", type=float, required=True, help="Start of the run, in seconds of the epoch.")
    given = parser.parse_args()
    lines = list(time_table(given.benchmarks, given.since))
    if lines:
        print("\n".join(lines), f"wall time {clock(time.time() - given.since)}", sep="\n")


def time_table(folder: Path, since: float) -> Iterator[str]:
    """One line a rule: jobs, seconds of work, share and largest memory; the slowest rule first."""
    jobs = [path for path in folder.rglob("*.tsv") if path.stat().st_mtime >= since]
    rules: dict[str, list[tuple[float, float]]] = {}
    for path in jobs:
        rules.setdefault(path.relative_to(folder).parts[0], []).append(read_benchmark(path))
    work = {rule: sum(seconds for seconds, _ in rows) for rule, rows in rules.items()}
    total = sum(work.values())
    if rules:
        yield f"{'rule':<26}{'jobs':>6}{'work':>10}{'share':>8}{'memory':>10}"
    for rule in sorted(work, key=work.__getitem__, reverse=True):
        memory = max(megabytes for _, megabytes in rules[rule])
        share = work[rule] / total if total else 0
        yield f"{rule:<26}{len(rules[rule]):>6}{clock(work[rule]):>10}{share:>8.0%}{memory / 1024:>7.1f} GB"
    if rules:
        yield f"{'all':<26}{len(jobs):>6}{clock(total):>10}"


def read_benchmark(path: Path) -> tuple[float, float]:
    """Wall seconds and largest resident memory (MB, 0 where too short to be seen) of one job."""
    with open(path, newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    memory = [float(row["max_rss"]) for row in rows if row.get("max_rss", "-") not in ("-", "NA")]
    return sum(float(row["s"]) for row in rows), max(memory, default=0.0)


def clock(seconds: float) -> str:
    """Seconds as ``m:ss``."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


if __name__ == "__main__":
    main()
