"""`EADNetPipeline`: make a talking video from a picture or video, a sound and a text.

    pipeline = EADNetPipeline.from_pretrained("models/ead-net")
    pipeline(image="face.png", audio="speech.wav", text="smiles broadly, brows raised", output="out.mp4")

A pipeline's folder has ``model_index.json``, ``unet/`` and ``autoencoder/`` (safetensors and JSON each), ``audio/``
and ``text/`` if the encoders need weights that are not installed with a package, and ``README.md``, the model card.
`from_run` makes a pipeline from a run that the workflow has trained.

Shape legend: T frames, S crop side, L text tokens, C channels.
"""

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from eadnet.checkpoint import CheckpointError, read_config, results_of, save_model
from eadnet.config.configuration import Config
from eadnet.config.machine import Compute
from eadnet.config.section import parse
from eadnet.config.synthesis import Synthesis
from eadnet.config.training import Mask
from eadnet.device import Device, find_device, moved
from eadnet.features.text_encoder import TextEncoder, make_text_encoder
from eadnet.features.text_tokens import NULL_TEXT
from eadnet.inference.animator import Animator, Codec
from eadnet.inference.clip_requests import ClipRequest, clip_requests
from eadnet.inference.driving_audio import Sound, SoundFeatures
from eadnet.inference.hub import is_hub_id, pipeline_folder
from eadnet.inference.model_card import describe_clips, model_card
from eadnet.inference.pipeline_index import CARD, INDEX, WHISPER, PipelineError, PipelineIndex, read_index
from eadnet.inference.pipeline_output import Generation, OutputType, check_output_type
from eadnet.inference.prepared_clip import BAR, PreparedClip, stretch_scenes
from eadnet.inference.source_video import SourceVideo, open_picture, open_video
from eadnet.inference.step_callbacks import TENSOR_INPUTS, StepCallback, StepCallbacks
from eadnet.media.pictures import Picture
from eadnet.models.loading import load_autoencoder, load_run
from eadnet.models.unet.unet import EADNet
from eadnet.provenance import atomic_path


