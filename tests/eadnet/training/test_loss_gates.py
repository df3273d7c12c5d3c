"""How losses on decoded frames are weighed by the noise of their timestep."""

import pytest
import torch

from eadnet.training.losses import gated_gradient, x0_gate


def test_x0_gate_follows_the_signal_and_ends_at_the_latest_timestep():
    share, timesteps = torch.tensor([1.0, 0.5, 0.2, 0.0]), torch.tensor([0, 400, 700, 999])
    assert x0_gate(share, timesteps, "none", 999).tolist() == [1, 1, 1, 1]
    assert x0_gate(share, timesteps, "none", 500).tolist() == [1, 1, 0, 0]
    assert x0_gate(share, timesteps, "snr", 999).tolist() == pytest.approx([1, 1, 0.25, 0])
    assert x0_gate(share, timesteps, "snr", 399).tolist() == [1, 0, 0, 0]
    with pytest.raises(ValueError, match="x0_gate: expected none or snr, got min"):
        x0_gate(share, timesteps, "min", 999)


def test_gated_gradient_changes_what_is_learned_and_not_the_value():
    values = torch.randn(3, 4, 2, requires_grad=True)
    gated = gated_gradient(values, torch.tensor([1.0, 0.25, 0.0]))
    assert torch.equal(gated, values)
    gated.sum().backward()
    assert values.grad[:, 0, 0].tolist() == [1, 0.25, 0]
