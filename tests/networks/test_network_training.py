"""Runs: the same numbers whatever interrupts them, equal to a plain loop, honest about divergence and memory."""

from __future__ import annotations

import json
import multiprocessing
import random
import time
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("pydantic")
pytest.importorskip("sklearn")

from network_cases import run_sweep, small, spec_of  # noqa: E402
from published_files import write_cifar_10, write_mnist, write_penn_treebank  # noqa: E402

from analysis.networks.data import load_data  # noqa: E402
from analysis.networks.models import build_model  # noqa: E402
from analysis.networks.problems import ExperimentError  # noqa: E402
from analysis.networks.results import COLUMNS, encode, read_results  # noqa: E402
from analysis.networks.sweep import Sweep  # noqa: E402
from analysis.networks.tasks import INITIAL, ORDER, LanguageTask, Task, stream_seed  # noqa: E402
from analysis.networks.training import Run, dataset_of, memory_row, train  # noqa: E402

pytestmark = pytest.mark.torch

DIAGNOSTICS = {"distance": True, "buffer": True, "sharpness": True, "sample": 64}
RULES = {
    "Adam": 'name = "Adam"',
    "SoftAdam": 'name = "SoftAdam"\nscope = "tensor"',
    "CM": 'name = "AdamCriticalMomenta"',
    "AdaSAM": 'name = "AdaSAM"\nmixing = 0.1',
    "pAdaSAM": 'name = "PreconditionedAdaSAM"\ninner = { name = "Adam" }',
    "VR": 'name = "VarianceReduced"\nrule = { name = "AdaSAM", mixing = 0.1 }',
    "SAM": 'name = "SharpnessAware"\nrule = { name = "AdamCriticalMomenta" }',
    "MSVAG-mb": 'name = "MiniBatchMSVAG"\nstep_size = 0.1',
    "torch": 'name = "torch.RAdam"',
}


class Stop(Exception):
    pass


# A vector of 75 000 numbers is stepped by compiled loops.
@pytest.mark.parametrize(
    ("name", "hidden"), [(name, 20) for name in RULES] + [(name, 1000) for name in ("Adam", "SoftAdam", "CM", "AdaSAM")]
)
def test_a_run_resumed_after_every_epoch_has_the_same_bytes(tmp_path: Path, name: str, hidden: int) -> None:
    schedule = {"kind": "drops", "at": [1], "factor": 0.5}
    experiment = small(
        f"[[optimizers]]\n{RULES[name]}",
        epochs=3 if hidden == 20 else 2,
        diagnostics=DIAGNOSTICS if hidden == 20 else {},
        schedule=schedule,
        model={"name": "mlp", "hidden": [hidden]},
    )
    spec = spec_of(experiment)
    whole = train(spec)
    assert [row["epoch"] for row in whole] == list(range(experiment.epochs + 1))
    assert whole[-1]["train_loss"] < whole[1]["train_loss"]
    checkpoint = tmp_path / "run.pt"

    def stop(row: dict) -> None:
        if row["epoch"] < experiment.epochs:
            raise Stop

    starts = 0
    while True:
        starts += 1
        try:
            resumed = train(spec, checkpoint=checkpoint, on_epoch=stop)
            break
        except Stop:
            pass
    assert starts == experiment.epochs + 1
    assert encode(resumed) == encode(whole)


