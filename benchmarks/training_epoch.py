"""Seconds per epoch of ``optassay train`` against a bare loop with ``torch.optim.Adam``, same model, data and batches.

Run ``python benchmarks/training_epoch.py [--device cuda] [--quick] [RULE ...]`` from the repository's root. Data are
random images of MNIST's and CIFAR's sizes at the papers' batch sizes: a step's cost does not depend on what they show.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from _common import report, side_by_side

from analysis.networks.data import Dataset, Split
from analysis.networks.models import parameter_count
from analysis.networks.planning import run_spec
from analysis.networks.reading import parse_experiment
from analysis.networks.training import Run, deterministic

ELEMENTWISE = ("Momentum", "Adam", "AdamW", "AMSGrad", "AdaBelief", "MomentumSign", "MSVAG", "AdamStar", "AdaMomentum")
OTHERS = ("SoftAdam", "AdamCriticalMomenta", "AdaSAM")
# name, model table, shape, batch, steps on a CPU
MODELS = (
    ("MLP 1000-500-100", 'name = "mlp"', (1, 28, 28), 128, 20),
    ("MNIST CNN", 'name = "mnist-cnn"', (1, 28, 28), 128, 8),
    ("CIFAR-10 CNN", 'name = "cifar-cnn"', (3, 32, 32), 256, 4),
    ("ResNet-20", 'name = "cifar-resnet"\ndepth = 20', (3, 32, 32), 128, 4),
)
GPU_STEPS = 100


def dataset(shape: tuple[int, ...], examples: int) -> Dataset:
    """Random bytes in the shape of the published images."""
    rng = np.random.default_rng(0)
    train, test = (
        Split(rng.integers(0, 256, (n, *shape), dtype=np.uint8), rng.integers(0, 10, n)) for n in (examples, 10)
    )
    return Dataset("random", "classification", shape, 10, train, test).standardized()


def run_of(model: str, rule: str, data: Dataset, batch: int, device: str) -> Run:
    """A run of the engine after its first epoch: loops compiled, memory warm."""
    text = f"""
        epochs = 1_000_000
        batch_size = {batch}
        [model]
        {model}
        [data]
        name = "digits"
        [[optimizers]]
        name = "{rule}"
    """
    experiment = parse_experiment(text)
    run = Run(run_spec(experiment, experiment.optimizers[0], {}, 0, "final"), data, device)
    run.advance()
    return run


def engine_epoch(run: Run) -> Callable[[], Any]:
    epoch = 0

    def call() -> None:
        nonlocal epoch
        epoch += 1
        run._train(epoch)
        if run.task.device != "cpu":
            torch.cuda.synchronize()

    return call


def bare_epoch(run: Run) -> Callable[[], Any]:
    """The loop that anyone writes: the run's model and batches, ``torch.optim.Adam``, nothing recorded."""
    optimizer = torch.optim.Adam(run.model.parameters())
    criterion = torch.nn.CrossEntropyLoss()
    epoch = 0

    def call() -> None:
        nonlocal epoch
        epoch += 1
        run.model.train()
        for batch in run.task.batches(epoch):
            optimizer.zero_grad()
            criterion(run.model(batch.inputs), batch.targets).backward()
            optimizer.step()
        if run.task.device != "cpu":
            torch.cuda.synchronize()

    return call


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rules", nargs="*", help="all without")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--quick", action="store_true", help="the first model only")
    arguments = parser.parse_args()
    rules = arguments.rules or [*ELEMENTWISE, *OTHERS]
    rows = []
    for name, model, shape, batch, steps in MODELS[: 1 if arguments.quick else None]:
        data = dataset(shape, batch * (steps if arguments.device == "cpu" else GPU_STEPS))
        with deterministic():
            reference = run_of(model, "torch.Adam", data, batch, arguments.device)
            calls = {"bare loop, torch.optim.Adam": bare_epoch(reference)}
            calls["torch.optim.Adam"] = engine_epoch(run_of(model, "torch.Adam", data, batch, arguments.device))
            for rule in rules:
                calls[rule] = engine_epoch(run_of(model, rule, data, batch, arguments.device))
            seconds = side_by_side(calls, repeats=5, warmup=1)
        size = parameter_count(reference.model)
        bare = seconds["bare loop, torch.optim.Adam"]
        rows += [
            {
                "model": f"{name} ({size / 1e6:.2f} M)",
                "optimizer": rule,
                "s/epoch": value,
                "examples/s": round(len(data.train.inputs) / value),
                "ratio": value / bare,
            }
            for rule, value in seconds.items()
        ]
    where = "one thread" if arguments.device == "cpu" else torch.cuda.get_device_name(arguments.device)
    note = f"{where}, torch {torch.__version__}; medians of 5 epochs; ratio to the bare loop"
    report("training_epoch" if arguments.device == "cpu" else "training_epoch_gpu", rows, note)


if __name__ == "__main__":
    main()
