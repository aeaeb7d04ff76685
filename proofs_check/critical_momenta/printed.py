"""Numbers that the paper prints: results (mean, number after the plus-minus sign, five runs), settings, grids."""

from __future__ import annotations

from collections.abc import Mapping

RUNS = 5

# Table 2; perplexity (lower is better) enters with a minus sign.
BENCHMARKS = {
    "PTB": {
        "Adam": (-179.4, 2.8),
        "Adam+CG": (-174.4, 5.5),
        "Adam+SAM": (-168.7, 1.9),
        "Adam+CM": (-163.2, 5.5),
        "Adam+SAM+CM": (-176.2, 5.7),
    },
    "CIFAR10": {
        "Adam": (93.9, 0.3),
        "Adam+CG": (93.8, 0.4),
        "Adam+SAM": (93.7, 0.3),
        "Adam+CM": (94.0, 0.3),
        "Adam+SAM+CM": (94.4, 0.4),
    },
    "CIFAR100": {
        "Adam": (70.7, 0.3),
        "Adam+CG": (71.0, 0.3),
        "Adam+SAM": (70.5, 0.4),
        "Adam+CM": (71.2, 0.3),
        "Adam+SAM+CM": (69.7, 0.3),
    },
    "ImageNet": {
        "Adam": (67.8, 0.1),
        "Adam+CG": (69.7, 0.1),
        "Adam+SAM": (65.4, 0.2),
        "Adam+CM": (71.7, 0.2),
        "Adam+SAM+CM": (71.3, 0.2),
    },
}
# Table 3.
WITHOUT_ADAM = {
    "CIFAR10": {"SGD": (93.0, 0.4), "SGD+CG": (93.1, 0.4), "SGD+CM": (93.1, 0.1)},
    "CIFAR100": {"SGD": (69.6, 0.7), "SGD+CG": (69.6, 0.3), "SGD+CM": (69.6, 0.7)},
}
SPEED_UPS = {"SGD+CG": ("1.2", "1.2"), "SGD+CM": ("1.3", "1.2")}
# Table 4.
ONLINE = {
    "TinyImageNet": {
        "Adam": (62.9, 0.4),
        "Adam+CG": (62.8, 0.1),
        "Adam+SAM": (62.8, 0.4),
        "Adam+CM": (63.4, 0.1),
        "Adam+SAM+CM": (63.9, 0.7),
    },
    "5-dataset": {
        "Adam": (88.2, 0.5),
        "Adam+CG": (88.2, 0.5),
        "Adam+SAM": (88.3, 1.0),
        "Adam+CM": (88.4, 0.6),
        "Adam+SAM+CM": (88.5, 0.5),
    },
}
# Table 14: Adam on CIFAR10 by step size; the cell of table 2 whose setting is that of the middle row.
STEP_SIZES = {"CIFAR10": {"0.01": (93.5, 0.3), "0.001": (93.7, 0.2), "0.0001": (93.4, 0.2), "table 2": (93.9, 0.3)}}
# A.2.1, beside table 2.
EXTRAGRADIENT = {
    "CIFAR10": {"Adam+MEG": (93.8, 0.3)} | {k: BENCHMARKS["CIFAR10"][k] for k in ("Adam+CM", "Adam+SAM+CM")}
}

Setting = Mapping[str, str]
KEYS = {
    "Adam": ("alpha", "beta1", "beta2"),
    "Adam+CG": ("alpha", "beta1", "beta2", "C", "lambda"),
    "Adam+SAM": ("alpha", "beta1", "beta2", "rho"),
    "Adam+CM": ("alpha", "beta1", "beta2", "C", "lambda"),
    "Adam+SAM+CM": ("alpha", "beta1", "beta2", "C", "lambda", "rho"),
}
# Table 8.
GRID = {
    "alpha": ("0.1", "0.01", "0.001", "0.0001"),
    "beta1": ("0.9", "0.99", "0.999"),
    "beta2": ("0.99", "0.999", "0.9999"),
    "C": ("5", "20"),
    "lambda": ("0.7", "0.99"),
    "rho": ("0.01", "0.05", "0.1"),
}
# Table 12.
ONLINE_GRID = {
    "alpha": ("0.01", "0.001", "0.0001", "0.00001"),
    "beta1": ("0.9", "0.99"),
    "beta2": ("0.99", "0.999", "0.9999"),
}


def _settings(*rows: str) -> dict[str, Setting]:
    """Rows in the order of ``KEYS``, numbers separated by blanks; the online table stops after beta2."""
    return {
        name: dict(zip(keys, row.split(), strict=False)) for (name, keys), row in zip(KEYS.items(), rows, strict=True)
    }


# Tables 9, 10 and 11.
BEST = {
    "PTB": _settings(
        "0.001 0.9 0.99",
        "0.001 0.9 0.999 5 0.7",
        "0.001 0.9 0.9 0.01",
        "0.001 0.9 0.999 5 0.7",
        "0.001 0.9 0.999 5 0.7 0.1",
    ),
    "CIFAR10": _settings(
        "0.001 0.9 0.999",
        "0.0001 0.9 0.999 20 0.7",
        "0.0001 0.9 0.99 0.05",
        "0.0001 0.9 0.999 5 0.7",
        "0.0001 0.9 0.99 5 0.7 0.05",
    ),
    "CIFAR100": _settings(
        "0.001 0.9 0.99",
        "0.001 0.9 0.99 20 0.7",
        "0.001 0.9 0.999 0.05",
        "0.001 0.9 0.9999 5 0.7",
        "0.001 0.9 0.99 5 0.7 0.1",
    ),
    "ImageNet": _settings(
        "0.0001 0.9 0.99",
        "0.0001 0.9 0.99 5 0.7",
        "0.0001 0.9 0.99 0.05",
        "0.0001 0.9 0.99 5 0.7",
        "0.0001 0.9 0.99 5 0.7 0.05",
    ),
}
TOYS = _settings(
    "0.1 0.9 0.99", "0.1 0.9 0.99 5 0.7", "0.1 0.9 0.99 0.01", "0.1 0.9 0.999 20 0.99", "0.1 0.9 0.999 20 0.99 0.05"
)
BEST_TOYS = {"Goldstein-Price": TOYS, "Ackley": TOYS}
# Table 13.
BEST_ONLINE = {
    "TinyImageNet": _settings(
        "0.0001 0.9 0.999", "0.0001 0.9 0.999", "0.0001 0.9 0.9999", "0.0001 0.9 0.9999", "0.0001 0.9 0.99"
    ),
    "5-dataset": _settings(
        "0.0001 0.9 0.999", "0.0001 0.9 0.999", "0.001 0.9 0.999", "0.001 0.9 0.9999", "0.00001 0.9 0.999"
    ),
}
