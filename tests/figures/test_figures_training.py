"""Panels of training figures: bands and differences are those of the rows, gaps and all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from analysis.networks.results import COLUMNS, Row, encode
from figures.registry import FigureData, Level
from figures.style import house_style
from figures.training import stored as store
from figures.training.crosschecks import CrossCheck
from figures.training.panels import gather, table

SEEDS = 8


def _rows() -> list[Row]:
    rng = np.random.default_rng(0)
    luck = rng.standard_normal(SEEDS)
    rows: list[Row] = []
    for name, level in (("A", 0.9), ("B", 0.7), ("C", 0.9)):
        for seed in range(SEEDS):
            for epoch in range(4):
                accuracy = level + 0.02 * luck[seed] + 0.001 * rng.standard_normal()
                row = dict.fromkeys(COLUMNS) | {"experiment": "check", "stage": "final", "optimizer": name, "hyper": {}}
                row |= {"seed": seed, "epoch": epoch, "step": epoch, "status": "ok", "test_accuracy": accuracy}
                row["train_loss"] = 2.0 ** -(epoch + seed / 10)
                row["sharpness"] = float(epoch) if epoch % 3 == 0 and name != "C" else None
                rows.append(row)
    return rows


def test_bands_are_quartiles_over_the_seeds() -> None:
    arrays = gather(_rows(), ("train_loss", "sharpness"), "test_accuracy", "B")
    expected = np.quantile([2.0 ** -(2 + seed / 10) for seed in range(SEEDS)], (0.25, 0.5, 0.75))
    np.testing.assert_allclose(arrays["train_loss/band"][0, 2], expected)
    assert arrays["sharpness/epochs"].tolist() == [0, 3]  # epochs without any value are left out
    assert np.isnan(arrays["sharpness/band"][2]).all()


def test_the_forest_tells_which_methods_differ() -> None:
    arrays = gather(_rows(), ("train_loss",), "test_accuracy", "A")
    found = {str(first): values for (first, _), values in zip(arrays["pairs"], arrays["difference"], strict=True)}
    assert found["B"][0] == pytest.approx(-0.2, abs=0.005) and found["B"][2] < 0 and found["B"][3] < 0.01
    assert found["C"][1] < 0 < found["C"][2]


def test_stored_runs_come_back_and_are_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "FOLDER", tmp_path / "results")
    folder = tmp_path / "check"
    (folder / "final").mkdir(parents=True)
    (folder / "final" / "all.jsonl").write_bytes(encode(_rows()))
    (folder / "manifest.json").write_text('{"runs": ["final/all.jsonl"]}')
    first = store.keep(folder).read_bytes()
    assert store.keep(folder).read_bytes() == first
    assert store.stored("check") == _rows()
    with pytest.raises(ValueError, match="stored are check"):
        store.stored("other")
    check = CrossCheck("check", ("train_loss", "test_accuracy", "sharpness"), "test_accuracy", "A")
    data = check.data(Level.QUICK)
    with house_style():
        drawing = check.draw(data)
        drawing.draw_without_rendering()
    assert len(drawing.axes) == 4
    assert len(drawing.axes[2].get_lines()) == 2  # the method without values is no line
    caption = check.caption(FigureData(data.arrays, data.inputs))
    assert "8 seeds" in caption and "B over A" in caption and "C over A" in caption
    columns = table(data, check.measures)
    assert len({len(column) for column in columns.values()}) == 1
