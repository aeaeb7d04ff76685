"""Tuning protocols, the readers of results, workers elsewhere, and the command."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("pydantic")
pytest.importorskip("sklearn")

from click.testing import CliRunner  # noqa: E402
from network_cases import BASE, small  # noqa: E402

from analysis.networks.cli import train as command  # noqa: E402
from analysis.networks.experiment import Tuning  # noqa: E402
from analysis.networks.results import COLUMNS, curves, encode, final_values, read_results  # noqa: E402
from analysis.networks.sweep import Sweep  # noqa: E402
from analysis.networks.tuning import Trial, choose, edges, protocol, step_sizes, trial  # noqa: E402

pytestmark = pytest.mark.torch


def row(optimizer: str, seed: int, epoch: int, **values: object) -> dict:
    return {**dict.fromkeys(COLUMNS), "optimizer": optimizer, "seed": seed, "epoch": epoch, "status": "ok", **values}


def test_readers_of_results(tmp_path: Path) -> None:
    rows = [row("a", s, e, test_accuracy=0.1 * e - 0.2 * (e == 2) + s, test_loss=e) for s in (3, 1) for e in range(3)]
    rows += [row("b", 1, 0, test_accuracy=0.5), row("b", 1, 1, status="diverged")]
    path = tmp_path / "x.jsonl"
    path.write_bytes(encode(rows))
    assert encode(read_results(path, stage=None)) == path.read_bytes()
    epochs, values = curves(rows, "test_accuracy")["a"]
    np.testing.assert_array_equal(epochs, [0, 1, 2])
    np.testing.assert_allclose(values, [[1, 1.1, 1.0], [3, 3.1, 3.0]])
    assert final_values(rows, "test_accuracy")["a"] == {1: pytest.approx(1.0), 3: pytest.approx(3.0)}
    assert final_values(rows, "test_accuracy", "best")["a"][1] == pytest.approx(1.1)
    assert final_values(rows, "test_loss", "best")["a"][1] == 0
    assert math.isnan(final_values(rows, "test_accuracy", "best")["b"][1])
    with pytest.raises(ValueError, match="must be one of the columns"):
        curves(rows, "accuracy")
    with pytest.raises(ValueError, match="'last' or 'best'"):
        final_values(rows, "test_loss", "first")
    with pytest.raises(FileNotFoundError, match=r"manifest.json"):
        read_results(tmp_path)
    with pytest.raises(FileNotFoundError, match="neither a table"):
        read_results(tmp_path / "none")
    for broken, match in (("{", "line 1"), ("3", "line 1"), ("{}", "lacks 'experiment'")):
        path.write_text(broken)
        with pytest.raises(ValueError, match=match):
            read_results(path)


def test_step_sizes_are_decimal_and_fall() -> None:
    sizes = step_sizes(Tuning(), 0.5)
    assert sizes[:6] == [0.3, 0.1, 0.06, 0.03, 0.01, 0.006]
    assert step_sizes(Tuning(mantissas=[1.0]), 1000.0)[:2] == [1000.0, 100.0]


def test_stability_protocol_goes_two_decades_below_the_first_stable_step() -> None:
    """ "Dissecting Adam", appendix A: {6, 3, 1} times powers of ten."""
    experiment = small(
        '[[optimizers]]\nname = "Momentum"', tuning={"protocol": "stability", "largest": 3.0, "seeds": 1}
    )
    asking = protocol(experiment, experiment.optimizers[0])
    asked = [next(asking)]
    while asked[-1] != [{"step_size": 0.06}]:
        asked.append(asking.send([Trial(math.nan, False)]))
    assert [point[0]["step_size"] for point in asked] == [3.0, 1.0, 0.6, 0.3, 0.1, 0.06]
    rest = asking.send([Trial(0.9, True)])
    assert [point["step_size"] for point in rest] == [0.03, 0.01, 0.006, 0.003, 0.001, 0.0006]
    with pytest.raises(StopIteration):
        asking.send([Trial(0.5, True)] * 6)
    # Nothing is stable: it gives up.
    asking = protocol(experiment, experiment.optimizers[0])
    next(asking)
    with pytest.raises(StopIteration):
        for _ in range(100):
            asking.send([Trial(math.nan, False)])


def test_trials_and_choice() -> None:
    tuning = Tuning(metric="validation_accuracy")
    good = [row("a", s, e, validation_loss=2.0 - e, validation_accuracy=e / 2 + s) for s in (0, 1) for e in (0, 1)]
    assert trial(good, tuning) == Trial(1.0, True)
    worse = [*good[:3], {**good[3], "validation_loss": 2.5}]
    assert not trial(worse, tuning).stable
    broken = [*good[:3], {**good[3], "status": "diverged"}]
    assert math.isnan(trial(broken, tuning).score) and not trial(broken, tuning).stable
    assert trial(good, Tuning(metric="validation_loss")).score == -1.0  # larger is better
    assert choose([({"x": 1}, 0.2), ({"x": 2}, 0.7), ({"x": 3}, 0.7), ({"x": 4}, math.nan)]) == {"x": 2}
    assert choose([({"x": 1}, math.nan)]) is None
    tried = [({"x": x, "y": 3}, 0.0) for x in (1, 2, 5)]
    assert [edges(tried, {"x": x, "y": 3}) for x in (1, 2, 5)] == [["x"], [], ["x"]]
    assert edges(tried, None) == []


def test_the_best_point_of_the_grid_is_compared(tmp_path: Path) -> None:
    grid = {"step_size": [1e4, 1e-5, 1e-2]}
    experiment = small(
        '[[optimizers]]\nname = "Adam"\n[[optimizers]]\nname = "Momentum"\ngrid = { step_size = [1e5] }',
        epochs=2,
        tuning={"seeds": 2, "grid": grid, "metric": "validation_loss"},
    )
    outcome = Sweep(experiment, tmp_path).run()
    assert outcome.chosen == {"Adam": {"step_size": 1e-2}, "Momentum": None}
    assert {r["optimizer"] for r in outcome.rows} == {"Adam"} and {r["seed"] for r in outcome.rows} == {0, 1}
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    tried = manifest["tuning"]["Adam"]
    assert [entry["hyper"] for entry in tried] == [{"step_size": value} for value in grid["step_size"]]
    assert tried[2]["validation_loss"] < tried[1]["validation_loss"]
    tuned = read_results(tmp_path, stage="tune")
    assert not {r["seed"] for r in tuned} & {0, 1} and len({r["seed"] for r in tuned}) == 2
    assert len(read_results(tmp_path, stage=None)) == len(tuned) + len(outcome.rows)


def test_workers_of_dask_give_the_same_bytes(tmp_path: Path) -> None:
    """joblib's backends take over with no code of ours; here a local cluster of dask."""
    distributed = pytest.importorskip("distributed")
    import joblib

    experiment = small('[[optimizers]]\nname = "Adam"\n[[optimizers]]\nname = "AdamCriticalMomenta"', epochs=2)
    here = Sweep(experiment, tmp_path / "here", jobs=1).run()
    cluster = distributed.LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None)
    with cluster, distributed.Client(cluster), joblib.parallel_config("dask"):
        there = Sweep(experiment, tmp_path / "there", jobs=None).run()
    assert encode(here.rows) == encode(there.rows)
    names = sorted(path.name for path in (tmp_path / "here" / "final").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "there" / "final").iterdir()) and len(names) == 4


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(command, [*arguments], catch_exceptions=False)
    return result.exit_code, result.output


