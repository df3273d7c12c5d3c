"""Jobs, hours, memory and disk of a configuration on a machine, from the real plan and counted or measured costs.

    python -m benchmarks.plan --configfile config/paper.yaml [more.yaml] --machine 8xH100 [--nodes 2] [--cores 128]
        [--hours-of hdtf=15.8 mead=36] [--target all] [--markdown]
    python -m benchmarks.plan --check | --write

The plan is Snakemake's own (a dry run as if nothing had been made), so every job of every rule counts, with the cores,
GPUs and memory that it asks for. Its jobs are then laid out on the machine's nodes; hours of the clock follow from
that. Where each number comes from stands in the last column: *counted* operations, *measured* times, or *assumed*.
What is not known is named below the table and counts as nothing, so every sum is a lower bound then. `--check`
compares the heads of config/paper.yaml and config/gpu.yaml with what is computed now, and `--write` corrects them.

The usual times are seconds of the clock on a machine that was busy with other work; alone they are shorter.
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from benchmarks.plan_costs import Cost, Costs, Rates, Unknown
from benchmarks.plan_jobs import Graph, Job, granted, planned_jobs, schedule
from benchmarks.plan_machines import Machine, parse_machine
from benchmarks.plan_work import HOURS, ROOT, Work, configuration

QUOTED = {"config/paper.yaml": "8xH200", "config/gpu.yaml": "H100"}
"""Configurations whose head quotes an estimate, and the machine that it is for."""
UNDER = {"config/gpu.yaml": "config/evidence.yaml"}
"""The configuration over which one of them is laid."""
PREFIX = "# Estimate (python -m benchmarks.plan) for "
HEAD = ("rule", "jobs", "GPU-h", "core-h", "clock h", "host MB", "GPU GiB", "disk GB", "from")


@dataclass
class Stage:
    """The jobs of one rule together: hours of GPUs and cores, spans on the clock, the most memory, all disk."""

    jobs: int = 0
    gpu: float = 0.0
    core: float = 0.0
    spans: list[tuple[float, float]] = field(default_factory=list)
    host: int = 0
    card: float = 0.0
    disk: float = 0.0
    bases: dict[str, None] = field(default_factory=dict)

    @property
    def clock(self) -> float:
        """Hours during which at least one of the jobs runs."""
        total, until = 0.0, 0.0
        for start, end in sorted(self.spans):
            total += max(end - max(start, until), 0.0)
            until = max(until, end)
        return total / 3600


@dataclass(frozen=True)
class Estimate:
    """All stages by rule, hours on the clock of all, and the rules that are not (wholly) estimated, with the cause."""

    stages: dict[str, Stage]
    hours: float
    unknown: dict[str, str]

    @property
    def gpu_hours(self) -> float:
        """Hours of GPUs of all stages."""
        return sum(stage.gpu for stage in self.stages.values())

    @property
    def core_hours(self) -> float:
        """Hours of cores that work of all stages."""
        return sum(stage.core for stage in self.stages.values())

    @property
    def disk(self) -> float:
        """GB of all stages."""
        return sum(stage.disk for stage in self.stages.values())


def estimate(graph: Graph, work: Work, machine: Machine) -> Estimate:
    """What the jobs cost on the machine."""
    rates = Rates()
    costs, unknown = _costs(graph.jobs, Costs(work, rates, graph.jobs), machine)

    def seconds(job: Job) -> float:
        return costs[job].seconds(machine, *granted(job, machine), rates) if job in costs else 0.0

    spans = schedule(graph, machine, seconds)
    stages: dict[str, Stage] = defaultdict(Stage)
    for job in graph.jobs:
        _add(stages[job.rule], job, costs.get(job), spans[job], machine)
    return Estimate(dict(stages), max(end for _, end in spans.values()) / 3600, unknown)


def _costs(jobs: Iterable[Job], costs: Costs, machine: Machine) -> tuple[dict[Job, Cost], dict[str, str]]:
    known, causes = {}, defaultdict(list)
    for job in jobs:
        try:
            cost = costs.of(job)
            if cost.only_gpu and not (machine.card and job.gpus):
                raise Unknown("needs a GPU, which it does not ask for or the machine lacks")
            known[job] = cost
        except Unknown as error:
            causes[job.rule].append(str(error))
    return known, {rule: f"{len(own)} jobs: {own[0]}" for rule, own in causes.items()}


def _add(stage: Stage, job: Job, cost: Cost | None, span: tuple[float, float], machine: Machine) -> None:
    cores, gpus = granted(job, machine)
    hours = (span[1] - span[0]) / 3600
    stage.jobs += 1
    stage.host = max(stage.host, job.megabytes)
    if cost is None:
        return
    used = bool(gpus and machine.card and cost.gpu_seconds is not None)
    stage.gpu += hours * gpus if used else 0.0
    stage.core += 0.0 if used else hours * (cores if cost.tflop else 1)
    stage.spans.append(span)
    stage.card = max(stage.card, cost.gpu_gib if used else 0.0)
    stage.disk += cost.disk_gb
    stage.bases[cost.basis] = None


def rows(made: Estimate) -> list[tuple[str, ...]]:
    """The table's lines: a rule each, those of most hours first, and the sum."""
    order = sorted(made.stages.items(), key=lambda item: -(item[1].gpu * 100 + item[1].core))
    lines = [
        (rule, str(s.jobs), _number(s.gpu), _number(s.core), _number(s.clock), str(s.host))
        + (_number(s.card), _number(s.disk), "; ".join(s.bases) or "not estimated")
        for rule, s in order
    ]
    jobs, host = sum(s.jobs for s in made.stages.values()), max(s.host for s in made.stages.values())
    card = max(s.card for s in made.stages.values())
    total = ("all", str(jobs), _number(made.gpu_hours), _number(made.core_hours), _number(made.hours), str(host))
    return [*lines, (*total, _number(card), _number(made.disk), "")]


