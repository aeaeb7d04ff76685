"""Augmentation of image batches: random crops, mirroring, distortion of colours."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

PADDING = 4
STRENGTH = 0.25  # brightness and contrast change by at most this share; "Dissecting Adam" gives no numbers


def augment(images: Tensor, kinds: Sequence[str], generator: torch.Generator) -> Tensor:
    """Each image of a batch (n, channels, height, width) changed by itself, before it is standardized.

    Parameters
    ----------
    kinds : sequence of {"crop", "mirror", "color"}
        Crop of the image padded by 4 zeros on each side; mirrored with probability 1/2; brightness and contrast.
    generator : torch.Generator
        On the CPU, so that a seed gives the same changes on every device.
    """
    if images.ndim != 4:
        raise ValueError(f"augment changes images (n, channels, height, width), got shape {tuple(images.shape)}")
    count, _, height, width = images.shape
    device = images.device

    def draw(low: int, high: int) -> Tensor:
        return torch.randint(low, high, (count,), generator=generator).to(device)

    if "crop" in kinds:
        padded = torch.nn.functional.pad(images, (PADDING,) * 4)
        rows = draw(0, 2 * PADDING + 1)[:, None] + torch.arange(height, device=device)
        columns = draw(0, 2 * PADDING + 1)[:, None] + torch.arange(width, device=device)
        images = padded[torch.arange(count, device=device)[:, None, None], :, rows[:, :, None], columns[:, None, :]]
        images = images.movedim(-1, 1)
    if "mirror" in kinds:
        images = torch.where(draw(0, 2).bool()[:, None, None, None], images.flip(-1), images)
    if "color" in kinds:
        uniform = torch.rand((2, count, 1, 1, 1), generator=generator).to(device, images.dtype)
        brightness, contrast = 1 + STRENGTH * (2 * uniform - 1)
        mean = images.mean(dim=(1, 2, 3), keepdim=True)
        images = ((images - mean) * contrast + mean) * brightness
    return images
