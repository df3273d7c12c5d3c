"""Makes tiny language models with random weights, two of which see pictures: real architectures, real files.

    <python with torch and transformers> tests/support/tiny_vlm.py FOLDER [qwen3_vl] [qwen2_5_vl] [qwen3]

Writes ``FOLDER/{kind}`` in the layout that published models have (weights, configuration, byte-pair tokenizer trained
on `TEXT`, chat template, image processor): all that vLLM and transformers read, in 1 to 3 MB, from no download and
without torchvision. The same call writes the same bytes. Such a model writes nonsense, but its answers depend on every
word and pixel of the question and a schema can be enforced on them, which is what tests of an engine need.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen3Config,
    Qwen3ForCausalLM,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
)

POSITIONS = 16_384
"""Longest text of prompt and answer, in tokens."""

SPREAD = 8
"""Factor on the initial weights: as they are drawn (deviation 0.02), all questions get the same answer."""

CLOSING = 5
"""Further factor on the output row of the closing quote, so that strings end long before the schema ends them."""

END, PAD = "<|im_end|>", "<|endoftext|>"
SPECIAL = [PAD, "<|im_start|>", END, "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"]

TEMPLATE = """\
{%- for message in messages -%}
{{ '<|im_start|>' + message.role + '\\n' }}
{%- if message.content is string %}{{ message.content }}{% else %}
{%- for part in message.content %}
{%- if part.type == 'text' %}{{ part.text }}{% else %}{{ '<|vision_start|><|image_pad|><|vision_end|>' }}{% endif %}
{%- endfor %}{% endif %}
{{- '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"""

TEXT = (
    "You describe the facial expression and head motion of the one person in a video clip, frame by frame.",
    "Describe only what is visible in the face and head, in the third person. Never mention any of these.",
    "Answer with one JSON object of this schema, and with nothing else. The measured action units of this clip are",
    "The person raises the inner brows and lowers the lip corners, slightly at first, then strongly: a sad face.",
    "The eyes narrow, the cheeks rise and the mouth corners are pulled up; the head tilts left and moves calmly.",
    "inner brow raiser, outer brow raiser, brow lowerer, upper lid raiser, cheek raiser, lid tightener, nose wrinkler",
    "upper lip raiser, nasolabial deepener, lip corner puller, dimpler, lip corner depressor, chin raiser, lips part",
    "left inner brow raiser, right outer brow raiser, lip stretcher, jaw drop, nostril dilator, mouth stretch, tongue",
    '{"emotion": "happy", "confidence": 0.75, "intensity": "moderate", "valence": -0.5, "arousal": 0.25, '
    '"action_units": ["cheek raiser", "lip corner puller"], "upper_face": {"brows": "at rest", "eyes": "narrowed", '
    '"forehead": "smooth"}, "lower_face": {"mouth_corners": "up", "jaw": "at rest", "nose": "", "cheeks": "raised"}, '
    '"head": {"pose": "upright", "motion": "calm"}, "gaze": "straight ahead", "dynamics": "rising", '
    '"caption_short": "A broad smile.", "caption_full": "The person smiles.", "paraphrases": ["A smile grows."]}',
    '{"type": "object", "properties": {"enum": ["static", "falling", "fluctuating"], "maxLength": 120, "minItems": 3, '
    '"pattern": "^[^\\\\x00-\\\\x1f]*$"}, "required": ["title"], "additionalProperties": false, "minimum": -1}',
    "angry, contempt, disgusted, fear, happy, neutral, sad, surprised; none, slight, moderate, strong; 0123456789",
)
"""What the tokenizer is trained on: words and punctuation of captions, so that prompts take few tokens."""


def make_tiny_model(folder: Path, kind: str) -> Path:
    """Write one model.

    Args:
        folder: Where ``{kind}`` is made.
        kind: A name of `KINDS`.

    Returns:
        The model's folder.
    """
    place = Path(folder) / kind
    tokenizer = _tokenizer()
    torch.manual_seed(0)
    model = KINDS[kind](tokenizer).to(torch.float32).eval()
    _spread(model, tokenizer.convert_tokens_to_ids('"'))
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.save_pretrained(place)
    tokenizer.save_pretrained(place)
    if kind != "qwen3":
        _write_processors(place, "Qwen3VL" if kind == "qwen3_vl" else "Qwen2_5_VL", model.config.vision_config)
    return place


def _tokenizer() -> PreTrainedTokenizerFast:
    """Byte-pair tokenizer: any text can be written, the words of `TEXT` in few tokens."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=1024,
        special_tokens=SPECIAL,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    core.train_from_iterator(TEXT, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core, eos_token=END, pad_token=PAD, model_max_length=POSITIONS, padding_side="left"
    )
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def _spread(model: PreTrainedModel, quote: int) -> None:
    """Make answers depend on the question, and strings end."""
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim > 1:
                weight.mul_(SPREAD)
            elif name.endswith("q_norm.weight"):
                weight.mul_(2)  # attention that picks out pictures rather than averaging over the long rules
        model.get_output_embeddings().weight[quote] *= CLOSING


def _text_settings(tokenizer: PreTrainedTokenizerFast) -> dict:
    """The language part: two layers of width 64; heads of 32 are the smallest that vLLM's attention on CPUs takes."""
    return {
        "vocab_size": -(-len(tokenizer) // 64) * 64,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "max_position_embeddings": POSITIONS,
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "tie_word_embeddings": False,
    }


def _vision_settings(patch_size: int, **further: object) -> dict:
    """The picture part: two layers; merges 2 x 2 patches into a token."""
    return {
        "depth": 2,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_heads": 2,
        "out_hidden_size": 64,
        "patch_size": patch_size,
        "spatial_merge_size": 2,
        "temporal_patch_size": 2,
        **further,
    }


def _picture_tokens(tokenizer: PreTrainedTokenizerFast) -> dict:
    names = {
        "image_token_id": "<|image_pad|>",
        "video_token_id": "<|video_pad|>",
        "vision_start_token_id": "<|vision_start|>",
        "vision_end_token_id": "<|vision_end|>",
    }
    return {key: tokenizer.convert_tokens_to_ids(token) for key, token in names.items()}


def _rope(sections: list[int], **further: object) -> dict:
    """Rotary positions in (time, height, width), which share half a head's 32 dimensions."""
    return {"rope_type": "default", "rope_theta": 1e4, "mrope_section": sections, **further}


def _qwen3(tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    return Qwen3ForCausalLM(Qwen3Config(head_dim=32, **_text_settings(tokenizer)))


def _qwen3_vl(tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    rope = _rope([6, 5, 5], mrope_interleaved=True)
    text = _text_settings(tokenizer) | {"head_dim": 32, "rope_parameters": rope}
    vision = _vision_settings(16, num_position_embeddings=64, deepstack_visual_indexes=[0, 1])
    marks = _picture_tokens(tokenizer)
    return Qwen3VLForConditionalGeneration(
        Qwen3VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=False, **marks)
    )


def _qwen2_5_vl(tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    text = _text_settings(tokenizer) | {"rope_parameters": _rope([4, 6, 6])}
    vision = _vision_settings(14, window_size=112, fullatt_block_indexes=[1])
    marks = _picture_tokens(tokenizer)
    return Qwen2_5_VLForConditionalGeneration(
        Qwen2_5_VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=False, **marks)
    )


KINDS: dict[str, Callable[[PreTrainedTokenizerFast], PreTrainedModel]] = {
    "qwen3_vl": _qwen3_vl,
    "qwen2_5_vl": _qwen2_5_vl,
    "qwen3": _qwen3,
}


def _write_processors(place: Path, family: str, vision: object) -> None:
    """The two files of published Qwen-VL folders that say how pictures become patches.

    They are written as text since the class of one of them cannot even be made without torchvision.
    """
    common = {
        "processor_class": f"{family}Processor",
        "patch_size": vision.patch_size,
        "temporal_patch_size": vision.temporal_patch_size,
        "merge_size": vision.spatial_merge_size,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
        "size": {"shortest_edge": 65_536, "longest_edge": 16_777_216},  # pixels, as Qwen3-VL has them
    }
    kind_of_video = "Qwen3VLVideoProcessor" if family == "Qwen3VL" else "Qwen2VLVideoProcessor"
    files = {
        "preprocessor_config.json": common | {"image_processor_type": "Qwen2VLImageProcessorFast"},
        "video_preprocessor_config.json": common | {"video_processor_type": kind_of_video},
    }
    for name, settings in files.items():
        (place / name).write_text(json.dumps(settings, indent=2), encoding="utf-8")


def main() -> None:
    """Make the models that are named, or all."""
    folder, *kinds = sys.argv[1:]
    for kind in kinds or KINDS:
        print(make_tiny_model(Path(folder), kind))


if __name__ == "__main__":
    main()
