"""The printed results: mean and number after the plus-minus sign (standard deviation, says the text), five runs.

Larger is better: FID scores and perplexities enter with a minus sign.
"""

from __future__ import annotations

RUNS = 5
OURS = "AdaMomentum"

# Table 2: SN-GAN on CIFAR-10, FID. All columns but Adam(W) and ours are taken over from the AdaBelief paper.
GAN = {
    "SN-GAN": {
        "SGDM": (-49.70, 0.41),
        "Adam": (-13.05, 0.19),
        "Yogi": (-14.25, 0.15),
        "AdaBound": (-55.65, 2.15),
        "RAdam": (-12.70, 0.12),
        "AdaBelief": (-12.52, 0.16),
        OURS: (-12.06, 0.21),
    }
}
METHODS = ("SGDM", "Adam", "AdamW", "Yogi", "AdaBound", "RAdam", "AdaBelief", OURS)


def _row(*cells: tuple[float, float], sign: int = 1) -> dict[str, tuple[float, float]]:
    return {name: (sign * mean, spread) for name, (mean, spread) in zip(METHODS, cells, strict=True)}


# Table 3: test accuracy in percent on CIFAR-10.
CIFAR10 = {
    "VGGNet-16": _row(
        (94.73, 0.12), (93.29, 0.10), (93.33, 0.15), (93.44, 0.16), (93.79, 0.17), (93.90, 0.10), (94.57, 0.09),
        (94.80, 0.10),
    ),
    "ResNet-34": _row(
        (96.47, 0.09), (95.39, 0.11), (95.48, 0.10), (95.28, 0.19), (95.51, 0.07), (95.67, 0.16), (96.04, 0.07),
        (96.33, 0.07),
    ),
    "DenseNet-121": _row(
        (95.03, 0.19), (93.92, 0.20), (93.87, 0.14), (93.72, 0.18), (93.99, 0.08), (94.00, 0.07), (94.74, 0.14),
        (95.08, 0.19),
    ),
}  # fmt: skip
# Table 4: Top-1 accuracy in percent.
IMAGENET = {
    "ResNet-18": _row(
        (70.41, 0.13), (65.36, 0.25), (68.77, 0.14), (68.93, 0.08), (69.32, 0.19), (69.24, 0.12), (69.98, 0.09),
        (70.45, 0.06),
    )
}  # fmt: skip
# Table 5: test perplexity.
PENN_TREEBANK = {
    "1 layer": _row(
        (85.31, 0.09), (84.55, 0.10), (88.18, 0.14), (86.87, 0.14), (85.10, 0.22), (88.60, 0.22), (84.30, 0.23),
        (80.82, 0.19), sign=-1,
    ),
    "2 layers": _row(
        (67.25, 0.20), (67.11, 0.20), (73.61, 0.15), (71.54, 0.14), (67.69, 0.24), (73.80, 0.25), (66.66, 0.11),
        (64.85, 0.09), sign=-1,
    ),
    "3 layers": _row(
        (63.52, 0.16), (64.10, 0.25), (69.91, 0.20), (67.58, 0.08), (63.52, 0.11), (70.10, 0.16), (61.33, 0.19),
        (60.08, 0.11), sign=-1,
    ),
}  # fmt: skip
# Table 6: BLEU.
IWSLT14 = {
    "De-En": {
        "SGDM": (28.22, 0.24),
        "Adam": (30.14, 1.56),
        "AdamW": (35.62, 0.13),
        "AdaBelief": (35.60, 0.12),
        OURS: (35.66, 0.11),
    }
}
