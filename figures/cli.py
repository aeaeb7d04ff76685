"""``optassay figures``: regenerate the figures that are stale, say why, keep the gallery up to date."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from .registry import Figure, Level
    from .runner import Book
    from .staleness import Plan


class Refusal(click.ClickException):
    """A usage error in one line."""

    exit_code = 2


@click.command()
@click.option("--list", "list_only", is_flag=True, help="List the figures, their state and cost; draw nothing.")
@click.option("--only", multiple=True, metavar="ID", help="Only this figure (may be repeated).")
@click.option("--force", is_flag=True, help="Compute and draw again even what is fresh.")
@click.option("--quick", is_flag=True, help="Small versions of the studies, seconds in all.")
@click.option("--full", is_flag=True, help="The heavy versions of the studies.")
@click.option(
    "--jobs", type=click.IntRange(min=1), metavar="N", help="Processes to draw figures in; default: one per processor."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("out/figures"),
    show_default=True,
    help="Folder of the drawings, their data and the gallery.",
)
def figures(list_only: bool, only: tuple[str, ...], force: bool, quick: bool, full: bool, jobs: int, out: Path) -> None:
    """Regenerate the figures that are stale, and the gallery.

    A figure is drawn again when the source of its data or drawing, a library or its files changed. Exits 1 when a
    figure failed.
    """
    from .registry import Level, load_figures
    from .runner import Book, plans

    if quick and full:
        raise Refusal("--quick and --full exclude each other: give one of them")
    level = Level.QUICK if quick else Level.FULL if full else Level.NORMAL
    try:
        chosen = load_figures(only)
    except ValueError as error:
        raise Refusal(str(error)) from error
    here = [figure for figure in chosen if figure.cost.at(level) is not None]
    if only and len(here) < len(chosen):
        missing = next(figure for figure in chosen if figure.cost.at(level) is None)
        levels = " or ".join(f"--{other.value}" for other in Level if missing.cost.at(other) is not None)
        raise Refusal(f"figure {missing.id!r} has no {level.value} version: give {levels}")
    if list_only:
        _list(chosen, out, level)
        return
    _require_writable(out)
    todo = plans(here, out, level, force)
    try:
        book = Book(out)
        book.write()
    except ValueError as error:
        raise Refusal(str(error)) from error
    for plan in todo:
        if plan.fresh:
            click.echo(f"{plan.figure.id}: fresh")
    failed = _draw([plan for plan in todo if not plan.fresh], book, out, level, jobs or os.cpu_count() or 1)
    click.echo(f"gallery: {out / 'index.html'}")
    if failed:
        raise SystemExit(1)


def _list(chosen: Sequence[Figure], out: Path, level: Level) -> None:
    from .runner import plans

    costs = {figure.id: figure.cost.at(level) for figure in chosen}
    here = [figure for figure in chosen if costs[figure.id] is not None]
    states = {plan.figure.id: plan.reason for plan in plans(here, out, level)}
    width = max(len(figure.id) for figure in chosen)
    for figure in chosen:
        cost = costs[figure.id]
        spent = "-" if cost is None else f"{cost:g} s"
        click.echo(f"{figure.id:{width}}  {spent:>7}  {states.get(figure.id, 'not at this level')}")


def _require_writable(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise Refusal(f"--out {out} must be a folder that can be written to: {error.strerror or error}") from error


def _draw(todo: Sequence[Plan], book: Book, out: Path, level: Level, jobs: int) -> int:
    """Carry out the plans; returns the number of figures that failed."""
    if not todo:
        return 0
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from .runner import run

    reasons = {plan.figure.id: plan.reason for plan in todo}
    for plan in todo:
        if plan.reason == "cache entry corrupt":
            click.echo(f"{plan.figure.id}: its cache entry is corrupt and is computed again", err=True)
    left = Remaining({plan.figure.id: _cost(plan, level) for plan in todo}, min(jobs, len(todo)))
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[count]} of {task.fields[of]}"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
    )
    failed = 0
    with Progress(*columns, console=Console(stderr=True), transient=True, get_time=time.monotonic) as progress:
        task = progress.add_task("drawing", total=left.total, left=left, count=0, of=len(todo))
        for count, outcome in enumerate(run(todo, out, level, jobs), start=1):
            book.add(outcome)
            progress.update(task, advance=left.done(outcome.id), description=outcome.id, count=count)
            if outcome.error is not None:
                failed += 1
                if outcome.trace:
                    progress.console.print(outcome.trace, markup=False, highlight=False, soft_wrap=True, style="red")
                click.echo(f"{outcome.id}: failed ({outcome.error})", err=True)
                continue
            if outcome.reason != reasons[outcome.id]:
                click.echo(f"{outcome.id}: its {outcome.reason}; it was computed again", err=True)
            click.echo(f"{outcome.id}: {outcome.reason}, drawn in {sum(outcome.seconds.values()):.1f} s")
    return failed


def _cost(plan: Plan, level: Level) -> float:
    # Drawing alone takes about a second whatever the study costs.
    return (plan.figure.cost.at(level) or 0.0 if plan.compute else 0.0) + 1.0


class Remaining:
    """Time left, from the declared costs of what is not done yet, scaled by how the declared costs fared so far."""

    def __init__(self, costs: dict[str, float], jobs: int) -> None:
        self.costs = dict(costs)
        self.total = sum(costs.values())
        self.jobs = jobs
        self.start = time.monotonic()
        self.scale = 1.0
        self.expected_end = self.start + self._ahead()

    def _ahead(self) -> float:
        """Seconds for the open figures: their sum over the workers, but never less than the dearest one."""
        open_costs = list(self.costs.values())
        return self.scale * max(sum(open_costs) / self.jobs, max(open_costs, default=0.0))

    def done(self, figure_id: str) -> float:
        """Strike off a figure; returns its declared cost."""
        cost = self.costs.pop(figure_id)
        now = time.monotonic()
        finished = self.total - sum(self.costs.values())
        self.scale = max(now - self.start, 1e-3) * self.jobs / finished if finished else 1.0
        self.expected_end = now + self._ahead()
        return cost

    def __str__(self) -> str:
        seconds = max(0.0, self.expected_end - time.monotonic())
        return f"{int(seconds) // 60}:{int(seconds) % 60:02d} left" if seconds >= 1 else "almost done"
