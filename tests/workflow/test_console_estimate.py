"""The console's time left: from this run, earlier runs or the usual times, and nothing where too little is known."""

from pathlib import Path

import pytest
from snakemake_logger_plugin_eadnet.estimate import Left, Times, Took, read_benchmarks, time_left
from snakemake_logger_plugin_eadnet.jobs import Job, Jobs
from snakemake_logger_plugin_eadnet.usual import read_usual, write_usual

START = 1000.0


def jobs_left(waiting: dict[str, int], running: dict[int, Job] | None = None, cores: int | None = 2) -> Jobs:
    jobs = Jobs(cores=cores)
    jobs.plan(waiting)
    jobs.running = running or {}
    return jobs


def known(**seconds: float) -> Times:
    times = Times()
    times.before = {rule: [Took(value, 1.0)] for rule, value in seconds.items()}
    return times


def test_work_is_spread_over_the_cores():
    assert time_left(jobs_left({"train": 4, "all": 1}), known(train=30)) == Left(60, True)


def test_no_run_ends_before_its_longest_job():
    running = {1: Job("train", "train", 1, START)}
    assert time_left(jobs_left({"all": 1}, running), known(train=100), now=START + 10) == Left(90, True)


def test_a_job_that_takes_all_cores_leaves_none_to_others():
    times = Times()
    times.before = {"backbone": [Took(100, 1.9)], "table": [Took(10, 1.0)]}
    assert time_left(jobs_left({"backbone": 1, "table": 2, "all": 1}), times).seconds == pytest.approx(105)


def test_a_rule_never_seen_makes_it_a_lower_bound():
    assert time_left(jobs_left({"train": 4, "score": 1, "all": 1}), known(train=30)) == Left(60, False)
    running = {1: Job("score", "score", 1, START, benchmark="benchmarks/score/1.tsv")}
    assert time_left(jobs_left({"train": 4, "all": 1}, running), known(train=30), START) == Left(60, False)


@pytest.mark.parametrize(
    "jobs",
    [
        jobs_left({"train": 4}, cores=None),
        jobs_left({"score": 3, "all": 1}),
        jobs_left({"train": 4, "score": 2, "all": 1}),
        Jobs(cores=2),
    ],
)
def test_what_is_not_known_is_not_said(jobs: Jobs):
    assert time_left(jobs, known(train=30)) is None


def test_a_first_run_of_the_default_goes_by_the_usual_times_at_its_own_pace():
    times = Times({"train": Took(30, 1.0), "score": Took(4, 1.0)})
    assert time_left(jobs_left({"train": 4, "score": 2, "all": 1}), times) == Left(64, True)
    times.add(Job("score", "score", 1, START), START + 8)  # twice as long as usual
    assert time_left(jobs_left({"train": 4, "score": 2, "all": 1}), times) == Left(128, True)
    times.before = {"train": [Took(10, 1.0)]}  # this machine's own times are better
    assert times.of("train") == Took(10, 1.0)


def test_the_usual_times_are_for_the_default_alone(tmp_path: Path):
    usual = read_usual(["--cores", "all", "no_tfrm"])
    assert usual["train_run"].seconds > 5 and all(took.seconds > 0 and took.cores >= 1 for took in usual.values())
    assert read_usual(["--cores", "all", "--configfile", "mine.yaml"]) == read_usual(["--config=seed=1"]) == {}
    (tmp_path / "train").mkdir()
    (tmp_path / "train/0.tsv").write_text("s\tmean_load\n9.04\t150\n", encoding="utf-8")
    write_usual(tmp_path, tmp_path / "usual.tsv")
    assert (tmp_path / "usual.tsv").read_text(encoding="utf-8") == "rule\ts\tcores\ntrain\t9.0\t1.50\n"
    with pytest.raises(SystemExit, match="no benchmark files"):
        write_usual(tmp_path / "nowhere", tmp_path / "usual.tsv")


def test_jobs_of_this_run_count_before_earlier_ones():
    times = known(train=30)
    times.add(Job("train", "train", 1, START), START + 10)
    times.add(Job("train", "train", 1, START), START + 20)
    assert times.of("train") == Took(15, 1.0)


def test_benchmark_files_of_snakemake_are_read(tmp_path: Path):
    head = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"
    for name, text in {
        "train/0.tsv": head + "10.5\t0:00:10\t1\t1\t1\t1\t1\t1\t190.0\t19.9\n",
        "train/1.tsv": head + "0.5\t0:00:00\tNA\tNA\tNA\tNA\tNA\tNA\tNA\tNA\n",
        "train/2.tsv": head + "10.",
        "score/0.tsv": "",
        "table/0.tsv": head + "2.0\t0:00:02\t1\t1\t1\t1\t1\t1\t-\t2\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    read = read_benchmarks(tmp_path)
    assert read == {"train": [Took(10.5, 1.9), Took(0.5, 1.0), Took(10.0, 1.0)], "table": [Took(2.0, 1.0)]}
    assert read_benchmarks(tmp_path / "absent") == {}
