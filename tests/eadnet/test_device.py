"""Where networks run if `compute.device` leaves it to the machine."""

import torch

from eadnet.config.machine import Compute
from eadnet.device import automatic, find_device


def test_a_gpu_that_torch_cannot_use_is_said_once(monkeypatch, capfd):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)  # also on a machine where it is
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    automatic.cache_clear()
    assert [find_device(Compute()).torch_device.type for _ in range(2)] == ["cpu", "cpu"]
    assert capfd.readouterr().err.count("warning: this job was given GPU 3, but torch") == 1
    automatic.cache_clear()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    find_device(Compute())
    assert not capfd.readouterr().err
