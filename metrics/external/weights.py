"""Which published weights metrics need, which of them are absent, and their download, which only happens on request.

Reads the table of assets (``eadnet.assets``); writes nothing but what `download` fetches into the assets' folder.
"""

from collections.abc import Callable, Iterable, Sequence
from importlib.resources.abc import Traversable
from pathlib import Path

from eadnet.assets import TABLE, AssetError, AssetFile, AssetSettings, absent_files, fetch, read_table
from metrics.families.syncnet import RECIPES
from metrics.spec import FAMILIES, REGISTRY, family_specs

Log = Callable[[str], None]
PREFIX = "weights absent: "
ADVICE = "run again with --download (download=True)"


def judging_assets(key: str) -> tuple[str, ...]:
    """Assets without which a metric has no value: its evaluator's, or those of its variant of SyncNet's recipe."""
    of_recipe = next((recipe.assets for recipe in RECIPES if key in recipe.keys), None)
    kind, _, place = REGISTRY[key].evaluator.partition(":")
    return of_recipe or ((place.partition("/")[0],) if kind == "asset" else ())


def wanted_assets(key: str) -> tuple[str, ...]:
    """The same, and what all keys of its family share (LPIPS's linear heads)."""
    family = FAMILIES[REGISTRY[key].family]
    judging = {name for spec in family_specs(family.name) for name in judging_assets(spec.key)}
    return tuple(dict.fromkeys((*judging_assets(key), *(name for name in family.assets if name not in judging))))


def absent_for(key: str, settings: AssetSettings) -> tuple[str, ...]:
    """Names of the assets that a metric needs and that are not on this machine; nothing is fetched."""
    table = read_table()
    names = judging_assets(key)
    lacking = {file.asset for file in absent_files([name for name in names if name in table], settings)}
    lacking |= {name for name in names if name not in table and not _own_file(key, settings)}
    return tuple(name for name in names if name in lacking)


def explain(names: Sequence[str], settings: AssetSettings, failures: dict[str, str] | None = None) -> str:
    """One line on absent weights: their names, sizes and licences, and how to get them.

    Args:
        names: of assets.
        settings: where they belong.
        failures: by asset, why a download that was requested did not give it.
    """
    table, failures, lines = read_table(), failures or {}, []
    fetched = [name for name in names if name not in failures and _pinned(table.get(name), settings)]
    if fetched:
        lines.append(f"{PREFIX}{', '.join(_facts(table[name]) for name in fetched)}; {ADVICE}")
    for name in (name for name in names if name not in fetched):
        lines.append(PREFIX + _by_hand(name, table.get(name), settings, failures.get(name)))
    return "; ".join(lines)


def download(keys: Iterable[str], settings: AssetSettings, log: Log, table: Traversable = TABLE) -> dict[str, str]:
    """Name all files that metrics lack, with size, source and licence, and fetch them; not those without a digest.

    Args:
        keys: the metrics.
        settings: where weights belong.
        log: where the lines go.
        table: the table of assets.

    Returns:
        By asset, why it could not be fetched. The other assets are whole and checked.
    """
    known = read_table(table)
    names = dict.fromkeys(name for key in keys for name in wanted_assets(key))
    files = absent_files([name for name in names if _pinned(known.get(name), settings)], settings, table)
    if not files:
        return {}
    log(f"{len(files)} files of weights ({_size(sum(file.bytes for file in files))}) go to {settings.folder}:")
    for file in files:
        log(f"  {file.key}  {_size(file.bytes)}  licence: {file.licence}  {file.url}")
    failures = {}
    for name in dict.fromkeys(file.asset for file in files):
        try:
            fetch(name, settings, table)
        except AssetError as error:
            failures[name] = str(error)
            log(f"not fetched: {error}")
    return failures


def _by_hand(name: str, files: list[AssetFile] | None, settings: AssetSettings, failure: str | None) -> str:
    """What to do about weights that a download does not give."""
    if files is None:
        return f"{name}; it has no public copy: put your own file into {Path(settings.folder) / name}"
    if failure:
        return f"{_facts(files)}; {failure}"
    place = Path(settings.folder) / files[0].key
    return f"{_facts(files)}; no digest of it is published: put {files[0].url} at {place}, and its SHA-256 in --assets"


def _facts(files: list[AssetFile]) -> str:
    return f"{files[0].asset} ({_size(sum(file.bytes for file in files))}, licence: {files[0].licence})"


def _pinned(files: list[AssetFile] | None, settings: AssetSettings) -> bool:
    """Whether there is a public copy, and a digest by which to check it."""
    return bool(files) and all(settings.sha256.get(file.key, file.sha256) for file in files)


def _own_file(key: str, settings: AssetSettings) -> bool:
    """Whether weights that no table names, the user's own, lie in the mirror or the folder of assets."""
    place = REGISTRY[key].evaluator.partition(":")[2]
    return any((Path(root) / place).is_file() for root in (settings.mirror, settings.folder) if root)


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count else "size unknown"