def notes(made: Estimate, work: Work, machine: Machine) -> list[str]:
    """What the table rests on, a line each."""
    rates = Rates()
    lines = []
    if machine.card:
        lines.append(f"GPUs at {rates.utilisation:.0%} of {machine.card.tflops:g} TFLOP/s ({rates.said})")
        card = max(stage.card for stage in made.stages.values())
        if card * 2**30 / 1e9 > machine.card.gigabytes:
            lines.append(f"a job needs {card:.0f} GiB, and a GPU has {machine.card.gigabytes:g} GB: it does not fit")
    elif machine.nodes * machine.cores:
        lines.append(f"published networks at {rates.core_tflops:.2g} TFLOP/s a core (measured, training.csv)")
    hours = ", ".join(f"{name} {_hours(work, name)}" for name in work.shards)
    lines.append(f"hours of video: {hours}")
    lines += [f"not estimated: {rule} ({cause})" for rule, cause in sorted(made.unknown.items())]
    return lines


def _hours(work: Work, corpus: str) -> str:
    source = "drawn" if work.drawn(corpus) else "given" if corpus in work.hours else "assumed"
    return f"{work.seconds(corpus) / 3600:.3g} ({source})"


def _number(value: float) -> str:
    return "" if not value else f"{value:.2g}" if value < 10 else f"{value:.0f}"


def printed(lines: list[tuple[str, ...]], markdown: bool) -> str:
    """The table, for a terminal or as Markdown."""
    if markdown:
        body = [HEAD, ("---", *["---:"] * (len(HEAD) - 2), "---"), *lines]
        return "\n".join("| " + " | ".join(line) + " |" for line in body)
    widths = [max(map(len, column)) for column in zip(HEAD, *lines, strict=True)]
    return "\n".join(_aligned(line, widths) for line in (HEAD, *lines))


def _aligned(line: tuple[str, ...], widths: list[int]) -> str:
    """Words to the left, numbers to the right."""
    first, *middle, last = zip(line, widths, strict=True)
    return "  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in middle), last[0]]).rstrip()


# ------------------------------------------------------------------------------------------------- heads of configs
def quote(name: str, made: Estimate) -> str:
    """The line that the head of a configuration quotes of its estimate."""
    jobs = sum(stage.jobs for stage in made.stages.values())
    figures = f"{jobs} jobs, {made.gpu_hours:.0f} GPU-hours, {made.core_hours:.0f} core-hours"
    return f"{PREFIX}{QUOTED[name]}: {figures}, {made.hours:.1f} hours on the clock, {made.disk:.0f} GB"


def quoted(text: str) -> str | None:
    """The line that a configuration quotes now; None if there is none."""
    return next((line for line in text.splitlines() if line.startswith(PREFIX)), None)


def check(write: bool = False) -> list[str]:
    """The files whose quote is not what is computed now, a line each; `write` puts the right one there.

    Raises:
        ValueError: a file has no line to be replaced.
    """
    stale = []
    for name in QUOTED:
        path = ROOT / name
        files = [str(ROOT / UNDER[name])] if name in UNDER else []
        target = "evidence" if files else "all"
        wanted = quote(name, estimated([*files, str(path)], parse_machine(QUOTED[name]), {}, target)[0])
        text = path.read_text(encoding="utf-8")
        found = quoted(text)
        if found is None:
            raise ValueError(f"{name}: no line begins with '{PREFIX}'; add one")
        if found != wanted and write:
            path.write_text(text.replace(found, wanted), encoding="utf-8")
        elif found != wanted:
            stale.append(f"{name} should say: {wanted}; run python -m benchmarks.plan --write")
    return stale


# -------------------------------------------------------------------------------------------------- command line
def estimated(files: list[str], machine: Machine, hours: Mapping[str, float], target: str) -> tuple[Estimate, Work]:
    """The estimate of a configuration, and its work.

    Raises:
        ValueError, OSError: a file, a target or an hour is refused; the message is one line.
    """
    work = Work(configuration(files), hours)
    return estimate(planned_jobs(files, target), work, machine), work


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--configfile", nargs="+", default=[], metavar="FILE")
    parser.add_argument("--machine", default="cpu", help="such as 8xH100, A100-80 or cpu:16")
    parser.add_argument("--nodes", type=int, default=1)
    parser.add_argument("--cores", type=int, help="of a node; 16 a GPU unless given")
    parser.add_argument("--hours-of", nargs="+", default=[], metavar="CORPUS=HOURS", help=f"in place of {HOURS}")
    parser.add_argument("--target", default="all")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--check", action="store_true", help="compare what the heads of the configurations quote")
    parser.add_argument("--write", action="store_true", help="put the right quotes there")
    return parser.parse_args()


def main() -> None:
    """Estimate and print."""
    options = parse()
    try:
        if options.check or options.write:
            sys.exit("\n".join(check(options.write)) or 0)
        pairs = [text.partition("=") for text in options.hours_of]
        hours = {name: _float(value, name) for name, _, value in pairs}
        machine = parse_machine(options.machine, options.nodes, options.cores)
        made, work = estimated(options.configfile, machine, hours, options.target)
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")
    print(printed(rows(made), options.markdown), *notes(made, work, machine), sep="\n")


def _float(text: str, corpus: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"--hours-of {corpus}={text}: give a number of hours, such as {corpus}=15.8") from None


if __name__ == "__main__":
    main()
