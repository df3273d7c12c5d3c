"""Costs of jobs in the default run, for the estimate of a first run, which has no earlier times.

``usual.tsv`` in this folder has the average job of each rule, in seconds and cores. `make readme` writes it from the
run whose results README shows: ``python -m snakemake_logger_plugin_eadnet results/benchmarks``.
"""

import csv
import sys
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from snakemake_logger_plugin_eadnet.estimate import Took, average, read_benchmarks

NAME = "usual.tsv"
PLACE = Path(__file__).with_name(NAME)
OTHERWISE = ("--configfile", "--configfiles", "--config", "-C")
"""Options with which a run is not the default one, so that the usual times do not apply."""


def read_usual(arguments: Sequence[str]) -> dict[str, Took]:
    """The average job by rule; none if the command line (given without its program) changes the configuration."""
    if any(word.split("=", 1)[0] in OTHERWISE for word in arguments):
        return {}
    lines = (files("snakemake_logger_plugin_eadnet") / NAME).read_text(encoding="utf-8").splitlines()
    return {row["rule"]: Took(float(row["s"]), float(row["cores"])) for row in csv.DictReader(lines, delimiter="\t")}


def write_usual(benchmarks: Path, output: Path = PLACE) -> None:
    """Write the table from the benchmark files of a run.

    Raises:
        SystemExit: there are no benchmark files.
    """
    rules = {rule: average(times) for rule, times in read_benchmarks(benchmarks).items()}
    if not rules:
        sys.exit(f"error: {benchmarks}: no benchmark files; give the folder of a finished run, results/benchmarks")
    lines = [f"{rule}\t{took.seconds:.1f}\t{took.cores:.2f}\n" for rule, took in sorted(rules.items())]
    output.write_text("rule\ts\tcores\n" + "".join(lines), encoding="utf-8")
