"""The estimates of ``benchmarks.plan``: the real plan of a configuration, laid out on a machine."""

from functools import cache

import pytest

from benchmarks.plan import QUOTED, Estimate, estimate, main, notes, quote, quoted, rows
from benchmarks.plan_costs import Cost, Costs, Rates, Unknown
from benchmarks.plan_jobs import Graph, Job, planned_jobs, schedule
from benchmarks.plan_machines import parse_machine
from benchmarks.plan_work import Work, configuration
from tests.support.paths import ROOT

PAPER = ROOT / "config/paper.yaml"
MEASURED_MINUTES = 53
"""Of the clock, the last default run on 2 cores (docs/log.md): busy, as when the usual times were measured."""


@cache
def made(name: str, machine: str) -> Estimate:
    files = [str(ROOT / name)] if name else []
    return estimate(planned_jobs(files, "all"), Work(configuration(files)), parse_machine(machine))


def test_the_default_run_is_estimated_as_it_was_measured():
    default = made("", "cpu:2")
    assert MEASURED_MINUTES / 1.5 < 60 * default.hours < MEASURED_MINUTES * 1.5
    assert not default.unknown and default.gpu_hours == 0


def test_the_head_of_the_paper_configuration_quotes_what_is_computed():
    name = "config/paper.yaml"
    paper = made(name, QUOTED[name])
    found = quoted(PAPER.read_text(encoding="utf-8"))
    assert found == quote(name, paper), "run python -m benchmarks.plan --write"
    assert {"download_corpus", "adopt_lpips", "encode_captions"} <= set(paper.unknown)
    assert [line for line in rows(paper) if line[0] == "download_corpus"][0][-1] == "not estimated"


def test_memory_is_what_jobs_ask_for_whatever_this_machine_has():
    paper = made("config/paper.yaml", QUOTED["config/paper.yaml"])
    assert paper.stages["train_run"].host == configuration([PAPER]).resources.train.mem_mb
    # state of AdamW, the running average of 1.28e9 weights, and what is assumed
    assert paper.stages["train_run"].card == pytest.approx(12.4 + 4.75 + 25, abs=0.01)


def job(rule: str, *needs: str, cores: int = 1, gpus: int = 0, **wildcards: str) -> Job:
    return Job(rule, wildcards, needs, (f"made/{rule}{''.join(wildcards.values())}",), cores, gpus)


def test_jobs_share_gpus_wait_for_inputs_and_the_longest_chain_goes_first():
    chain = [job("a"), job("b", "made/a", gpus=1), job("c", "made/b")]
    others = [job("d", gpus=1, run=str(number)) for number in range(3)]
    graph, takes = Graph([*others, *chain]), {"a": 1.0, "b": 4.0, "c": 1.0, "d": 2.0}
    for gpus, end in ((1, 10.0), (2, 7.0)):
        spans = schedule(graph, parse_machine(f"{gpus}xH100"), lambda each: takes[each.rule])
        assert max(last for _, last in spans.values()) == end
        assert spans[chain[1]][0] >= spans[chain[0]][1]
    two = schedule(graph, parse_machine("H100", nodes=2), lambda each: takes[each.rule])
    assert max(last for _, last in two.values()) == 7.0


def test_a_training_is_shared_by_the_most_gpus_that_divide_its_shares():
    rates, cost = Rates(), Cost("counted", tflop=989.0 * 3600, gpu_seconds=0.0, ranks=8)
    hours = {n: cost.seconds(parse_machine(f"{n}xH100"), 16, n, rates) / 3600 for n in (1, 3, 7, 8)}
    assert hours[1] == pytest.approx(1 / rates.utilisation)
    assert [round(hours[1] / hours[n]) for n in (3, 7, 8)] == [2, 4, 8]


def test_a_new_rule_is_reported_and_not_counted():
    graph = Graph([job("brew_coffee", cores=4)])
    work, machine = Work(configuration([])), parse_machine("cpu:4")
    found = estimate(graph, work, machine)
    assert found.unknown == {"brew_coffee": "1 jobs: no entry"} and found.core_hours == 0
    assert "not estimated: brew_coffee (1 jobs: no entry)" in notes(found, work, machine)
    with pytest.raises(Unknown):
        Costs(work, Rates(), graph.jobs).of(graph.jobs[0])


def test_a_corpus_in_batches_costs_what_it_costs_in_shards():
    work, rates = Work(configuration([PAPER])), Rates()
    for count in (1, 7):
        jobs = [job("encode_latents", corpus="mead", batch=str(number)) for number in range(count)]
        costs = Costs(work, rates, jobs)
        # two frames (whole and masked) of 4.364 TFLOP per 16, 36 hours of 25 a second
        assert sum(costs.of(each).tflop for each in jobs) == pytest.approx(2 * 4.364 / 16 * 36 * 3600 * 25)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--machine", "8xB7"], "error: --machine 8xB7: give cpu:CORES, or GPUs such as 8xH100 of H100"),
        (["--machine", "cpu:0"], "error: --machine cpu:0: give cpu:CORES"),
        (["--machine", "H100", "--nodes", "0"], "error: --nodes and --cores: at least 1"),
        (["--hours-of", "mead=long"], "error: --hours-of mead=long: give a number of hours"),
        (["--hours-of", "nowhere=3"], "error: --hours-of nowhere=3: give hours above 0 of hdtf, mead"),
        (["--configfile", "absent.yaml"], "error: --configfile absent.yaml: no such file"),
        (["--configfile", str(ROOT / "LICENSE")], f"error: {ROOT / 'LICENSE'}: no YAML"),
    ],
)
def test_nonsense_is_refused_in_one_line(options, said, monkeypatch):
    monkeypatch.setattr("sys.argv", ["plan", *options])
    with pytest.raises(SystemExit) as ended:
        main()
    assert str(ended.value).startswith(said) and "\n" not in str(ended.value)
