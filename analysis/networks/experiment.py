"""Experiment files: one TOML file = model x data x optimizers x seeds x schedule, checked to the line and key.

A file looks like this::

    name = "digits-recombinations"
    claims = ["dissecting-adam/network-experiments"]   # what its results bear on
    epochs = 30
    batch_size = 64
    seeds = 10                                         # or a list
    l2 = 1e-4                                          # on weights, not on biases or normalisation

    [model]
    name = "mlp"                                       # and the model's options

    [data]
    name = "digits"                                    # and the options of load_data; augment = ["crop", "mirror"]

    [schedule]
    kind = "drops"                                     # constant, drops, cosine
    at = [15, 25]                                      # epochs, or steps with unit = "steps"

    [tuning]                                           # a grid on seeds of its own
    seeds = 3
    grid = { step_size = [0.1, 0.03, 0.01] }

    [diagnostics]
    sharpness = true

    [[optimizers]]
    name = "MSVAG"                                     # a rule of optassay.optimizers, or "torch.RAdam"
    momentum = 0.9                                     # its hyperparameters under their names there
    grid = { step_size = [1.0, 0.3] }                  # instead of the common grid
    with = { batch_size = 32 }                         # what differs from the experiment for this one

    [quick]                                            # what --quick changes
    epochs = 2

``like = "NAME"`` begins with the content of another file; tables are merged key by key unless their name changes,
everything else is replaced.

Rules inside rules are tables of the same form: ``rule = { name = "Adam", step_size = 1e-3 }``.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from .problems import ExperimentError, Key, Problem, located, nearest
from .results import COLUMNS

FOLDER = files("analysis.networks") / "experiments"

Positive = Annotated[int, Field(ge=1)]
Nonnegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


def _distinct(seeds: int | list[int]) -> int | list[int]:
    if isinstance(seeds, list) and len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds must differ, got {seeds}")
    return seeds


Seeds = Annotated[
    Positive | Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)], AfterValidator(_distinct)
]
Share = Annotated[float, Field(ge=0, lt=1)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Named(_Table):
    """A name and options that something else knows."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    name: str

    @property
    def options(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


class Model(_Named):
    """A model of :data:`analysis.networks.models.MODELS` with its options."""


class Data(_Table):
    """A data set with the options of :func:`analysis.networks.data.load_data`, and augmentation."""

    name: str
    train: Positive | None = None
    validation: Annotated[int, Field(ge=0)] | None = None
    standardize: bool = True
    vocabulary: Positive | None = None
    verify: bool = True
    augment: list[Literal["crop", "mirror", "color"]] = []
    window: Positive = 70  # words per step of a language model

    @property
    def options(self) -> dict[str, Any]:
        return self.model_dump(exclude={"name", "augment", "window"})


class Schedule(_Table):
    """Step size over the run: times ``factor`` after each of ``at``, or half a cosine to zero; linear warm-up first."""

    kind: Literal["constant", "drops", "cosine"] = "constant"
    at: list[Positive] = []
    unit: Literal["epochs", "steps"] = "epochs"
    factor: Annotated[float, Field(gt=0)] = 0.1
    warm_up: Annotated[int, Field(ge=0)] = 0  # steps

    @model_validator(mode="after")
    def _fits(self) -> Schedule:
        if (self.kind == "drops") != bool(self.at):
            raise ValueError('at lists when the step size drops: it goes with kind = "drops", and that needs it')
        if sorted(set(self.at)) != self.at:
            raise ValueError(f"at must increase, got {self.at}")
        return self


class Tuning(_Table):
    """How hyperparameters are chosen, on seeds that the comparison does not use.

    Attributes
    ----------
    protocol : {"grid", "stability"}
        All points of the grid; or ("Dissecting Adam", appendix A) step sizes ``mantissas`` x powers of ten downwards
        from ``largest``, until ``decades`` below the first stable one: every seed ended with a smaller loss than it
        began with.
    metric, pick
        The point with the best mean over the seeds of the last epoch, or of each run's best epoch. A run that diverged
        rules its point out.
    epochs : int, optional
        Fewer epochs than the experiment's.
    limit : int, optional
        Only so many points of each grid, from its beginning (for ``--quick``).
    """

    protocol: Literal["grid", "stability"] = "grid"
    seeds: Seeds = 1
    metric: str = "validation_loss"
    pick: Literal["last", "best"] = "last"
    epochs: Positive | None = None
    grid: dict[str, list[Any]] = {}
    limit: Positive | None = None
    parameter: str = "step_size"
    largest: Annotated[float, Field(gt=0)] = 10.0
    mantissas: list[Annotated[float, Field(gt=0)]] = [6.0, 3.0, 1.0]
    decades: Positive = 2

    @field_validator("metric")
    @classmethod
    def _is_column(cls, value: str) -> str:
        if value not in COLUMNS:
            raise ValueError(f"no column of the results is called {value!r}{nearest(value, COLUMNS)}")
        return value


class Diagnostics(_Table):
    """What is measured at epoch 0, every ``every`` epochs and at the end."""

    every: Positive = 1
    full_train: bool = False
    sharpness: bool = False
    m_sharpness: bool = False
    hessian: bool = False  # whole Hessian, for models of at most 4000 parameters
    distance: bool = False
    buffer: bool = False
    sample: Positive = 512  # training examples (or words) for the sharpness
    radius: Annotated[float, Field(gt=0)] = 0.05


class Optimizer(_Named):
    """A rule with its hyperparameters, and what differs from the experiment for it."""

    label: Annotated[str, Field(pattern=r"^[^/\\]{0,60}$")] = ""
    preset: Literal["paper", "published"] | None = None
    scope: Literal["model", "tensor"] = "model"
    segmented: bool = False
    grid: dict[str, list[Any]] | None = None
    largest: Annotated[float, Field(gt=0)] | None = None
    with_: dict[str, Any] = Field(default={}, alias="with")

    @property
    def title(self) -> str:
        return self.label or self.name


class Experiment(_Table):
    """A checked experiment file."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    title: str = ""
    notes: str = ""
    claims: list[str] = []
    model: Model
    data: Data
    epochs: Positive
    batch_size: Positive
    seeds: Seeds = 5
    l2: Nonnegative = 0.0
    label_smoothing: Share = 0.0
    clip_norm: Annotated[float, Field(gt=0)] | None = None
    activity: Nonnegative = 0.0  # of a language model's output, with the slowness penalty ``temporal``
    temporal: Nonnegative = 0.0
    precision: Literal["float32", "float64"] = "float32"
    schedule: Schedule = Schedule()
    tuning: Tuning | None = None
    diagnostics: Diagnostics = Diagnostics()
    optimizers: Annotated[list[Optimizer], Field(min_length=1)]

    @model_validator(mode="after")
    def _labels_differ(self) -> Experiment:
        titles = [optimizer.title for optimizer in self.optimizers]
        twice = sorted({title for title in titles if titles.count(title) > 1})
        if twice:
            raise ValueError(f"two optimizers are called {twice[0]!r}: give them different labels")
        return self


# What ``with`` may change for one optimizer.
OVERRIDES = ("batch_size", "epochs", "l2", "label_smoothing", "clip_norm", "model", "schedule")


def seed_list(seeds: int | Sequence[int], first: int = 0) -> list[int]:
    """Seeds as a list; a number means that many from ``first`` on."""
    return list(range(first, first + seeds)) if isinstance(seeds, int) else list(seeds)


def shipped() -> list[str]:
    """Names of the experiment files that ship with the package."""
    return sorted(entry.name.removesuffix(".toml") for entry in FOLDER.iterdir() if entry.name.endswith(".toml"))


def find_text(name: str | Path) -> tuple[str, str]:
    """Name and text of an experiment file: a path, or the name of a shipped one.

    Raises
    ------
    ExperimentError
        Neither; the nearest shipped name is in the message.
    """
    path = Path(name)
    if path.suffix == ".toml":
        try:
            return str(path), path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ExperimentError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if str(name) in shipped():
        return f"{name}.toml", (FOLDER / f"{name}.toml").read_text(encoding="utf-8")
    raise ExperimentError(
        f"no experiment is called {str(name)!r}{nearest(str(name), shipped())} (optassay train --list shows them; a "
        "file of your own ends in .toml)"
    )


def load_experiment(name: str | Path, *, quick: bool = False) -> Experiment:
    """Read and check an experiment file.

    Parameters
    ----------
    quick : bool
        With the changes of its table ``[quick]``.

    Raises
    ------
    ExperimentError
        No such file, no TOML (line and column), or a key that is unknown, missing or out of range (line and key).
    """
    where, text = find_text(name)
    return parse_experiment(text, where, quick=quick)


def parse_experiment(text: str, where: str = "experiment", *, quick: bool = False) -> Experiment:
    """As :func:`load_experiment`, from the text of a file."""
    content = _content(text, where)
    changes = content.pop("quick", {})
    content.setdefault("name", re.sub(r"[^a-z0-9-]+", "-", Path(where).stem.lower()).strip("-"))
    try:
        if not isinstance(changes, dict):
            raise Problem(("quick",), "must be a table")
        experiment = _validated(_quick(content, changes) if quick else content)
        # A file whose quick version is broken is broken.
        if not quick and changes:
            _validated(_quick(content, changes))
    except Problem as problem:
        raise ExperimentError(located(where, text, problem)) from problem
    return experiment


def _quick(content: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The content with the changes of ``[quick]``, which hold for optimizers that differ in those keys as well."""
    result = merged(content, changes)
    optimizers = result.get("optimizers")
    for optimizer in optimizers if isinstance(optimizers, list) else ():
        if isinstance(optimizer, dict) and isinstance(optimizer.get("with"), dict):
            optimizer["with"] = {key: value for key, value in optimizer["with"].items() if key not in changes}
    return result


def _content(text: str, where: str, depth: int = 0) -> dict[str, Any]:
    """The tables of a file upon those of the file that it is like."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"at line (\d+)", str(error))
        raise ExperimentError(f"{where}{f', line {place[1]}' if place else ''}: not TOML: {error}") from error
    base = content.pop("like", None)
    if base is None:
        return content
    if not isinstance(base, str) or depth > 3:
        raise ExperimentError(located(where, text, Problem(("like",), f"must name another file, got {base!r}")))
    # A file of one's own may be beside this one.
    beside = Path(where).parent / base
    found, base_text = find_text(beside if base.endswith(".toml") and beside.is_file() else base)
    below = {key: value for key, value in _content(base_text, found, depth + 1).items() if key not in _OWN}
    return merged(below, content)


_OWN = ("name", "title", "notes", "claims")  # not inherited


def merged(content: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Tables merged key by key, everything else replaced, and so is a table that gets another name."""
    result = dict(content)
    for key, value in changes.items():
        old = result.get(key)
        if (
            isinstance(old, Mapping)
            and isinstance(value, Mapping)
            and value.get("name", old.get("name")) == old.get("name")
        ):
            value = merged(old, value)
        result[key] = value
    return result


def _validated(content: Mapping[str, Any]) -> Experiment:
    try:
        experiment = Experiment.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        path: tuple[Key, ...] = tuple(first["loc"])
        # Alternatives of a type append their name to the path of the key.
        path = tuple(
            k
            for i, k in enumerate(path)
            if isinstance(k, int) or not re.match(r"(constrained-|int$|list\[|function-)", k)
        )
        if first["type"] == "extra_forbidden":
            raise Problem(path, f"unknown key{nearest(str(path[-1]), _keys_at(path[:-1]))}") from error
        if first["type"] == "missing":
            raise Problem(path, "is missing") from error
        message = first["msg"].removeprefix("Value error, ")
        given = "" if isinstance(first["input"], dict | list | Experiment | Schedule) else f", got {first['input']!r}"
        raise Problem(path, message + given) from error
    for i, optimizer in enumerate(experiment.optimizers):
        for key in optimizer.with_:
            if key not in OVERRIDES:
                raise Problem(("optimizers", i, "with", key), f"cannot differ per optimizer{nearest(key, OVERRIDES)}")
        try:
            changed(experiment, optimizer)
        except Problem as problem:
            raise Problem(("optimizers", i, "with", *problem.path), problem.message) from problem
    return experiment


def changed(experiment: Experiment, optimizer: Optimizer) -> Experiment:
    """The experiment as one optimizer sees it."""
    if not optimizer.with_:
        return experiment
    content = experiment.model_dump(by_alias=True)
    content["optimizers"] = [{"name": "Adam"}]
    return _validated(merged(content, optimizer.with_))


def _keys_at(path: tuple[Key, ...]) -> Sequence[str]:
    tables: dict[Any, type[BaseModel]] = {
        "data": Data,
        "schedule": Schedule,
        "tuning": Tuning,
        "diagnostics": Diagnostics,
    }
    model = tables.get(path[-1], Experiment) if path else Experiment
    return list(model.model_fields)
