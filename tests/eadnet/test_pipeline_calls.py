"""The pipeline as users of diffusers call it: several clips, generators, step callbacks, forms of output, devices."""

import json
import os
import random
import re

import numpy as np
import pytest
import torch
from diffusers.callbacks import MultiPipelineCallbacks, PipelineCallback
from PIL import Image
from skimage import data

from eadnet.config.machine import Compute
from eadnet.data.clip_set import stored_pixels
from eadnet.device import Device, DeviceError, moved
from eadnet.inference import sampler
from eadnet.inference.paste_back import paste_stream, paste_weight
from eadnet.inference.pipeline_index import package_version
from eadnet.inference.source_video import open_picture
from eadnet.inference.step_callbacks import Block
from eadnet.media.decoding import MediaError
from eadnet.media.reading import read_video
from eadnet.media.writing import write_video
from eadnet.models.inpainting import Inpainting
from eadnet.pipeline import EADNetPipeline, PipelineError
from tests.support.tiny_models import write_tiny_run

CPU = Compute(device="cpu", precision="float32")
QUICK = {"steps": 2, "window": 16, "overlap": 4, "progress": False, "audio_guidance": 1.0, "text_guidance": 1.0}


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory) -> EADNetPipeline:
    return EADNetPipeline.from_run(write_tiny_run(tmp_path_factory.mktemp("results")), compute=CPU)


@pytest.fixture(scope="module")
def face() -> np.ndarray:
    """A real face, (200, 180, 3)."""
    return data.astronaut()[20:220, 130:310]


def voice(frames: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, frames * 640).astype(np.float32)


def latents(pipeline: EADNetPipeline, face: np.ndarray, frames: int = 3, **arguments) -> torch.Tensor:
    """(T, C, S, S) of one clip; the quickest view of what was generated."""
    call = QUICK | {"image": face, "audio": voice(frames), "output_type": "latent"} | arguments
    return torch.stack(list(pipeline(**call).frames))


# --------------------------------------------------------------------------------------------- device and type
def test_to_moves_the_networks_and_changes_the_type(pipeline, face, tmp_path):
    pipeline.save_pretrained(tmp_path)
    moving = EADNetPipeline.from_pretrained(tmp_path, CPU)
    assert moving.device == torch.device("cpu") and moving.dtype == torch.float32
    exact = latents(moving, face)
    assert moving.to("cpu", torch.bfloat16) is moving and moving.dtype == torch.bfloat16
    rough = latents(moving, face)
    assert 1e-5 < (exact - rough).abs().max() and torch.allclose(exact, rough, atol=0.5 * exact.abs().max())
    assert torch.equal(latents(moving.to(torch.float32).to("cpu").to(dtype=torch.float32), face), exact)
    assert {parameter.dtype for parameter in moving.unet.parameters()} == {torch.float32}


def test_to_moves_every_network(pipeline, face, tmp_path, monkeypatch):
    pipeline.save_pretrained(tmp_path)
    moving = EADNetPipeline.from_pretrained(tmp_path, CPU)
    latents(moving, face, text="smiles")  # loads the text encoder
    monkeypatch.setattr("eadnet.device._present", torch.device)  # "meta" passes, which every machine has
    moving.to("meta")
    networks = (moving.unet, moving.autoencoder, moving._text_encoder._network)
    assert all(parameter.is_meta for network in networks for parameter in network.parameters())


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("cpu", torch.float16), "dtype torch.float16 needs a GPU; give torch.bfloat16 or torch.float32 on a CPU"),
        ((torch.float64,), "dtype torch.float64: give torch.float32, torch.bfloat16 or torch.float16"),
        (("mars",), "device 'mars': give cpu, cuda or a numbered GPU such as cuda:0"),
        (("meta",), "device meta: networks run on cpu or cuda"),
        (("cuda:99",), r"device cuda:99: torch sees (no|\d+) GPUs?; give one of these or cpu"),
    ],
)
def test_a_device_or_type_that_is_not_there_is_one_line_and_changes_nothing(pipeline, asked, said):
    before = pipeline.machine
    with pytest.raises(DeviceError, match=f"^{said}$"):
        pipeline.to(*asked)
    assert pipeline.machine == before


