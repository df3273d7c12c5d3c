"""Random weights in the published files' form: ``python -m tests.support.published_weights MIRROR [--width ...]``.

Writes, for every asset of ``eadnet/assets.tsv``, files with the published names, tensor names and shapes, so that
adoption and the paper-scale path run without the published numbers. ``full`` has the published sizes, ``small``
the same structure at narrow widths (a few seconds). Beside them stand two configurations to merge into a run's own:
``MIRROR/assets.json`` (the mirror and its accepted digests) and ``MIRROR/settings.json`` (the same, and the sizes that
fit). Floating-point tensors are float16, as most of the published ones.
"""

import argparse
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from eadnet.provenance import sha256_file
from tests.support import published_keys as keys
from tests.support.published_tokenizers import write_clip_tokenizer, write_t5_tokenizer

Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Sizes:
    """The sizes of all published networks at one width; the settings that go with them are `settings`."""

    unet: tuple[int, ...]
    autoencoder: tuple[int, ...]
    syncnet: int
    whisper: tuple[int, int, int]  # width (one size only: audio features rely on it), words, text context
    clip_text: Mapping[str, int]
    clip_vision: Mapping[str, int]
    t5: Mapping[str, int]
    videomae: Mapping[str, int]
    vgg_hidden: int

    def settings(self) -> dict[str, Any]:
        """The part of a configuration that fits these sizes."""
        widths, video = self.unet, dict(self.videomae)
        network = {"widths": widths, "layers": 2, "attention_levels": len(widths) - 1, "heads": 8, "feed_forward": 4}
        network |= {"groups": math.gcd(*widths, 32), "embedding": 4 * widths[0], "modulation": "additive"}
        network |= {"patch": 1, "audio_width": self.whisper[0], "audio_embedding": False}
        network |= {"text_width": self.clip_text["hidden_size"], "strip_head": min(32, widths[0] // 3 // 2 * 2)}
        syncnet = {"width": self.syncnet, "embedding": 64 * self.syncnet}
        video["size"] = 16 * video["patch"] if video["width"] == 1408 else 2 * video["patch"]
        return {
            "autoencoder": {"kind": "kl", "weights": "sd-vae-ft-mse", "factor": 8, "channels": 4}
            | {"widths": self.autoencoder, "layers": 2},
            "syncnet": {"kind": "stable", "weights": "latentsync-syncnet"} | syncnet,
            "videomae": {"kind": "v2", "weights": "videomae-v2-g"} | video,
            "audio": {"encoder": "whisper", "weights": "whisper-tiny"},
            "captions": {"encoder": "t5", "weights": "t5-base"},
            "backbone": {"network": network},
        }


def _tower(width: int, layers: int, heads: int, **others: int) -> dict[str, int]:
    sizes = {"hidden_size": width, "intermediate_size": 4 * width, "num_hidden_layers": layers}
    return sizes | {"num_attention_heads": heads} | others


def _t5(width: int, layers: int, heads: int, words: int) -> dict[str, int]:
    sizes = {"d_model": width, "d_ff": 4 * width, "d_kv": width // heads, "num_heads": heads, "num_layers": layers}
    return sizes | {"vocab_size": words, "relative_attention_num_buckets": 32}


SIZES = {
    "full": Sizes(
        unet=(320, 640, 1280, 1280),
        autoencoder=(128, 256, 512, 512),
        syncnet=32,
        whisper=(384, 51865, 448),
        clip_text=_tower(768, 12, 12, vocab_size=49408, max_position_embeddings=77),
        clip_vision=_tower(1024, 24, 16, image_size=224, patch_size=14),
        t5=_t5(768, 12, 12, 32128),
        videomae={"width": 1408, "depth": 40, "heads": 16, "mlp": 6144, "patch": 14},
        vgg_hidden=4096,
    ),
    "small": Sizes(
        unet=(48, 96, 96, 96),
        autoencoder=(32, 32, 64, 64),
        syncnet=4,
        whisper=(384, 96, 16),
        clip_text=_tower(64, 2, 4, vocab_size=1024, max_position_embeddings=77),
        clip_vision=_tower(32, 1, 4, image_size=28, patch_size=14),
        t5=_t5(64, 2, 4, 512),
        videomae={"width": 32, "depth": 2, "heads": 4, "mlp": 140, "patch": 14},
        vgg_hidden=8,
    ),
}


def tensors(shapes: keys.Shapes, seed: int) -> Tensors:
    """Random float16 tensors whose activations stay finite: weights by fan-in, norms near one, biases near zero."""
    generator = torch.Generator().manual_seed(seed)
    return {name: _tensor(name, shape, generator) for name, shape in shapes.items()}


def _tensor(name: str, shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
    if name.endswith("position_ids"):
        return torch.arange(shape[-1]).expand(shape).contiguous()
    if name.endswith(("pos_encoder.pe", "encoder.positional_embedding")):
        return _sinusoids(*shape[-2:]).expand(shape).half().contiguous()
    if name == "logit_scale":
        return torch.tensor(math.log(100.0)).half()
    values = torch.randn(shape, generator=generator)
    if len(shape) == 1:
        return (0.02 * values + float(name.endswith("weight"))).half()
    values *= math.prod(shape[1:]) ** -0.5
    if name.startswith("lin"):
        values = values.abs()  # LPIPS adds up distances
    if name.endswith("Attention.q.weight"):
        values /= 8  # T5 keeps the softmax's scale in this weight
    return values.half()


def _sinusoids(places: int, width: int) -> torch.Tensor:
    rates = torch.exp(-math.log(10000) * torch.arange(0, width, 2) / width)
    angles = torch.arange(places)[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], -1)


def write_sd15_unet(folder: Path, sizes: Sizes) -> None:
    """Stable Diffusion 1.5's U-Net; its text width is CLIP's."""
    shapes = keys.unet(sizes.unet, 2, 4, sizes.clip_text["hidden_size"], motion=False)
    save_file(tensors(shapes, 1), folder / "diffusion_pytorch_model.safetensors", {"format": "pt"})


def write_latentsync_unet(folder: Path, sizes: Sizes) -> None:
    """LatentSync's U-Net: 13 input channels (noise, mask, masked, reference), Whisper's states as context."""
    shapes = keys.unet(sizes.unet, 2, 13, sizes.whisper[0], motion=True)
    torch.save({"global_step": 1, "state_dict": tensors(shapes, 2)}, folder / "latentsync_unet.pt")


def write_autoencoder(folder: Path, sizes: Sizes) -> None:
    """The autoencoder and its configuration."""
    shapes, levels = keys.autoencoder_kl(sizes.autoencoder, 2), len(sizes.autoencoder)
    save_file(tensors(shapes, 3), folder / "diffusion_pytorch_model.safetensors", {"format": "pt"})
    config = {"_class_name": "AutoencoderKL", "_diffusers_version": "0.4.2", "act_fn": "silu", "in_channels": 3}
    config |= {"block_out_channels": sizes.autoencoder, "layers_per_block": 2, "latent_channels": 4, "out_channels": 3}
    config |= {"down_block_types": ["DownEncoderBlock2D"] * levels, "up_block_types": ["UpDecoderBlock2D"] * levels}
    _write_json(folder / "config.json", config | {"norm_num_groups": 32, "sample_size": 256})


def write_syncnet(folder: Path, sizes: Sizes) -> None:
    """StableSyncNet among the records of its training."""
    records = {name: [] for name in ("train_step_list", "train_loss_list", "val_step_list", "val_loss_list")}
    state = {"state_dict": tensors(keys.stable_syncnet(sizes.syncnet), 4), "global_step": 1}
    torch.save(state | records, folder / "stable_syncnet.pt")


def write_whisper(folder: Path, sizes: Sizes) -> None:
    """Whisper tiny with the dimensions that its loader reads."""
    width, words, text_context = sizes.whisper
    dims = {"n_mels": 80, "n_vocab": words, "n_audio_ctx": 1500, "n_audio_state": width, "n_audio_head": 6}
    dims |= {"n_audio_layer": 4, "n_text_ctx": text_context, "n_text_state": width, "n_text_head": 6, "n_text_layer": 4}
    state = tensors(keys.whisper(width, 4, words, text_context=text_context), 5)
    torch.save({"dims": dims, "model_state_dict": state}, folder / "tiny.pt")


def write_clip(folder: Path, sizes: Sizes) -> None:
    """CLIP with its tokenizer; the vocabulary is a toy that keeps the published special ids at its end."""
    text, vision, projection = dict(sizes.clip_text), dict(sizes.clip_vision), sizes.clip_text["hidden_size"]
    state = tensors(keys.clip(text, vision, projection), 6)
    save_file(state, folder / "model.safetensors", {"format": "pt"})
    special = {"bos_token_id": 0, "eos_token_id": 2, "pad_token_id": 1, "hidden_act": "quick_gelu"}
    towers = {
        "text_config": text | special | {"model_type": "clip_text_model", "projection_dim": projection},
        "vision_config": vision | {"model_type": "clip_vision_model", "hidden_act": "quick_gelu"},
    }
    config = {"architectures": ["CLIPModel"], "model_type": "clip", "projection_dim": projection}
    _write_json(folder / "config.json", config | towers)
    write_clip_tokenizer(folder, text["vocab_size"])


def write_t5(folder: Path, sizes: Sizes) -> None:
    """T5 with its tokenizer; the vocabulary is a toy that keeps the published special ids at both ends."""
    config = dict(sizes.t5)
    save_file(tensors(keys.t5(config), 7), folder / "model.safetensors", {"format": "pt"})
    special = {"decoder_start_token_id": 0, "eos_token_id": 1, "pad_token_id": 0, "layer_norm_epsilon": 1e-6}
    config |= {"architectures": ["T5ForConditionalGeneration"], "model_type": "t5", "is_encoder_decoder": True}
    _write_json(folder / "config.json", config | special | {"dropout_rate": 0.1, "feed_forward_proj": "relu"})
    write_t5_tokenizer(folder, config["vocab_size"])


def write_videomae(folder: Path, sizes: Sizes) -> None:
    """VideoMAE v2's encoder in the wrapping of the engine that trained it."""
    video = sizes.videomae
    shapes = keys.videomae_v2(video["width"], video["depth"], video["mlp"], video["patch"])
    torch.save({"module": tensors(shapes, 8)}, folder / "vit_g_hybrid_pt_1200e_ssv2_ft.pth")


def write_lpips(folder: Path, sizes: Sizes) -> None:
    """The linear heads of LPIPS, of one size only."""
    torch.save(tensors(keys.lpips_vgg(), 9), folder / "vgg.pth")


def write_vgg16(folder: Path, sizes: Sizes) -> None:
    """VGG-16, whose trunk has one size only."""
    torch.save(tensors(keys.vgg16(sizes.vgg_hidden), 10), folder / "vgg16-397923af.pth")


WRITERS: dict[str, Callable[[Path, Sizes], None]] = {
    "sd15-unet": write_sd15_unet,
    "latentsync-unet": write_latentsync_unet,
    "sd-vae-ft-mse": write_autoencoder,
    "latentsync-syncnet": write_syncnet,
    "whisper-tiny": write_whisper,
    "clip-vit-large-patch14": write_clip,
    "t5-base": write_t5,
    "videomae-v2-g": write_videomae,
    "lpips-vgg": write_lpips,
    "vgg16": write_vgg16,
}


def write_mirror(mirror: Path, width: str = "small", only: list[str] | None = None) -> dict[str, Any]:
    """Write the assets (all, or `only` some) into a mirror folder.

    Returns:
        The configuration that fits: sections ``assets``, ``autoencoder``, ``syncnet``, ``videomae``, ``audio``,
        ``captions`` and ``backbone``.
    """
    digests = {}
    for name in only or WRITERS:
        folder = mirror / name
        folder.mkdir(parents=True, exist_ok=True)
        WRITERS[name](folder, SIZES[width])
        digests |= {f"{name}/{file.name}": sha256_file(file) for file in sorted(folder.iterdir())}
    assets = {"mirror": str(mirror.resolve()), "offline": True, "sha256": digests}
    settings = {"assets": assets, **SIZES[width].settings()}
    _write_json(mirror / "assets.json", {"assets": assets})
    _write_json(mirror / "settings.json", settings)
    return json.loads(json.dumps(settings))


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n")


def main() -> None:
    """Parse, write, say where."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mirror", type=Path)
    parser.add_argument("--width", choices=SIZES, default="small")
    parser.add_argument("--only", nargs="+", choices=WRITERS, metavar="ASSET")
    chosen = parser.parse_args()
    write_mirror(chosen.mirror, chosen.width, chosen.only)
    print(f"{chosen.mirror}: wrote {', '.join(chosen.only or WRITERS)}; merge settings.json into the configuration")


if __name__ == "__main__":
    main()
