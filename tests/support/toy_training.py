"""Everything that training reads, at any size and made without media by the stages that make it of real clips.

The toy set has eight clips of 36 frames in 48-pixel crops, two of them held out for validation and two for synthesis;
the networks that supervise are real but untrained. Larger sets are for benchmarks.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from pyarrow import parquet
from safetensors.torch import load_file

from eadnet.checkpoint import save_model
from eadnet.config.machine import Compute
from eadnet.config.networks import Audio, Autoencoder, SyncNet, VideoMAE
from eadnet.config.section import parse
from eadnet.config.training import Backbone, Training
from eadnet.data.clip_set import ClipSet
from eadnet.features.audio_encoding import encode_audio
from eadnet.features.latents import Latents, cache_latents
from eadnet.features.text_tokens import NULL_TEXT
from eadnet.models.autoencoder import make_autoencoder
from eadnet.models.syncnet import make_syncnet
from eadnet.models.videomae import make_videomae
from eadnet.published.lpips import LPIPS, VGG16
from eadnet.tables import CAPTIONS, write_table
from eadnet.training.backbone import train_backbone
from eadnet.training.batches import TrainingInputs
from eadnet.training.objective import Supervisors
from eadnet.training.run import train_run
from eadnet.training.videomae import standardise
from tests.support.encoded_texts import save_padded
from tests.support.feature_files import rewritten, shard_file
from tests.support.talking_clips import write_talking_clips

SIDE = 48
CPU = Compute(device="cpu", precision="float32", prefetch=0)
NETWORK = {
    "widths": [24, 48],
    "heads": 4,
    "groups": 8,
    "embedding": 32,
    "audio_width": 16,
    "text_width": 16,
    "strip_head": 8,
    "graph_radius": 4,
    "graph_neighbours": 3,
}
OPTIMISER = {"steps": 6, "batch_size": 2, "learning_rate": 1e-3, "warmup": 2}
BACKBONE = {"network": NETWORK, "frames": 2, "processes": 1, "checkpoint_every": 2, "optimiser": OPTIMISER}
TRAINING = {"checkpoint_every": 2, "validation": {"every": 100, "batches": 1, "steps": 2}, "optimiser": OPTIMISER}


@dataclass(frozen=True)
class Sizes:
    """How large the set and its networks are; a text is `tokens` states of `text_width` channels."""

    side: int = SIDE
    frames: int = 36
    train_clips: int = 4
    autoencoder: Autoencoder = Autoencoder(factor=6, channels=4, encoder_width=16, decoder_width=16, detail_width=8)
    syncnet: SyncNet = SyncNet(width=8, embedding=32)
    videomae: VideoMAE = VideoMAE(width=32, depth=1, heads=4, mlp=32)
    backbone: Backbone = parse(Backbone, BACKBONE)
    tokens: int = 6
    text_width: int = 32


TOY = Sizes()


@dataclass(frozen=True)
class Toy:
    """Paths of the toy set."""

    inputs: TrainingInputs
    supervisors: Supervisors
    backbone: str

    def options(self) -> list[str]:
        """The inputs and the autoencoder as options of the command lines."""
        inputs = self.inputs
        named = {"clips": inputs.clips, "captions": inputs.captions, "tokens": inputs.tokens}
        pairs = [*named.items(), ("autoencoder", self.supervisors.autoencoder)]
        pairs += [(name, index) for name in ("audio", "latents") for index in getattr(inputs, name)]
        return [word for name, value in pairs for word in (f"--{name}", value)]


def backbone_settings(**delta) -> Backbone:
    """Toy settings of stage 1; a nested section is merged with its toy form."""
    return parse(Backbone, _merged(BACKBONE, delta))


def training_settings(**delta) -> Training:
    """Toy settings of a run, as `backbone_settings`."""
    return parse(Training, _merged(TRAINING, delta))


def write_toy(folder: Path, sizes: Sizes = TOY) -> Toy:
    """Write the set and a backbone of two steps."""
    clips = write_talking_clips(folder / "clips", sizes.train_clips, 2, sizes.frames, sizes.side, validation=2)
    paths = {name: str(folder / name) for name in ("autoencoder", "syncnet", "videomae", "lpips", "backbone")}
    torch.manual_seed(0)
    _write_autoencoder(clips, paths["autoencoder"], sizes)
    _write_supervisors(clips, paths, sizes)
    _write_texts(clips, folder, sizes)
    audio, latents = (str(folder / name / "0.json") for name in ("audio", "latents"))
    encode_audio([clips], Audio(), 0, audio, assets=None)
    cache_latents([clips], paths["autoencoder"], "face", latents)
    texts = (str(folder / name) for name in ("captions.parquet", "tokens.safetensors"))
    inputs = TrainingInputs(clips, *texts, (audio,), (latents,))
    supervisors = Supervisors(*(paths[name] for name in ("autoencoder", "syncnet", "videomae", "lpips")))
    optimiser = sizes.backbone.optimiser.model_copy(update={"steps": 2})
    settings = sizes.backbone.model_copy(update={"optimiser": optimiser})
    train_backbone(inputs, settings, CPU, 0, paths["autoencoder"], None, paths["backbone"])
    return Toy(inputs, supervisors, paths["backbone"])


def train_toy(toy: Toy, output: Path, settings: Training, compute: Compute = CPU, seed: int = 0) -> Path:
    """Train a run on the toy set; returns its folder."""
    train_run(toy.inputs, settings, compute, "toy", seed, toy.backbone, toy.supervisors, str(output))
    return output


def saved_weights(folder: Path | str) -> dict[str, torch.Tensor]:
    """The weights that a stage left."""
    return load_file(Path(folder) / "model.safetensors")


def logged_losses(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """(step, value) of every loss in a stage's table."""
    losses: dict[str, list[tuple[int, float]]] = {}
    for row in parquet.read_table(folder / "train.parquet").to_pylist():
        losses.setdefault(row["loss"], []).append((row["step"], row["value"]))
    return losses


