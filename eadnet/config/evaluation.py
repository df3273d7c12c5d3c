"""The configuration of what is scored, on which test clips, and of what the report shows. Light: no torch."""

from typing import Annotated, Literal

from pydantic import Field

from eadnet.config.networks import Schedule
from eadnet.config.section import Positive, Section, Share

DRAWN = 30
"""Videos of each test set in EAD-Net's evaluation (arXiv 2604.23325, section 4.2), "randomly selected"."""
DRAW = "paper30-v1"
"""Name and version of the draw's rule: another rule gets another name."""


class Evaluation(Section):
    """What is scored, and how it is summarised."""

    metrics: tuple[str, ...] = Field(
        ("image", "lip_sync", "landmarks", "frechet", "emotion", "expression", "temporal"),
        description="Metric families (`python -m metrics list`).",
    )
    clips: Positive = Field(
        20, description="Test clips of each corpus, taken evenly from seen and unseen people and all emotions."
    )
    draw: Literal["paper30"] | None = Field(
        None, description="The test draw: `paper30` adds the paper's 30 clips of each corpus, drawn by `seed`."
    )
    generalisation: tuple[str, ...] = Field(
        ("full", "latentsync"), description="Runs that are tried on a corpus for testing only (RAVDESS), as they are."
    )
    bootstrap: Positive = Field(10000, description="Bootstrap resamples.")
    resolution_draws: Annotated[int, Field(ge=2)] = Field(
        200, description="Draws of 30 test clips that show how far a value over so few moves."
    )
    calibrate: bool = Field(False, description="Whether the report shows how every metric responds to known damage.")
    calibration_clips: Positive = Field(6, description="Clips that are damaged in every way for it.")
    calibration_frames: Annotated[int, Field(ge=25)] = Field(50, description="Frames of each that are used at most.")
    calibration_split: Literal["test", "train", "val", "all"] = Field("test", description="Whose clips those are.")
    confidence: Share = Field(0.95, description="Coverage of the confidence intervals.")


class Report(Section):
    """What the report shows."""

    strip_clips: Positive = Field(6, description="Clips in the sample strips.")
    strip_frames: Positive = Field(10, description="Frames per strip.")
    sheet_clips: Positive = Field(40, description="Most clips on the contact sheet of aligned crops.")
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
        description="Methods whose published numbers stand below ours: EAD-Net, its paper's rivals and two more.",
    )
    reported_datasets: tuple[str, ...] = Field(("HDTF", "MEAD"), description="Datasets of those numbers.")
    title: str = Field("EAD-Net, reproduced", description="Title of the report page.")


class JudgeSettings(Section):
    """A network trained on real train clips only to judge; never used as supervision."""

    optimiser: Schedule


class EmotionJudgeSettings(JudgeSettings):
    """The emotion judge, and how well it would know emotions of people that it has never seen."""

    leave_speaker_out: Annotated[int, Field(ge=0)] = Field(
        0, description="Folds of train people left out in turn, to test it on them; each costs as much as the judge."
    )


class Judges(Section):
    """The `@corpus-v1` judges."""

    sync: JudgeSettings = JudgeSettings(optimiser=Schedule(steps=250, batch_size=8, learning_rate=1.5e-3))
    emotion: EmotionJudgeSettings = EmotionJudgeSettings(
        optimiser=Schedule(steps=350, batch_size=48, learning_rate=2e-3, weight_decay=0.02)
    )
    video: JudgeSettings = JudgeSettings(optimiser=Schedule(steps=130, batch_size=8, learning_rate=1.5e-3))
