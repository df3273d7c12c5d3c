"""Stages on a bare GPU node, where torch, numpy, safetensors, pyarrow, transformers and diffusers are all there is.

    python -m eadnet.node {pretrain-backbone,train,generate} --option ...

The options are those of ``python -m eadnet``, so the workflow's own command runs on a node with ``eadnet.node`` in
place of ``eadnet`` (`generate` makes the crops of `synthesise`). Settings must be complete, as the workflow passes
them; their keys are checked against the configuration's schema, their values have been by the workflow.

Everything else happens elsewhere. Tables name files relative to the project's folder, hence keep the layout::

    snakemake -n -p no_tfrm                  # prints the commands that are still to run
    rsync -aR eadnet results/clips.parquet results/clips results/captions.parquet \
        results/captions results/pretrained node:project/
    ssh node 'cd project && python -m eadnet.node train ... --processes 8'      # again, where it was killed
    rsync -aR node:project/./results/runs/no_tfrm .
    snakemake --cores all no_tfrm            # goes on from there

Crops that `generate` wrote become videos with ``python -m eadnet synthesise ... --crops FOLDER``.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from eadnet.config.view import Settings, view
from eadnet.training.launch import runs_elsewhere

SCHEMA = files("eadnet").parent / "workflow" / "schemas" / "config.schema.json"
SECTIONS = {"pretrain-backbone": "Backbone", "train": "Training", "generate": "Synthesis"}
"""The configuration's section that each stage takes as `--settings`."""


class NodeError(ValueError):
    """Settings that cannot be used; the message names the key."""


def main(arguments: list[str] | None = None) -> None:
    """Run one stage; a fault that a user can mend ends with one line and exit code 1."""
    options = _parser().parse_args(arguments)
    try:
        settings = complete(SECTIONS[options.stage], options.settings, "settings")
        compute = complete("Compute", options.compute, "compute")
        if not runs_elsewhere(getattr(options, "processes", 1), compute, "eadnet.node"):
            STAGES[options.stage](options, settings, compute)
    except (ValueError, OSError, RuntimeError) as error:
        if type(error) is RuntimeError:
            raise  # a fault of ours: the traceback is wanted
        sys.exit(f"error: {error}")


def complete(section: str, text: str, where: str) -> Settings:
    """A section of the configuration, given as JSON text.

    Args:
        section: its name in the schema.
        text: the JSON.
        where: what messages call it.

    Raises:
        NodeError: not JSON, or a key is missing or unknown.
    """
    try:
        sections, values = json.loads(SCHEMA.read_text())["$defs"], json.loads(text)
    except ValueError as error:
        raise NodeError(f"{where}: not JSON ({error})") from None
    _check_keys(values, section, sections, where)
    return view(values)


def pretrain_backbone(options: argparse.Namespace, settings: Settings, compute: Settings) -> None:
    """Stage 1; published weights are taken from the assets' folder or mirror."""
    from eadnet.assets import fetch
    from eadnet.training.backbone import train_backbone

    published = None
    if settings.weights:
        published = fetch(settings.weights, complete("Assets", options.assets, "assets"))
    inputs = _training_inputs(options, options.corpora)
    train_backbone(inputs, settings, compute, options.seed, options.autoencoder, published, options.output)


def train(options: argparse.Namespace, settings: Settings, compute: Settings) -> None:
    """Stage 2: one run."""
    from eadnet.training.objective import Supervisors
    from eadnet.training.run import train_run

    supervisors = Supervisors(options.autoencoder, options.syncnet, options.videomae, options.lpips)
    inputs, run, seed = _training_inputs(options, settings.corpora or ()), options.run, options.seed
    train_run(inputs, settings, compute, run, seed, options.backbone, supervisors, options.output, options.filter)


def generate(options: argparse.Namespace, settings: Settings, compute: Settings) -> None:
    """Crops of the test clips by a trained run, or by one that hears another clip's sound (`shuffled_audio`)."""
    from eadnet.checkpoint import read_config
    from eadnet.inference.test_clips import SynthesisInputs, generate_crops

    names = ("clips", "test_clips", "captions", "tokens", "audio", "autoencoder", "model")
    paths = [getattr(options, name) for name in names]
    mask = read_config(options.model, "mask")["mask"]
    generate_crops(
        SynthesisInputs(*paths, tuple(options.corpora)),
        settings,
        compute,
        options.run,
        options.seed,
        mask,
        options.output,
    )


STAGES = {"pretrain-backbone": pretrain_backbone, "train": train, "generate": generate}
COMMON = ("settings", "compute", "clips", "captions", "tokens", "audio", "autoencoder", "output")
REQUIRED = {
    "pretrain-backbone": ("latents",),
    "train": ("run", "latents", "backbone"),
    "generate": ("run", "model", "test-clips"),
}
OPTIONAL = {"pretrain-backbone": ("assets",), "train": ("syncnet", "videomae", "lpips", "filter"), "generate": ()}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m eadnet.node", description=__doc__.splitlines()[0])
    stages = parser.add_subparsers(dest="stage", required=True)
    for name, run in STAGES.items():
        stage = stages.add_parser(name, help=run.__doc__.splitlines()[0])
        stage.add_argument("--seed", type=int, required=True)
        for option in COMMON + REQUIRED[name]:
            stage.add_argument(f"--{option}", required=True)
        for option in OPTIONAL[name]:
            stage.add_argument(f"--{option}")
        stage.add_argument("--corpora", action="append", default=[], help="a corpus that is read; all if left out")
        if name != "generate":
            stage.add_argument("--processes", type=int, default=1, help="one GPU each")
    return parser


def _training_inputs(options: argparse.Namespace, corpora: Sequence[str]) -> Any:
    from eadnet.training.batches import TrainingInputs

    paths = [getattr(options, name) for name in ("clips", "captions", "tokens", "audio", "latents")]
    return TrainingInputs(*paths, tuple(corpora))


def _check_keys(values: Any, section: str, sections: dict[str, Any], where: str) -> None:
    """Raise unless `values` has exactly the keys of a section, and so have the sections within it."""
    if not isinstance(values, dict):
        raise NodeError(f"{where}: expected an object, got {values!r}")
    known = sections[section]["properties"]
    lacking, unknown = sorted(known.keys() - values.keys()), sorted(values.keys() - known.keys())
    if lacking:
        raise NodeError(f"{where}: lacks {', '.join(lacking)}; give all settings, as `snakemake -n -p` prints them")
    if unknown:
        raise NodeError(f"{where}: unknown key {', '.join(unknown)}; there are {', '.join(sorted(known))}")
    for key, value in values.items():
        inner = [form["$ref"] for form in (known[key], *known[key].get("anyOf", ())) if "$ref" in form]
        if inner and value is not None:
            _check_keys(value, inner[0].rpartition("/")[2], sections, f"{where}.{key}")


if __name__ == "__main__":
    main()