def logged_steps(folder: Path, key: str = "total") -> list[int]:
    """Steps of the JSON lines that hold a value."""
    lines = (folder / "scalars.jsonl").read_text().splitlines()
    return [record["step"] for record in map(json.loads, lines) if key in record]


def poisoned(toy: Toy, folder: Path, value: float) -> Toy:
    """The toy set with one clip's latents overwritten."""
    (index,) = toy.inputs.latents
    full = load_file(shard_file(index))["full"]
    start = Latents.read(toy.inputs.latents).start["clip_01"]
    full[start : start + 36] = value
    return replace(toy, inputs=replace(toy.inputs, latents=rewritten(index, folder / "poisoned", {"full": full})))


def _write_autoencoder(clips: str, folder: str, sizes: Sizes) -> None:
    frames = ClipSet.read(clips).pixels(0, slice(None))
    model = make_autoencoder(sizes.autoencoder)
    model.initialise_linear(frames)
    model.calibrate(frames)
    save_model(folder, model, {"autoencoder": sizes.autoencoder.model_dump(mode="json"), "resolution": sizes.side})


def _write_supervisors(clips: str, paths: dict[str, str], sizes: Sizes) -> None:
    save_model(paths["syncnet"], make_syncnet(sizes.syncnet), {"syncnet": sizes.syncnet.model_dump(mode="json")})
    real = ClipSet.read(clips).windows(torch.arange(4), torch.zeros(4).long(), 16)
    videomae = make_videomae(sizes.videomae, sizes.side)
    standardise(videomae, real)
    save_model(
        paths["videomae"], videomae, {"videomae": sizes.videomae.model_dump(mode="json"), "resolution": sizes.side}
    )
    widths = (4, 4, 8, 8, 8)
    save_model(paths["lpips"], LPIPS(VGG16(widths)), {"lpips": {"widths": widths}})


def _write_texts(clips: str, folder: Path, sizes: Sizes) -> None:
    """Captions of all clips, and random states in place of an encoder's."""
    blank = dict.fromkeys(CAPTIONS.names) | {"paraphrases": [], "action_units": [], "status": "ok"}
    rows = []
    for name in ClipSet.read(clips).position:
        texts = {"caption": f"{name} smiles", "caption_short": f"{name}", "template": "a person speaks"}
        rows.append(blank | {"clip_id": name, **texts, "paraphrases": [f"{name} beams"]})
    write_table(rows, folder / "captions.parquet", CAPTIONS)
    said = {
        text for row in rows for text in (row["caption"], row["caption_short"], row["template"], *row["paraphrases"])
    }
    texts = (NULL_TEXT, *sorted(said))
    states = np.random.default_rng(0).standard_normal((len(texts), sizes.tokens, sizes.text_width)).astype(np.float16)
    mask = np.ones((len(texts), sizes.tokens), bool)
    mask[0] = False
    save_padded(folder / "tokens.safetensors", texts, states, mask)


def _merged(base: dict, delta: dict) -> dict:
    both = {name: {**base[name], **value} for name, value in delta.items() if isinstance(base.get(name), dict)}
    return {**base, **delta, **both}


def same_bits(one: Path, other: Path, *files: str) -> None:
    """Two folders of a stage hold the same model, losses and other files, byte for byte."""
    for file in ("model.safetensors", "train.parquet", *files):
        assert (one / file).read_bytes() == (other / file).read_bytes(), file