def test_augmentation_dropout_and_words_resume_as_well(tmp_path: Path) -> None:
    write_cifar_10(tmp_path, per_batch=12)
    image = small(
        '[[optimizers]]\nname = "Momentum"',
        batch_size=16,
        epochs=2,
        data={"name": "cifar-10", "verify": False, "augment": ["crop", "mirror", "color"]},
        model={"name": "all-cnn", "dropout": True},
    )
    text = small(
        '[[optimizers]]\nname = "Adam"',
        batch_size=5,
        epochs=2,
        clip_norm=0.25,
        activity=2.0,
        temporal=1.0,
        data={"name": "python-documentation", "vocabulary": 50, "train": 1500, "window": 20},
        model={"name": "lstm", "embedding": 6, "hidden": 8, "layers": 2},
    )
    for experiment in (image, text):
        spec = spec_of(experiment)
        whole = train(spec, data_folder=tmp_path)
        checkpoint = tmp_path / f"{experiment.data.name}.pt"
        calls = []

        def stop(row: dict, calls: list = calls) -> None:
            calls.append(row)
            if len(calls) == 2:
                raise Stop

        with pytest.raises(Stop):
            train(spec, data_folder=tmp_path, checkpoint=checkpoint, on_epoch=stop)
        assert encode(train(spec, data_folder=tmp_path, checkpoint=checkpoint)) == encode(whole)
    assert whole[-1]["test_perplexity"] < whole[0]["test_perplexity"]
    assert whole[-1]["test_perplexity"] == pytest.approx(np.exp(whole[-1]["test_loss"]))


KILLED = """\
epochs = 5
batch_size = 64
seeds = 3
[model]
name = "mlp"
hidden = [30]
[data]
name = "digits"
[tuning]
seeds = 1
epochs = 2
grid = { step_size = [1e-3, 1e-4] }
[diagnostics]
distance = true
buffer = true
[[optimizers]]
name = "AdamCriticalMomenta"
[[optimizers]]
name = "AdaSAM"
mixing = 0.1
grid = { memory = [5] }
"""


def tables(folder: Path) -> dict[str, bytes]:
    """What a sweep leaves, but for the seconds it took."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "seconds.jsonl"
    }


@pytest.mark.slow
def test_a_sweep_killed_at_random_moments_resumes_to_the_same_bytes(tmp_path: Path) -> None:
    file = tmp_path / "killed.toml"
    file.write_text(KILLED)
    rng = random.Random(7)
    out = tmp_path / "out" / "killed"
    # A server that has imported everything forks each process: a kill costs no new start of Python.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["analysis.networks.sweep", "sklearn.datasets"])
    kills = 0
    for _ in range(5):
        process = context.Process(target=run_sweep, args=(file, out))
        process.start()
        before, deadline = tables(out), time.monotonic() + 60
        while process.is_alive() and tables(out) == before and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(rng.uniform(0.0, 0.1))
        kills += process.is_alive()
        process.kill()
        process.join()
    assert kills == 5
    assert len([name for name in tables(out) if name.startswith("final/")]) < 6
    reference = tmp_path / "reference"
    run_sweep(file, reference)
    run_sweep(file, out)
    assert tables(out) == tables(reference)
    assert len(read_results(reference)) == 2 * 3 * 6


def test_training_is_what_a_plain_loop_does() -> None:
    """The loss after every epoch against a loop written out here with PyTorch's own Adam and its own penalty."""
    experiment = small('[[optimizers]]\nname = "torch.Adam"\nstep_size = 2e-3', l2=1e-2, precision="float64", epochs=2)
    spec = spec_of(experiment, seed=3)
    rows = train(spec)
    data = load_data("digits")
    torch.manual_seed(stream_seed(3, 0, INITIAL))
    model = build_model("mlp", {"hidden": [20]}, data.shape, data.outputs).double()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

    def tensors(split: tuple) -> tuple:
        x = (torch.as_tensor(split[0]).double() - torch.as_tensor(data.mean)) / torch.as_tensor(data.scale)
        return x, torch.as_tensor(split[1])

    x, y = tensors(data.train)
    for epoch in (1, 2):
        order = torch.randperm(len(x), generator=torch.Generator().manual_seed(stream_seed(3, epoch, ORDER)))
        losses = []
        for index in order.split(64):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(x[index]), y[index])
            penalty = sum((p**2).sum() for name, p in model.named_parameters() if "weight" in name)
            (loss + 0.5e-2 * penalty).backward()
            optimizer.step()
            losses.append(loss.item() * len(index))
        assert rows[epoch]["train_loss"] == pytest.approx(sum(losses) / len(x), rel=1e-6)
        test_x, test_y = tensors(data.test)
        right = (model(test_x).argmax(1) == test_y).double().mean().item()
        assert rows[epoch]["test_accuracy"] == pytest.approx(right)
    assert rows[2]["gradients"] == 2 * len(x) and rows[2]["step"] == 2 * 18


