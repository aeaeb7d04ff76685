"""Residual networks: the CIFAR family of He et al., ResNet-18/34/50 and ResNeXt-50, pre-activation and wide ones."""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn


class Block(nn.Module):
    """Convolutions with batch normalisation beside a shortcut.

    Parameters
    ----------
    inputs, width, outputs : int
        Channels before, inside and after.
    bottleneck : bool
        1 x 1, 3 x 3, 1 x 1 instead of 3 x 3, 3 x 3.
    pre : bool
        Normalisation and ReLU ahead of each convolution (He et al., 2016b).
    shortcut : {"projection", "padding"}
        Where the shape changes: 1 x 1 convolution, or every second pixel and zeros for new channels ("option A").
    """

    def __init__(
        self,
        inputs: int,
        width: int,
        outputs: int,
        stride: int = 1,
        *,
        bottleneck: bool = False,
        pre: bool = False,
        groups: int = 1,
        shortcut: str = "projection",
    ) -> None:
        super().__init__()
        self.pre = pre
        channels = [inputs, width, width, outputs] if bottleneck else [inputs, width, outputs]
        middle = 1 if bottleneck else 0  # where the stride acts
        self.convs, self.norms = nn.ModuleList(), nn.ModuleList()
        for i, (a, b) in enumerate(itertools.pairwise(channels)):
            kernel = 1 if bottleneck and i != 1 else 3
            self.convs.append(
                nn.Conv2d(
                    a,
                    b,
                    kernel,
                    stride if i == middle else 1,
                    kernel // 2,
                    groups=groups if i == middle and bottleneck else 1,
                    bias=False,
                )
            )
            self.norms.append(nn.BatchNorm2d(a if pre else b))
        self.changes = stride != 1 or inputs != outputs
        self.stride, self.added = stride, outputs - inputs
        self.projection: nn.Module | None = None
        if self.changes and shortcut == "projection":
            conv = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.projection = conv if pre else nn.Sequential(conv, nn.BatchNorm2d(outputs))

    def _shortcut(self, x: Tensor) -> Tensor:
        if self.projection is not None:
            return self.projection(x)
        if not self.changes:
            return x
        front = self.added // 2
        return nn.functional.pad(x[..., :: self.stride, :: self.stride], (0, 0, 0, 0, front, self.added - front))

    def forward(self, x: Tensor) -> Tensor:
        if not self.pre:
            y = x
            for i, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
                y = norm(conv(y))
                if i < len(self.convs) - 1:
                    y = y.relu()
            return (y + self._shortcut(x)).relu()
        y = self.norms[0](x).relu()
        # A projection sees the normalised input, an identity the raw one.
        side = self._shortcut(y if self.projection is not None else x)
        y = self.convs[0](y)
        for conv, norm in zip(self.convs[1:], self.norms[1:], strict=True):
            y = conv(norm(y).relu())
        return y + side


def _stages(
    stem: Sequence[nn.Module],
    inputs: int,
    stages: Sequence[tuple[int, int, int]],
    outputs: int,
    block: Callable[..., Block],
    pre: bool = False,
) -> nn.Module:
    """Stem, stages of (blocks, width, channels) that halve the image from the second on, mean, dense layer."""
    layers = list(stem)
    channels = inputs
    for number, (blocks, width, after) in enumerate(stages):
        for i in range(blocks):
            layers.append(block(channels, width, after, 2 if i == 0 and number > 0 else 1))
            channels = after
    if pre:
        layers += [nn.BatchNorm2d(channels), nn.ReLU()]
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, outputs))
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return model


