"""Inputs on which lip sync here and in the reference implementations is compared; the values are in golden/lse.json."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from eadnet.media.reading import iterate_video, read_audio
from eadnet.published.syncnet_v2 import SyncNetV2
from metrics.networks.s3fd import S3FDNetwork

FRAMES = 28
COMMON = 1.8
CLIPS = (
    "edtalk_mouth_source.mp4",
    "grid_brbk7n.mpg",
    "grid_lwbsza.mpg",
    "hdtf_RD_Radio10_clip0.mp4",
    "hdtf_WDA_EdMarkey0_000.mp4",
    "mead_M030_angry_L3_016.mp4",
    "mead_W040_happy_L3_029.mp4",
    "mimictalk_May_5s.mp4",
    "styletalk_Obama_clip2.mp4",
    "vrt_face1.mp4",
)


def randomise(network: nn.Module, seed: int) -> None:
    """Weights by He et al. 2015 from numpy's generator, which gives the same numbers everywhere."""
    generator = np.random.default_rng(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            scale = (2 / parameter[0].numel()) ** 0.5 if parameter.ndim > 1 else 0.1
            values = generator.standard_normal(parameter.shape, np.float32) * np.float32(scale)
            parameter.copy_(torch.from_numpy(values) + (parameter.ndim == 1))


def random_syncnet() -> SyncNetV2:
    """SyncNet with random weights, its normalisation measured on made pictures and sounds: features spread."""
    network = SyncNetV2()
    randomise(network, 0)
    generator = np.random.default_rng(1)
    crops = np.stack([next(textures(224, seed)) for seed in range(12)])
    pictures = torch.from_numpy(np.stack([crops[k : k + 5] for k in range(0, 8)])).permute(0, 4, 1, 2, 3).float()
    sounds = torch.from_numpy(generator.normal(0, 12, (16, 1, 13, 20)).astype(np.float32))
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.momentum = 1.0
    with torch.no_grad():
        seen, heard = network.train().see(pictures), network.hear(sounds)
        # A common part of what is seen and heard: without one, the zeros beyond the ends are nearer than any sound.
        common = generator.normal(0, COMMON, seen.shape[1]).astype(np.float32)
        for head, features in ((network.netfclip, seen), (network.netfcaud, heard)):
            head[3].bias += torch.from_numpy(common) - features.mean(0)
    return network.eval()


def random_s3fd() -> S3FDNetwork:
    """S3FD with random weights, that finds some tens of boxes with scores all over the range."""
    network = S3FDNetwork()
    randomise(network, 2)
    with torch.no_grad():
        for head in network.conf:
            head.weight.mul_(0.1)
        for head in network.loc:
            head.weight.mul_(0.01)
    return network.eval()


def textures(side: int, seed: int, count: int = 1) -> Iterator[np.ndarray]:
    """(side, side, 3) uint8 pictures of soft blobs that drift."""
    noise = np.random.default_rng(seed).normal(size=(side, side, 3))
    soft = cv2.GaussianBlur(noise, (0, 0), 6)
    picture = np.clip(128 + soft / soft.std() * 50, 0, 255).astype(np.uint8)
    for number in range(count):
        yield np.roll(picture, (3 * number, 2 * number), axis=(0, 1))


HELD = {".mpg": 12}
"""The values were made when reading began MPEG-PS at its second group of pictures, whose first one was repeated."""

EARLY = {"vrt_face1.mp4": -0.0330078125}
"""Seconds: they were made when time began with the sound, also where the picture begins a little later."""


def real_crops(path: Path) -> np.ndarray:
    """(28, 224, 224, 3) uint8 RGB: the upper middle of a real clip's first frames, where the face is."""
    crops = []
    frames = list(islice(iterate_video(path, start=EARLY.get(path.name, 0.0)), FRAMES))
    held = HELD.get(path.suffix, 0)
    for frame in [frames[held]] * held + frames[held:]:
        height, width = frame.shape[:2]
        side = min(height, width) * 3 // 4
        left = (width - side) // 2
        crops.append(cv2.resize(frame[:side, left : left + side], (224, 224)))
    return np.stack(crops)


def real_wave(path: Path) -> np.ndarray:
    """Their sound, int16 at 16 kHz."""
    beside = path.with_suffix(".wav")
    wave = read_audio(beside if beside.exists() else path, start=EARLY.get(path.name, 0.0))[: FRAMES * 640]
    return np.rint(np.clip(wave, -1, 1) * 32767).astype(np.int16)


def made_boxes() -> tuple[list[np.ndarray], list[int]]:
    """Boxes (n, 5) of 420 frames with gaps, a second face, a small one and a jump; and cuts."""
    generator, found = np.random.default_rng(4), []
    for number in range(420):
        drift = 30 * np.sin(number / 40)
        faces = [(300 + drift, 200, 160, 190), (900 - drift, 240, 140, 150), (30, 30, 60, 70)]
        boxes = []
        for index, (x, y, width, height) in enumerate(faces):
            missed = (index == 0 and 60 <= number < 80) or (index == 1 and 150 <= number < 190)
            if missed or generator.random() < 0.05:
                continue
            corner = np.array((x, y)) + generator.normal(0, 2, 2)
            boxes.append([*corner, *(corner + (width, height) + generator.normal(0, 2, 2)), generator.uniform(0.9, 1)])
        found.append(np.array(boxes).reshape(-1, 5)[np.argsort([-box[4] for box in boxes], kind="stable")])
    return found, [230, 330]
