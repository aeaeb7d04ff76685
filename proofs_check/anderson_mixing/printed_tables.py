"""Tables 1-3 as printed: accuracies and perplexities (mean, number after the sign), costs relative to SGDM."""

from __future__ import annotations

METHODS = ("SGDM", "Adam", "AdaBelief", "Lookahead", "AdaHessian", "RNA", "RAM", "AdaSAM")
NETWORKS = (
    "ResNet18",
    "ResNet20",
    "ResNet32",
    "ResNet44",
    "ResNet56",
    "WResNet",
    "ResNet18/100",
    "ResNeXt",
    "DenseNet",
)
_ROWS = (
    "94.82 .15 92.03 .16 92.86 .15 93.10 .23 93.47 .28 94.90 .09 77.27 .09 78.41 .54 78.49 .12",
    "93.03 .07 91.17 .13 92.03 .28 92.28 .62 92.39 .23 92.45 .11 72.41 .17 73.57 .17 70.80 .23",
    "94.65 .13 91.15 .21 92.15 .17 92.79 .24 93.30 .07 94.46 .13 76.25 .06 78.27 .16 78.83 .15",
    "94.92 .33 92.07 .04 92.86 .15 93.26 .24 93.36 .13 94.90 .15 77.63 .35 78.93 .12 79.37 .16",
    "94.36 .09 91.92 .32 92.18 .18 92.74 .11 92.40 .06 94.04 .12 76.59 .42",
    "93.45 .21 90.73 .12 91.08 .51 91.61 .37 91.23 .14 93.85 .24 75.12 .39 75.88 .40 75.70 .49",
    "95.10 .05 92.21 .09 93.05 .43 93.42 .13 93.76 .16 95.04 .09 76.19 .12 78.65 .20 78.28 .62",
    "95.17 .10 92.43 .19 93.22 .32 93.57 .14 93.77 .12 95.23 .07 78.13 .14 79.31 .27 80.09 .52",
)


def _cells(text: str) -> list[tuple[float, float]]:
    values = [float(v) for v in text.split()]
    return list(zip(values[::2], values[1::2], strict=True))


_BY_METHOD = {name: _cells(text) for name, text in zip(METHODS, _ROWS, strict=True)}
# Top-1 accuracy in percent (table 1); AdaHessian has no entry in the last two columns.
ACCURACY = {
    network: {name: cells[k] for name, cells in _BY_METHOD.items() if k < len(cells)}
    for k, network in enumerate(NETWORKS)
}
# Memory, time per epoch, total time, each relative to SGDM (table 2).
COST = {
    "ResNet20": {"AdaSAM": ("1.14", "1.34", "0.83"), "AdaHessian": ("1.78", "3.59", "3.59")},
    "WResNet": {"AdaSAM": ("1.26", "1.28", "0.80"), "AdaHessian": ("2.35", "5.97", "5.97")},
    "ResNeXt50": {"AdaSAM": ("1.30", "1.16", "0.58")},
    "DenseNet121": {"AdaSAM": ("1.16", "1.19", "0.60")},
}
# Test perplexity (table 3), lower is better: its negative is the score.
PERPLEXITY = {
    "1-Layer": {"SGDM": (-85.21, 0.36), "Adam": (-80.88, 0.15),
                "AdaBelief": (-82.41, 0.46), "Lookahead": (-82.01, 0.07), "pAdaSAM": (-79.34, 0.09)},
    "2-Layer": {"SGDM": (-67.12, 0.14), "Adam": (-64.54, 0.18),
                "AdaBelief": (-65.07, 0.02), "Lookahead": (-66.43, 0.33), "pAdaSAM": (-63.18, 0.22)},
    "3-Layer": {"SGDM": (-61.56, 0.14), "Adam": (-60.34, 0.22),
                "AdaBelief": (-60.64, 0.14), "Lookahead": (-61.80, 0.10), "pAdaSAM": (-59.47, 0.08)},
}  # fmt: skip