def test_an_old_gpu_has_no_bfloat16(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (7, 5))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Old GPU")
    with pytest.raises(DeviceError, match=r"^dtype torch.bfloat16: Old GPU lacks it; give torch.float16 or"):
        moved(Device(), "cuda", torch.bfloat16)
    assert moved(Device(), "cuda", torch.float16) == Device(torch.device("cuda"), torch.float16)


@pytest.fixture
def untouched():
    """Torch's settings as a new process has them, put back afterwards."""
    deterministic, warn = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    fast, workspace = torch.backends.mha.get_fastpath_enabled(), os.environ.pop("CUBLAS_WORKSPACE_CONFIG", None)
    torch.use_deterministic_algorithms(False)
    torch.backends.mha.set_fastpath_enabled(True)
    yield
    torch.use_deterministic_algorithms(deterministic, warn_only=warn)
    torch.backends.mha.set_fastpath_enabled(fast)
    if workspace is not None:
        os.environ["CUBLAS_WORKSPACE_CONFIG"] = workspace


def process_settings() -> dict:
    """What a library must leave as it is."""
    return {
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "warns": torch.is_deterministic_algorithms_warn_only_enabled(),
        "fast attention": torch.backends.mha.get_fastpath_enabled(),
        "cudnn": (torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic, torch.backends.cudnn.allow_tf32),
        "products": torch.get_float32_matmul_precision(),
        "type": torch.get_default_dtype(),
        "gradients": torch.is_grad_enabled(),
        "threads": torch.get_num_threads(),
        "random": (torch.get_rng_state().tolist(), random.getstate(), np.random.get_state()[1].tolist()),
        "environment": os.environ.get("CUBLAS_WORKSPACE_CONFIG"),
    }


def test_neither_loading_nor_a_call_changes_the_process(pipeline, face, tmp_path, untouched):
    pipeline.save_pretrained(tmp_path)
    before = process_settings()
    loaded = EADNetPipeline.from_pretrained(tmp_path, CPU)
    assert process_settings() == before
    made = loaded(image=face, audio=voice(2), text="smiles", output=tmp_path / "out.mp4", **QUICK)
    assert made.count == 2 and process_settings() == before


# ---------------------------------------------------------------------------------------------------- the noise
def test_a_generator_decides_the_noise(pipeline, face):
    generator = torch.Generator().manual_seed(5)
    state = generator.get_state()
    first, second = (latents(pipeline, face, generator=generator) for _ in range(2))
    assert not torch.equal(first, second)
    generator.set_state(state)
    assert torch.equal(first, latents(pipeline, face, generator=generator, seed=9))
    assert not torch.equal(first, latents(pipeline, face, generator=torch.Generator().manual_seed(6)))
    with pytest.raises(
        PipelineError, match=r"^generator: expected a torch.Generator, got int; give a number as seed=$"
    ):
        latents(pipeline, face, generator=3)


def test_clips_of_one_call_have_noise_of_their_own(pipeline, face):
    def batch(**arguments) -> list[torch.Tensor]:
        call = QUICK | {"image": face, "audio": [voice(3)] * 3, "output_type": "latent"} | arguments
        return [torch.stack(list(made.frames)) for made in pipeline(**call)]

    seeded = batch(seed=4)
    assert torch.equal(seeded[0], latents(pipeline, face, seed=4))
    drawn = batch(generator=torch.Generator().manual_seed(4))
    for clips in (seeded, drawn):
        assert all((clips[one] - clips[other]).abs().mean() > 0.01 for one, other in ((0, 1), (0, 2), (1, 2)))
    own = batch(generator=[torch.Generator().manual_seed(number) for number in (1, 2, 1)])
    assert torch.equal(own[0], own[2]) and not torch.equal(own[0], own[1])
    alone = latents(pipeline, face, generator=torch.Generator().manual_seed(2))
    assert torch.equal(own[1], alone)


