"""LatentSync's motion module: against AnimateDiff's layers of diffusers, positions, any length, identity."""

import pytest
import torch
from diffusers.models.unets.unet_motion_model import AnimateDiffTransformer3D
from torch import nn

from eadnet.config.networks import Network
from eadnet.models.temporal.motion import STORED_POSITIONS, MotionModule, longer_table

WIDTH = 32
NETWORK = Network(widths=(32, 64), heads=4, groups=8, feed_forward=4, strip_head=8)


def awake() -> MotionModule:
    torch.manual_seed(0)
    module = MotionModule(WIDTH, NETWORK)
    for parameter in module.parameters():
        parameter.data += 0.1 * torch.randn(parameter.shape)
    return module.eval()


class FrameNorm(nn.Module):
    """Statistics of each frame, as LatentSync's code folds them; diffusers takes those of the clip."""

    def __init__(self, norm: nn.GroupNorm) -> None:
        super().__init__()
        self.norm = norm

    def forward(self, maps_BCTHW: torch.Tensor) -> torch.Tensor:
        return torch.stack([self.norm(frame) for frame in maps_BCTHW.unbind(2)], 2)


def animatediffs(module: MotionModule) -> AnimateDiffTransformer3D:
    """Diffusers' own module with the same weights, which it calls otherwise."""
    theirs = AnimateDiffTransformer3D(
        num_attention_heads=4, attention_head_dim=WIDTH // 4, in_channels=WIDTH, num_layers=1, norm_num_groups=8,
        cross_attention_dim=None, double_self_attention=True, positional_embeddings="sinusoidal",
        num_positional_embeddings=STORED_POSITIONS, activation_fn="geglu", attention_bias=False,
    )  # fmt: skip
    names = {
        "attention_blocks.0.": "attn1.", "attention_blocks.1.": "attn2.", "norms.0.": "norm1.", "norms.1.": "norm2.",
        "ff_norm.": "norm3.", "temporal_transformer.": "",
    }  # fmt: skip
    weights = {}
    for name, value in module.state_dict().items():
        for ours, other in names.items():
            name = name.replace(ours, other)
        weights[name.replace("attn1.pos_encoder", "pos_embed")] = value
    unknown = theirs.load_state_dict({k: v for k, v in weights.items() if "pos_encoder" not in k}, strict=False)
    assert not unknown.unexpected_keys and not unknown.missing_keys
    theirs.norm = FrameNorm(theirs.norm)
    return theirs.eval()


@pytest.mark.parametrize("frames", [1, 2, 7, 16, 24])
def test_equals_animatediffs_layers(frames: int):
    module, maps = awake(), torch.randn(2, frames, WIDTH, 3, 5)
    with torch.no_grad():
        expected = animatediffs(module)(maps.flatten(0, 1), num_frames=frames).view_as(maps)
        torch.testing.assert_close(module(maps), expected, atol=1e-5, rtol=1e-4)


def test_a_new_module_is_the_identity():
    maps = torch.randn(1, 5, WIDTH, 2, 2)
    assert torch.equal(MotionModule(WIDTH, NETWORK)(maps), maps)


def test_longer_clips_go_on_with_the_same_positions():
    table = longer_table(torch.zeros(0), 60, WIDTH)
    assert torch.equal(table[:, :STORED_POSITIONS], awake().temporal_transformer.transformer_blocks[0]
                       .attention_blocks[0].pos_encoder.pe)  # fmt: skip
    assert awake()(torch.randn(1, 60, WIDTH, 2, 2)).isfinite().all()


def test_each_pixel_looks_at_itself_in_other_frames():
    module, maps = awake(), torch.randn(1, 6, WIDTH, 3, 3)
    module.temporal_transformer.norm = nn.Identity()  # through which the pixels of a frame see each other
    changed = maps.clone()
    changed[:, 2, :, 1, 1] += 1
    with torch.no_grad():
        moved = (module(changed) - module(maps)).abs().amax((0, 2)) > 1e-5
    assert moved[:, 1, 1].all() and moved.sum() == 6
