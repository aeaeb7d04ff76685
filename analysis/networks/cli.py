"""``optassay train``: run experiment files, resume what was interrupted, print what came out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from .experiment import Experiment
    from .sweep import Event, Outcome


class Refusal(click.ClickException):
    """A usage error in one line."""

    exit_code = 2


@click.command()
@click.argument("experiments", nargs=-1, metavar="[NAME|FILE.toml]...")
@click.option("--list", "list_only", is_flag=True, help="List the experiments that ship with the package.")
@click.option("--show", is_flag=True, help="Print the experiment files; a start for files of your own.")
@click.option("--quick", is_flag=True, help="With the changes of each file's table [quick].")
@click.option("--force", is_flag=True, help="Run again even what is finished.")
@click.option(
    "--jobs", type=click.IntRange(min=1), metavar="N", help="Processes; default: one per processor, on a GPU 1."
)
@click.option("--device", default="cpu", show_default=True, metavar="D", help="cpu, cuda, cuda:1, ...")
@click.option("--data", "data_folder", type=click.Path(path_type=Path), help="Folder of the published data files.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("out/train"),
    show_default=True,
    help="Folder of the results, one folder per experiment.",
)
def train(
    experiments: tuple[str, ...],
    list_only: bool,
    show: bool,
    quick: bool,
    force: bool,
    jobs: int | None,
    device: str,
    data_folder: Path | None,
    out: Path,
) -> None:
    """Train networks with the optimizers, as experiment files say.

    Without a name the cross-checks that need no data files run. Runs that are finished are kept, an interrupted one
    goes on at its last epoch, to the same numbers.
    """
    try:
        from .reading import find_text, load_experiment, shipped
    except ImportError as error:
        raise _missing(error) from error
    from .problems import ExperimentError

    try:
        if list_only:
            for name in shipped():
                experiment = load_experiment(name)
                click.echo(f"{name:34}  {experiment.data.name:20}  {experiment.title}")
            return
        names = experiments or tuple(name for name in shipped() if name.startswith("crosscheck-"))
        if show:
            for name in names:
                click.echo(find_text(name)[1])
            return
        loaded = [(name, load_experiment(name, quick=quick)) for name in names]
    except ExperimentError as error:
        raise Refusal(str(error)) from error
    _run(loaded, out, quick, {"force": force, "jobs": jobs, "device": device, "data_folder": data_folder})


def _missing(error: ImportError) -> Refusal:
    package = (error.name or "").partition(".")[0]
    if package not in ("torch", "pydantic", "sklearn"):
        raise error
    extra = "data" if package == "sklearn" else "train"
    return Refusal(f"this needs {package}, which is not installed: pip install 'optassay[{extra}]'")


def _run(loaded: list[tuple[str, Experiment]], out: Path, quick: bool, options: dict[str, Any]) -> None:
    try:
        from .planning import check_names
        from .problems import ExperimentError
        from .sweep import Sweep
    except ImportError as error:
        raise _missing(error) from error
    from concurrent.futures.process import BrokenProcessPool

    from .data import DataFileError

    _check_device(options["device"])
    # Several processes on one accelerator would share its memory.
    options["jobs"] = options["jobs"] or (os.cpu_count() or 1 if options["device"] == "cpu" else 1)
    for name, experiment in loaded:
        folder = out / (f"{experiment.name}-quick" if quick else experiment.name)
        try:
            check_names(experiment, name)
            with Reporter(experiment) as reporter:
                sweep = Sweep(experiment, folder, report=reporter, **options)
                kept = 0 if options["force"] else sweep.others()
                if kept:
                    click.echo(f"{kept} finished runs of other sources or versions are kept (--force: anew)", err=True)
                outcome = sweep.run()
        except (ExperimentError, DataFileError) as error:
            raise Refusal(f"{experiment.name}: {error}") from error
        except ImportError as error:
            raise _missing(error) from error
        except OSError as error:
            raise Refusal(f"--out {folder}: {error}") from error
        except BrokenProcessPool as error:
            raise click.ClickException(
                f"{experiment.name}: a process was killed, as systems do when memory runs out; finished epochs stay: "
                "start again with fewer --jobs"
            ) from error
        _print(experiment, outcome)


def _check_device(device: str) -> None:
    import torch

    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise Refusal(f"--device {device} cannot be used: {str(error).splitlines()[0]}") from error


class Reporter:
    """Progress on the terminal, and a line for each run that ended early."""

    def __init__(self, experiment: Experiment) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self.name = experiment.name
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("epochs"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[newest]}"),
            console=Console(stderr=True),
            transient=True,
        )
        self.task = self.progress.add_task(self.name, total=expected_epochs(experiment), newest="")

    def __enter__(self) -> Reporter:
        self.progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.progress.stop()

    def __call__(self, event: Event) -> None:
        spec, row = event.spec, event.row
        loss = row.get("train_loss")
        newest = f"{spec.label}, {spec.stage}, seed {spec.seed}" + ("" if loss is None else f": loss {loss:.4g}")
        self.progress.update(self.task, advance=event.epochs, newest=newest)
        if event.finished and row["status"] != "ok":
            hyper = f" with {spec.hyper}" if spec.hyper else ""
            self.progress.console.print(
                f"{spec.label}{hyper}, {spec.stage}, seed {spec.seed}: {row['status']} in epoch {row['epoch']}"
                + (": a smaller batch or model, or fewer --jobs" if row["status"] == "out of memory" else ""),
                markup=False,
                highlight=False,
            )


def expected_epochs(experiment: Experiment) -> int | None:
    """Epochs of all runs; None where the protocol decides as it goes."""
    from .experiment import seed_list
    from .planning import points, run_spec, tuning_seeds

    if experiment.tuning is not None and experiment.tuning.protocol == "stability":
        return None
    total = 0
    for optimizer in experiment.optimizers:
        final = run_spec(experiment, optimizer, {}, 0, "final").settings["epochs"]
        total += len(seed_list(experiment.seeds)) * final
        if experiment.tuning is not None:
            tuned = run_spec(experiment, optimizer, {}, 0, "tune").settings["epochs"]
            total += len(tuning_seeds(experiment)) * sum(1 for _ in points(experiment, optimizer)) * tuned
    return total


def _headline(experiment: Experiment, rows: list[dict[str, Any]]) -> str:
    """The measure that the file names, or the test set's perplexity, accuracy or loss, whichever the task has."""
    if experiment.metric is not None:
        return experiment.metric
    measures = ("test_perplexity", "test_accuracy")
    return next((measure for measure in measures if any(row[measure] is not None for row in rows)), "test_loss")


def _print(experiment: Experiment, outcome: Outcome) -> None:
    """Means with intervals, and the differences on the same seeds with corrected p-values."""
    from .summary import lines, summarize

    click.echo(f"{experiment.name}: {outcome.folder}")
    metric = _headline(experiment, outcome.rows)
    summary = summarize(outcome.rows, metric, experiment.pick)
    for optimizer in experiment.optimizers:
        label = optimizer.title
        point = outcome.chosen[label]
        if point is None:
            click.echo(f"  {label}: every point of its grid diverged")
            continue
        found = summary.means[label]
        tuned = "".join(
            f", {key} {value:g}" if isinstance(value, float) else f", {key} {value}" for key, value in point.items()
        )
        tuned += "".join(f" ({key} at an end of its grid)" for key in outcome.edges[label])
        runs = f"{found.runs} runs" + (f", {found.missing} ended early" if found.missing else "")
        click.echo(f"  {label}: {metric} {found.value:.4g} [{found.low:.4g}, {found.high:.4g}], {runs}{tuned}")
    for line in lines(summary):
        click.echo(f"  {line}")
