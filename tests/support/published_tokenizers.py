"""Toy tokenizers in the published files' form: CLIP's byte pairs and T5's unigrams, special ids where they belong."""

import json
from pathlib import Path

from tokenizers import pre_tokenizers
from transformers import CLIPTokenizer, T5Tokenizer

CLIP_SPECIAL = ("<|startoftext|>", "<|endoftext|>")
CLIP_MERGES = ("t h", "th e</w>", "i n", "in g</w>", "a n", "an d</w>", "h a", "ha p", "hap p", "happ y</w>")
T5_PIECES = ("▁", *"abcdefghijklmnopqrstuvwxyz.,'", "▁the", "▁and", "▁happy", "ing", "s")


def write_clip_tokenizer(folder: Path, words: int) -> None:
    """Write every file of CLIP's tokenizer; start and end of text are the last two of `words` ids."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces = [*letters, *(f"{letter}</w>" for letter in letters), *(pair.replace(" ", "") for pair in CLIP_MERGES)]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    vocabulary |= {f"<unused{number}>": number for number in range(len(pieces), words - len(CLIP_SPECIAL))}
    vocabulary |= {piece: words - len(CLIP_SPECIAL) + place for place, piece in enumerate(CLIP_SPECIAL)}
    merges = [tuple(pair.split()) for pair in CLIP_MERGES]
    CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=77).save_pretrained(folder)
    start, end = CLIP_SPECIAL
    special = {"bos_token": start, "eos_token": end, "pad_token": end, "unk_token": end}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("\n".join(("#version: 0.2", *CLIP_MERGES)) + "\n")
    (folder / "special_tokens_map.json").write_text(json.dumps(special))


def write_t5_tokenizer(folder: Path, words: int) -> None:
    """Write T5's tokenizer: padding, end and unknown first, then pieces, and 100 sentinels before `words`' last 28."""
    sentinels = [f"<extra_id_{number}>" for number in reversed(range(100))]
    special = ("<pad>", "</s>", "<unk>")
    unused = [f"<unused{number}>" for number in range(words - 28 - len(special) - len(T5_PIECES) - len(sentinels))]
    pieces = [(piece, 0.0) for piece in special]
    pieces += [(piece, -2.0 - number / 10) for number, piece in enumerate(T5_PIECES)]
    pieces += [(piece, -100.0) for piece in unused] + [(piece, 0.0) for piece in sentinels]
    T5Tokenizer(vocab=pieces, extra_ids=100).backend_tokenizer.save(str(folder / "tokenizer.json"))
