"""``optassay site``: one static site of the ledger, the figures, the errata and the documentation."""

from __future__ import annotations

from pathlib import Path

import click

_FILE = click.Path(path_type=Path, dir_okay=False)
_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command()
@click.option(
    "--ledger",
    type=_FILE,
    default=Path("out/ledger.json"),
    show_default=True,
    help="Ledger of optassay check --json.",
)
@click.option(
    "--figures", "folder", type=_FOLDER, default=Path("out/figures"), show_default=True, help="Folder of the figures."
)
@click.option("--docs", type=_FOLDER, help="Folder with the documentation as HTML, to be part of the site.")
@click.option("--out", type=_FOLDER, default=Path("out/site"), show_default=True, help="Folder to write the site to.")
def site(ledger: Path, folder: Path, docs: Path | None, out: Path) -> None:
    """Write the static site from a ledger and the drawn figures. Open index.html in its folder; no server is needed."""
    from .build import build
    from .material import gather

    if docs is not None and not (docs / "index.html").is_file():
        raise click.UsageError(f"--docs {docs} holds no index.html: build the documentation first")
    try:
        material = gather(ledger, folder)
        written = build(material, out, docs)
    except (ValueError, OSError) as error:
        raise click.UsageError(str(error)) from error
    click.echo(
        f"{len(written)} pages, {len(material.claims)} claims, {len(material.figures)} figures: {out / 'index.html'}"
    )
