"""Command lines of the published weights: ``python -m eadnet assets`` and ``python -m eadnet fetch-asset``."""

from typing import Annotated

import typer

from eadnet.cli.options import SettingsJSON


def assets(settings: SettingsJSON = "{}") -> None:
    """List the published weights: size, licence, whether their digests are pinned and whether they are here."""
    from eadnet.assets import describe
    from eadnet.config.machine import Assets
    from eadnet.config.section import parse

    columns = "{:<24}{:>6}{:>10}  {:<24}{:<8}{}"
    typer.echo(columns.format("asset", "files", "MB", "licence", "pinned", "here"))
    for row in describe(parse(Assets, settings, where="assets")):
        size = f"{row['bytes'] / 1e6:.1f}"
        flags = ("yes" if row[name] else "no" for name in ("pinned", "here"))
        typer.echo(columns.format(row["asset"], row["files"], size, row["licence"], *flags))


def fetch_asset(
    name: Annotated[str, typer.Argument(help="An asset that `assets` lists.")], settings: SettingsJSON = "{}"
) -> None:
    """Check the files of a published asset, link or download absent ones, and print their folder."""
    from eadnet.assets import fetch
    from eadnet.config.machine import Assets
    from eadnet.config.section import parse

    typer.echo(fetch(name, parse(Assets, settings, where="assets")))


VERBS = (assets, fetch_asset)
