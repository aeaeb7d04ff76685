"""A.2.2, A.2.3: settings and their grids, sizes of the networks, what is named as what, and the buffer sizes chosen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ..checks.search import ForAll, for_all
from ..claim import Budget, Claim, Part
from .architectures import efficientnet_b0, lstm_language_model, resnet34, resnet34_closed
from .printed import BEST, BEST_ONLINE, BEST_TOYS, GRID, ONLINE_GRID, Setting
from .reading_effects import own_grid_parts

Table = Mapping[str, Mapping[str, Setting]]

# --- grids ---

REPLAY_GRID = "violated = float(witness['value']) not in [float(v) for v in witness['grid']]"


def in_grid(tables: Sequence[tuple[Table, Mapping[str, Sequence[str]]]], keep: Any = lambda point: True) -> ForAll:
    """Every number of every best setting is one of its grid."""

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        del budget
        for table, grid in tables:
            for problem, methods in table.items():
                for method, setting in methods.items():
                    for key, value in setting.items():
                        point = {"problem": problem, "method": method, "key": key, "value": value}
                        if keep(point):
                            yield point | {"grid": list(grid[key])}

    return ForAll(
        points=points,
        sides=lambda p: (min(abs(Fraction(v) - Fraction(p["value"])) for v in p["grid"]), Fraction(0)),
        relation="==",
        again=lambda p: (float(p["value"] not in p["grid"]), 0.0),
        replay=REPLAY_GRID,
        methods=("distance to the nearest grid value, in decimals", "comparison of the printed text"),
        exhaustive=True,
    )


ALL_TABLES = ((BEST, GRID), (BEST_TOYS, GRID), (BEST_ONLINE, ONLINE_GRID))


def _not_the_exception(point: Mapping[str, str]) -> bool:
    return (point["problem"], point["method"], point["key"]) != ("PTB", "Adam+SAM", "beta2")


# --- sizes ---

COUNTS: dict[str, tuple[Callable[[], int], Callable[[], int]]] = {
    "ResNet34, 10 classes, 3x3 stem": (lambda: sum(resnet34(10, 3)), lambda: resnet34_closed(10, 3)),
    "ResNet34, 10 classes, 7x7 stem": (lambda: sum(resnet34(10, 7)), lambda: resnet34_closed(10, 7)),
    "ResNet34, 100 classes, 3x3 stem": (lambda: sum(resnet34(100, 3)), lambda: resnet34_closed(100, 3)),
    "ResNet34, 100 classes, 7x7 stem": (lambda: sum(resnet34(100, 7)), lambda: resnet34_closed(100, 7)),
    "ResNet34, 1000 classes, 7x7 stem": (lambda: sum(resnet34(1000, 7)), lambda: resnet34_closed(1000, 7)),
    "EfficientNet-B0, 1000 classes": (
        lambda: sum(efficientnet_b0(1000)),
        lambda: sum(reversed(list(efficientnet_b0(1000)))),
    ),
    "LSTM, 10000 words, one unit, output layer of its own": (
        lambda: sum(lstm_language_model(10_000, 1, tied=False)),
        lambda: 2 * 10_000 + 16 + 10_000,
    ),
    "LSTM, 10000 words, two units, output tied to the embedding": (
        lambda: sum(lstm_language_model(10_000, 2, tied=True)),
        lambda: 10_000 * 2 + 48,
    ),
}

REPLAY_COUNT = """
from fractions import Fraction as F
from proofs_check.critical_momenta.settings import COUNTS
violated = abs(COUNTS[witness["network"]][0]() - F(str(witness["printed"]))) > F(str(witness["unit"])) / 2
"""


def counted(printed: Mapping[str, tuple[int, int]]) -> ForAll:
    """The number of parameters rounds to the printed one: network to (printed, unit of its last digit)."""

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        del budget
        for network, (value, unit) in printed.items():
            yield {"network": network, "printed": value, "unit": unit}

    def off(point: Mapping[str, Any], count: int) -> Fraction:
        return abs(Fraction(count) - point["printed"])

    return ForAll(
        points=points,
        sides=lambda p: (off(p, COUNTS[p["network"]][0]()), Fraction(p["unit"], 2)),
        relation="<=",
        again=lambda p: (float(off(p, COUNTS[p["network"]][1]())), p["unit"] / 2),
        replay=REPLAY_COUNT,
        methods=("layer by layer", "one formula"),
        exhaustive=True,
    )


SMALL_IMAGES = tuple(name for name in COUNTS if name.startswith("ResNet34") and "1000 " not in name)
MILLION = 10**6


def _residual(millions: int) -> ForAll:
    return counted(dict.fromkeys(SMALL_IMAGES, (millions * MILLION, MILLION)))


# --- the task of PTB ---


@dataclass(frozen=True)
class Task:
    """A task that predicts one of ``labels``."""

    name: str
    labels: int


REPLAY_TASK = "violated = float(witness['perplexity']) > witness['labels']"


def better_than_guessing(task: Task) -> ForAll:
    """A trained network is not worse than the uniform guess, whose perplexity is the number of labels."""

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        del budget
        for perplexity in ("179.4", "174.4", "168.7", "163.2", "176.2"):
            yield {"task": task.name, "labels": task.labels, "perplexity": perplexity}

    def guess(labels: int) -> float:
        from math import exp, log

        return exp(-sum(log(1 / labels) for _ in range(labels)) / labels)

    return ForAll(
        points=points,
        sides=lambda p: (Fraction(p["perplexity"]), Fraction(p["labels"])),
        relation="<=",
        again=lambda p: (float(p["perplexity"]), guess(p["labels"])),
        replay=REPLAY_TASK,
        methods=("number of labels", "exponential of the entropy of a uniform guess"),
        exhaustive=True,
    )


# --- cross-references ---

# What a figure, a table or a cited work is about, in words; read off captions and the list of references.
ABOUT = {
    "figure 1": {"trajectories", "Goldstein-Price"},
    "figure 9": {"sharpness", "buffer size", "networks"},
    "figure 14": {"trajectories", "Goldstein-Price"},
    "figure 20": {"sharpness", "learning rate"},
    "table 1": {"loss", "sharpness", "toy functions"},
    "table 14": {"accuracy", "learning rate"},
    "section A.2.2": {"settings", "CM needs a smaller buffer"},
    "section A.2.1": {"toy functions", "buffer size"},
    "Zhang et al. (2019)": {"Lookahead optimizer"},
    "McRae et al. (2022)": {"critical gradients"},
}


@dataclass(frozen=True)
class Reference:
    """A sentence at ``place`` that points to ``target`` for ``topics``."""

    place: str
    target: str
    topics: tuple[str, ...]


REPLAY_REFERENCE = "violated = not set(witness['topics']) <= set(witness['about'])"


def pointing(references: Sequence[Reference]) -> ForAll:
    """Every reference points to something that is about its topics."""

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        del budget
        for r in references:
            about = sorted(ABOUT[r.target])
            yield {"place": r.place, "target": r.target, "topics": list(r.topics), "about": about}

    def missing(point: Mapping[str, Any]) -> int:
        return len(set(point["topics"]) - set(point["about"]))

    return ForAll(
        points=points,
        sides=lambda p: (missing(p), 0),
        relation="==",
        again=lambda p: (float(sum(topic not in p["about"] for topic in p["topics"])), 0.0),
        replay=REPLAY_REFERENCE,
        methods=("difference of sets", "topic by topic"),
        exhaustive=True,
    )


GOOD_REFERENCES = (
    Reference("A.3.2, sharpness falls with the step", "figure 20", ("sharpness", "learning rate")),
    Reference("3.1, larger buffers", "figure 9", ("sharpness", "buffer size")),
    Reference("3, critical gradients", "McRae et al. (2022)", ("critical gradients",)),
)
WRONG_REFERENCES = (
    Reference("A.3.2, the minima are sub-optimal", "figure 14", ("accuracy", "learning rate")),
    Reference("A.2.1, sharpness of the solutions compared", "figure 1", ("sharpness",)),
    Reference("3.1, larger buffers overshoot more", "section A.2.2", ("buffer size", "toy functions")),
    Reference("5.4, TinyImageNet", "Zhang et al. (2019)", ("TinyImageNet",)),
)
MENDED = (
    Reference("A.3.2, the minima are sub-optimal", "table 14", ("accuracy", "learning rate")),
    Reference("A.2.1, sharpness of the solutions compared", "table 1", ("sharpness", "loss")),
    Reference("3.1, larger buffers overshoot more", "section A.2.1", ("buffer size", "toy functions")),
)

SETTINGS = Claim(
    id="critical-momenta/experiment-settings",
    location="section 5, tables 6 to 13",
    statement=(
        "Tasks and splits, sizes of the networks (LSTM 20K, ResNet34 22M, EfficientNet-B0 5.3M), and best settings "
        "found in the grids of tables 8 and 12."
    ),
    parts=(
        Part(
            "every best setting lies in its grid",
            for_all,
            printed=in_grid(ALL_TABLES),
            broken=in_grid(((BEST_ONLINE, GRID),)),
            repair=in_grid(ALL_TABLES, _not_the_exception),
            repair_note=r"all but $\beta_2=.9$ of Adam+SAM on PTB",
            note=(
                r"Table 9 gives Adam+SAM on PTB $\beta_2=.9$, table 8 offers .99, .999, .9999. The list ahead of the "
                "tables announces only the step size for Adam, the tables give three numbers; the online tables leave "
                "out buffer and radius altogether."
            ),
        ),
        Part(
            "ResNet34 as used on CIFAR10/100 has 22 million parameters",
            for_all,
            printed=_residual(22),
            broken=_residual(20),
            repair=_residual(21),
            repair_note="21 million: 21.28 to 21.34 million by head and stem",
            note="21.80 million, which rounds to 22, is the network with 1000 classes.",
        ),
        Part(
            "EfficientNet-B0 has 5.3 million parameters, ResNet34 with 1000 classes 22 million",
            for_all,
            printed=counted(
                {
                    "EfficientNet-B0, 1000 classes": (5_300_000, 100_000),
                    "ResNet34, 1000 classes, 7x7 stem": (22 * MILLION, MILLION),
                }
            ),
            broken=counted({"EfficientNet-B0, 1000 classes": (5_400_000, 100_000)}),
            note="5 288 548 and 21 797 672.",
        ),
        Part(
            "the LSTM has 20 thousand parameters in all",
            for_all,
            printed=counted({"LSTM, 10000 words, one unit, output layer of its own": (20_000, 1_000)}),
            broken=counted({"LSTM, 10000 words, one unit, output layer of its own": (40_000, 1_000)}),
            repair=counted({"LSTM, 10000 words, two units, output tied to the embedding": (20_000, 1_000)}),
            repair_note="possible with 10 000 words only for at most two units, the output layer tied",
            bears=False,
            note=(
                "Vocabulary 10 000, the usual one of this split, is an assumption. With an output layer of its own "
                "even one unit has 30 016 parameters. The LSTM layer alone has 8 h (h + 1): 20 400 at h = 50, perhaps "
                "what is meant."
            ),
        ),
        Part(
            "the task on PTB is part-of-speech tagging",
            for_all,
            printed=better_than_guessing(Task("tagging with the 48 tags of the corpus", 48)),
            broken=better_than_guessing(Task("tagging with 12 universal tags", 12)),
            repair=better_than_guessing(Task("next word among 10 000", 10_000)),
            repair_note="language modelling, as section 5.1 and table 2 call it",
            note=(
                "The printed perplexities of 163 to 179 would be far worse than guessing among 48 tags; they fit a "
                "language model, and 890K/70K words are its usual split."
            ),
        ),
        Part(
            "references point to what they are quoted for",
            for_all,
            printed=pointing((*GOOD_REFERENCES, *WRONG_REFERENCES)),
            broken=pointing(WRONG_REFERENCES[1:]),
            repair=pointing((*GOOD_REFERENCES, *MENDED)),
            repair_note="table 14, table 1 and A.2.1 in place of figure 14, figure 1 and A.2.2",
            bears=False,
            note=(
                "A.3.2 quotes figure 14 (trajectories) for table 14; A.2.1 quotes figure 1 for table 1; section 3.1 "
                "quotes A.2.2, which says CM needs a smaller buffer; TinyImageNet is credited to the Lookahead paper."
            ),
        ),
    ),
)

# --- buffer sizes chosen ---

REPLAY_SIZE = "violated = not int(witness['CM']) < int(witness['CG'])"
REPLAY_CHOICE = "violated = witness['setting'] != witness['said']"


def smaller_buffer(problems: Sequence[str], columns: Table, weak: bool = False) -> ForAll:
    """Adam+CM's best C is below Adam+CG's (or not above it: ``weak``)."""

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        del budget
        for problem in problems:
            best = columns[problem]
            yield {"problem": problem, "CM": best["Adam+CM"]["C"], "CG": best["Adam+CG"]["C"]}

    return ForAll(
        points=points,
        sides=lambda p: (Fraction(p["CM"]), Fraction(p["CG"])),
        relation="<=" if weak else "<",
        again=lambda p: (float(p["CM"]), float(p["CG"])),
        replay=REPLAY_SIZE,
        methods=("integers of the table", "floating point"),
        margins=(0.0, 0.0),
        exhaustive=True,
    )


def chosen(problems: Sequence[str], columns: Table, said: tuple[str, str]) -> ForAll:
    """Adam+CM's best (C, lambda) is the one that is said."""

    def points(budget: Budget) -> Iterator[dict[str, Any]]:
        del budget
        for problem in problems:
            best = columns[problem]["Adam+CM"]
            yield {"problem": problem, "setting": [best["C"], best["lambda"]], "said": list(said)}

    return ForAll(
        points=points,
        sides=lambda p: (sum(a != b for a, b in zip(p["setting"], p["said"], strict=True)), 0),
        relation="==",
        again=lambda p: (
            sum(abs(float(a) - float(b)) for a, b in zip(p["setting"], p["said"], strict=True)),
            0.0,
        ),
        replay=REPLAY_CHOICE,
        methods=("printed text", "floating point"),
        exhaustive=True,
    )


