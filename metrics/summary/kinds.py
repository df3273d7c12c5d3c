"""What the runs of a summary are: scores hold names only, and decisions depend on what a name stands for."""

from dataclasses import dataclass

from eadnet.config.configuration import BASELINES
from metrics.tables import AGAIN, BASELINE, CAPTIONER, CAPTIONING, METHOD, TRAINED, VARIANT


@dataclass(frozen=True)
class Kinds:
    """Names of runs that are not trained for a comparison with `full`; every other one is.

    Attributes:
        again: runs that are `full` trained again with other seeds, the null rows.
        variants: other ways of sampling a trained run.
        methods: methods of other authors.
    """

    again: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()

    def of(self, run: str) -> str:
        """One of ``metrics.tables.KINDS``."""
        named = {AGAIN: self.again, VARIANT: self.variants, METHOD: self.methods, BASELINE: BASELINES}
        if run.startswith(CAPTIONER):
            return CAPTIONING
        return next((kind for kind, names in named.items() if run in names), TRAINED)
