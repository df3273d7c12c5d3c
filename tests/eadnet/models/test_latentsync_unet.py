"""Without its own modules EAD-Net's U-Net is LatentSync's: names, shapes, and outputs of LatentSync's own code."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from eadnet.config.networks import Network
from eadnet.models.unet.audio_tokens import STATES
from eadnet.models.unet.levels import Modules
from eadnet.models.unet.unet import EADNet
from eadnet.training.unet_weights import fitted, load_published_unet
from tests.golden import latentsync_unet as golden
from tests.golden.latentsync_unet import AUDIO, CASES, INPUTS, LATENTS, PUBLISHED, Case
from tests.support import published_keys

STORED = json.loads(golden.STORED.read_text())
TEXT = 24


def shapes(widths: tuple[int, ...]) -> published_keys.Shapes:
    """Names and shapes of LatentSync's tensors, as the tests of loading write them."""
    return published_keys.unet(widths, layers=2, channels=INPUTS, context=AUDIO, motion=True)


def weights(case: Case) -> dict[str, Tensor]:
    """The weights under which LatentSync's code ran."""
    return {name: golden.weight(name, shape, case.loudness) for name, shape in shapes(case.widths).items()}


def unet(widths: tuple[int, ...]) -> EADNet:
    """Our network at LatentSync's settings."""
    network = Network(
        widths=widths, layers=2, attention_levels=3, heads=8, groups=32, feed_forward=4, embedding=4 * widths[0],
        modulation="additive", patch=1, audio_width=AUDIO, audio_embedding=False, strip_head=8,
    )  # fmt: skip
    modules = Modules(stda="none", tfrm="none", fusion="none")
    return EADNet(network, LATENTS, audio="whisper", text_input=TEXT, modules=modules).eval()


def predicted(model: EADNet, case: Case) -> Tensor:
    """(B, T, z, H, W) for the inputs that LatentSync's code was given."""
    latents, times, audio = golden.inputs(case)
    windows = audio.unflatten(2, (-1, STATES)).flatten(3)
    text, mask = torch.zeros(case.clips, 1, TEXT), torch.zeros(case.clips, 1, dtype=torch.bool)
    with torch.inference_mode():
        return model(latents, times, windows, text, mask)


def compare(output: Tensor, expected: dict[str, Any]) -> None:
    """An output against stored values of LatentSync's."""
    ours, tolerance = golden.summary(output), STORED["tolerance"]
    assert ours["shape"] == expected["shape"] and ours["indices"] == expected["indices"]
    values, reference = torch.tensor(ours["values"]), torch.tensor(expected["values"])
    assert (values - reference).norm() <= tolerance * reference.norm()
    spread = expected["standard_deviation"]
    assert spread > 0.1
    assert [ours["mean"], ours["standard_deviation"]] == pytest.approx(
        [expected["mean"], spread], abs=tolerance * spread
    )


def test_names_and_shapes_are_latentsync_s():
    listed = shapes(PUBLISHED)
    assert len(listed) == STORED["tensors"] and golden.digest(listed) == STORED["shapes"]
    with torch.device("meta"):
        ours = unet(PUBLISHED).state_dict()
    assert {name: tuple(value.shape) for name, value in ours.items()} == listed


def test_positions_are_latentsync_s():
    expected = torch.tensor(STORED["positions"])
    torch.testing.assert_close(golden.positions(PUBLISHED[0])[0, -1], expected, atol=1e-5, rtol=0)
    tables = {name: value for name, value in unet((32,) * 4).named_buffers() if name.endswith("pos_encoder.pe")}
    assert len(tables) == 40
    for table in tables.values():
        torch.testing.assert_close(table, golden.positions(32), atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.widths != PUBLISHED])
def test_outputs_are_latentsync_s(name: str, tmp_path: Path):
    case = CASES[name]
    torch.save({"global_step": 1, "state_dict": weights(case)}, tmp_path / "latentsync_unet.pt")
    model = unet(case.widths)
    said, new = load_published_unet(model, tmp_path)
    assert said.endswith(f"took {STORED['tensors']} tensors, dropped 0, 0 are new") and not new
    compare(predicted(model, case), STORED["outputs"][name])


def test_outputs_at_the_published_size_are_latentsync_s():
    case = CASES["published"]
    with torch.device("meta"):  # weights take their places one by one: 5 GB in all
        model = unet(case.widths)
    taken, dropped = fitted(weights(case), model)
    assert not dropped
    model.load_state_dict(taken, assign=True)
    compare(predicted(model, case), STORED["outputs"]["published"])
