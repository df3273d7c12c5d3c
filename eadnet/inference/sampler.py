"""Denoising a clip of any length: windows with overlap, guidance, DDIM or DPM-Solver++, and blocks of bounded memory.

All windows of a step are denoised, several of them and of their guidance passes in each forward of the network. Their
outputs are blended with triangular weights, and the whole block takes one solver step: windows therefore agree at their
seams, which move from step to step where `shift` is set (Sonic's idea; LatentSync's windows neither overlap nor move).
Clips longer than a block are generated block by block with margins that are cross-faded, so memory does not grow with
length.

Shape legend: T frames, C latent channels, H latent side, L text tokens, W window, S audio steps.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

from eadnet.config.synthesis import Synthesis
from eadnet.config.training import Diffusion
from eadnet.device import Device
from eadnet.diffusion import Process, guide
from eadnet.models.inpainting import Inpainting
from eadnet.models.unet.unet import EADNet

BLOCK = 256
"""Frames that are denoised together at most; single-pass synthesis (no window) has no blocks."""
MARGIN = 16
"""Frames that neighbouring blocks share and cross-fade."""


@dataclass(frozen=True)
class Conditions:
    """What a stretch of a clip is generated from.

    Attributes:
        masked: (T, C, H, H) latents of the masked frames.
        reference: (C, H, H) latent of the reference frame.
        audio: (T, S, C') audio windows.
        text, text_mask: (L, C'') and (L,); an all-False mask is the null text.
    """

    masked: Tensor
    reference: Tensor
    audio: Tensor
    text: Tensor
    text_mask: Tensor

    def to(self, device: torch.device) -> "Conditions":
        """The same on another device."""
        return Conditions(**{name: value.to(device) for name, value in vars(self).items()})


OnStep = Callable[[int, Tensor, Tensor, int], Tensor]
"""Called after a step with its number, its timestep, the block's latents (1, T, C, H, H) and the block's first frame;
the latents that it returns go on."""


class WindowedSampler:
    """A trained network with the process that it was trained for, and how to sample it.

    Args:
        model: the network, frozen, on the device.
        task: the generated region.
        diffusion: the process's settings.
        settings: solver, steps, guidance, windows.
        device: device and precision.
        shared_noise: share of the noise variance common to all frames, since that of `settings` may be null.
        batch: windows times guidance passes of one forward, at most; changes no result beyond rounding. A single pass
            (no window) takes one at a time, since its memory grows with the clip.
    """

    def __init__(
        self,
        model: EADNet,
        task: Inpainting,
        diffusion: Diffusion,
        settings: Synthesis,
        device: Device,
        shared_noise: float,
        batch: int = 1,
    ) -> None:
        self.model, self.task, self.settings, self.device = model, task.to(device.torch_device), settings, device
        self.process, self.shared_noise = Process(diffusion), shared_noise
        self.batch = batch if settings.window else 1

    def stream(
        self,
        frames: int,
        conditions: Callable[[int, int], Conditions],
        seed: int,
        progress: Callable[[float], None] | None = None,
        on_step: OnStep | None = None,
        begin: int = 0,
    ) -> Iterator[Tensor]:
        """Latents of a clip of any length, in consecutive parts (t, C, H, H) on the CPU.

        Args:
            frames: T, of the whole clip or of the stretch of it that is made.
            conditions: gives the conditions of the clip's frames first ... last - 1, when they are needed.
            seed: of the noise; the same seed gives the same clip.
            progress: called after every step with its share of the work, in frames; the shares add up to `frames`.
            on_step: called after every step of every block; may change the latents.
            begin: number of the first frame in the clip; noise belongs to a frame's number in the clip.
        """
        tail, done = None, 0
        for first, last, keep in self._blocks(frames):
            report = None if progress is None else lambda share, fresh=keep - done: progress(share * fresh)
            needed = conditions(begin + first, begin + last)
            latents, done = self.latents(needed, seed, begin + first, report, on_step).cpu(), keep
            if tail is not None:
                ramp = torch.linspace(0, 1, len(tail) + 2)[1:-1, None, None, None]
                faded = (1 - ramp) * tail + ramp * latents[: len(tail)]
                latents = torch.cat([faded, latents[len(tail) :]])
            yield latents[: keep - first]
            tail = latents[keep - first :]

    @torch.inference_mode()
    def latents(
        self,
        conditions: Conditions,
        seed: int,
        first: int = 0,
        progress: Callable[[float], None] | None = None,
        on_step: OnStep | None = None,
    ) -> Tensor:
        """Latents (T, C, H, H) of one block; its noise depends on the seed and each frame's number alone.

        Args:
            conditions: of T frames.
            seed: of the noise.
            first: number of the block's first frame in the clip.
            progress: called after every step with its share of all steps.
            on_step: called after every step; may change the latents.
        """
        conditions = conditions.to(self.device.torch_device)
        masked = conditions.masked[None]
        reference = conditions.reference[None, None].expand_as(masked)
        base = self.task.base(masked, reference)
        sample = frame_noise(masked.shape, self.shared_noise, seed, first).to(masked.device)
        solver = self.process.solver(self.settings.solver, self.settings.steps)
        for step, timestep in enumerate(solver.timesteps):
            times = timestep.to(masked.device).expand(1)
            inputs = self.task.inputs(sample, masked, reference)
            output = self._blended(inputs, times, conditions, self.settings.shift * step)
            clean = self.process.clean(output, sample, base, times)
            sample = solver.step(clean, timestep, sample).prev_sample
            if on_step:
                sample = on_step(step, timestep, sample, first)
            if progress:
                progress(1 / len(solver.timesteps))
        return smoothed(sample[0], self.settings.smoothing)

    def _blocks(self, frames: int) -> Iterator[tuple[int, int, int]]:
        """The blocks of a clip: at least a window long, and sharing at least as much as windows do."""
        settings = self.settings
        if settings.window is None:
            return blocks(frames, None)
        return blocks(frames, max(BLOCK, settings.window), max(MARGIN, settings.overlap))

    def _blended(self, inputs: Tensor, times: Tensor, conditions: Conditions, shift: int) -> Tensor:
        """(1, T, C, H, H) guided output, blended over windows.

        Every window sees the noise of its own frames only. Their outputs are averaged before the solver's step, so that
        neighbours go into the next step with the same latents where they overlap; `shift` moves the seams from step to
        step, which would else stay at the same frames.
        """
        frames = inputs.shape[1]
        length = min(frames, self.settings.window or frames)
        ramp = blend_weights(length, self.settings.overlap).to(inputs.device)
        total, weights = None, torch.zeros(frames, device=inputs.device)
        spans = [slice(start, start + length) for start in window_starts(frames, length, self.settings.overlap, shift)]
        passes = guidance_passes(self.settings.audio_guidance, self.settings.text_guidance)
        outputs = self._outputs(inputs, times, conditions, list(product(spans, passes)))
        for span in spans:
            output = self._guided([next(outputs) for _ in passes]) * ramp[:, None, None, None]
            total = torch.zeros_like(output[:, :1]).repeat(1, frames, 1, 1, 1) if total is None else total
            total[:, span] += output
            weights[span] += ramp
        return total / weights[:, None, None, None]

    def _outputs(
        self, inputs: Tensor, times: Tensor, conditions: Conditions, wanted: list[tuple[slice, "Pass"]]
    ) -> Iterator[Tensor]:
        """(1, W, C, H, H) of each wanted window and pass, in their order, `batch` of them computed at a time."""
        for first in range(0, len(wanted), self.batch):
            part = wanted[first : first + self.batch]
            windows = torch.cat([inputs[:, span] for span, _ in part])
            audio = torch.stack(
                [conditions.audio[span] * hears for span, (hears, _) in part]
            )  # 0: as dropped in training
            text = conditions.text.expand(len(part), -1, -1)
            mask = torch.stack([conditions.text_mask & reads for _, (_, reads) in part])
            with self.device.autocast():
                outputs = self.model(windows, times.expand(len(part)), audio, text, mask)
            yield from outputs.float().split(1)

    def _guided(self, outputs: list[Tensor]) -> Tensor:
        """One window's output of those of its passes (`guidance_passes`)."""
        audio, text = self.settings.audio_guidance, self.settings.text_guidance
        if len(outputs) == 3:
            return guide(*outputs, text, audio)
        if len(outputs) == 1:
            return outputs[0]
        null, both = outputs
        # with equal weights the text-only term cancels; with a text weight of 1 the null term does, so `null` reads
        return null + audio * (both - null)


Pass = tuple[bool, bool]
"""Whether a guidance pass hears the audio, and whether it reads the text."""


def guidance_passes(audio_guidance: float, text_guidance: float) -> list[Pass]:
    """The passes of a window, the full one last; one whose weight is nil is not run.

    Args:
        audio_guidance: weight of the audio in classifier-free guidance (`eadnet.diffusion.guide`).
        text_guidance: that of the text.

    Returns:
        [both], [null, both], [text alone, both] or [null, text alone, both].
    """
    null, text, both = (False, False), (False, True), (True, True)
    if audio_guidance == text_guidance:
        return [both] if audio_guidance == 1 else [null, both]
    return [text, both] if text_guidance == 1 else [null, text, both]


def blocks(frames: int, block: int | None, margin: int = MARGIN) -> Iterator[tuple[int, int, int]]:
    """(first, last, keep) of consecutive blocks: frames before `keep` are final, the rest is shared with the next."""
    if block is None or frames <= block:
        yield 0, frames, frames
        return
    # a block's last `margin` frames lack what follows them: the next block makes them again, and both are cross-faded
    first = 0
    while first + block < frames:
        yield first, first + block, first + block - margin
        first += block - margin
    yield first, frames, frames


def window_starts(frames: int, window: int, overlap: int, shift: int = 0) -> list[int]:
    """First frames of windows that cover a clip; all lie inside it, so the first and last ones overlap more.

    Args:
        frames: T.
        window: frames of a window.
        overlap: frames that neighbours share, less than `window`.
        shift: frames by which the seams are moved.
    """
    if frames <= window:
        return [0]
    stride = window - overlap
    # a start before the clip is moved to 0, and the last to the end: all windows have the length of training
    wanted = range(-(shift % stride), frames - overlap, stride)
    return sorted({min(max(start, 0), frames - window) for start in wanted})


def blend_weights(length: int, overlap: int) -> Tensor:
    """(length,) weights that rise and fall linearly over the overlap, so that neighbours cross-fade."""
    ramp = torch.arange(1, length + 1, dtype=torch.float32)
    return torch.minimum(ramp, ramp.flip(0)).clamp(max=overlap + 1)


def frame_noise(shape_1TCHW: tuple[int, ...], shared: float, seed: int, first: int = 0) -> Tensor:
    """Mixed noise (1, T, C, H, W) as in training, each frame's own part drawn from (seed, frame number)."""
    _, frames, *grid = shape_1TCHW
    common = torch.randn((1, 1, *grid), generator=torch.Generator().manual_seed(seed))
    if shared == 1:
        return common.repeat(1, frames, 1, 1, 1)
    # by frame number rather than in one draw: a frame has the same noise however the clip is cut into blocks
    numbers = range(first, first + frames)
    own = [torch.randn(grid, generator=torch.Generator().manual_seed(derived_seed(seed, number))) for number in numbers]
    return shared**0.5 * common + (1 - shared) ** 0.5 * torch.stack(own)[None]


def derived_seed(seed: int, part: int | str) -> int:
    """Seed (63 bits) of a part of what `seed` makes, such as a clip by its name or a frame by its number."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{part}".encode()).digest()[:8]) >> 1


def smoothed(latents_TCHH: Tensor, weight: float) -> Tensor:
    """Latents through a [w, 1, w] / (1 + 2 w) filter over time, edges repeated; `weight` 0 changes nothing."""
    if not weight:
        return latents_TCHH
    before = torch.cat([latents_TCHH[:1], latents_TCHH[:-1]])
    after = torch.cat([latents_TCHH[1:], latents_TCHH[-1:]])
    return (latents_TCHH + weight * (before + after)) / (1 + 2 * weight)
