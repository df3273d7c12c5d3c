"""The configuration of synthesis: how a trained network is sampled."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from eadnet.config.section import OrZero, Positive, Rate, Section, Share


class Synthesis(Section):
    """How test clips are generated."""

    solver: Literal["ddim", "dpmsolver++"] = Field("ddim", description="Sampler of the diffusion process.")
    steps: Annotated[int, Field(ge=1, le=1000)] = Field(2, description="Denoising steps.")
    audio_guidance: Rate = Field(1.5, description="Classifier-free guidance of the audio; 1 is none.")
    text_guidance: Rate = Field(1.5, description="Classifier-free guidance of the text; 1 is none.")
    window: Positive | None = Field(
        16, description="Frames denoised together, as many as in training; null denoises a clip in one pass."
    )
    overlap: OrZero = Field(4, description="Frames shared by neighbouring windows.")
    shift: OrZero = Field(0, description="Frames by which the windows' starts move at every denoising step.")
    shared_noise: Share | None = Field(
        None, description="Share of the noise variance common to all frames; null takes the one of the run's training."
    )
    smoothing: Share = Field(
        0.0, description="Weight w of the neighbours in a [w 1 w] filter of the latents over time; a control, 0 is off."
    )
    text: Literal["template", "caption"] = Field(
        "template", description="Guiding text of labelled clips: label and level alone, or the clip's own caption."
    )
    crf: Annotated[int, Field(ge=0, le=51)] = Field(12, description="x264 quality of the written videos.")

    @model_validator(mode="after")
    def _check(self) -> "Synthesis":
        if self.window is not None and self.overlap * 2 > self.window:
            raise ValueError(f"overlap must be at most half of window, {self.window // 2}")
        return self