@dataclass
class EADNetPipeline:
    """A trained network with its autoencoder, encoders and settings; made by `from_pretrained` or `from_run`.

    Attributes:
        unet, autoencoder: the frozen networks.
        configs: the ``config.json`` of each, by name.
        index: sizes and defaults.
        machine: device and precision.
        text_weights: folder of the text encoder; None if it is installed with a package.
        audio_weights: file of Whisper tiny; None if the network's audio input is a spectrogram.
        compiled: whether the U-Net is compiled.
        batch: windows times guidance passes of one forward, at most (``compute.sample_batch``).
    """

    unet: EADNet
    autoencoder: nn.Module
    configs: dict[str, dict[str, Any]]
    index: PipelineIndex
    machine: Device
    text_weights: Path | None = None
    audio_weights: Path | None = None
    compiled: bool = False
    batch: int = 1

    # ------------------------------------------------------------------------------------------------- on disk
    @classmethod
    def from_pretrained(
        cls,
        name: str | Path,
        compute: Compute | None = None,
        *,
        revision: str | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool = False,
        token: str | bool | None = None,
    ) -> "EADNetPipeline":
        """Load a pipeline that `save_pretrained` wrote: from a folder, or from a repository on the Hugging Face hub.

        Args:
            name: the folder (then nothing is downloaded), or "organisation/name" on the hub.
            compute: device and precision; None chooses them. `to` changes them later.
            revision: branch, tag or commit of the repository; None is its main branch.
            cache_dir: where its files are kept; None is the hub's own cache.
            local_files_only: whether to use only cached files, without network access.
            token: of the hub, for repositories that need one; True takes the saved one.

        Raises:
            PipelineError, CheckpointError: a file is absent or damaged, or the hub refuses it.
        """
        folder = pipeline_folder(name, revision, cache_dir, local_files_only, token)
        index = read_index(folder, str(name))
        text, audio = folder / "text", folder / "audio" / WHISPER
        return cls._loaded(
            folder / "unet",
            folder / "autoencoder",
            index,
            compute or Compute(),
            text if text.is_dir() else None,
            audio if audio.is_file() else None,
        )

    @classmethod
    def from_run(
        cls,
        run: str | Path,
        autoencoder: str | Path | None = None,
        config: Config | None = None,
        compute: Compute | None = None,
    ) -> "EADNetPipeline":
        """Make a pipeline from a run of the workflow, such as ``results/runs/full/0``.

        Args:
            run: folder of the run, or of one of its exports (``exports/step_000500``).
            autoencoder: its autoencoder; None is ``pretrained/autoencoder`` of the same results.
            config: the configuration that trained it, for alignment, sampling and published encoders; None is the
                default one.
            compute: device and precision; None chooses them.

        Raises:
            PipelineError, CheckpointError, AssetError: a file is absent or damaged, or the parts do not fit together.
        """
        from eadnet.assets import fetch

        config, results = config or Config(), results_of(run)
        autoencoder = autoencoder or results / "pretrained" / "autoencoder"
        kind = read_config(run, "audio")["audio"]
        if kind != config.audio.encoder:
            raise PipelineError(
                f"{run}: audio input {kind}, but audio.encoder is {config.audio.encoder}; give the configuration "
                "of its training"
            )
        index = PipelineIndex(
            resolution=read_config(autoencoder, "resolution")["resolution"],
            smoothing=config.preprocess.smoothing,
            template=config.preprocess.template,
            max_gap=config.preprocess.max_gap,
            shot_threshold=config.preprocess.shot_threshold,
            text_encoder=config.captions.encoder,
            max_tokens=config.captions.max_tokens,
            trained_on=describe_clips(results / "clips.parquet", read_config(run).get("corpora", ())),
            synthesis=config.synthesis,
        )
        text, audio = config.captions.weights, config.audio.weights
        return cls._loaded(
            run,
            autoencoder,
            index,
            compute or config.compute,
            fetch(text, config.assets) if text else None,
            fetch(audio, config.assets) / WHISPER if audio else None,
        )

    @classmethod
    def _loaded(
        cls,
        unet: str | Path,
        autoencoder: str | Path,
        index: PipelineIndex,
        compute: Compute,
        text_weights: Path | None,
        audio_weights: Path | None,
    ) -> "EADNetPipeline":
        machine = find_device(compute)
        with torch.random.fork_rng(devices=()):  # constructors draw initial weights: keep the caller's random state
            codec = load_autoencoder(autoencoder)
            network, config = load_run(unet, codec.channels)
        if config["audio"] == "whisper" and audio_weights is None:
            raise PipelineError(
                f"{unet}: audio input whisper, but its weights are absent; add audio/{WHISPER} to the folder"
            )
        configs = {"unet": config, "autoencoder": read_config(autoencoder)}
        network, codec = network.to(machine.torch_device), codec.to(machine.torch_device)
        weights, how = (text_weights, audio_weights), (compute.compile, compute.sample_batch)
        return cls(network, codec, configs, index, machine, *weights, *how)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the pipeline as one folder; the index is written last, so a folder with an index is complete."""
        folder = Path(folder)
        save_model(folder / "unet", self.unet, self.configs["unet"])
        save_model(folder / "autoencoder", self.autoencoder, self.configs["autoencoder"])
        if self.audio_weights:
            _copy(self.audio_weights, folder / "audio" / WHISPER)
        for source in sorted(self.text_weights.iterdir()) if self.text_weights else ():
            _copy(source, folder / "text" / source.name)
        texts = {CARD: model_card(self.configs["unet"], self.index), INDEX: self.index.as_json()}
        for name, text in texts.items():
            with atomic_path(folder / name) as temporary:
                temporary.write_text(text)

    # ------------------------------------------------------------------------------------------------- machine
    @property
    def device(self) -> torch.device:
        """The device of the networks."""
        return self.machine.torch_device

    @property
    def dtype(self) -> torch.dtype:
        """The type that networks compute in (autocast); weights stay float32."""
        return self.machine.precision or torch.float32

    def to(
        self, device: str | torch.device | torch.dtype | None = None, dtype: torch.dtype | None = None
    ) -> "EADNetPipeline":
        """Move the networks to a device, compute in another type, or both; returns the pipeline itself.

        Args:
            device: `cpu`, `cuda` or a numbered GPU; if it is a type, it is taken as `dtype`.
            dtype: float32, bfloat16 or (on a GPU) float16.

        Raises:
            DeviceError: the device does not exist, or does not support the type; nothing was changed.
        """
        if isinstance(device, torch.dtype):
            device, dtype = None, device
        self.machine = moved(self.machine, device, dtype)
        self.unet.to(self.device)
        self.autoencoder.to(self.device)
        if "_text_encoder" in vars(self):
            self._text_encoder.to(self.device)
        return self

    # ---------------------------------------------------------------------------------------------- generation
    def __call__(
        self,
        *,
        audio: str | Path | np.ndarray | list,
        image: Picture | list | None = None,
        video: str | Path | list | None = None,
        text: str | list[str] = NULL_TEXT,
        output: str | Path | list | None = None,
        output_type: OutputType = "np",
        mask: Mask | None = None,
        seed: int = 0,
        generator: torch.Generator | list[torch.Generator] | None = None,
        callback_on_step_end: StepCallback | None = None,
        callback_on_step_end_tensor_inputs: Sequence[str] = TENSOR_INPUTS,
        progress: bool = True,
        **sampling: Any,
    ) -> Generation | list[Generation]:
        """Generate a video in which the face speaks.

        The result is as long as the sound: a longer video is cut, a shorter one is played forwards and backwards, and
        a picture is repeated. Memory does not grow with length, unless `window` is None. Only the generated region of
        the face changes.

        A video may have several shots: each shows the face of its own search, with a reference of its own. Frames in
        which no face is seen, and those of a fade or dissolve, stay as they are, under the same sound; a line on stderr
        and `Generation.notes` say which seconds of the video that are.

        With mask `full` the whole aligned crop, including the pose of the head, is generated from the reference frame
        only. With `lower` and `face` every frame keeps the picture's hair, pose and the area around the eyes. The
        default is the mask that the network was trained with; another mask is possible, with a warning.

        **Several clips.** `audio`, `image`, `video`, `text` and `output` may be lists with one value a clip; a single
        value is used for all. Faces, sounds and texts of all clips are checked before the first clip is generated.

        **Callback.** It is called as ``callback(pipeline, step, timestep, callback_kwargs)`` after every denoising
        step, with the latents (1, t, C, S, S) of all frames that are denoised together, after their windows have been
        blended. A clip longer than 256 frames (or than `window`) is made block by block, with all steps for each block:
        ``callback_kwargs["block"]`` gives the clip and the frames of the block
        (`eadnet.inference.step_callbacks.Block`). The latents in the returned dict replace the current ones; None
        changes nothing. Returned frames are generated only when they are read, and the callback is called then. Its
        exceptions end the clip.

        Args:
            audio: sound of any format (or of a video), or a mono wave (n,) at 16 kHz.
            image: picture of one face, of any size: path, PIL image or (H, W, 3) uint8.
            video: path of a video, with one face in every shot; the reference of a shot is its frame with open eyes and
                the most closed lips. Give either `image` or `video`.
            text: guides the expression, in any words; "" is no guidance.
            output: ``.mp4`` to write; None returns the frames.
            output_type: form of returned frames (`Generation.frames`); `latent` are the latents of the crops, neither
                decoded nor pasted into the picture.
            mask: generated region: `lower`, `face` or `full`; None is the one that the network was trained with.
            seed: of the noise, which depends on the seed, the clip's index in the lists (0 for one clip) and the frame
                number. The same seed gives the same video; on a GPU to the last bit only if the program has called
                ``torch.use_deterministic_algorithms``, which the pipeline does not do.
            generator: replaces the seed: the same state gives the same video. Clips draw one after another from a
                single generator, or each from its own in a list.
            callback_on_step_end: function, or a `PipelineCallback` of diffusers.
            callback_on_step_end_tensor_inputs: keys of `callback_kwargs` in addition to `block`: `latents`.
            progress: whether to show bars.
            sampling: any key of the configuration's ``synthesis``: `steps`, `solver`, `audio_guidance`,
                `text_guidance`, `window`, `overlap`, `shift`, `shared_noise`, `smoothing`, `crf`.

        Returns:
            A `Generation`, or a list of them where any argument was a list.

        Raises:
            PipelineError: arguments that do not fit together, or a text encoder of another width.
            MediaError: a file cannot be used or shows no face; of several clips, with its number.
            ConfigError: an unknown sampling key, or a value out of range.
        """
        settings = parse(Synthesis, self.index.synthesis.model_dump(mode="json") | sampling, where="synthesis")
        values = {"audio": audio, "image": image, "video": video, "text": text, "output": output}
        requests, listed = clip_requests(values, seed, generator)
        check_output_type(output_type, any(request.output is not None for request in requests))
        calls = StepCallbacks(self, callback_on_step_end, callback_on_step_end_tensor_inputs)
        animator = self._animator(settings, self._mask(mask))
        sounds = [self._sound(request) for request in requests]  # all first, since finding faces takes longer
        clips = [self._prepared(*each, progress) for each in zip(requests, sounds, strict=True)]
        made = [clip.made(animator, calls, output_type, progress) for clip in clips]
        return made if listed else made[0]

    def _animator(self, settings: Synthesis, mask: str) -> Animator:
        codec, config, size = Codec(self.autoencoder, self.machine), self.configs["unet"], self.index.resolution
        return Animator(self.unet, config, codec, settings, mask, size, self.compiled, self.batch)

    def _sound(self, request: ClipRequest) -> Sound:
        with request.named():
            return Sound.open(request.audio)

    def _prepared(self, request: ClipRequest, sound: Sound, progress: bool) -> PreparedClip:
        """The clip with its decoded sound, its aligned face and its encoded text."""
        with request.named():
            footage = self._footage(request.image, request.video, sound.frames, progress)
            features = SoundFeatures(
                sound, self.configs["unet"]["audio"], self.audio_weights, self.machine.torch_device
            )
            scenes = stretch_scenes(footage, sound.frames, features.windows, self._text(request.text))
            clip = PreparedClip(request, sound, footage, scenes)
        clip.report()
        return clip

    def _mask(self, mask: str | None) -> str:
        trained = self.configs["unet"]["mask"]
        if mask not in (None, trained):
            print(f"warning: mask {mask}, but the network was trained to generate {trained}", file=sys.stderr)
        return mask or trained

    def _footage(self, image: Picture | None, video: str | Path | None, frames: int, progress: bool) -> SourceVideo:
        if image is not None:
            return open_picture(image, self.index.resolution, self.index.template)

        index = self.index
        alignment = (index.resolution, index.smoothing, index.template, index.max_gap, index.shot_threshold)
        bar = {"total": frames, "unit": " frames", "bar_format": BAR, "disable": not progress}
        with tqdm(desc="finding the face", **bar) as shown:
            return open_video(video, frames, *alignment, lambda searched: shown.update(searched - shown.n))

    def _text(self, text: str) -> tuple[Tensor, Tensor]:
        """States (L, C) and mask (L,) of a text; all False for the null text."""
        width = self.configs["unet"]["text_input"]
        if text == NULL_TEXT:
            return torch.zeros(1, width), torch.zeros(1, dtype=torch.bool)
        if self._text_encoder.width != width:
            raise PipelineError(
                f"text encoder {self.index.text_encoder} has {self._text_encoder.width} channels, the network reads "
                f"{width}; give the configuration it was trained with"
            )
        if self._text_encoder.count_tokens(text) > self.index.max_tokens:
            print(f"warning: the text is cut after {self.index.max_tokens} tokens", file=sys.stderr)
        states, mask = self._text_encoder.encode([text], self.index.max_tokens)
        return torch.from_numpy(states[0]).float(), torch.from_numpy(mask[0])

    @cached_property
    def _text_encoder(self) -> TextEncoder:
        return make_text_encoder(self.index.text_encoder, self.text_weights).to(self.device)


def open_pipeline(
    folder: str | Path,
    autoencoder: str | Path | None = None,
    config: Config | None = None,
    compute: Compute | None = None,
) -> EADNetPipeline:
    """The pipeline of a folder that `save_pretrained` wrote, of the hub, or of a run.

    Args: as for `EADNetPipeline.from_run`; a saved pipeline uses `folder` and `compute` only.

    Raises:
        CheckpointError: the folder is neither a pipeline nor a run.
        PipelineError, AssetError: as for the two constructors.
    """
    if Path(folder, INDEX).is_file() or is_hub_id(folder):
        return EADNetPipeline.from_pretrained(folder, compute)
    if not Path(folder, "config.json").is_file():
        raise CheckpointError(f"{folder}: neither a pipeline ({INDEX}) nor a run (config.json); give one of them")
    return EADNetPipeline.from_run(folder, autoencoder, config, compute)


def _copy(source: Path, target: Path) -> None:
    if target.exists() and target.samefile(source):
        return
    with atomic_path(target) as temporary:
        shutil.copyfile(source, temporary)
