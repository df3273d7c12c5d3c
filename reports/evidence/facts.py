"""What an experiment is, in sentences made of its configuration and its files: people, clips, seeds, steps, cost."""

import os
from dataclasses import dataclass

from eadnet.config.configuration import BASELINES, Config
from eadnet.jobs.processor import processor_name
from reports.figures.times import by_rule
from reports.load import Inputs
from reports.numbers import count, duration, listing, span

SELF = "write_evidence"
"""The rule that writes the page: its own time, of an earlier run, is no cost of this one."""


@dataclass(frozen=True)
class Cost:
    """Seconds of work of a rule, and its jobs."""

    rule: str
    seconds: float
    jobs: int

    @property
    def time(self) -> str:
        """The seconds as a person reads them."""
        return duration(self.seconds)


def made_of(inputs: Inputs, config: Config) -> str:
    """What was trained on what, in a sentence or two."""
    clips = inputs.clips[inputs.clips.status == "ok"]
    asked = [side for question in inputs.questions.asked.values() for side in (question.run, question.rival)]
    made = inputs.videos[inputs.videos.run.isin([source for source in asked if source not in BASELINES])]
    runs = list(dict.fromkeys(run for run in map(config.run_of, asked) if run in config.run_names))
    learned = list(dict.fromkeys(corpus for run in runs for corpus in config.learned(run)))
    train = clips[(clips.split == "train") & clips.corpus.isin(learned)]
    test = clips[clips.clip_id.isin(made.clip_id)]
    unseen = test[~test.seen_speaker.astype(bool)]
    steps = span([config.run(run).optimiser.steps for run in runs])
    side = config.preprocess.resolution
    return (
        f"{count(len(runs), 'network')} {'was' if len(runs) == 1 else 'were'} trained with "
        f"{count(len(config.seeds), 'seed')} each, for {steps} steps after a pretrained first stage, on "
        f"{count(len(train), 'clip')} of {count(train.speaker.nunique(), 'person', 'people')}"
        f"{_drawn(config, learned)}, {side} by {side} pixels. They were tested on {count(len(test), 'other clip')} of "
        f"{count(test.speaker.nunique(), 'person', 'people')}, {unseen.speaker.nunique()} of whom no network had seen."
    )


def limits(config: Config) -> str:
    """What may not be concluded from the page, in a sentence."""
    drawn = [name for name, section in config.corpora if section and getattr(section, "origin", "") == "synthetic"]
    faces = "The faces are synthetic: drawn, not filmed. " if drawn else ""
    return (
        f"{faces}The networks are small and trained for a short time: the answers hold for this setting, say nothing "
        "about published models or other sizes, and “not shown” is no proof that a module has no effect."
    )


def costs(inputs: Inputs) -> list[Cost]:
    """Seconds of work by rule, the longest first, from Snakemake's benchmark files."""
    rules = by_rule(inputs.benchmarks)
    return [Cost(str(row.Index), float(row.seconds), int(row.jobs)) for row in rules.itertuples() if row.Index != SELF]


def cost(found: list[Cost]) -> str:
    """The whole cost in a sentence, with the machine on which the page was written."""
    total = duration(sum(item.seconds for item in found))
    jobs = count(sum(item.jobs for item in found), "job")
    cores = count(os.cpu_count() or 1, "core")
    return (
        f"All of it took {total} of work in {jobs} (jobs run side by side, so that the wall time is less). This page "
        f"was written on a machine with {cores} ({processor_name()})."
    )


def _drawn(config: Config, corpora: list[str]) -> str:
    """The corpora by name, and which of them are drawn."""
    sections = dict(config.corpora)
    synthetic = [getattr(sections[name], "origin", "") == "synthetic" for name in corpora]
    kind = "synthetic faces, " if corpora and all(synthetic) else ""
    return f" ({kind}corpus {listing(corpora)})" if corpora else ""