def test_command(tmp_path: Path) -> None:
    file = tmp_path / "digits.toml"
    file.write_text(
        BASE.replace('name = "small"\n', "") + '[[optimizers]]\nname = "Adam"\n[quick]\nepochs = 1\nseeds = 1\n'
    )
    out = tmp_path / "out"
    code, text = run(str(file), "--quick", "--jobs", "1", "--out", str(out))
    assert code == 0 and "test_accuracy" in text and "1 runs" in text
    assert len(read_results(out / "digits-quick")) == 2
    (table,) = (out / "digits-quick" / "final").iterdir()
    stamp = table.stat().st_mtime_ns
    assert run(str(file), "--quick", "--jobs", "1", "--out", str(out))[0] == 0 and table.stat().st_mtime_ns == stamp
    file.write_text(file.read_text().replace("[quick]", '[[optimizers]]\nname = "Momentum"\nstep_size = 1e-6\n[quick]'))
    code, text = run(str(file), "--jobs", "1", "--out", str(out))
    assert code == 0 and "2 runs" in text and "p = " in text and "(Holm), 2 pairs" in text
    code, text = run("--list")
    assert code == 0 and "dissecting-adam-mnist" in text
    code, text = run("dissecting-adam-mnist", "--show")
    assert code == 0 and "[1000, 500, 100]" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["dissecting-adam-mnits"], "did you mean 'dissecting-adam-mnist'"),
        (["gone.toml"], "gone.toml cannot be read"),
        (["dissecting-adam-mnist", "--data", "nowhere", "--jobs", "1"], "train-images-idx3-ubyte.gz"),
        (["dissecting-adam-mnist", "--device", "gpu"], "--device gpu cannot be used"),
    ],
)
def test_refusals_are_one_line(tmp_path: Path, arguments: list[str], message: str) -> None:
    code, text = run(*arguments, "--out", str(tmp_path))
    assert code == 2 and message in text
    assert len(text.strip().splitlines()) == 1 and "Traceback" not in text


def test_a_killed_worker_is_said_plainly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    def killed(self: Sweep) -> None:
        raise TerminatedWorkerError("exit codes of the workers are {SIGKILL(-9)}")

    monkeypatch.setattr(Sweep, "run", killed)
    file = tmp_path / "digits.toml"
    file.write_text(BASE + '[[optimizers]]\nname = "Adam"\n')
    code, text = run(str(file), "--out", str(tmp_path / "out"))
    assert code == 1 and "fewer --jobs" in text and "Traceback" not in text


def test_bad_file_is_refused_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(BASE + '[[optimizers]]\nname = "Adma"\n')
    code, text = run(str(file), "--out", str(tmp_path / "out"))
    assert code == 2 and "bad.toml, line 12: optimizers[0].name: no rule is called 'Adma'" in text
