"""The tables of experiment files: one TOML file = model x data x optimizers x seeds x schedule.

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

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from .problems import nearest
from .results import COLUMNS

Positive = Annotated[int, Field(ge=1)]
Nonnegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


def _distinct(seeds: int | list[int]) -> int | list[int]:
    if isinstance(seeds, list) and len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds must differ, got {seeds}")
    return seeds


Seeds = Annotated[
    Positive | Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)], AfterValidator(_distinct)
]


def _is_column(value: str) -> str:
    if value not in COLUMNS:
        raise ValueError(f"no column of the results is called {value!r}{nearest(value, COLUMNS)}")
    return value


Column = Annotated[str, AfterValidator(_is_column)]
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
    metric: Column = "validation_loss"
    pick: Literal["last", "best"] = "last"
    epochs: Positive | None = None
    grid: dict[str, list[Any]] = {}
    limit: Positive | None = None
    parameter: str = "step_size"
    largest: Annotated[float, Field(gt=0)] = 10.0
    mantissas: list[Annotated[float, Field(gt=0)]] = [6.0, 3.0, 1.0]
    decades: Positive = 2


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
    metric: Column | None = None  # what the summary compares; by default the test set's perplexity, accuracy or loss
    pick: Literal["last", "best"] = "last"
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
