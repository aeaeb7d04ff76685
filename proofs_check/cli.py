"""``optassay check``: judge claims, print the table, write the ledger, say where verdicts changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from optassay.files import write_atomic

from .claim import Budget


@click.command()
@click.option("--list", "list_only", is_flag=True, help="List the claims and their recorded verdicts; judge nothing.")
@click.option("--paper", multiple=True, metavar="P", help="Only the claims of this paper (may be repeated).")
@click.option("--claim", multiple=True, metavar="ID", help="Only this claim (may be repeated).")
@click.option("--budget", type=click.Choice(["quick", "full"]), default="quick", show_default=True)
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Processes to judge claims in.")
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the ledger here.")
@click.option("--html", "html_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the page here.")
@click.option("--record", is_flag=True, help="Record the computed verdicts as the expected ones.")
def check(
    list_only: bool,
    paper: tuple[str, ...],
    claim: tuple[str, ...],
    budget: str,
    jobs: int,
    json_file: Path | None,
    html_file: Path | None,
    record: bool,
) -> None:
    """Judge the claims of the papers.

    Exits 1 when a verdict differs from the recorded one, a check fails or a control is not caught.
    """
    from . import ledger

    try:
        claims = ledger.load_claims(paper, claim)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if not claims:
        raise click.UsageError("no claims were found: nothing would be checked")
    for path in (json_file, html_file):
        if path is not None:
            _require_writable(path)
    if list_only:
        known = ledger.recorded()
        for item in claims:
            click.echo(f"{item.id:60} {known.get(item.id, '-'):12} {item.location}")
        return

    order = {item.id: position for position, item in enumerate(claims)}
    level = Budget(budget)
    kept = ledger.unfinished(json_file, level) if json_file is not None else []
    entries = [entry for entry in kept if entry["id"] in order]
    if entries:
        click.echo(f"resuming: {len(entries)} claims were judged before the interruption", err=True)
    done = {entry["id"] for entry in entries}
    for entry in _judge_with_progress([item for item in claims if item.id not in done], level, jobs):
        entries.append(entry)
        if json_file is not None:
            # After every claim: an interrupted run loses nothing and goes on from here.
            ledger.write_json(json_file, ledger.document(entries, level, complete=False))
    entries.sort(key=lambda entry: order[entry["id"]])
    _print_table(entries)
    document = ledger.document(entries, level)
    if json_file is not None:
        ledger.write_json(json_file, document)
    if html_file is not None:
        from .page import render

        write_atomic(html_file, render(document).encode())
    if record:
        merged = ledger.recorded() | {entry["id"]: entry["verdict"] for entry in entries if entry["verdict"] != "error"}
        write_atomic(str(ledger.RECORD), (json.dumps(dict(sorted(merged.items())), indent=1) + "\n").encode())
    changed = ledger.differences(entries)
    for line in changed:
        click.echo(f"changed: {line}", err=True)
    if changed or any(entry["verdict"] == "error" for entry in entries):
        raise SystemExit(1)


def _require_writable(path: Path) -> None:
    folder = path.parent
    while not folder.exists():
        folder = folder.parent
    import os

    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise click.UsageError(f"cannot write {path}: {folder} is not a writable folder")


def _judge_with_progress(claims: list[Any], budget: Budget, jobs: int) -> Iterator[dict[str, Any]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from . import ledger

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("judging", total=len(claims))
        for entry in ledger.run(claims, budget, jobs):
            progress.update(task, advance=1, description=entry["id"])
            yield entry


COLOURS = {
    "proved": "green",
    "supported": "cyan",
    "refuted": "red",
    "corrected": "yellow",
    "vacuous": "magenta",
    "error": "bold red",
}


def _print_table(entries: list[dict[str, Any]]) -> None:
    from collections import Counter

    from rich.console import Console
    from rich.table import Table

    console = Console()
    if not console.is_terminal:
        # A file or a pipe has no width of its own, and cut numbers help nobody.
        console = Console(width=160)
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("claim", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("control", no_wrap=True)
    table.add_column("s", justify="right", no_wrap=True)
    wide = console.width >= 120
    if wide:
        table.add_column("evidence")
    for entry in entries:
        colour = COLOURS.get(entry["verdict"], "")
        verdict = f"[{colour}]{entry['verdict']}[/]" if colour else entry["verdict"]
        parts = entry["control"].get("parts")
        control = "-" if parts == [] else ("caught" if entry["control"]["caught"] else "[bold red]MISSED[/]")
        row = [entry["id"], verdict, control, f"{entry['seconds']:.2f}"]
        table.add_row(*row, *([entry["method"]] if wide else []))
    console.print(table)
    for entry in entries:
        if entry["verdict"] == "error":
            console.print(f"[red]{entry['id']}: {entry['evidence']['error']}[/]", highlight=False)
    counts = Counter(entry["verdict"] for entry in entries)
    claims = "claim" if len(entries) == 1 else "claims"
    console.print(f"{len(entries)} {claims}: " + ", ".join(f"{n} {name}" for name, n in counts.most_common()))
    if len(entries) == 1 and entries[0]["verdict"] != "error":
        from .summary import sentence

        console.print(sentence(entries[0]), markup=False, highlight=False)
