"""Which weights are looked at while a network trains."""

import torch

from eadnet.training.backbone import train_backbone
from eadnet.training.validation import Validator
from tests.support.toy_training import CPU, backbone_settings, train_toy, training_settings, write_toy


def test_every_validation_of_both_stages_looks_at_the_averaged_weights(tmp_path, monkeypatch):
    toy, seen, validate = write_toy(tmp_path / "toy"), [], Validator.__call__

    def watched(self: Validator, model: torch.nn.Module, step: int) -> dict[str, float]:
        seen.append((model, sum(value.abs().sum().item() for value in model.parameters())))
        return validate(self, model, step)

    monkeypatch.setattr(Validator, "__call__", watched)
    every = {"every": 2, "batches": 1, "steps": 1}
    cheap = {"perceptual": 0, "sync": 0, "trepa": 0}
    train_toy(toy, tmp_path / "run", training_settings(losses=cheap, validation=every, ema=0.9))
    settings = backbone_settings(validation=every, ema=0.9)
    train_backbone(toy.inputs, settings, CPU, 0, toy.supervisors.autoencoder, None, str(tmp_path / "backbone"))
    assert len(seen) == 6
    for stage in (seen[:3], seen[3:]):  # the last one is of the weights that are saved
        assert all(model is stage[-1][0] for model, _ in stage)
        assert len({size for _, size in stage}) == 3
