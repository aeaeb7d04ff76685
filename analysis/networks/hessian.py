"""The largest eigenvalue of a network's Hessian, by Lanczos on products with autograd."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh
from torch import Tensor

TOLERANCE = 1e-3  # relative, of the eigenvalue
RESTARTS = 300
WHOLE = 4000  # parameters up to which whole Hessians are formed


def hessian_product(loss: Tensor, params: Sequence[Tensor]) -> Callable[[np.ndarray], np.ndarray]:
    """``v -> H v`` of a loss whose graph still exists: the gradient is formed once, each product differentiates it."""
    grads = torch.autograd.grad(loss, params, create_graph=True)
    flat = torch.cat([g.reshape(-1) for g in grads])

    def product(vector: np.ndarray) -> np.ndarray:
        v = torch.as_tensor(np.ascontiguousarray(vector).reshape(-1), dtype=flat.dtype, device=flat.device)
        found = torch.autograd.grad(flat, params, v, retain_graph=True, materialize_grads=True)
        return torch.cat([h.reshape(-1) for h in found]).double().cpu().numpy()

    return product


class HessianFacts(NamedTuple):
    """What section 2.1 of "Dissecting Adam" says of networks' Hessians.

    Attributes
    ----------
    diagonal_mass : float
        ``c = sum |h_ii| / sum |h_ij|`` of (13).
    near_zero : float
        Share of the eigenvalues that are at most a hundredth of the largest in size.
    """

    diagonal_mass: float
    near_zero: float


def hessian_facts(loss: Callable[[], Tensor], params: Sequence[Tensor]) -> HessianFacts | None:
    """From the whole Hessian, column by column; None where it is not finite.

    Raises
    ------
    ValueError
        More than 4000 parameters: the matrix would not be worth its memory.
    """
    size = sum(p.numel() for p in params)
    if size > WHOLE:
        raise ValueError(f"hessian = true forms the whole matrix, up to {WHOLE} parameters; this model has {size}")
    with torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
        product = hessian_product(loss(), params)
    matrix = np.stack([product(unit) for unit in np.eye(size)])
    if not np.isfinite(matrix).all():
        return None
    matrix = 0.5 * (matrix + matrix.T)
    values = np.abs(np.linalg.eigvalsh(matrix))
    mass = np.abs(matrix).sum()
    return HessianFacts(float(np.abs(np.diag(matrix)).sum() / mass), float(np.mean(values <= 0.01 * values.max())))


def largest_hessian_eigenvalue(loss: Callable[[], Tensor], params: Sequence[Tensor], seed: int = 0) -> float | None:
    """Algebraically largest eigenvalue to a relative 1e-3, by ARPACK's Lanczos iteration from a fixed random start.

    Parameters
    ----------
    loss : callable
        The loss as a function of nothing; it must not draw random numbers.
    params : tensors
        They require gradients.

    Returns
    -------
    float or None
        None where the loss or a product is not finite, or Lanczos did not converge.
    """
    # cuDNN's recurrent layers have no second derivative.
    with torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
        value = loss()
        if not bool(torch.isfinite(value)):
            return None
        product = hessian_product(value, params)
        size = sum(p.numel() for p in params)
        start = np.random.default_rng(seed).standard_normal(size)
        if not np.isfinite(product(start)).all():
            return None
        operator = LinearOperator((size, size), matvec=product, dtype=np.float64)
        try:
            found = eigsh(
                operator, k=1, which="LA", v0=start, tol=TOLERANCE, maxiter=RESTARTS, return_eigenvectors=False
            )
        except ArpackNoConvergence:
            return None
    return float(found[0])
