"""Fixtures over array backends: NumPy, array_api_strict on both of its devices, torch and CuPy where they are."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from optassay.arrays import Context, backend, to_numpy


@dataclass(frozen=True)
class Backend:
    """A namespace and a device, with what tests need of them."""

    name: str
    xp: Any
    device: Any

    def array(self, value: Any, dtype: str = "float64") -> Any:
        """A NumPy array or nested list as an array of this backend."""
        return Context(self.xp, self.device, getattr(self.xp, dtype)).asarray(np.asarray(value))

    def assert_close(self, actual: Any, expected: Any, *, rtol: float = 1e-12, atol: float = 0.0) -> None:
        """Values agree, and ``actual`` is of this namespace, on this device."""
        import array_api_compat

        assert (
            array_api_compat.array_namespace(actual).__name__
            == array_api_compat.array_namespace(self.xp.zeros(1)).__name__
        ), f"result is of {type(actual)}"
        assert array_api_compat.device(actual) == self.device, "result left the device"
        expected = to_numpy(expected)
        assert tuple(actual.shape) == expected.shape
        np.testing.assert_allclose(to_numpy(actual), expected, rtol=rtol, atol=atol)


def _backends() -> list[Any]:
    import array_api_strict

    found = [
        pytest.param(("numpy", None), id="numpy"),
        pytest.param(("array_api_strict", None), id="strict"),
        # Only the second device catches a silent conversion to NumPy.
        pytest.param(("array_api_strict", array_api_strict.Device("device1")), id="strict-device1"),
    ]
    if importlib.util.find_spec("torch"):
        found.append(pytest.param(("torch", None), id="torch", marks=pytest.mark.torch))
    try:
        backend("cupy")
    except ImportError:
        pass
    else:
        found.append(pytest.param(("cupy", None), id="cupy", marks=pytest.mark.gpu))
    return found


@pytest.fixture(params=_backends())
def xb(request: pytest.FixtureRequest) -> Backend:
    """Each array backend that is installed."""
    import array_api_compat

    name, device = request.param
    xp = backend(name)
    if device is None:
        device = array_api_compat.device(xp.zeros(1))
    return Backend(name, xp, device)
