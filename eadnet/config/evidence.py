"""The configuration of an experiment's questions: which two sources are compared, by what, and what was expected.

They are written before the experiment is run; ``metrics.summary.evidence`` answers them. Light: no torch.
"""

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


Verdict = Literal["shown", "refuted", "not shown", "no answer"]
"""`shown`: decided and better; `refuted`: decided and worse; `not shown`: not decided; `no answer`: no value."""
