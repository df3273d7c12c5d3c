"""How large a picture reaches a Qwen-VL model, whichever library runs it."""

from eadnet.config.captions import LanguageModel

SMALLEST_PIXELS = 32 * 32
"""Qwen-VL's processors enlarge a picture that has fewer pixels than a bound (256 x 256 for Qwen3-VL), which costs
tokens and adds nothing. This bound, about the area of one token, leaves frames as they are."""

LARGEST_SIDE = 1024
"""Side of the largest frame where the configuration names none; vLLM sets memory aside for it."""


def pixel_bounds(chosen: LanguageModel) -> dict[str, int]:
    """Bounds on the pixels of a frame, as the processors' argument `size` has them.

    Frames keep their size up to `image_size` squared; height and width are only rounded to whole tokens (28 or 32
    pixels).
    """
    return {"shortest_edge": SMALLEST_PIXELS, "longest_edge": (chosen.image_size or LARGEST_SIDE) ** 2}
