"""Parameter counts of the networks of table 7, from their layers."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise


def convolution(inputs: int, outputs: int, kernel: int, groups: int = 1) -> int:
    """Weights of a convolution without bias, and the scale and shift of the normalisation that follows it."""
    return outputs * (inputs // groups) * kernel * kernel + 2 * outputs


def resnet34(classes: int, stem_kernel: int) -> Iterator[int]:
    """Parameters layer by layer; ``stem_kernel`` 7 for ImageNet, 3 in the usual form for small images."""
    yield convolution(3, 64, stem_kernel)
    width = 64
    for stage, (out, blocks) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3))):
        for block in range(blocks):
            yield convolution(width, out, 3)
            yield convolution(out, out, 3)
            if block == 0 and stage > 0:
                yield convolution(width, out, 1)  # shortcut
            width = out
    yield width * classes + classes


def efficientnet_b0(classes: int) -> Iterator[int]:
    """Parameters block by block (Tan and Le, table 1), squeeze to a quarter of the block's input."""
    yield convolution(3, 32, 3)
    width = 32
    for expand, out, repeats, kernel in (
        (1, 16, 1, 3),
        (6, 24, 2, 3),
        (6, 40, 2, 5),
        (6, 80, 3, 3),
        (6, 112, 3, 5),
        (6, 192, 4, 5),
        (6, 320, 1, 3),
    ):
        for _ in range(repeats):
            inner, squeezed = expand * width, width // 4
            if expand > 1:
                yield convolution(width, inner, 1)
            yield convolution(inner, inner, kernel, groups=inner)
            yield 2 * inner * squeezed + inner + squeezed  # two dense layers with biases
            yield convolution(inner, out, 1)
            width = out
    yield convolution(width, 1280, 1)
    yield 1280 * classes + classes


def lstm_language_model(words: int, hidden: int, tied: bool) -> Iterator[int]:
    """Embedding, one LSTM layer with two biases, output layer (its matrix and bias absent when tied)."""
    yield words * hidden
    yield 4 * (2 * hidden * hidden + 2 * hidden)
    if not tied:
        yield hidden * words + words


def resnet34_closed(classes: int, stem_kernel: int) -> int:
    """The same number from one formula: 3 x 3 weights, shortcuts, normalisations, ends."""
    widths, blocks = (64, 128, 256, 512), (3, 4, 6, 3)
    inside = sum(9 * w * w * (2 * n - (k > 0)) for k, (w, n) in enumerate(zip(widths, blocks, strict=True)))
    between = sum((9 + 1) * a * b for a, b in pairwise(widths))
    scales = 2 * (64 + sum(w * (2 * n + (k > 0)) for k, (w, n) in enumerate(zip(widths, blocks, strict=True))))
    return 3 * 64 * stem_kernel**2 + inside + between + scales + 513 * classes
