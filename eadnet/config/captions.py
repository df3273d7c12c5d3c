"""The configuration of captions: the engine, its language model, and the use of the machine. No torch, no numpy."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from eadnet.config.networks import Weights
from eadnet.config.section import Positive, Section

PROMPTS = ("frames", "frames_and_units", "units")
MAIN = "main"
"""The captioner whose texts guide generation; the others are only scored."""


class LanguageModel(Section):
    """The language model of the engines `vllm`, `server` and `transformers`: its weights, input and answers."""

    weights: Annotated[
        str | None, Field(description="Published model (eadnet/assets.tsv), for `vllm` and `transformers`.")
    ] = None
    folder: str | None = Field(None, description="Folder of another model (Hugging Face layout), instead.")
    endpoint: str | None = Field(
        None, description="`server`: base address of the API, such as http://127.0.0.1:8000/v1."
    )
    served_model: str | None = Field(
        None, description="`server`: name of the model on the server; null takes the only one that it serves."
    )
    prompt: Literal[PROMPTS] = Field(
        "frames_and_units", description="Input of the model: `frames`, `frames_and_units` (measured), or `units`."
    )
    frames: Annotated[int, Field(ge=1, le=64)] = Field(8, description="Frames of a clip that are shown, evenly spread.")
    image_size: Annotated[int | None, Field(ge=16)] = Field(
        None, description="Height and width to which frames are scaled; null shows the aligned crops unscaled."
    )
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field("auto", description="Type of the weights.")
    quantisation: str | None = Field(None, description="vLLM's name of a quantisation (fp8, awq, gptq, ...).")
    max_length: Positive = Field(8192, description="Largest number of tokens of prompt and answer together.")
    max_answer: Positive = Field(1024, description="Largest number of tokens of an answer; a longer one is refused.")
    retries: Annotated[int, Field(ge=0, le=2)] = Field(2, description="Further attempts after a refused answer.")

    @model_validator(mode="after")
    def _check(self) -> "LanguageModel":
        if self.weights and self.folder:
            raise ValueError("give `weights`, a published model, or `folder`, not both")
        if self.max_answer >= self.max_length:
            raise ValueError("max_answer must be less than max_length, which also holds the prompt")
        return self


class Captions(Section):
    """How clips become text, and text becomes token states."""

    engine: Literal["descriptor", "vllm", "server", "transformers"] = Field(
        "descriptor",
        description="Source of the text: a grammar over measurements (offline), or a language model run by the engine.",
    )
    labels: bool = Field(True, description="Whether the engine gets the corpus's emotion and level.")
    language_model: LanguageModel = LanguageModel()
    compared: dict[str, dict[str, Any] | None] = Field(
        {"blind": {"labels": False}},
        description="Further captioners, as deltas over this section: only scored, never used for training.",
    )
    encoder: Literal["minilm", "clip", "t5"] = Field(
        "minilm", description="Text encoder: MiniLM (offline), CLIP ViT-L/14's text tower, or T5-base's encoder."
    )
    weights: Weights = None
    max_tokens: Positive = Field(40, description="Text tokens kept by the text encoder.")
    batch_size: Positive = Field(
        8, description="Texts encoded at once; another number may change the last bits of their states."
    )

    @property
    def runs_model(self) -> bool:
        """Whether the engine runs a language model in the job itself."""
        return self.engine in ("vllm", "transformers")

    @model_validator(mode="after")
    def _check(self) -> "Captions":
        if (self.encoder == "minilm") != (self.weights is None):
            raise ValueError("encoder `clip` or `t5` needs published weights, `minilm` has its own (weights: null)")
        model = self.language_model
        if self.engine == "server" and not model.endpoint:
            raise ValueError("engine `server` needs language_model.endpoint")
        if self.runs_model and not (model.weights or model.folder):
            raise ValueError(f"engine `{self.engine}` needs language_model.weights or language_model.folder")
        return self
