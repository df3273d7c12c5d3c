"""The published weights behind each rule, as digests: with other weights, exactly the rules that use them run again.

Every function takes the checked configuration and gives the accepted SHA-256 by ``<asset>/<file>``: the pinned one of
``eadnet/assets.tsv``, or the one that the configuration accepts in its place. Where no published weights are used it
is empty. Rules take it as a parameter; where the files lie (the other keys of ``assets``) changes no result.
"""

from collections.abc import Iterable

from eadnet.assets import accepted_digests
from eadnet.config.configuration import Config
from eadnet.faces.detectors.interface import WEIGHTS
from metrics.spec import FAMILIES


def weights_of(config: Config, *assets: str | None) -> dict[str, str]:
    """Digests of some assets, by name; None stands for a network that is trained here."""
    return accepted_digests([name for name in assets if name], config.assets)


def preprocessing_weights(config: Config) -> dict[str, str]:
    """Digests of the face detector, the SyncNet of the sound's offset, and the judge of the crops' quality."""
    chosen = config.preprocess
    return weights_of(config, WEIGHTS[chosen.detector], chosen.sync_weights, chosen.quality_weights)


def captioner_weights(config: Config, captioner: str) -> dict[str, str]:
    """Digests of the language model that a captioner runs itself; a server's model is none of ours."""
    chosen = config.captioner(captioner)
    return weights_of(config, chosen.language_model.weights if chosen.engine in ("vllm", "transformers") else None)


def family_weights(config: Config, families: Iterable[str]) -> dict[str, str]:
    """Digests of what judges in some metric families."""
    return weights_of(config, *(asset for name in families for asset in FAMILIES[name].assets))


def extractor_weights(config: Config, of_truth: bool = False) -> dict[str, str]:
    """Digests of what the evaluated families ask of whole frames while videos are measured; true ones if `of_truth`."""
    extracted = [FAMILIES[name] for name in config.evaluation.metrics if FAMILIES[name].extractor]
    return family_weights(config, [item.name for item in extracted if item.needs_truth or not of_truth])
