"""Experiment files: what is right is read, what is wrong is named with line and key."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("pydantic")

from analysis.networks.planning import check_names, points, run_spec, tuning_seeds
from analysis.networks.problems import ExperimentError, line_of
from analysis.networks.reading import load_experiment, parse_experiment, shipped
from analysis.networks.rules import build_rule

pytestmark = pytest.mark.torch

GOOD = """\
epochs = 3
batch_size = 32
seeds = [4, 5]

[model]
name = "mlp"
hidden = [10]

[data]
name = "digits"

[tuning]
seeds = 2
grid = { step_size = [
    0.1,
    0.01,
] }

[[optimizers]]
name = "Adam"

[[optimizers]]
label = "SAM + CM"
name = "SharpnessAware"
radius = 0.1
rule = { name = "AdamCriticalMomenta", capacity = 7 }
grid = { "rule.step_size" = [1e-3, 1e-4], radius = [0.05] }
with = { batch_size = 16, model = { hidden = [5] } }

[quick]
epochs = 1
[quick.tuning]
seeds = 1
"""


def test_a_good_file() -> None:
    experiment = parse_experiment(GOOD, "here/My file.toml")
    assert experiment.name == "my-file"
    adam, sam = experiment.optimizers
    assert [p["step_size"] for p in points(experiment, adam)] == [0.1, 0.01]
    found = list(points(experiment, sam))
    assert found == [{"rule.step_size": 1e-3, "radius": 0.05}, {"rule.step_size": 1e-4, "radius": 0.05}]
    spec = run_spec(experiment, sam, found[1], 4, "final")
    assert spec.settings["batch_size"] == 16 and spec.settings["model"]["options"] == {"hidden": [5]}
    rule = build_rule(spec.optimizer["name"], spec.optimizer["options"])
    assert (rule.radius, rule.rule.step_size, rule.rule.capacity) == (0.05, 1e-4, 7)
    assert run_spec(experiment, adam, {}, 4, "final").settings["batch_size"] == 32
    quick = parse_experiment(GOOD, quick=True)
    assert quick.epochs == 1 and quick.tuning is not None and tuning_seeds(quick) == [1_000_000]
    assert not set(tuning_seeds(experiment)) & {4, 5}


WRONG = [  # what to replace, with what, the line, the message
    ("epochs = 3", "epochs = ", 1, "not TOML"),
    ("epochs = 3", "epochs = 3\nepocs = 3", 2, r"epocs: unknown key; did you mean 'epochs'\?"),
    ("epochs = 3", "epochs = 0", 1, "epochs: Input should be greater than or equal to 1, got 0"),
    ("epochs = 3", "epochs = 3.5", 1, "epochs: Input should be a valid integer, got 3.5"),
    ("batch_size = 32\n", "", None, "batch_size: is missing"),
    ('"digits"', '"digits"\nstandardise = false', 11, "data.standardise: unknown key; did you mean 'standardize'"),
    ('"digits"', '"digts"', 10, "data.name: no data are called 'digts'; did you mean 'digits'"),
    ('"mlp"', '"mlpp"', 6, "model.name: no model is called 'mlpp'; did you mean 'mlp'"),
    ("hidden = [10]", "hiden = [10]", 7, "model.hiden: model 'mlp' has no such option; did you mean 'hidden'"),
    ('"Adam"', '"Adma"', 20, r"optimizers\[0\].name: no rule is called 'Adma'; did you mean 'Adam"),
    ('"Adam"', '"Adam"\nbeta3 = 0.9', 21, r"optimizers\[0\].beta3: Adam has no such hyperparameter; did you mean"),
    ('"Adam"', '"Adam"\nbeta1 = 1.5', 21, r"optimizers\[0\].beta1: beta1 must lie in \[0, 1\)"),
    ('"Adam"', '"Adam"\npreset = "published"', 21, r"optimizers\[0\].preset: Adam has no preset 'published'"),
    ('"Adam"', '"torch.Adma"', 20, r"optimizers\[0\].name: PyTorch has no optimizer 'Adma'; did you mean"),
    ('"Adam"', '"torch.Adam"\nmomentum = 1', 21, "momentum: torch.Adam has no such argument"),
    ("    0.01,", "    -0.01,", 14, "tuning.grid.step_size: step_size must lie in"),
    ("capacity = 7", "capacty = 7", 26, r"optimizers\[1\].rule.capacty: AdamCriticalMomenta has no such"),
    ('"rule.step_size"', '"rul.step_size"', 27, r"optimizers\[1\].grid.rul.step_size: rul is no table"),
    ("batch_size = 16", "batch_sise = 16", 28, r"optimizers\[1\].with.batch_sise: cannot differ per optimizer"),
    ("hidden = [5]", "hiden = [5]", 28, r"optimizers\[1\].with.model.hiden: model 'mlp' has no such option"),
    ("[quick]\nepochs = 1", "[quick]\nepochs = -1", None, "epochs: Input should be greater"),
    ('label = "SAM + CM"', 'label = "Adam"', None, "two optimizers are called 'Adam'"),
    ("seeds = [4, 5]", "seeds = [4, 4]", 3, r"seeds: seeds must differ, got \[4, 4\]"),
    ("seeds = [4, 5]", "seeds = [4, -4]", 3, r"seeds: Input should be|seeds\[1\]: Input should be"),
    ("seeds = [4, 5]", "seeds = 0", 3, "seeds: Input should be greater than or equal to 1, got 0"),
    ("seeds = [4, 5]", "seeds = [4, 1000001]", 13, "tuning.seeds: seed 1000001 is one of the comparison's"),
    ("seeds = 2\n", 'seeds = 2\nmetric = "validation_los"\n', 14, "tuning.metric: .*did you mean 'validation_loss'"),
]


@pytest.mark.parametrize(("old", "new", "line", "message"), WRONG)
def test_what_is_wrong_is_named(tmp_path: Path, old: str, new: str, line: int | None, message: str) -> None:
    assert GOOD.count(old) >= 1
    path = tmp_path / "bad.toml"
    path.write_text(GOOD.replace(old, new, 1))
    place = "" if line is None else rf"bad\.toml, line {line}: .*"
    with pytest.raises(ExperimentError, match=place + message):
        check_names(load_experiment(path), str(path))


def test_the_good_file_passes_the_same_checks(tmp_path: Path) -> None:
    path = tmp_path / "good.toml"
    path.write_text(GOOD)
    check_names(load_experiment(path), str(path))


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(ExperimentError, match=r"gone.toml cannot be read: No such file"):
        load_experiment(tmp_path / "gone.toml")
    with pytest.raises(ExperimentError, match=f"did you mean '{shipped()[0]}'"):
        load_experiment(shipped()[0] + "x")


def test_lines_of_values() -> None:
    assert line_of(GOOD, ("tuning", "grid", "step_size")) == 14
    assert line_of(GOOD, ("optimizers", 1, "rule", "capacity")) == 26
    assert line_of(GOOD, ("optimizers", 2)) is None


@pytest.mark.parametrize("name", shipped())
def test_shipped_files_are_right(name: str) -> None:
    experiment = load_experiment(name)
    assert experiment.name == name and experiment.title and experiment.claims
    check_names(experiment, name)
    check_names(load_experiment(name, quick=True), name)


def test_a_file_like_another(tmp_path: Path) -> None:
    (tmp_path / "base.toml").write_text('title = "base"\n' + GOOD)
    child = tmp_path / "child.toml"
    child.write_text('like = "base.toml"\nepochs = 7\n[model]\nhidden = [3]\n[[optimizers]]\nname = "MSVAG"\n')
    experiment = load_experiment(child)
    assert (experiment.name, experiment.title, experiment.epochs, experiment.batch_size) == ("child", "", 7, 32)
    assert experiment.model.options == {"hidden": [3]} and [o.name for o in experiment.optimizers] == ["MSVAG"]
    assert load_experiment(child, quick=True).epochs == 1  # the table of the other file
    # Another model does not keep the options of the first.
    child.write_text('like = "base.toml"\n[model]\nname = "mnist-cnn"\n')
    assert load_experiment(child).model.options == {}
    child.write_text('like = "base.toml"\nepochs = 7\nbatch_sise = 3\n')
    with pytest.raises(ExperimentError, match=r"child.toml, line 3: batch_sise: unknown key"):
        load_experiment(child)
    child.write_text('like = "bsae"\n')
    with pytest.raises(ExperimentError, match="no experiment is called 'bsae'"):
        load_experiment(child)
    child.write_text('like = "child.toml"\n')
    with pytest.raises(ExperimentError, match="line 1: like: must name another file"):
        load_experiment(child)


def test_quick_holds_for_optimizers_that_differ_and_limits_grids() -> None:
    text = GOOD.replace("[quick]\nepochs = 1", "[quick]\nepochs = 1\nbatch_size = 8").replace(
        "[quick.tuning]\n", "[quick.tuning]\nlimit = 1\n"
    )
    quick = parse_experiment(text, quick=True)
    spec = run_spec(quick, quick.optimizers[1], {}, 0, "final")
    assert spec.settings["batch_size"] == 8 and spec.settings["model"]["options"] == {"hidden": [5]}
    assert [len(list(points(quick, o))) for o in quick.optimizers] == [1, 1]
    assert [len(list(points(parse_experiment(text), o))) for o in quick.optimizers] == [2, 2]
