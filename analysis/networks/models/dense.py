"""DenseNet-BC of Huang et al. (2017)."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence

import torch
from torch import Tensor, nn


class DenseLayer(nn.Module):
    """1 x 1 to four times the growth, 3 x 3 to the growth, both behind normalisation and ReLU; input kept."""

    def __init__(self, inputs: int, growth: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *(nn.BatchNorm2d(inputs), nn.ReLU(), nn.Conv2d(inputs, 4 * growth, 1, bias=False)),
            *(nn.BatchNorm2d(4 * growth), nn.ReLU(), nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False)),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.body(x)], dim=1)


def densenet(
    shape: Sequence[int], outputs: int, depth: int = 121, growth: int | None = None, stem: str = "cifar"
) -> nn.Module:
    """DenseNet-121 (four blocks), or DenseNet-BC of depth 6 n + 4 with three equal blocks (L=100, k=12).

    Parameters
    ----------
    growth : int, optional
        Growth rate; 32 for depth 121, else 12.
    stem : {"cifar", "imagenet"}
        As in :func:`~analysis.networks.models.residual.resnet`; torchvision's model for "imagenet" where installed.

    Raises
    ------
    ValueError
        Another depth or stem.
    """
    if stem not in ("cifar", "imagenet"):
        raise ValueError(f"stem must be 'cifar' or 'imagenet', got {stem!r}")
    if depth != 121 and ((depth - 4) % 6 or depth < 10):
        raise ValueError(f"depth must be 121 or 6 n + 4, got {depth}")
    growth = growth or (32 if depth == 121 else 12)
    if stem == "imagenet" and (depth, growth, shape[0]) == (121, 32, 3) and importlib.util.find_spec("torchvision"):
        from torchvision import models

        return models.densenet121(weights=None, num_classes=outputs)
    return own_densenet(shape, outputs, depth, growth, stem)


def own_densenet(shape: Sequence[int], outputs: int, depth: int, growth: int, stem: str) -> nn.Module:
    """As :func:`densenet`, without torchvision."""
    blocks = (6, 12, 24, 16) if depth == 121 else ((depth - 4) // 6,) * 3
    channels = 2 * growth
    layers: list[nn.Module]
    if stem == "imagenet":
        layers = [nn.Conv2d(shape[0], channels, 7, 2, 3, bias=False), nn.BatchNorm2d(channels), nn.ReLU()]
        layers.append(nn.MaxPool2d(3, 2, 1))
    else:
        layers = [nn.Conv2d(shape[0], channels, 3, padding=1, bias=False)]
    for number, count in enumerate(blocks):
        for _ in range(count):
            layers.append(DenseLayer(channels, growth))
            channels += growth
        layers += [nn.BatchNorm2d(channels), nn.ReLU()]
        if number < len(blocks) - 1:
            layers += [nn.Conv2d(channels, channels // 2, 1, bias=False), nn.AvgPool2d(2)]
            channels //= 2
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, outputs))
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
    return model
