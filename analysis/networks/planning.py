"""From a checked experiment to its runs: names checked, grids multiplied out, seeds laid apart."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from .data import DATA
from .experiment import Experiment, Optimizer, seed_list
from .models import MODELS
from .models.registry import options_of
from .problems import ExperimentError, Key, Problem, located, nearest
from .reading import changed, find_text
from .rules import build_rule, is_torch, torch_optimizer, with_values
from .training import RunSpec

FIRST_TUNING_SEED = 1_000_000  # far from the seeds of comparisons, unless a file lists its own


def check_names(experiment: Experiment, source: str | None = None) -> None:
    """Refuse unknown models, data, rules and options, and hyperparameters outside their domain, in every grid point.

    Parameters
    ----------
    source : str, optional
        File or shipped name, for line numbers.

    Raises
    ------
    ExperimentError
        With the nearest known name.
    """
    try:
        _check_names(experiment)
    except Problem as problem:
        where, text = find_text(source) if source is not None else (experiment.name, "")
        raise ExperimentError(located(where, text, problem)) from problem


def _check_names(experiment: Experiment) -> None:
    if experiment.data.name not in DATA:
        raise Problem(
            ("data", "name"), f"no data are called {experiment.data.name!r}{nearest(experiment.data.name, DATA)}"
        )
    _check_model(experiment, ("model",))
    for i, optimizer in enumerate(experiment.optimizers):
        if optimizer.with_:
            _check_model(changed(experiment, optimizer), ("optimizers", i, "with", "model"))
        for values in points(experiment, optimizer):
            try:
                options = with_values(optimizer.options, values)
                if is_torch(optimizer.name):
                    torch_optimizer(optimizer.name, options)
                else:
                    build_rule(optimizer.name, options, optimizer.preset)
            except Problem as problem:
                at = _place(experiment, i, problem.path)
                raise Problem(at, problem.message) from problem
    shared_seeds = set(tuning_seeds(experiment)) & set(seed_list(experiment.seeds))
    if shared_seeds:
        raise Problem(("tuning", "seeds"), f"seed {min(shared_seeds)} is one of the comparison's: tune on others")


def _place(experiment: Experiment, i: int, path: tuple[Key, ...]) -> tuple[Key, ...]:
    """Where in the file a hyperparameter of the i-th optimizer was given: its table, its grid or the common one."""
    optimizer = experiment.optimizers[i]
    key = path[0] if path else None
    if key in (optimizer.grid or {}):
        return ("optimizers", i, "grid", *path)
    if experiment.tuning is not None and optimizer.grid is None and key in experiment.tuning.grid:
        return ("tuning", "grid", *path)
    return ("optimizers", i, *path)


def _check_model(experiment: Experiment, path: tuple[Any, ...]) -> None:
    name, options = experiment.model.name, experiment.model.options
    if name not in MODELS:
        raise Problem((*path, "name"), f"no model is called {name!r}{nearest(name, MODELS)}")
    for key in options:
        if key not in options_of(name):
            raise Problem((*path, key), f"model {name!r} has no such option{nearest(key, options_of(name))}")


def tuning_seeds(experiment: Experiment) -> list[int]:
    """Seeds on which hyperparameters are chosen."""
    return [] if experiment.tuning is None else seed_list(experiment.tuning.seeds, FIRST_TUNING_SEED)


def grid_of(experiment: Experiment, optimizer: Optimizer) -> dict[str, list[Any]]:
    """The optimizer's grid; without one of its own the experiment's. Empty without tuning."""
    if experiment.tuning is None:
        return {}
    return dict(experiment.tuning.grid if optimizer.grid is None else optimizer.grid)


def points(experiment: Experiment, optimizer: Optimizer) -> Iterator[dict[str, Any]]:
    """All points of an optimizer's grid, the first key slowest; one without values if there is no grid."""
    grid = grid_of(experiment, optimizer)
    limit = None if experiment.tuning is None else experiment.tuning.limit
    for values in itertools.islice(itertools.product(*grid.values()), limit):
        yield dict(zip(grid, values, strict=True))


def run_spec(experiment: Experiment, optimizer: Optimizer, hyper: Mapping[str, Any], seed: int, stage: str) -> RunSpec:
    """The description of one run."""
    seen = changed(experiment, optimizer)
    settings = seen.model_dump(include=_NUMBERS)
    settings["model"] = {"name": seen.model.name, "options": seen.model.options}
    data = seen.data
    settings["data"] = {"name": data.name, "options": data.options, "augment": data.augment, "window": data.window}
    if stage == "tune":
        settings["diagnostics"] = {**settings["diagnostics"], **dict.fromkeys(_COSTLY, False)}
        if experiment.tuning is not None and experiment.tuning.epochs is not None:
            settings["epochs"] = min(settings["epochs"], experiment.tuning.epochs)
    table = {
        "name": optimizer.name,
        "preset": optimizer.preset,
        "scope": optimizer.scope,
        "segmented": optimizer.segmented,
        "options": with_values(optimizer.options, hyper),
    }
    return RunSpec(experiment.name, stage, optimizer.title, table, dict(hyper), seed, settings)


# Of an experiment, what decides the numbers of a run beside model, data and optimizer.
_NUMBERS = {
    *("epochs", "batch_size", "l2", "label_smoothing", "clip_norm", "activity", "temporal", "precision"),
    *("schedule", "diagnostics"),
}
_COSTLY = ("sharpness", "m_sharpness", "hessian", "distance", "buffer")  # tuning looks at losses and accuracies only