# ------------------------------------------------------------------------------------------------ step callbacks
def test_the_callback_learns_of_every_step_of_every_block(pipeline, face, monkeypatch):
    monkeypatch.setattr(sampler, "BLOCK", 32)
    calls = []

    def watch(given: EADNetPipeline, step: int, timestep: torch.Tensor, kwargs: dict) -> None:
        assert given is pipeline and set(kwargs) == {"latents", "block"}
        calls.append((step, int(timestep), kwargs["block"], tuple(kwargs["latents"].shape)))

    watched = latents(pipeline, face, 70, callback_on_step_end=watch)
    assert torch.equal(watched, latents(pipeline, face, 70))
    spans = [(first, last) for first, last, _ in sampler.blocks(70, 32)]
    assert len(spans) > 2
    assert [step for step, *_ in calls] == [0, 1] * len(spans)
    assert all(early[1] > late[1] for early, late in zip(calls[::2], calls[1::2], strict=True))
    blocks = [Block(0, first, last, 70, 2) for first, last in spans for _ in range(2)]
    assert [block for *_, block, _ in calls] == blocks
    assert [shape for *_, shape in calls] == [(1, block.last - block.first, 4, 8, 8) for block in blocks]


def test_latents_that_the_callback_returns_go_on(pipeline, face):
    def flat(_: EADNetPipeline, step: int, timestep: torch.Tensor, kwargs: dict) -> dict:
        kwargs["latents"][:, 1:] = 0.25  # of all frames but the first
        return kwargs if step == kwargs["block"].steps - 1 else {}

    plain, changed = latents(pipeline, face), latents(pipeline, face, callback_on_step_end=flat, smoothing=0.0)
    assert (changed[1:] == 0.25).all() and torch.equal(changed[0], plain[0])


def test_a_callback_may_use_gradients(pipeline, face):
    def descend(_: EADNetPipeline, step: int, timestep: torch.Tensor, kwargs: dict) -> dict:
        with torch.enable_grad():
            wanted = kwargs["latents"].requires_grad_()
            (slope,) = torch.autograd.grad(wanted.square().sum(), wanted)
        return {"latents": wanted - 0.5 * slope}

    assert latents(pipeline, face, callback_on_step_end=descend, smoothing=0.0).abs().max() < 1e-6


def test_callbacks_of_diffusers_work(pipeline, face):
    seen = []

    class Noted(PipelineCallback):
        tensor_inputs = ["latents"]

        def callback_fn(self, pipeline, step_index, timesteps, callback_kwargs):
            seen.append(step_index)
            return callback_kwargs

    made = latents(pipeline, face, callback_on_step_end=MultiPipelineCallbacks([Noted(), Noted()]))
    assert seen == [0, 0, 1, 1] and torch.equal(made, latents(pipeline, face))


def test_a_callback_gets_only_what_it_asks_for(pipeline, face):
    kinds = []
    note = lambda _pipeline, _step, _timestep, kwargs: kinds.append(set(kwargs))  # noqa: E731
    latents(pipeline, face, callback_on_step_end=note, callback_on_step_end_tensor_inputs=[])
    assert kinds == [{"block"}] * 2
    with pytest.raises(PipelineError, match=r"^callback_on_step_end_tensor_inputs: there is no 'noise'; give latents$"):
        latents(pipeline, face, callback_on_step_end=note, callback_on_step_end_tensor_inputs=["noise"])
    wrong = lambda *_: {"latents": torch.zeros(1, 2)}  # noqa: E731
    with pytest.raises(PipelineError, match=r"latents \(1, 3, 4, 8, 8\) expected back, got \(1, 2\)$"):
        latents(pipeline, face, callback_on_step_end=wrong)


