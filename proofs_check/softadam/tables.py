"""The printed results: mean, number after the plus-minus sign, three runs."""

from __future__ import annotations

RUNS = 3

# Top-1 accuracy in percent: AdamW, SGD, SoftAdam (table 1).
CIFAR10 = {
    "AlexNet": {"AdamW": (74.55, 0.37), "SGD": (77.10, 0.50), "SoftAdam": (79.30, 0.25)},
    "VGG19 (BN)": {"AdamW": (92.50, 0.25), "SGD": (93.52, 0.18), "SoftAdam": (93.89, 0.12)},
    "PreResNet-56": {"AdamW": (91.93, 0.18), "SGD": (94.01, 0.05), "SoftAdam": (94.02, 0.03)},
    "ResNet-110": {"AdamW": (92.11, 0.04), "SGD": (94.54, 0.29), "SoftAdam": (94.75, 0.15)},
    "DenseNet-100": {"AdamW": (93.25, 0.19), "SGD": (95.04, 0.08), "SoftAdam": (95.00, 0.11)},
}
# Validation perplexity (table 2), lower is better: its negative is the score.
PENN_TREEBANK = {"LSTM": {"SoftAdam": (-63.63, 0.19), "SGD": (-66.64, 0.85), "Adam": (-62.03, 0.34)}}
# Single best values (table 3): validation perplexity, BLEU.
IWSLT14 = {"SGD": (4.14, 31.43), "SoftAdam": (4.02, 32.76), "AdamW": (3.87, 34.44)}
