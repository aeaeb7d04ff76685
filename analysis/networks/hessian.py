"""The largest eigenvalue of a network's Hessian, by Lanczos on products with autograd."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh
from torch import Tensor

TOLERANCE = 1e-3  # relative, of the eigenvalue
RESTARTS = 300


def hessian_product(loss: Tensor, params: Sequence[Tensor]) -> Callable[[np.ndarray], np.ndarray]:
    """``v -> H v`` of a loss whose graph still exists: the gradient is formed once, each product differentiates it."""
    grads = torch.autograd.grad(loss, params, create_graph=True)
    flat = torch.cat([g.reshape(-1) for g in grads])

    def product(vector: np.ndarray) -> np.ndarray:
        v = torch.as_tensor(np.ascontiguousarray(vector).reshape(-1), dtype=flat.dtype, device=flat.device)
        found = torch.autograd.grad(flat, params, v, retain_graph=True, materialize_grads=True)
        return torch.cat([h.reshape(-1) for h in found]).double().cpu().numpy()

    return product


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
