"""Command lines of what comes from outside: ``python -m eadnet assets``, ``fetch-asset``, ``bring-downloads``."""

from pathlib import Path
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
    name: Annotated[str, typer.Argument(help="An asset that `assets` lists.")],
    settings: SettingsJSON = "{}",
    checked: Annotated[Path | None, typer.Option(help="Checked file to write: names, sizes, digests.")] = None,
    optional: Annotated[
        bool, typer.Option("--optional", help="With --checked: absent weights are written down, and are no error.")
    ] = False,
) -> None:
    """Check the files of a published asset, link or download absent ones, and print their folder."""
    from eadnet.assets import fetch
    from eadnet.config.machine import Assets
    from eadnet.config.section import parse
    from eadnet.fetched import fetch_checked

    section = parse(Assets, settings, where="assets")
    if checked is None:
        typer.echo(fetch(name, section))
    elif fetch_checked(name, section, checked, optional)["files"]:
        typer.echo(Path(section.folder) / name)


def bring_downloads(
    output: Annotated[Path, typer.Option(help="Markdown to write.")],
    settings: SettingsJSON = "{}",
    checked: Annotated[list[Path] | None, typer.Option(help="Checked file of an asset; may be repeated.")] = None,
    table: Annotated[list[Path] | None, typer.Option(help="Table of a shard's downloads; may be repeated.")] = None,
) -> None:
    """Fetch published weights that are gone, and list everything that was fetched, with files of corpora by status."""
    from eadnet.config.machine import Assets
    from eadnet.config.section import parse
    from eadnet.fetched import bring_again, summary
    from eadnet.provenance import atomic_path

    bring_again(checked or [], parse(Assets, settings, where="assets"))
    with atomic_path(output) as temporary:
        temporary.write_text("\n".join([*summary(checked or [], table or []), ""]), encoding="utf-8")


VERBS = (assets, fetch_asset, bring_downloads)
