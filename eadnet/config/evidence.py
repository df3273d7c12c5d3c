"""The configuration of an experiment's questions: which two sources are compared, by what, and what was expected.

They are written before the experiment is run; ``metrics.summary.evidence`` answers them. Light: no torch.
"""

from collections.abc import Collection
from typing import Literal

from pydantic import Field

from eadnet.config.section import Positive, Section


class Question(Section):
    """One question: does a source differ from its rival as expected?"""

    module: str = Field(description="What is in question, as the page names it: a module of the paper, or a control.")
    claim: str = Field(description="What the paper claims of it, or what is expected, in one sentence.")
    run: str = Field(description="The source that should be better: a run or a variant.")
    rival: str = Field(description="The source that it is compared with: a run, a variant or a baseline.")
    measures: tuple[str, ...] = Field(
        description="Primary measures, as metric keys: Holm's correction is over those of all questions."
    )
    corpus: str | None = Field(None, description="Corpus of the clips that are compared; null takes all.")


class EvidencePage(Section):
    """What the page of an experiment shows."""

    sources: tuple[str, ...] = Field((), description="Rows of strip, traces and videos, beside the true video.")
    clip: str | None = Field(None, description="The clip that is shown; null takes the first test clip of all of them.")
    frames: Positive = Field(16, description="Neighbouring frames of the strip.")


class Evidence(Section):
    """Questions of an experiment, and the page that answers them."""

    questions: dict[str, Question | None] = Field({}, description="Questions by name; null leaves one out.")
    measures: tuple[str, ...] = Field(
        (), description="Further metric keys of the table of levels; they decide nothing."
    )
    page: EvidencePage = EvidencePage()
    title: str = Field("What each module does", description="Title of the page.")

    @property
    def asked(self) -> dict[str, Question]:
        """The questions that are switched on, by name, in the order of the file."""
        return {name: question for name, question in self.questions.items() if question is not None}

    @property
    def primary(self) -> tuple[str, ...]:
        """The primary measures of all questions, each once."""
        return tuple(dict.fromkeys(key for question in self.asked.values() for key in question.measures))

    def check_sources(self, known: Collection[str]) -> None:
        """Check that everything which is compared or shown has videos in this configuration.

        Args:
            known: names of runs, variants, baselines and methods.

        Raises:
            ValueError: a question names another source, one source twice or no measure, or the page another source.
        """
        for name, question in self.asked.items():
            for side in ("run", "rival"):
                _check_source(getattr(question, side), f"evidence.questions.{name}.{side}", known)
            if question.run == question.rival:
                raise ValueError(
                    f"evidence.questions.{name}: run and rival are both '{question.run}'; name two sources"
                )
            if not question.measures:
                raise ValueError(f"evidence.questions.{name}.measures is empty; name a metric key")
        for source in self.page.sources:
            _check_source(source, "evidence.page.sources", known)


Verdict = Literal["shown", "refuted", "not shown", "no answer"]
"""`shown`: decided and better; `refuted`: decided and worse; `not shown`: not decided; `no answer`: no value."""


def _check_source(source: str, where: str, known: Collection[str]) -> None:
    if source not in known:
        raise ValueError(f"{where}: no run, variant, baseline or method is called '{source}'; use {', '.join(known)}")
