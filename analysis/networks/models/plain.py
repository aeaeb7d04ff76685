"""Networks without shortcuts: MLP, the CNNs of "Dissecting Adam", of PyTorch's MNIST example, VGG and AlexNet."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from torch import Tensor, nn


def mlp(shape: Sequence[int], outputs: int, hidden: Sequence[int] = (1000, 500, 100)) -> nn.Module:
    """Fully connected with ReLU; the default is the MNIST network of "Dissecting Adam", appendix A.

    ``hidden=()`` is softmax or linear regression.
    """
    widths = [prod(shape), *hidden]
    layers: list[nn.Module] = [nn.Flatten()]
    for i, width in enumerate(hidden):
        layers += [nn.Linear(widths[i], width), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(widths[-1], outputs))


def cifar_cnn(shape: Sequence[int], outputs: int) -> nn.Module:
    """Three convolutions and three dense layers: "Dissecting Adam", appendix A, CIFAR-10.

    The paper leaves the padding open. Here it is that of the same authors' benchmark suite: none in the first two
    convolutions, "same" in the third and in the pooling, 895 210 parameters for 32 x 32 x 3 and 10 classes.
    """

    def half(size: int) -> int:
        return -(-size // 2)

    height, width = (half(half(half(size - 4) - 2)) for size in shape[1:])
    return nn.Sequential(
        *(nn.Conv2d(shape[0], 64, 5), nn.ReLU(), _SamePool()),
        *(nn.Conv2d(64, 96, 3), nn.ReLU(), _SamePool()),
        *(nn.Conv2d(96, 128, 3, padding=1), nn.ReLU(), _SamePool()),
        nn.Flatten(),
        *(nn.Linear(128 * height * width, 512), nn.ReLU()),
        *(nn.Linear(512, 256), nn.ReLU()),
        nn.Linear(256, outputs),
    )


class _SamePool(nn.MaxPool2d):
    """3 x 3 maxima of stride 2 with ceil(size / 2) of them, the odd row of padding at the far end."""

    def __init__(self) -> None:
        super().__init__(3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        rows, columns = (1 if size % 2 == 0 else 2 for size in x.shape[-2:])
        # After ReLU nothing is negative, so that padding with zeros does not change a maximum.
        padded = nn.functional.pad(x, (columns // 2, (columns + 1) // 2, rows // 2, (rows + 1) // 2))
        return super().forward(padded)


def all_cnn(shape: Sequence[int], outputs: int, dropout: bool = False) -> nn.Module:
    """All-CNN-C of Springenberg et al. (2015): nine convolutions, strides in place of pooling.

    ``dropout`` adds theirs (0.2 of the input, 0.5 after the strides); "Dissecting Adam" mentions L2 only.
    """

    def conv(inputs: int, width: int, kernel: int = 3, stride: int = 1, padding: int = 1) -> list[nn.Module]:
        return [nn.Conv2d(inputs, width, kernel, stride, padding), nn.ReLU()]

    def drop(p: float) -> list[nn.Module]:
        return [nn.Dropout(p)] if dropout else []

    return nn.Sequential(
        *drop(0.2),
        *(*conv(shape[0], 96), *conv(96, 96), *conv(96, 96, stride=2), *drop(0.5)),
        *(*conv(96, 192), *conv(192, 192), *conv(192, 192, stride=2), *drop(0.5)),
        *(*conv(192, 192, padding=0), *conv(192, 192, 1, padding=0), *conv(192, outputs, 1, padding=0)),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
    )


def mnist_cnn(shape: Sequence[int], outputs: int, dropout: bool = False) -> nn.Module:
    """The CNN of PyTorch's MNIST example, the model of "Stochastic Anderson Mixing", figure 1 (there no dropout)."""
    size = prod((side - 4) // 2 for side in shape[1:])
    return nn.Sequential(
        *(nn.Conv2d(shape[0], 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2)),
        *([nn.Dropout(0.25)] if dropout else []),
        *(nn.Flatten(), nn.Linear(64 * size, 128), nn.ReLU()),
        *([nn.Dropout(0.5)] if dropout else []),
        nn.Linear(128, outputs),
    )


_VGG = {
    11: (64, 0, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0),
    16: (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0),
    19: (64, 64, 0, 128, 128, 0, *(256,) * 4, 0, *(512,) * 4, 0, *(512,) * 4, 0),
}


def vgg(shape: Sequence[int], outputs: int, depth: int = 16) -> nn.Module:
    """VGG with batch normalisation and one dense layer, as usual on CIFAR ("SoftAdam", "AdaMomentum").

    Raises
    ------
    ValueError
        ``depth`` is not 11, 16 or 19, or the images are smaller than 32 x 32.
    """
    if depth not in _VGG:
        raise ValueError(f"depth must be one of {', '.join(map(str, _VGG))}, got {depth}")
    if min(shape[1:]) < 32:
        raise ValueError(f"VGG halves its images five times and needs 32 x 32, got {shape[1]} x {shape[2]}")
    layers: list[nn.Module] = []
    channels = shape[0]
    for width in _VGG[depth]:
        if width == 0:
            layers.append(nn.MaxPool2d(2))
        else:
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU()]
            channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, outputs))


def alexnet(shape: Sequence[int], outputs: int) -> nn.Module:
    """AlexNet cut down to 32 x 32 images: five convolutions and one dense layer, after the code "SoftAdam" names."""
    if tuple(shape[1:]) != (32, 32):
        raise ValueError(f"this AlexNet takes images of 32 x 32, got {shape[1]} x {shape[2]}")
    return nn.Sequential(
        *(nn.Conv2d(shape[0], 64, 11, stride=4, padding=5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(192, 384, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(384, 256, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(256, outputs)),
    )
