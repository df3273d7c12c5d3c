"""Description of an experiment for its tables: modules and losses of each run, its corpora, and the test draw.

Tables are built from files of scores, which contain only the name of a run. This description gives the meaning of the
name, so that a row of the paper finds its run by settings and not by name. Light: no torch.
"""

from eadnet.config.configuration import Config
from eadnet.config.evaluation import DRAW
from eadnet.config.section import Positive, Section, Share

LOSSES = ("sync", "trepa")
"""Losses that are computed by a network; all runs of the paper have them."""


class Role(Section):
    """Settings of a run that matter to tables: its corpora, and its modules and losses from the paper.

    Attributes:
        corpora: training corpora.
        stda, tfrm: ``none``, ``published``, or one of our extensions.
        text: ``none``, or how text enters: ``added`` as published, ``decoupled``, or ``label`` for the bare word.
        losses: names of the supervised losses (sync, trepa) that are on.
        again: whether it is `full` trained again with another seed, the null row, which stands for no row of a table.
    """

    corpora: tuple[str, ...]
    stda: str
    tfrm: str
    text: str
    losses: tuple[str, ...]
    again: bool = False


class Experiment(Section):
    """The runs of an experiment, and the settings by which its values are summarised.

    Attributes:
        runs: by name, in the order of the configuration.
        methods: names of methods of other authors.
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
    """The run on a corpus with exactly the given modules, as published, and all losses; None if there is none.

    Args:
        wanted: whether the run has STDA, TFRM and text.
        corpus: one of its training corpora; a run trained on this corpus only comes before one trained on several.
        experiment: the runs.
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
    again = name in config.again_names
    return Role(corpora=config.learned(name), stda=run.stda, tfrm=run.tfrm, text=text, losses=losses, again=again)
