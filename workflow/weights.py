"""Digests of the published weights of each rule: with other weights, exactly the rules that use them run again.

Every function takes the checked configuration and returns the accepted SHA-256 by ``<asset>/<file>``: the pinned one of
``eadnet/assets.tsv``, or the one that the configuration accepts instead. It is empty if no published weights are used.
Rules take it as a parameter. The location of the files (the other keys of ``assets``) changes no result.
"""

from collections.abc import Iterable

from eadnet.assets import accepted_digests
from eadnet.config.configuration import Config
from eadnet.faces.detectors.interface import WEIGHTS
from metrics.spec import FAMILIES


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
