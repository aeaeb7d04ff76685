"""Small experiments that several tests run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from analysis.networks.experiment import Experiment
from analysis.networks.planning import run_spec
from analysis.networks.reading import load_experiment, parse_experiment
from analysis.networks.sweep import Sweep
from analysis.networks.training import RunSpec

BASE = """
name = "small"
epochs = 3
batch_size = 64
seeds = 2
[model]
name = "mlp"
hidden = [20]
[data]
name = "digits"
"""


def small(optimizers: str, **changes: Any) -> Experiment:
    """Digits on a little MLP with the given optimizer tables; ``changes`` replace values of the experiment."""
    experiment = parse_experiment(BASE + optimizers)
    return Experiment.model_validate({**experiment.model_dump(by_alias=True), **changes})


def run_sweep(file: Path, folder: Path) -> None:
    """What a killed process was doing."""
    Sweep(load_experiment(file), folder).run()


def spec_of(experiment: Experiment, place: int = 0, seed: int = 0) -> RunSpec:
    """A run of the comparison."""
    return run_spec(experiment, experiment.optimizers[place], {}, seed, "final")
