"""Folder and identity of a language model's weights."""

import hashlib
from pathlib import Path

from eadnet.assets import AssetSettings, accepted_digests, fetch, read_table
from eadnet.captions.requests import CaptionError
from eadnet.config.captions import Captions
from eadnet.provenance import sha256_file

_READ = (".safetensors", ".json", ".txt", ".jinja", ".model")
"""Suffixes of a model's files; nothing else in its folder is opened."""


def locate(chosen: Captions, assets: AssetSettings) -> tuple[Path | None, str]:
    """Find the language model of a captioner.

    Args:
        chosen: The captioner.
        assets: Where published weights are kept and fetched from.

    Returns:
        The folder, None where a server has the model; and a name that changes with every bit that can change answers:
        ``<asset>@<revision>``, with ``+sha256:<digest>`` where other files are accepted than the pinned ones, or
        ``<folder>@sha256:<digest>`` for a model of one's own.

    Raises:
        CaptionError: the folder is no model; one line that names it.
        AssetError: published files are absent, damaged or not pinned.
    """
    model = chosen.language_model
    if chosen.engine in ("descriptor", "server"):
        return None, ""
    if model.weights:
        return fetch(model.weights, assets), _published(model.weights, assets)
    folder = Path(model.folder or "")
    if not (folder / "config.json").is_file():
        raise CaptionError(f"{folder}: no language model (config.json is missing); see captions.language_model.folder")
    return folder, f"{folder.resolve().name}@sha256:{_digest(folder)[:12]}"


def _published(name: str, assets: AssetSettings) -> str:
    """``<asset>@<revision>``, and what tells other files apart that are accepted in the place of the pinned ones."""
    files = read_table()[name]
    accepted = accepted_digests([name], assets)
    identity = f"{name}@{files[0].revision[:12]}"
    if accepted == {file.key: file.sha256 for file in files}:
        return identity
    return f"{identity}+sha256:{hashlib.sha256(repr(sorted(accepted.items())).encode()).hexdigest()[:12]}"


def _digest(folder: Path) -> str:
    """Digest of the names and contents of a model's files."""
    files = sorted(path for path in folder.iterdir() if path.suffix in _READ and path.is_file())
    return hashlib.sha256("\n".join(f"{path.name} {sha256_file(path)}" for path in files).encode()).hexdigest()
