"""What every library that runs a model holds it to: the size of pictures, and the schema of answers.

vLLM applies the schema itself. For transformers it is done here by the library that vLLM uses (llguidance): at every
step a grammar, made from the JSON schema, says which tokens may come next; all others get probability zero.
"""

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from eadnet.captions.schema import answer_schema
from eadnet.config.captions import LanguageModel

if TYPE_CHECKING:
    import torch

SMALLEST_PIXELS = 32 * 32
"""Qwen-VL's processors enlarge a picture that has fewer pixels than a bound (256 x 256 for Qwen3-VL), which costs
tokens and adds nothing. This bound, about the area of one token, leaves frames as they are."""

LARGEST_SIDE = 1024
"""Side of the largest frame where the configuration names none; vLLM sets memory aside for it."""


def pixel_bounds(chosen: LanguageModel) -> dict[str, int]:
    """Bounds on the pixels of a frame, as the argument `size` of Qwen-VL's processors has them.

    Frames keep their size up to `image_size` squared; height and width are only rounded to whole tokens (28 or 32
    pixels).
    """
    return {"shortest_edge": SMALLEST_PIXELS, "longest_edge": (chosen.image_size or LARGEST_SIDE) ** 2}


class AnswerGrammar:
    """The grammar of answers over the tokens of one model."""

    def __init__(self, tokenizer: Any, vocabulary: int) -> None:
        """Compile it.

        Args:
            tokenizer: A fast tokenizer of transformers.
            vocabulary: Tokens that the model scores, at least those of the tokenizer.

        Raises:
            ValueError: the tokenizer is not a fast one, or the grammar is not supported.
        """
        from llguidance import LLMatcher
        from llguidance.hf import from_tokenizer

        self._tokens = from_tokenizer(tokenizer, n_vocab=max(vocabulary, len(tokenizer)))
        without_spaces = {"whitespace_flexible": False}  # as in vLLM: one form, and no endless run of spaces
        self._grammar = LLMatcher.grammar_from_json_schema(json.dumps(answer_schema()), defaults=without_spaces)
        if fault := LLMatcher.validate_grammar(self._grammar, self._tokens):
            raise ValueError(f"the schema of answers makes no grammar: {fault}")

    def start(self, rows: int, prompt_length: int) -> "SchemaConstraint":
        """A constraint for one call of ``generate``.

        Args:
            rows: Texts that are generated side by side.
            prompt_length: Tokens that every row begins with, padding counted.
        """
        from llguidance import LLMatcher

        return SchemaConstraint([LLMatcher(self._tokens, self._grammar) for _ in range(rows)], prompt_length)


class SchemaConstraint:
    """A logits processor of transformers: called once a token, in order."""

    def __init__(self, matchers: list[Any], prompt_length: int) -> None:
        """Begin before the first token of the answers."""
        self._matchers = matchers
        self._read = prompt_length

    def __call__(self, input_ids: "torch.Tensor", scores: "torch.Tensor") -> "torch.Tensor":
        """Rule out what no answer may go on with; an answer that is complete may only end.

        Args:
            input_ids: (rows, tokens) prompts and what has been generated.
            scores: (rows, vocabulary) logits of the next token.

        Returns:
            The logits, minus infinity for tokens that are ruled out.
        """
        import torch

        for step in range(self._read, input_ids.shape[1]):
            for matcher, token in zip(self._matchers, input_ids[:, step].tolist(), strict=True):
                if not matcher.is_stopped():  # what follows a complete answer is padding
                    matcher.consume_token(token)
        self._read = input_ids.shape[1]
        bits = np.stack([np.frombuffer(matcher.compute_bitmask(), np.uint8) for matcher in self._matchers])
        allowed = torch.from_numpy(np.unpackbits(bits, axis=1, bitorder="little").astype(bool))
        return scores.masked_fill(~allowed[:, : scores.shape[1]].to(scores.device), float("-inf"))