# ----------------------------------------------------------------------------------------------- forms of output
def test_forms_of_output_are_the_same_frames(pipeline, face):
    base = QUICK | {"image": face, "audio": voice(3)}
    arrays, pictures, tensors = (list(pipeline(**base, output_type=form).frames) for form in ("np", "pil", "pt"))
    assert all(frame.shape == (200, 180, 3) and frame.dtype == np.uint8 for frame in arrays)
    assert all(
        isinstance(one, Image.Image) and (np.asarray(one) == two).all()
        for one, two in zip(pictures, arrays, strict=True)
    )
    assert all(frame.shape == (3, 200, 180) and frame.dtype == torch.float32 for frame in tensors)
    assert all(
        np.array_equal((one * 255).round().permute(1, 2, 0).numpy(), two)
        for one, two in zip(tensors, arrays, strict=True)
    )
    assert max(frame.max() for frame in tensors) <= 1


def test_latents_are_those_of_the_pasted_crops(pipeline, face):
    made = latents(pipeline, face)
    assert made.shape == (3, 4, 8, 8) and made.dtype == torch.float32
    crops = stored_pixels(pipeline.autoencoder.decode(made))
    footage, task = open_picture(face, 48), Inpainting.make("face", 48, 6)
    places = footage.transforms[footage.positions(0, 3)]
    pasted = list(paste_stream(footage.frames(0, 3), crops, places, paste_weight(task.pixels.numpy())))
    frames = list(pipeline(**QUICK, image=face, audio=voice(3)).frames)
    assert (frames[0] != face).any() and np.abs(np.subtract(frames, pasted, dtype=int)).max() <= 1


def test_autograd_takes_the_latents(pipeline, face):
    made = pipeline(**QUICK, image=face, audio=voice(2), output_type="latent")
    assert all(frame.requires_grad_().square().sum().requires_grad for frame in made.frames)


def test_unknown_and_useless_forms_are_refused(pipeline, face, tmp_path):
    base = QUICK | {"image": face, "audio": voice(1)}
    with pytest.raises(PipelineError, match=r"^output_type 'gif': give one of np, pil, pt, latent$"):
        pipeline(**base, output_type="gif")
    with pytest.raises(PipelineError, match=r"^output_type 'pil' is of frames that are given back, output writes them"):
        pipeline(**base, output_type="pil", output=tmp_path / "out.mp4")
    assert not list(tmp_path.iterdir())


# ------------------------------------------------------------------------------------------------- several clips
def test_lists_make_a_clip_for_each_value(pipeline, face, tmp_path):
    write_video(tmp_path / "moving.mp4", [face[:, t : t + 160] for t in range(4)], crf=5)
    outputs = [tmp_path / "made" / f"{number}.mp4" for number in range(2)]
    images, videos = [face, None], [None, tmp_path / "moving.mp4"]
    sounds = [voice(2), voice(5, seed=1)]
    made = pipeline(image=images, video=videos, audio=sounds, text="smiles", output=outputs, **QUICK)
    assert [clip.path for clip in made] == outputs and [clip.count for clip in made] == [2, 5]
    assert [read_video(path).shape for path in outputs] == [(2, 200, 180, 3), (5, 200, 160, 3)]
    assert np.array_equal(made[1].audio, sounds[1])
    (alone,) = pipeline(image=[face], audio=voice(1), **QUICK)
    assert len(list(alone.frames)) == 1


def test_a_single_value_stands_for_all(pipeline, face):
    texts = ["smiles broadly", "is furious"]
    same_noise = [torch.Generator().manual_seed(1) for _ in texts]
    made = pipeline(image=face, audio=voice(2), text=texts, generator=same_noise, output_type="latent", **QUICK)
    each = [torch.stack(list(clip.frames)) for clip in made]
    again = [torch.Generator().manual_seed(1) for _ in texts]
    alone = [latents(pipeline, face, 2, text=text, generator=one) for text, one in zip(texts, again, strict=True)]
    assert all(torch.equal(*pair) for pair in zip(each, alone, strict=True)) and not torch.equal(*each)


