"""The learned frame graphs of a run as a table, from a few held-out windows: what the report plots."""

from pathlib import Path

import torch

from eadnet.device import Device
from eadnet.models.unet.unet import EADNet
from eadnet.tables import GRAPHS, write_table
from eadnet.training.batches import Batch, BatchSampler
from eadnet.training.validation import Validator

CLIPS = 2


@torch.no_grad()
def write_graphs(model: EADNet, validate: Validator, device: Device, run: str, seed: int, output: str) -> None:
    """Write ``{output}/graphs.parquet``: every edge of every frame graph on a few windows; no row without graphs."""
    rows = [row for batch in validate.batches[:1] for row in _edges(model, batch, validate.held_out, device)]
    described = [{"run": run, "seed": seed, **row} for row in rows]
    write_table(described, Path(output, "graphs.parquet"), GRAPHS)


def _edges(model: EADNet, batch: Batch, held_out: BatchSampler, device: Device) -> list[dict]:
    batch = batch.to(device.torch_device)
    graphs = dict(model.graphs())
    for graph in graphs.values():
        graph.record = True
    with device.autocast():
        model(*batch.network_inputs)
    rows = []
    for name, graph in graphs.items():
        weights = graph.recorded.dense()[:CLIPS].float().cpu()
        for clip, weight in zip(held_out.clips.names(batch.which.cpu()), weights, strict=False):
            queries, keys = weight.nonzero(as_tuple=True)
            values = weight[queries, keys].tolist()
            edges = zip(queries.tolist(), keys.tolist(), values, strict=True)
            rows += [{"module": name, "clip_id": clip, "query": q, "key": k, "weight": w} for q, k, w in edges]
        graph.record = False
    return rows
