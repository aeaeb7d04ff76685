"""What every landscape is: value, gradient and Hessian in closed form, on arrays, balls and symbols."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple

from optassay.arrays import Array, Context, context

from ._functions import OnArrays

Point = Sequence[Any]  # coordinates: arrays of batch shape, balls or symbols


class Landscape(ABC):
    """A function of a point with its derivatives.

    ``value``, ``gradient`` and ``hessian`` take arrays whose last axis is the point. Their formulas
    (``formula``, ``formula_gradient``, ``formula_hessian``) take coordinates and the functions to use, see
    :mod:`analysis.landscapes._functions`.

    Attributes
    ----------
    dim : int or None
        Number of coordinates; None if any.
    """

    dim: ClassVar[int | None] = 2

    @abstractmethod
    def formula(self, x: Point, m: Any) -> Any:
        """The value at the coordinates ``x``."""

    @abstractmethod
    def formula_gradient(self, x: Point, m: Any) -> list[Any]:
        """The partial derivatives."""

    @abstractmethod
    def formula_hessian(self, x: Point, m: Any) -> list[list[Any]]:
        """The second partial derivatives, row by row."""

    def value(self, x: Array) -> Array:
        """Values at points ``x`` of shape (..., d), shape (...)."""
        ctx, x = self._enter(x)
        return self.formula(_coordinates(x), OnArrays(ctx))

    def gradient(self, x: Array) -> Array:
        """Gradients at points ``x`` of shape (..., d), same shape."""
        ctx, x = self._enter(x)
        return _stack(ctx, x, self.formula_gradient(_coordinates(x), OnArrays(ctx)))

    def hessian(self, x: Array) -> Array:
        """Hessians at points ``x`` of shape (..., d), shape (..., d, d)."""
        ctx, x = self._enter(x)
        rows = self.formula_hessian(_coordinates(x), OnArrays(ctx))
        return ctx.xp.stack([_stack(ctx, x, row) for row in rows], axis=-2)

    def _enter(self, x: Array) -> tuple[Context, Array]:
        ctx = context(x=x)
        x = ctx.asarray(x)
        if x.ndim == 0 or x.shape[-1] == 0 or self.dim not in (None, x.shape[-1]):
            wanted = "at least one coordinate" if self.dim is None else f"{self.dim} coordinates"
            raise ValueError(f"x must have {wanted} on its last axis, got shape {tuple(x.shape)}")
        return ctx, x


class Term(NamedTuple):
    """A function of one coordinate with two derivatives, each ``(x, m) -> number``."""

    value: Callable[[Any, Any], Any]
    slope: Callable[[Any, Any], Any]
    curvature: Callable[[Any, Any], Any]


class Separable(Landscape):
    """A sum of functions of single coordinates: all coordinates with the same term go through it in one call."""

    dim: ClassVar[int | None] = None

    @abstractmethod
    def terms(self, dim: int) -> list[tuple[slice, Term]]:
        """Consecutive slices of the coordinates, each with the term they share."""

    def term(self, index: int, dim: int) -> Term:
        """The term of one coordinate."""
        return next(t for part, t in self.terms(dim) if index in range(*part.indices(dim)))

    def formula(self, x: Point, m: Any) -> Any:
        total = self.term(0, len(x)).value(x[0], m)
        for i in range(1, len(x)):
            total = total + self.term(i, len(x)).value(x[i], m)
        return total

    def formula_gradient(self, x: Point, m: Any) -> list[Any]:
        return [self.term(i, len(x)).slope(c, m) for i, c in enumerate(x)]

    def formula_hessian(self, x: Point, m: Any) -> list[list[Any]]:
        d = len(x)
        return [[self.term(i, d).curvature(x[i], m) if i == j else x[i] * 0 for j in range(d)] for i in range(d)]

    def value(self, x: Array) -> Array:
        """Values at points ``x`` of shape (..., d), shape (...)."""
        ctx, x = self._enter(x)
        return ctx.xp.sum(self._map(ctx, x, 0), axis=-1)

    def gradient(self, x: Array) -> Array:
        """Gradients at points ``x`` of shape (..., d), same shape."""
        ctx, x = self._enter(x)
        return self._map(ctx, x, 1)

    def curvatures(self, x: Array) -> Array:
        """Diagonals of the (diagonal) Hessians at points ``x`` of shape (..., d), same shape."""
        ctx, x = self._enter(x)
        return self._map(ctx, x, 2)

    def hessian(self, x: Array) -> Array:
        """Hessians at points ``x`` of shape (..., d), shape (..., d, d)."""
        ctx, x = self._enter(x)
        diagonal = self._map(ctx, x, 2)
        # where, not a product with the identity: a curvature that is NaN must not spread
        return ctx.xp.where(ctx.eye(x.shape[-1]) > 0, diagonal[..., None], ctx.zeros((1,)))

    def _map(self, ctx: Context, x: Array, order: int) -> Array:
        parts = [t[order](x[..., part], OnArrays(ctx)) for part, t in self.terms(x.shape[-1])]
        return parts[0] if len(parts) == 1 else ctx.xp.concat(parts, axis=-1)


def _coordinates(x: Array) -> list[Array]:
    return [x[..., i] for i in range(x.shape[-1])]


def _stack(ctx: Context, x: Array, entries: Sequence[Any]) -> Array:
    """Entries of batch shape, or constants, side by side on a new last axis."""
    batch = x[..., 0]
    whole = [e if hasattr(e, "shape") else ctx.xp.full_like(batch, e) for e in entries]
    return ctx.xp.stack(whole, axis=-1)