COLUMNS = {**BEST, **BEST_TOYS}
NETWORKS, TOY_NAMES = tuple(BEST), tuple(BEST_TOYS)

SMALLER = Claim(
    id="critical-momenta/cm-needs-smaller-buffer",
    location="A.2.2",
    statement=(
        r"By grid search CM consistently requires a smaller buffer than CG, and is better with $C=5,\lambda=0.7$."
    ),
    assumptions=("the grid search whose results tables 9 to 11 print",),
    parts=(
        Part(
            "Adam+CM's best C is below Adam+CG's in every column",
            for_all,
            printed=smaller_buffer((*NETWORKS, *TOY_NAMES), COLUMNS),
            broken=smaller_buffer(TOY_NAMES, COLUMNS),
            repair=smaller_buffer(("CIFAR10", "CIFAR100"), COLUMNS),
            repair_note="on CIFAR10 and CIFAR100",
            note=(
                "5 against 20 on CIFAR10/100, equal (5) on PTB and ImageNet, 20 against 5 on Goldstein-Price and "
                "Ackley: smaller in two of six columns, larger in two."
            ),
        ),
        Part(
            "on the networks Adam+CM's best C is never above Adam+CG's",
            for_all,
            printed=smaller_buffer(NETWORKS, COLUMNS, weak=True),
            broken=smaller_buffer(TOY_NAMES, COLUMNS, weak=True),
            bears=False,
            note="In two of four it is smaller.",
        ),
        Part(
            "Adam+CM's best setting is C = 5, lambda = 0.7",
            for_all,
            printed=chosen((*NETWORKS, *TOY_NAMES), COLUMNS, ("5", "0.7")),
            broken=chosen(TOY_NAMES, COLUMNS, ("5", "0.7")),
            repair=chosen(NETWORKS, COLUMNS, ("5", "0.7")),
            repair_note="on the four network problems; (20, 0.99) on the toys",
        ),
        *own_grid_parts(),
    ),
)

CLAIMS = [SETTINGS, SMALLER]
