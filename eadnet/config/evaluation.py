"""The configuration of evaluation: metrics, test clips, judges, and the content of the report. Light: no torch."""

from typing import Annotated, Literal

from pydantic import Field

from eadnet.config.networks import Schedule
from eadnet.config.section import Positive, Section, Share

DRAWN = 30
"""Videos of each test set in EAD-Net's evaluation (arXiv 2604.23325, section 4.2), "randomly selected"."""
DRAW = "paper30-v1"
"""Name and version of the draw's rule; a different rule must get a different name."""


class Evaluation(Section):
    """Metrics, test clips, and how scores are summarised."""

    metrics: tuple[str, ...] = Field(
        ("image", "lip_sync", "landmarks", "mouth", "gaze", "frechet", "emotion", "expression", "temporal"),
        description="Metric families (`python -m metrics list`).",
    )
    clips: Positive = Field(
        20, description="Test clips of each corpus, taken evenly from seen and unseen people and all emotions."
    )
    clips_of: dict[Literal["hdtf", "mead", "ravdess", "folder"], Positive] = Field(
        {}, description="Test clips of single corpora, in place of `clips`, by corpus."
    )
    draw: Literal["paper30"] | None = Field(
        None, description="The test draw: `paper30` adds the paper's 30 clips of each corpus, drawn by `seed`."
    )
    generalisation: tuple[str, ...] = Field(
        ("full", "latentsync"), description="Runs that are also tested on corpora for testing only (RAVDESS)."
    )
    tested: dict[str, tuple[str, ...]] = Field(
        {}, description="Corpora whose test clips a run makes, by run, in place of what follows from the keys above."
    )
    bootstrap: Positive = Field(
        10000, description="Bootstrap resamples, and random sign patterns of tests over more than 30 speakers."
    )
    resolution_draws: Annotated[int, Field(ge=2)] = Field(
        200, description="Draws of 30 test clips, to measure how much a value over so few clips varies."
    )
    calibrate: bool = Field(False, description="Whether the report shows how every metric responds to known damage.")
    calibration_clips: Positive = Field(6, description="Clips to which calibration applies every kind of damage.")
    calibration_frames: Annotated[int, Field(ge=25)] = Field(50, description="Largest number of frames used of each.")
    calibration_split: Literal["test", "train", "val", "all"] = Field("test", description="Split of these clips.")
    confidence: Share = Field(0.95, description="Coverage of the confidence intervals.")


class Report(Section):
    """Content of the report."""

    strip_clips: Positive = Field(6, description="Clips in the sample strips.")
    strip_frames: Positive = Field(10, description="Frames per strip.")
    sheet_clips: Positive = Field(40, description="Largest number of clips on the contact sheet of aligned crops.")
    reported_methods: tuple[str, ...] = Field(
        (
            "Real video",
            "EAD-Net",
            "LatentSync",
            "Wav2Lip",
            "IP-LAP",
            "MuseTalk",
            "EAMM",
            "EAT",
            "Hallo2",
            "Zhao et al. 2025",
            "SadTalker",
            "EDTalk",
        ),
        description="Methods whose published numbers are listed: EAD-Net, the methods in its paper, and two more.",
    )
    reported_datasets: tuple[str, ...] = Field(("HDTF", "MEAD"), description="Datasets of those numbers.")
    title: str = Field("EAD-Net, reproduced", description="Title of the report page.")


class JudgeSettings(Section):
    """A network that only judges, trained on real train clips; never used as supervision."""

    optimiser: Schedule


class EmotionJudgeSettings(JudgeSettings):
    """The emotion judge, with an optional test on people that it was not trained on."""

    leave_speaker_out: Annotated[int, Field(ge=0)] = Field(
        0, description="Folds of train people, each left out once for a test; a fold costs as much as the judge."
    )


class Judges(Section):
    """The `@corpus-v1` judges."""

    sync: JudgeSettings = JudgeSettings(optimiser=Schedule(steps=250, batch_size=8, learning_rate=1.5e-3))
    emotion: EmotionJudgeSettings = EmotionJudgeSettings(
        optimiser=Schedule(steps=350, batch_size=48, learning_rate=2e-3, weight_decay=0.02)
    )
    video: JudgeSettings = JudgeSettings(optimiser=Schedule(steps=130, batch_size=8, learning_rate=1.5e-3))
