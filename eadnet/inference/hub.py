"""Where a pipeline's files are: a folder here, or a repository on the Hugging Face hub, fetched into its cache. Light.

The hub's address is that of huggingface_hub (``HF_ENDPOINT``), its cache too (``HF_HUB_CACHE``); what is in the cache
is used where the hub cannot be reached.
"""

import re
from pathlib import Path

from eadnet.inference.pipeline_index import CARD, INDEX, WHISPER, PipelineError

NETWORKS = ("unet", "autoencoder")
FILES = [
    INDEX,
    CARD,
    *(f"{folder}/{file}" for folder in NETWORKS for file in ("config.json", "model.safetensors")),
    f"audio/{WHISPER}",
    "text/*",
]
"""What `save_pretrained` writes; other files of a repository are left where they are."""
HUB_ID = re.compile(r"\w[\w.-]*/\w[\w.-]*", re.ASCII)


def is_hub_id(name: str | Path) -> bool:
    """Whether a name can be a repository's ("organisation/name") and is no folder or file here."""
    return HUB_ID.fullmatch(str(name)) is not None and not Path(name).exists()


def pipeline_folder(
    name: str | Path,
    revision: str | None = None,
    cache_dir: str | Path | None = None,
    local_files_only: bool = False,
    token: str | bool | None = None,
) -> Path:
    """The folder of a pipeline; a repository's files are downloaded unless they are in the cache.

    Args:
        name: a folder here, or "organisation/name" on the hub; a folder of that name wins.
        revision: branch, tag or commit of the repository; None is its main branch.
        cache_dir: where downloads are kept; None is the hub's own cache.
        local_files_only: whether to take what is in the cache and ask nothing of the network.
        token: for repositories that need one; True takes the one that was saved by ``hf auth login``.

    Raises:
        PipelineError: no such repository or revision, no access, or a hub that cannot be reached.
    """
    if not is_hub_id(name):
        return Path(name)
    import httpx2
    from huggingface_hub import snapshot_download

    where = {"revision": revision, "cache_dir": cache_dir, "local_files_only": local_files_only, "token": token}
    try:
        return Path(snapshot_download(str(name), allow_patterns=FILES, library_name="eadnet", **where))
    except (OSError, ValueError, httpx2.HTTPError) as error:
        raise PipelineError(f"{name}: {_reason(error, str(name), revision, local_files_only)}") from None


def _reason(error: Exception, name: str, revision: str | None, local_files_only: bool) -> str:
    """What a failed request to the hub means, and the fix."""
    from huggingface_hub import constants, errors

    hub = constants.ENDPOINT
    if isinstance(error, errors.GatedRepoError):
        return f"its owner must let you in; ask at {hub}/{name}, then give token="
    if isinstance(error, errors.RevisionNotFoundError):
        return f"{hub} has no revision {revision!r} of it; give a branch, tag or commit that is there"
    if isinstance(error, errors.RepositoryNotFoundError):
        return f"neither a folder here nor a repository that {hub} shows you; check the name, or give token="
    if isinstance(error, errors.LocalEntryNotFoundError) and (local_files_only or constants.is_offline_mode()):
        kept = f"revision {revision!r}" if revision else "it"
        return f"no folder here, and {kept} is not whole in the hub's cache; allow the download, or give a folder"
    cause = error.__cause__ or error
    reason = " ".join(str(cause).split()[:20])
    if isinstance(error, ValueError) and not isinstance(error, OSError):
        return f"neither a folder here nor a name that the hub allows ({reason})"
    return f"no folder here, and {hub} gave no answer ({type(cause).__name__}: {reason}); try again, or give a folder"
