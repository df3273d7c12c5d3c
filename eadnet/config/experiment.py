"""What an experiment is made of, as its tables need to know it: which run is what, on which corpora, under which draw.

Tables are built from files of scores, in which a run is a name. This says what the name stands for, so that a row of
the paper finds its run by what the run is and not by how it is called. Light: no torch.
"""

from eadnet.config.configuration import Config
from eadnet.config.evaluation import DRAW
from eadnet.config.section import Positive, Section, Share

LOSSES = ("sync", "trepa")
"""Losses by networks, which the paper's runs all have."""


class Role(Section):
    """What a run is: its corpora, and what it has of the paper's network and losses.

    Attributes:
        corpora: that it learned from.
        stda, tfrm: ``none``, ``published``, or an extension of ours.
        text: ``none``, or how text enters: ``added`` as published, ``decoupled``, or ``label`` for the bare word.
        losses: names of the supervised losses (sync, trepa) that are on.
    """

    corpora: tuple[str, ...]
    stda: str
    tfrm: str
    text: str
    losses: tuple[str, ...]


class Experiment(Section):
    """An experiment's runs and how its values are summarised.

    Attributes:
        runs: by name, in the order of the configuration.
        methods: names of other people's methods.
        draw: name and version of the test draw; None where all test clips are used.
        seed: of the draw.
        bootstrap, confidence: of the intervals.
    """

    runs: dict[str, Role]
    methods: tuple[str, ...]
    draw: str | None
    seed: int
    bootstrap: Positive
    confidence: Share


def experiment_of(config: Config) -> Experiment:
    """The experiment that a configuration describes."""
    evaluation = config.evaluation
    return Experiment(
        runs={name: _role(config, name) for name in config.run_names},
        methods=config.method_names,
        draw=DRAW if evaluation.draw else None,
        seed=config.seed,
        bootstrap=evaluation.bootstrap,
        confidence=evaluation.confidence,
    )


def run_for(wanted: tuple[bool, ...], corpus: str, experiment: Experiment) -> str | None:
    """The run that has exactly the wanted of STDA, TFRM and text, as published, with all losses; None without one.

    One that learned from the corpus alone comes before one that learned from others too.
    """
    stda, tfrm, text = wanted
    shape = Role(
        corpora=(),
        stda="published" if stda else "none",
        tfrm="published" if tfrm else "none",
        text="added" if text else "none",
        losses=LOSSES,
    )
    fitting = [
        (len(role.corpora), name)
        for name, role in experiment.runs.items()
        if corpus in role.corpora and role.model_copy(update={"corpora": ()}) == shape
    ]
    return min(fitting, key=lambda item: item[0])[1] if fitting else None


def _role(config: Config, name: str) -> Role:
    run = config.run(name)
    text = {"none": "none", "label": "label"}.get(run.text, run.fusion)
    losses = tuple(loss for loss in LOSSES if getattr(run.losses, loss))
    return Role(corpora=config.learned(name), stda=run.stda, tfrm=run.tfrm, text=text, losses=losses)
