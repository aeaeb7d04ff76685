"""Real data that ships with scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np

from .dataset import Dataset, Split, TaskName

SETS = {
    "digits": ("load_digits", "classification"),
    "breast-cancer": ("load_breast_cancer", "classification"),
    "wine": ("load_wine", "classification"),
    "iris": ("load_iris", "classification"),
    "diabetes": ("load_diabetes", "regression"),
}


def bundled(name: str) -> Dataset:
    """A set of scikit-learn with a fifth as test set, drawn once and for all, classes in proportion.

    Raises
    ------
    ImportError
        scikit-learn is not installed.
    """
    try:
        from sklearn import datasets
        from sklearn.model_selection import train_test_split
    except ImportError as error:
        raise ImportError(
            f"data {name!r} come with scikit-learn; install optassay with the extra 'data': pip install "
            "'optassay[data]'",
            name="sklearn",
        ) from error
    loader, task = SETS[name]
    found: Any = getattr(datasets, loader)()
    x = found.images[:, None] if name == "digits" else found.data
    y = found.target
    classes = task == "classification"
    train, test = train_test_split(np.arange(len(y)), test_size=0.2, random_state=0, stratify=y if classes else None)
    train, test = np.sort(train), np.sort(test)
    if classes:
        y = y.astype(np.int64)
    else:
        y = ((y - y[train].mean()) / y[train].std()).astype(np.float32)  # losses are shares of the variance
    whole = Split(x.astype(np.float32), y)
    outputs = int(y.max()) + 1 if classes else 1
    kind: TaskName = "classification" if classes else "regression"
    return Dataset(name, kind, whole.inputs.shape[1:], outputs, whole.take(train), whole.take(test))
