"""Every claim about networks that needs data has the file that decides it, or the reason why none does."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("pydantic")

from analysis.networks.catalogue import beyond, decided_by  # noqa: E402
from analysis.networks.data import Dataset, Split  # noqa: E402
from analysis.networks.experiment import Experiment  # noqa: E402
from analysis.networks.planning import points, run_spec  # noqa: E402
from analysis.networks.reading import load_experiment, shipped  # noqa: E402
from analysis.networks.training import Run  # noqa: E402

pytestmark = pytest.mark.torch

EXPERIMENTS = {name: load_experiment(name) for name in shipped()}


def test_claims_that_need_data_have_their_file() -> None:
    recorded = json.loads((files("proofs_check") / "recorded.json").read_text())
    needing = {claim for claim, verdict in recorded.items() if verdict == "needs data"}
    decided, reasons = decided_by(), beyond()
    assert needing, "no claim needs data: this test has lost its subject"
    assert needing <= set(decided) | set(reasons), f"no file: {sorted(needing - set(decided) - set(reasons))}"
    assert not set(decided) & set(reasons), "decided and beyond at once"
    # What the files and reasons name exists.
    assert set(decided) | set(reasons) <= set(recorded)
    assert all(len(reason) > 20 for reason in reasons.values())
    for claim, names in decided.items():
        assert all(claim in EXPERIMENTS[name].claims for name in names)


def tiny(experiment: Experiment) -> Dataset:
    """Random data of the experiment's shape."""
    rng = np.random.default_rng(0)
    if experiment.model.name == "lstm":
        words = Split(*(rng.integers(0, 50, 600),) * 2)
        return Dataset("tiny", "language", (), 50, words, words, words)
    shape = (1, 28, 28) if "mnist" in experiment.data.name else (3, 32, 32)
    classes = 100 if experiment.data.name == "cifar-100" else 10
    split = Split(rng.integers(0, 256, (8, *shape)).astype(np.uint8), rng.integers(0, classes, 8))
    return Dataset("tiny", "classification", shape, classes, split, split, split).standardized()


DISTINCT = {json.dumps(e.model.model_dump(), sort_keys=True): name for name, e in EXPERIMENTS.items()}
PUBLISHED = [name for name in DISTINCT.values() if not name.startswith("crosscheck-")]


@pytest.mark.slow
@pytest.mark.parametrize("name", PUBLISHED)
def test_models_of_the_files_take_a_step(name: str) -> None:
    experiment = EXPERIMENTS[name]
    hyper = next(points(experiment, experiment.optimizers[0]), {})
    spec = run_spec(experiment, experiment.optimizers[0], hyper, 0, "final")
    spec = replace(spec, settings={**spec.settings, "batch_size": 4})
    run = Run(spec, tiny(experiment))
    before = torch.cat([p.detach().reshape(-1) for p in run.model.parameters()])
    run.model.train()
    run.sizes.at(1)
    found = run.stepper.step(next(iter(run.task.batches(1))))
    after = torch.cat([p.detach().reshape(-1) for p in run.model.parameters()])
    assert bool(torch.isfinite(found.loss)) and not torch.equal(before, after)


OPTIMIZERS = {
    json.dumps([o.model_dump(exclude={"label", "grid", "largest"}, by_alias=True), hyper], sort_keys=True): (
        name,
        i,
        hyper,
    )
    for name, e in EXPERIMENTS.items()
    for i, o in enumerate(e.optimizers)
    for hyper in [next(points(e, o), {})]
}


def test_optimizers_of_the_files_take_steps() -> None:
    assert len(OPTIMIZERS) > 40
    for name, i, hyper in OPTIMIZERS.values():
        experiment = EXPERIMENTS[name]
        spec = run_spec(experiment, experiment.optimizers[i], hyper, 0, "final")
        model = {"name": "mlp", "options": {"hidden": [5]}}
        data = {**spec.settings["data"], "augment": []}
        settings = {**spec.settings, "batch_size": 4, "model": model, "data": data, "epochs": 1}
        if experiment.model.name == "lstm":
            small = {"embedding": 4, "hidden": 4, "layers": experiment.model.options["layers"]}
            settings |= {"model": {"name": "lstm", "options": small}}
        settings["diagnostics"] = {key: key == "every" for key in settings["diagnostics"]} | {"every": 1}
        run = Run(replace(spec, settings=settings), tiny(experiment))
        run.advance()
        run.advance()
        # Step sizes are the papers': on random pixels one or the other diverges, and says so.
        assert run.rows[-1]["status"] in ("ok", "diverged"), name
        assert run.rows[-1]["gradients"] > 0
