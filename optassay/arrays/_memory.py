"""Splitting a batch so that its temporaries stay within a memory limit."""

from __future__ import annotations

from collections.abc import Iterator

DEFAULT_MAX_BYTES = 1 << 28  # 256 MiB of temporaries: fits laptops, and larger chunks were not faster


def chunks(total: int, bytes_per_item: int, max_bytes: int = DEFAULT_MAX_BYTES) -> Iterator[slice]:
    """Slices that cover ``range(total)``, each at most ``max_bytes`` of temporaries (at least one item).

    Raises
    ------
    ValueError
        ``max_bytes`` is not positive.
    """
    if max_bytes <= 0:
        raise ValueError(f"max_bytes must be positive, got {max_bytes}")
    size = max(1, max_bytes // max(1, bytes_per_item))
    for start in range(0, total, size):
        yield slice(start, min(start + size, total))
