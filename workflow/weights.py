"""Digests of the published weights of each rule: with other weights, exactly the rules that use them run again.

Every function takes the checked configuration and returns the accepted SHA-256 by ``<asset>/<file>``: the pinned one of
``eadnet/assets.tsv``, or the one that the configuration accepts instead. It is empty if no published weights are used.
Rules take it as a parameter, and the checked file of each asset (rule `fetch_asset`) as an input, so that weights are
fetched before anything runs that uses them. The location of the files (the other keys of ``assets``) changes no result.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping

from eadnet.assets import accepted_digests
from eadnet.config.configuration import Config
from eadnet.faces.detectors.interface import WEIGHTS
from metrics.spec import FAMILIES

CHECKED = "<resources>/fetched/{asset}/{accepted}.json"
"""The checked file of an asset, which rule `fetch_asset` writes; `accepted` is made of the digests of its files. So the
rule never runs again while its output is there: then Snakemake would leave out rules that use the weights, since their
input is ancient, whatever else of them has changed."""


def weights_of(config: Config, *assets: str | None) -> dict[str, str]:
    """Digests of the named assets; None, for a network that is trained here, adds nothing."""
    return accepted_digests([name for name in assets if name], config.assets)


def preprocessing_weights(config: Config) -> dict[str, str]:
    """Digests of the face detector, the SyncNet that measures audio offset, and the network that scores quality."""
    chosen = config.preprocess
    return weights_of(config, WEIGHTS[chosen.detector], chosen.sync_weights, chosen.quality_weights)


def captioner_weights(config: Config, captioner: str) -> dict[str, str]:
    """Digests of the language model that a captioner runs itself; none for a server, whose files are elsewhere."""
    chosen = config.captioner(captioner)
    return weights_of(config, chosen.language_model.weights if chosen.runs_model else None)


def family_weights(config: Config, families: Iterable[str]) -> dict[str, str]:
    """Digests of the published evaluators of some metric families."""
    return weights_of(config, *(asset for name in families for asset in FAMILIES[name].assets))


def extractor_weights(config: Config, of_truth: bool = False) -> dict[str, str]:
    """Digests of the networks that extract from whole frames for the evaluated families; `of_truth`: of true videos."""
    extracted = [FAMILIES[name] for name in config.evaluation.metrics if FAMILIES[name].extractor]
    return family_weights(config, [item.name for item in extracted if item.needs_truth or not of_truth])


def needed_weights(config: Config) -> dict[str, str]:
    """Digests of all published weights without which results cannot be made."""
    adopted = (config.autoencoder, config.syncnet, config.videomae, config.audio, config.captions)
    names = [section.weights for section in adopted] + [config.backbone.weights]
    if any("lpips" in config.run(run).supervisors() for run in config.run_names):
        names += [config.lpips.trunk, config.lpips.heads]
    found = weights_of(config, WEIGHTS[config.preprocess.detector], config.preprocess.sync_weights, *names)
    for captioner in config.captioner_names:
        found |= captioner_weights(config, captioner)
    return found


def all_weights(config: Config) -> dict[str, str]:
    """Digests of all published weights that are used; those that are not needed only leave values out if absent."""
    judging = family_weights(config, config.evaluation.metrics)
    return needed_weights(config) | weights_of(config, config.preprocess.quality_weights) | judging


def is_needed(config: Config, asset: str) -> bool:
    """Whether results cannot be made without an asset."""
    return asset in _assets(needed_weights(config))


def checked_files(digests: Mapping[str, str]) -> list[str]:
    """The checked file of each asset that some digests belong to, in their order."""
    return [CHECKED.format(asset=asset, accepted=_mark(digests, asset)) for asset in _assets(digests)]


def made_without_checked_files(
    digests: Mapping[str, str], inputs: Iterable[str] | None, params: Iterable[str] | None
) -> bool:
    """Whether a result was made from the same weights before these had checked files.

    Args:
        digests: those that its job would have now.
        inputs: the inputs that Snakemake has recorded for the result; None if there is no record.
        params: its recorded parameters, as Snakemake writes them.
    """
    if inputs is None or params is None or repr(dict(digests)) not in params:
        return False
    folder = CHECKED.partition(">/")[2].partition("{")[0]
    return not any(f"/{folder}" in f"/{path}" for path in inputs)


def _mark(digests: Mapping[str, str], asset: str) -> str:
    own = sorted((key, digest) for key, digest in digests.items() if key.startswith(f"{asset}/"))
    return hashlib.sha256(json.dumps(own).encode()).hexdigest()[:12]


def _assets(digests: Mapping[str, str]) -> list[str]:
    return list(dict.fromkeys(key.partition("/")[0] for key in digests))