def cifar_resnet(
    shape: Sequence[int], outputs: int, depth: int = 20, bottleneck: bool = False, pre: bool = False
) -> nn.Module:
    """ResNet-20/32/44/56/110 of He et al. (2016), section 4.2: stages of 16, 32 and 64 channels.

    Basic blocks have shortcuts without parameters (their option A); with ``bottleneck`` (ResNet-110 and, with ``pre``,
    PreResNet-56 of "SoftAdam") the stages end in 64, 128 and 256 channels and shortcuts are projections.

    Raises
    ------
    ValueError
        ``depth`` does not fit: 6 n + 2, or 9 n + 2 for bottlenecks.
    """
    layers = 9 if bottleneck else 6
    blocks, rest = divmod(depth - 2, layers)
    if rest or blocks < 1:
        raise ValueError(f"depth must be {layers} n + 2, got {depth}")
    stem: list[nn.Module] = [nn.Conv2d(shape[0], 16, 3, padding=1, bias=False)]
    if not pre:
        stem += [nn.BatchNorm2d(16), nn.ReLU()]
    factor = 4 if bottleneck else 1
    shortcut = "projection" if bottleneck else "padding"

    def block(*sizes: int) -> Block:
        return Block(*sizes, bottleneck=bottleneck, pre=pre, shortcut=shortcut)

    return _stages(stem, 16, [(blocks, w, factor * w) for w in (16, 32, 64)], outputs, block, pre)


_BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}


def resnet(shape: Sequence[int], outputs: int, depth: int = 18, stem: str = "cifar", groups: int = 1) -> nn.Module:
    """ResNet-18, 34 or 50, and ResNeXt-50 (32x4d) with ``groups=32``.

    Parameters
    ----------
    stem : {"cifar", "imagenet"}
        3 x 3 without pooling, as usual on 32 x 32 images, or 7 x 7 of stride 2 with pooling. With the latter the model
        is torchvision's, where that is installed.

    Raises
    ------
    ValueError
        Another depth or stem, or groups without bottlenecks.
    """
    if depth not in _BLOCKS:
        raise ValueError(f"depth must be one of {', '.join(map(str, _BLOCKS))}, got {depth}")
    if stem not in ("cifar", "imagenet"):
        raise ValueError(f"stem must be 'cifar' or 'imagenet', got {stem!r}")
    if groups not in (1, 32) or (groups == 32 and depth != 50):
        raise ValueError(f"groups must be 1, or 32 with depth 50, got {groups} with depth {depth}")
    if stem == "imagenet" and shape[0] == 3 and importlib.util.find_spec("torchvision"):
        from torchvision import models

        name = "resnext50_32x4d" if groups == 32 else f"resnet{depth}"
        return getattr(models, name)(weights=None, num_classes=outputs)
    return own_resnet(shape, outputs, depth, stem, groups)


def own_resnet(shape: Sequence[int], outputs: int, depth: int, stem: str, groups: int) -> nn.Module:
    """As :func:`resnet`, without torchvision."""
    small = stem == "cifar"
    first: list[nn.Module] = [
        nn.Conv2d(shape[0], 64, 3 if small else 7, 1 if small else 2, 1 if small else 3, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(),
    ]
    if not small:
        first.append(nn.MaxPool2d(3, 2, 1))
    deep = depth == 50
    inner = 2 if groups == 32 else 1  # 32 groups of 4 channels in the first stage
    stages = [
        (n, inner * w if deep else w, 4 * w if deep else w)
        for n, w in zip(_BLOCKS[depth], (64, 128, 256, 512), strict=True)
    ]

    def block(*sizes: int) -> Block:
        return Block(*sizes, bottleneck=deep, groups=groups)

    return _stages(first, 64, stages, outputs, block)


def wide_resnet(shape: Sequence[int], outputs: int, depth: int = 16, width: int = 4) -> nn.Module:
    """WideResNet of Zagoruyko & Komodakis (2016), pre-activation, without dropout; the default is WRN-16-4.

    Raises
    ------
    ValueError
        ``depth`` is not 6 n + 4.
    """
    blocks, rest = divmod(depth - 4, 6)
    if rest or blocks < 1:
        raise ValueError(f"depth must be 6 n + 4, got {depth}")
    stem = [nn.Conv2d(shape[0], 16, 3, padding=1, bias=False)]

    def block(*sizes: int, **options: Any) -> Block:
        return Block(*sizes, pre=True, **options)

    return _stages(stem, 16, [(blocks, width * w, width * w) for w in (16, 32, 64)], outputs, block, pre=True)