@pytest.mark.parametrize(
    ("wrong", "kind", "said"),
    [
        ({"audio": [voice(1), "absent.wav"]}, MediaError, r"clip 2 of 2: absent\.wav: file not found"),
        ({"image": [None, np.full((96, 96, 3), 90, np.uint8)]}, PipelineError, "clip 1 of 2: give an image or a video"),
        ({"text": ["smiles", None]}, PipelineError, "clip 2 of 2: text: expected words, got NoneType"),
        ({"output": ["a.mp4", "b.gif"]}, PipelineError, r"clip 2 of 2: output b\.gif: give a name that ends in \.mp4"),
        ({"output": ["a.mp4", "/dev/null/b.mp4"]}, PipelineError, "clip 2 of 2: output .* cannot be written in /dev"),
        ({"output": ["a.mp4", "./a.mp4"]}, PipelineError, r"output: .*a\.mp4 would be written by several clips"),
        ({"output": "a.mp4"}, PipelineError, r"output: .*a\.mp4 would be written by several clips"),
        ({"text": ["one", "two", "three"]}, PipelineError, "lengths are audio 2, text 3: make them equal"),
        ({"text": []}, PipelineError, "lengths are audio 2, text 0: make them equal"),
        ({"generator": [torch.Generator()]}, PipelineError, "lengths are audio 2, generator 1: make them equal"),
    ],
)  # fmt: skip
def test_one_bad_clip_is_named_before_anything_is_generated(pipeline, face, tmp_path, monkeypatch, wrong, kind, said):
    monkeypatch.chdir(tmp_path)
    steps = []
    call = QUICK | {"image": face, "audio": [voice(1)] * 2, "callback_on_step_end": lambda *_: steps.append(1)}
    with pytest.raises(kind, match=said) as raised:
        pipeline(**call | wrong)
    assert "\n" not in str(raised.value) and not steps and not list(tmp_path.iterdir())


def test_a_clip_without_a_face_is_named_before_the_first_is_written(pipeline, face, tmp_path):
    Image.fromarray(np.full((96, 96, 3), 90, np.uint8)).save(tmp_path / "wall.png")
    outputs = [tmp_path / "0.mp4", tmp_path / "1.mp4"]
    with pytest.raises(MediaError, match=rf"^clip 2 of 2: {re.escape(str(tmp_path))}/wall\.png: no face found"):
        pipeline(image=[face, tmp_path / "wall.png"], audio=voice(1), output=outputs, **QUICK)
    assert not any(path.exists() for path in outputs)


# --------------------------------------------------------------------------------------------------------- index
def test_the_index_says_which_class_of_which_version_wrote_it(pipeline, tmp_path):
    pipeline.save_pretrained(tmp_path)
    path = tmp_path / "model_index.json"
    written = json.loads(path.read_text())
    assert list(written)[:2] == ["_class_name", "_eadnet_version"] and "class_name" not in written
    assert written["_class_name"] == "EADNetPipeline" and written["_eadnet_version"] == package_version() != "unknown"
    path.write_text(json.dumps(written | {"_eadnet_version": "0.0.1"}))
    loaded = EADNetPipeline.from_pretrained(tmp_path, CPU)
    assert loaded.index.version == "0.0.1"
    loaded.save_pretrained(tmp_path)
    assert json.loads(path.read_text()) == written
    for other in ({"_class_name": "StableDiffusionPipeline"}, {"class_name": "EADNetPipeline"}, []):
        path.write_text(json.dumps(other))
        with pytest.raises(PipelineError, match=r"_class_name is .*, not 'EADNetPipeline'; give a folder"):
            EADNetPipeline.from_pretrained(tmp_path, CPU)
    path.write_text("{")
    with pytest.raises(PipelineError, match=r"model_index\.json: not JSON"):
        EADNetPipeline.from_pretrained(tmp_path, CPU)