def test_ours_is_torchs_adam() -> None:
    ours, theirs = (
        train(spec_of(small(f'[[optimizers]]\nname = "{name}"', precision="float64")))
        for name in ("Adam", "torch.Adam")
    )
    for a, b in zip(ours, theirs, strict=True):
        assert a["test_loss"] == pytest.approx(b["test_loss"], rel=1e-9)


def test_same_seed_same_start_and_order_for_all_optimizers() -> None:
    experiment = small('[[optimizers]]\nname = "Adam"\n[[optimizers]]\nname = "Momentum"\nstep_size = 0.1')
    runs = [Run(spec_of(experiment, i, seed=5), dataset_of(spec_of(experiment).settings, None)) for i in (0, 1)]
    for a, b in zip(*(run.model.parameters() for run in runs), strict=True):
        assert torch.equal(a, b)
    for epoch in (1, 2):
        for a, b in zip(*(run.task.batches(epoch) for run in runs), strict=True):
            assert torch.equal(a.inputs, b.inputs) and torch.equal(a.targets, b.targets)
    first, second, other = (
        torch.cat([b.targets for b in Task(runs[0].task.dataset, 64, seed).batches(epoch)])
        for seed, epoch in ((5, 1), (5, 2), (6, 1))
    )
    assert not torch.equal(first, second) and not torch.equal(first, other)
    assert torch.equal(first.sort().values, second.sort().values)  # every example once


def test_divergence_is_recorded_and_the_sweep_goes_on(tmp_path: Path) -> None:
    experiment = small('[[optimizers]]\nname = "GradientDescent"\nstep_size = 1e4\n[[optimizers]]\nname = "Adam"')
    seen = []
    outcome = Sweep(experiment, tmp_path, report=seen.append).run()
    ends = {row["optimizer"]: row for row in outcome.rows}
    assert ends["GradientDescent"]["status"] == "diverged" and ends["GradientDescent"]["epoch"] == 1
    assert ends["GradientDescent"]["test_loss"] is None
    assert ends["Adam"]["status"] == "ok" and ends["Adam"]["epoch"] == 3
    for path in tmp_path.glob("final/*.jsonl"):
        for line in path.read_text().splitlines():
            assert tuple(json.loads(line)) == COLUMNS and "NaN" not in line


def test_finished_runs_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = small('[[optimizers]]\nname = "Adam"', epochs=1)
    Sweep(experiment, tmp_path).run()
    before = tables(tmp_path)
    import analysis.networks.sweep as sweep

    monkeypatch.setattr(sweep, "train", lambda *a, **k: pytest.fail("ran again"))
    assert Sweep(experiment, tmp_path).run().rows and tables(tmp_path) == before
    with pytest.raises(pytest.fail.Exception):
        Sweep(experiment, tmp_path, force=True).run()
    assert Sweep(experiment, tmp_path).others() == 0


def test_out_of_memory_is_said_and_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = small('[[optimizers]]\nname = "Adam"', epochs=2, seeds=1)
    advance = Run.advance

    def tight(self: Run) -> None:
        if self.rows and self.rows[-1]["epoch"] == 1:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")
        advance(self)

    with monkeypatch.context() as patch:
        patch.setattr(Run, "advance", tight)
        rows = Sweep(experiment, tmp_path).run().rows
    assert [row["status"] for row in rows] == ["ok", "ok", "out of memory"] and rows[-1]["epoch"] == 2
    assert [row["status"] for row in Sweep(experiment, tmp_path).run().rows] == ["ok"] * 3
    assert memory_row(spec_of(experiment), [])["epoch"] == 0
    # A model that no machine holds says the same.
    huge = small('[[optimizers]]\nname = "Adam"', model={"name": "mlp", "hidden": [10**9, 10**9]})
    assert train(spec_of(huge))[-1]["status"] == "out of memory"


