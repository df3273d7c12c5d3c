"""Answers by plain generation with transformers, in the main environment: for machines without vLLM.

Greedy, in small batches of prompts of like length, padded on the left; held to the same schema as vLLM's answers. Reads
text models and Qwen-VL models (2, 2.5, 3). Their processor class wants torchvision for videos, which the main
environment lacks and captions do not need, so prompts are put together here: chat template, tokens, and for every
picture as many placeholders as it has merged patches.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eadnet.captions.engines.answers import Answer, one_line
from eadnet.captions.engines.constraint import AnswerGrammar, pixel_bounds
from eadnet.captions.engines.conversations import Conversation
from eadnet.captions.requests import CaptionError
from eadnet.config.captions import LanguageModel
from eadnet.config.machine import Captioning
from eadnet.progress import progress_bar

if TYPE_CHECKING:
    import torch

SIDE_BY_SIDE = 8
"""Answers written at once, where `compute.captioning.max_sequences` does not say."""


@dataclass(frozen=True)
class _Prompt:
    """A conversation as the model reads it; `pictures` are (patches, values), their `grids` (pictures, 3)."""

    place: int
    tokens: list[int]
    pictures: "torch.Tensor | None"
    grids: "torch.Tensor | None"


def make_backend(
    chosen: LanguageModel, machine: Captioning, folder: Path | None, identity: str
) -> "TransformersBackend":
    """Load the model, onto the GPU where there is one.

    Args:
        chosen: The model and its settings.
        machine: Use of the machine.
        folder: The model's folder.
        identity: The model's name in the rows.

    Raises:
        CaptionError: a package is missing, or the model cannot be read or is not supported by this engine.
    """
    if chosen.quantisation:
        raise CaptionError("language_model.quantisation is vLLM's: the engine `transformers` takes weights as stored")
    try:
        parts = _load(chosen, Path(folder))
        grammar = AnswerGrammar(parts["tokenizer"], parts["network"].get_output_embeddings().weight.shape[0])
    except ImportError as error:
        raise CaptionError(f"a package is missing ({one_line(str(error))}): run `make environment`") from error
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise CaptionError(f"transformers cannot run the model in {folder}: {one_line(str(error))}") from error
    return TransformersBackend(
        model=identity, **parts, grammar=grammar, chosen=chosen, rows=machine.max_sequences or SIDE_BY_SIDE
    )


def _load(chosen: LanguageModel, folder: Path) -> dict[str, Any]:
    """Model, tokenizer and, for a model that sees, image processor."""
    import torch
    from transformers import (
        AutoConfig,
        AutoImageProcessor,
        AutoModelForCausalLM,
        AutoModelForImageTextToText,
        AutoTokenizer,
        GenerationConfig,
    )

    from eadnet.device import automatic

    local = {"local_files_only": True}
    sees = hasattr(AutoConfig.from_pretrained(folder, **local), "vision_config")
    if not sees and chosen.prompt != "units":
        raise ValueError("it sees no pictures: choose language_model.prompt `units`, or a Qwen-VL model")
    family = AutoModelForImageTextToText if sees else AutoModelForCausalLM
    dtype = "auto" if chosen.dtype == "auto" else getattr(torch, chosen.dtype)
    model = family.from_pretrained(folder, dtype=dtype, **local).eval()
    # lengths are checked here: the tokenizer's own bound would only warn
    tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left", model_max_length=10**9, **local)
    stops = model.generation_config.eos_token_id
    stops = {tokenizer.eos_token_id, *(stops if isinstance(stops, list) else [stops])} - {None}
    padding = tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id
    # the published settings of a model may hold a temperature or a penalty on repetition: here it is greedy and plain
    model.generation_config = GenerationConfig(do_sample=False, eos_token_id=sorted(stops), pad_token_id=padding)
    return {
        "network": model.to(automatic()),
        "tokenizer": tokenizer,
        "image_processor": AutoImageProcessor.from_pretrained(folder, backend="pil", **local) if sees else None,
    }


@dataclass
class TransformersBackend:
    """Conversations to answers.

    Attributes:
        model: Name and revision or digest of the model.
        network: The language model.
        tokenizer: Its tokenizer, padding on the left.
        image_processor: From pictures to patches; None for a text-only model.
        grammar: What answers may look like.
        chosen: Lengths, and the size of pictures.
        rows: Answers written at once.
    """

    model: str
    network: Any
    tokenizer: Any
    image_processor: Any
    grammar: AnswerGrammar
    chosen: LanguageModel
    rows: int = SIDE_BY_SIDE

    def answer(self, conversations: Sequence[Conversation]) -> list[Answer]:
        """Answer a batch, in order; a conversation that does not fit the model fails alone.

        Raises:
            CaptionError: the memory of the GPU does not suffice.
        """
        answers: dict[int, Answer] = {}
        prompts = []
        for place, conversation in enumerate(conversations):
            try:
                prompts.append(self._prompt(place, conversation))
            except ValueError as error:
                answers[place] = Answer(failure=f"refused: {one_line(str(error))}")
        prompts.sort(key=lambda prompt: len(prompt.tokens))  # prompts of similar length together: little padding
        with progress_bar(self.model, len(prompts), "answers") as bar:
            for start in range(0, len(prompts), self.rows):
                batch = prompts[start : start + self.rows]
                answers.update(zip((prompt.place for prompt in batch), self._generate(batch), strict=True))
                bar.update(len(batch))
        return [answers[place] for place in range(len(conversations))]

    def _prompt(self, place: int, conversation: Conversation) -> _Prompt:
        """Put a conversation into tokens and patches.

        Raises:
            ValueError: it leaves no room for an answer, or shows other pictures than it has places for.
        """
        text = self.tokenizer.apply_chat_template(
            conversation.messages(lambda _: {"type": "image"}),
            tokenize=False,
            add_generation_prompt=True,
            enable_thinking=False,
        )
        tokens = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        pictures = grids = None
        if conversation.images:
            seen = self.image_processor(list(conversation.images), size=pixel_bounds(self.chosen), return_tensors="pt")
            pictures, grids = seen["pixel_values"], seen["image_grid_thw"]
            sizes = grids.prod(dim=1) // self.image_processor.merge_size**2
            tokens = _with_placeholders(tokens, self.network.config.image_token_id, sizes.tolist())
        if len(tokens) >= self.chosen.max_length:
            raise ValueError(f"the prompt has {len(tokens)} tokens, max_length is {self.chosen.max_length}")
        return _Prompt(place, tokens, pictures, grids)

    def _generate(self, batch: Sequence[_Prompt]) -> Iterator[Answer]:
        """Write the answers to a few prompts side by side."""
        import torch

        room = [min(self.chosen.max_answer, self.chosen.max_length - len(prompt.tokens)) for prompt in batch]
        inputs = self._inputs(batch)
        width = inputs["input_ids"].shape[1]
        constraint = self.grammar.start(len(batch), width)
        try:
            with torch.inference_mode():
                written = self.network.generate(**inputs, max_new_tokens=max(room), logits_processor=[constraint])
        except torch.OutOfMemoryError as error:
            raise CaptionError(
                f"the GPU's memory does not hold {len(batch)} answers: lower compute.captioning.max_sequences (now "
                f"{self.rows})"
            ) from error
        return (self._read(row, most) for row, most in zip(written[:, width:].tolist(), room, strict=True))

    def _inputs(self, batch: Sequence[_Prompt]) -> dict[str, "torch.Tensor"]:
        """What the network takes: padded prompts, and all pictures one after the other."""
        import torch

        padded = self.tokenizer.pad({"input_ids": [prompt.tokens for prompt in batch]}, return_tensors="pt")
        inputs = {"input_ids": padded["input_ids"], "attention_mask": padded["attention_mask"]}
        shown = [prompt for prompt in batch if prompt.pictures is not None]
        if shown:
            inputs["pixel_values"] = torch.cat([prompt.pictures for prompt in shown]).to(self.network.dtype)
            inputs["image_grid_thw"] = torch.cat([prompt.grids for prompt in shown])
            # the positions of a picture's tokens are counted in its rows and columns
            inputs["mm_token_type_ids"] = (inputs["input_ids"] == self.network.config.image_token_id).int()
        return {name: value.to(self.network.device) for name, value in inputs.items()}

    def _read(self, tokens: list[int], most: int) -> Answer:
        """The answer in a row of tokens, of which `most` count."""
        stops = self.network.generation_config.eos_token_id
        end = next((place for place, token in enumerate(tokens[:most]) if token in stops), None)
        text = self.tokenizer.decode(
            tokens[: most if end is None else end], skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return Answer(text, "length" if end is None else "stop")


def _with_placeholders(tokens: list[int], placeholder: int, sizes: list[int]) -> list[int]:
    """Tokens with the k-th placeholder repeated ``sizes[k]`` times, for the patches of the k-th picture.

    Raises:
        ValueError: there are more or fewer placeholders than pictures.
    """
    places = [place for place, token in enumerate(tokens) if token == placeholder]
    if len(places) != len(sizes):
        raise ValueError(f"the prompt has {len(places)} places for {len(sizes)} pictures")
    expanded: list[int] = []
    begin = 0
    for place, size in zip(places, sizes, strict=True):
        expanded += tokens[begin:place] + [placeholder] * size
        begin = place + 1
    return expanded + tokens[begin:]