def test_what_does_not_go_together_is_one_line() -> None:
    with pytest.raises(ExperimentError, match="takes images"):
        train(spec_of(small('[[optimizers]]\nname = "Adam"', model={"name": "resnet"}, data={"name": "wine"})))
    with pytest.raises(ExperimentError, match="batch_size is 5000"):
        train(spec_of(small('[[optimizers]]\nname = "Adam"', batch_size=5000)))
    with pytest.raises(ExperimentError, match="mixes examples"):
        train(
            spec_of(
                small('[[optimizers]]\nname = "MiniBatchMSVAG"', model={"name": "cifar-resnet", "depth": 8}),
            )
        )


def test_files_in_published_formats_train(tmp_path: Path) -> None:
    write_mnist(tmp_path, train=300, test=100)
    write_penn_treebank(tmp_path)
    experiment = small(
        '[[optimizers]]\nname = "Adam"',
        data={"name": "mnist", "verify": False, "validation": 50},
        batch_size=50,
        epochs=4,
    )
    rows = train(spec_of(experiment), data_folder=tmp_path)
    assert rows[-1]["test_accuracy"] > 0.8 > rows[0]["test_accuracy"]  # the class is a bright row
    text = small(
        '[[optimizers]]\nname = "Adam"\nstep_size = 0.05',
        data={"name": "penn-treebank", "verify": False, "window": 10},
        model={"name": "lstm", "embedding": 8, "hidden": 8, "layers": 1, "weight_drop": 0.0},
        batch_size=4,
        epochs=4,
    )
    rows = train(spec_of(text), data_folder=tmp_path)
    assert rows[-1]["test_perplexity"] < 2 < rows[0]["test_perplexity"]  # two sentences, over and over


def test_windows_of_a_text_cover_it_once() -> None:
    data = load_data("python-documentation", vocabulary=50, train=1000)
    task = LanguageTask(data, 4, 0, window=30)
    seen = list(task.batches(1))
    assert len(seen) == task.steps and sum(batch.size for batch in seen) == 4 * 249
    columns = data.train.inputs[:1000].reshape(4, 250).T
    np.testing.assert_array_equal(np.concatenate([b.inputs.numpy() for b in seen]), columns[:-1])
    np.testing.assert_array_equal(torch.cat([b.targets for b in seen]).numpy(), columns[1:].reshape(-1))


def test_augmentation_moves_mirrors_and_nothing_else() -> None:
    from analysis.networks.augment import augment

    images = torch.arange(2 * 3 * 8 * 8, dtype=torch.float64).reshape(2, 3, 8, 8) + 1
    padded = torch.nn.functional.pad(images, (4,) * 4)
    generator = torch.Generator().manual_seed(0)
    for _ in range(20):
        found = augment(images, ["crop", "mirror"], generator)
        for image, frame in zip(found, padded, strict=True):
            windows = [frame[:, i : i + 8, j : j + 8] for i in range(9) for j in range(9)]
            assert any(torch.equal(image, w) or torch.equal(image, w.flip(-1)) for w in windows)
    colored = augment(images, ["color"], generator)
    assert not torch.equal(colored, images)
    # Affine in the image: its entries keep their order.
    torch.testing.assert_close(
        colored.reshape(2, -1).diff(dim=1), colored.reshape(2, -1).diff(dim=1)[:, :1].expand(2, 191)
    )


def test_numbers_are_predicted_too() -> None:
    rows = train(
        spec_of(
            small(
                '[[optimizers]]\nname = "Adam"\nstep_size = 0.01',
                data={"name": "diabetes"},
                epochs=30,
            )
        )
    )
    assert rows[-1]["test_accuracy"] is None
    assert rows[-1]["train_loss"] < 0.6  # shares of the variance; a linear fit explains about half
