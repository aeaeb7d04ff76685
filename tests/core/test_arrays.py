"""Contexts, clear errors, special functions against SciPy, draws that agree on every backend."""

from __future__ import annotations

import importlib.util
import sys
from typing import Any

import array_api_strict
import numpy as np
import pytest
import scipy.special

from optassay import arrays


class TestContext:
    def test_takes_namespace_device_and_widest_dtype(self, xb: Any) -> None:
        ctx = arrays.context(a=xb.array([1.0], "float32"), b=xb.array([2.0]), c=3.0, d=None)
        assert ctx.dtype == xb.xp.float64
        assert ctx.device == xb.device

    def test_scalars_do_not_widen(self, xb: Any) -> None:
        assert arrays.context(a=xb.array([1.0], "float32"), b=0.1).dtype == xb.xp.float32

    def test_integers_become_double(self, xb: Any) -> None:
        assert arrays.context(a=xb.array([1, 2], "int64")).dtype == xb.xp.float64

    def test_asarray_brings_numpy_over(self, xb: Any) -> None:
        ctx = arrays.context(a=xb.array([1.0]))
        xb.assert_close(ctx.asarray(np.arange(3.0)), np.arange(3.0))
        xb.assert_close(ctx.asarray(2), np.asarray(2.0))

    def test_mixed_namespaces_name_both_arguments(self) -> None:
        with pytest.raises(TypeError, match=r"theta and grad are arrays of different namespaces \(numpy and array_api"):
            arrays.context(theta=np.ones(2), grad=array_api_strict.ones(2))

    def test_mixed_devices_name_both_arguments(self) -> None:
        other = array_api_strict.ones(2, device=array_api_strict.Device("device1"))
        with pytest.raises(TypeError, match=r"theta is on device .* and grad on"):
            arrays.context(theta=array_api_strict.ones(2), grad=other)

    def test_a_list_is_no_array(self) -> None:
        with pytest.raises(TypeError, match=r"theta must be an array .* not list"):
            arrays.context(theta=[1.0, 2.0])

    def test_complex_is_refused(self) -> None:
        with pytest.raises(TypeError, match="theta must hold real numbers, not complex128"):
            arrays.context(theta=np.ones(2) * 1j)
        assert arrays.context(real=False, theta=np.ones(2) * 1j).dtype == np.complex128

    def test_nothing_given(self) -> None:
        with pytest.raises(TypeError, match="at least one of theta, grad must be an array"):
            arrays.context(theta=None, grad=None)


class TestFinite:
    def test_finite_passes(self, xb: Any) -> None:
        assert arrays.check_finite(theta=xb.array([[1.0, 2.0]]), nu=0.5, absent=None) is None

    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
    def test_names_argument_place_and_value(self, xb: Any, bad: float) -> None:
        with pytest.raises(ValueError, match=rf"theta must be finite; 1 .* first at \(1, 0\): {bad}"):
            arrays.check_finite(theta=xb.array([[1.0, 2.0], [bad, 3.0]]))

    def test_scalar(self) -> None:
        with pytest.raises(ValueError, match="nu must be finite, got nan"):
            arrays.check_finite(nu=float("nan"))


class TestBackend:
    def test_unknown_name(self) -> None:
        with pytest.raises(ValueError, match="backend name must be one of numpy, cupy, torch"):
            arrays.backend("jax")

    @pytest.mark.skipif(importlib.util.find_spec("cupy") is not None, reason="CuPy is installed")
    def test_missing_cupy_names_the_extra(self) -> None:
        with pytest.raises(ImportError, match="extra 'cuda12' or 'cuda13'"):
            arrays.backend("cupy")

    def test_cupy_without_gpu_is_one_clear_line(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from types import SimpleNamespace

        def fail() -> int:
            raise RuntimeError("cudaErrorNoDevice: no CUDA-capable device is detected")

        fake = SimpleNamespace(cuda=SimpleNamespace(runtime=SimpleNamespace(getDeviceCount=fail)))
        monkeypatch.setitem(sys.modules, "cupy", fake)
        with pytest.raises(ImportError, match="finds no usable GPU: cudaErrorNoDevice"):
            arrays.backend("cupy")
        fake.cuda.runtime.getDeviceCount = lambda: 0
        with pytest.raises(ImportError, match="has no GPU"):
            arrays.backend("cupy")

    def test_numpy_is_not_cupy(self) -> None:
        assert "cupy" not in sys.modules
        assert arrays.backend("numpy").__name__ == "array_api_compat.numpy"


GRID = np.concatenate([np.linspace(-9, 9, 3001), np.linspace(-0.6, 0.6, 501), [0.46875, 4.0, 30.0, -40.0, 1e-300]])


class TestSpecial:
    @pytest.mark.parametrize("name", ["erf", "erfc"])
    def test_against_scipy(self, xb: Any, name: str) -> None:
        xb.assert_close(getattr(arrays, name)(xb.array(GRID)), getattr(scipy.special, name)(GRID), rtol=1e-14)

    def test_erfc_at_the_ends(self, xb: Any) -> None:
        result = arrays.to_numpy(arrays.erfc(xb.array([np.inf, -np.inf, np.nan])))
        assert result[0] == 0
        assert result[1] == 2
        assert np.isnan(result[2])

    def test_normal_cdf_keeps_the_left_tail(self, xb: Any) -> None:
        x = np.linspace(-36, 8, 500)
        xb.assert_close(arrays.normal_cdf(xb.array(x)), scipy.special.ndtr(x), rtol=1e-12)

    def test_normal_pdf(self, xb: Any) -> None:
        xb.assert_close(
            arrays.normal_pdf(xb.array([0.0, 1.0])), [1 / np.sqrt(2 * np.pi), np.exp(-0.5) / np.sqrt(2 * np.pi)]
        )

    def test_single_precision_stays(self, xb: Any) -> None:
        assert arrays.erf(xb.array([0.5], "float32")).dtype == xb.xp.float32

    @pytest.mark.parametrize("per_number", [False, True])
    def test_replace_in_rows(self, xb: Any, per_number: bool) -> None:
        rng = np.random.default_rng(0)
        rows, value = rng.standard_normal((3, 4, 5, 2)), rng.standard_normal((4, 5, 2))
        index = rng.integers(-1, 4, (4, 5, 2) if per_number else (4, 5))  # -1 and 3 name no row
        given = [xb.array(row) for row in rows]
        ctx = arrays.context(value=xb.array(value))
        kept, change = arrays.replace_in_rows(ctx, given, xb.array(index, "int64"), xb.array(value))
        each = index if per_number else index[..., None]
        for k, row in enumerate(rows):
            xb.assert_close(kept[k], np.where(each == k, value, row))
            xb.assert_close(given[k], row)  # nothing is written to
        old = sum(np.where(each == k, row, 0.0) for k, row in enumerate(rows))
        xb.assert_close(change, np.where((each < 0) | (each > 2), 0.0, old - value))

    def test_take_along_last(self, xb: Any) -> None:
        values = xb.array([[1.0, 2.0], [3.0, 4.0]])
        xb.assert_close(arrays.take_along_last(values, xb.array([1, 0], "int64")), [2.0, 3.0])


class TestRandom:
    def test_one_seed_one_stream_on_every_backend(self, xb: Any) -> None:
        ctx = arrays.context(a=xb.array([0.0]))
        xb.assert_close(arrays.standard_normal(7, (3, 2), ctx), np.random.default_rng(7).standard_normal((3, 2)))
        xb.assert_close(arrays.uniform(7, 1.0, 3.0, (4,), ctx), np.random.default_rng(7).uniform(1, 3, 4))

    def test_a_generator_moves_on(self) -> None:
        ctx = arrays.context(a=np.zeros(1))
        rng = arrays.generator(3)
        assert arrays.generator(rng) is rng
        assert not np.array_equal(arrays.standard_normal(rng, (3,), ctx), arrays.standard_normal(rng, (3,), ctx))

    @pytest.mark.parametrize("seed", [None, True, 1.5, "7"])
    def test_randomness_is_explicit(self, seed: Any) -> None:
        with pytest.raises(TypeError, match="rng must be an integer seed or a generator"):
            arrays.generator(seed)

    def test_torch_generator_draws_on_the_device(self) -> None:
        torch = pytest.importorskip("torch")
        ctx = arrays.context(a=torch.zeros(1, dtype=torch.float64))
        draws = [arrays.standard_normal(torch.Generator().manual_seed(1), (5,), ctx) for _ in range(2)]
        assert torch.equal(*draws)
        assert draws[0].dtype == torch.float64
        u = arrays.uniform(torch.Generator().manual_seed(1), 2.0, 3.0, (50,), ctx)
        assert float(u.min()) >= 2.0
        assert float(u.max()) < 3.0

    def test_orthonormal(self, xb: Any) -> None:
        ctx = arrays.context(a=xb.array([0.0]))
        q = arrays.orthonormal(5, 6, ctx, batch=(3,))
        assert tuple(q.shape) == (3, 6, 6)
        xb.assert_close(q @ xb.xp.matrix_transpose(q), np.broadcast_to(np.eye(6), (3, 6, 6)), atol=1e-14)

    def test_orthonormal_is_haar_and_not_plain_qr(self) -> None:
        # The first entry of a Haar column is symmetric; LAPACK's plain Q has it negative almost always.
        q = arrays.orthonormal(11, 3, arrays.context(a=np.zeros(1)), batch=(4000,))
        share = float(np.mean(q[:, 0, 0] > 0))
        assert abs(share - 0.5) < 4 * 0.5 / np.sqrt(4000)
        plain = np.linalg.qr(np.random.default_rng(11).standard_normal((4000, 3, 3)))[0]
        assert abs(float(np.mean(plain[:, 0, 0] > 0)) - 0.5) > 0.4

    @pytest.mark.parametrize("index", [0.5, 1.0, 1.5, 2.0])
    def test_symmetric_stable_has_its_characteristic_function(self, index: float) -> None:
        draws = arrays.symmetric_stable(5, index, (40_000,), arrays.context(a=np.zeros(1)))
        for u in (0.3, 1.0, 2.0):
            assert abs(float(np.mean(np.cos(u * draws))) - np.exp(-(u**index))) < 5 / np.sqrt(2 * 40_000)
            assert abs(float(np.mean(np.sin(u * draws)))) < 5 / np.sqrt(2 * 40_000)

    def test_symmetric_stable_against_scipy(self) -> None:
        from scipy.stats import kstest, levy_stable

        draws = arrays.symmetric_stable(6, 1.5, (300,), arrays.context(a=np.zeros(1)))
        assert kstest(draws, lambda x: levy_stable.cdf(x, 1.5, 0.0)).pvalue > 1e-3
        assert kstest(1.5 * draws, lambda x: levy_stable.cdf(x, 1.5, 0.0)).pvalue < 1e-3

    def test_symmetric_stable_on_every_backend(self, xb: Any) -> None:
        plain = arrays.symmetric_stable(7, 1.3, (3, 2), arrays.context(a=np.zeros(1)))
        xb.assert_close(arrays.symmetric_stable(7, 1.3, (3, 2), arrays.context(a=xb.array([0.0]))), plain, rtol=1e-9)

    @pytest.mark.parametrize("index", [0.0, 2.1, float("nan")])
    def test_symmetric_stable_names_a_bad_index(self, index: float) -> None:
        with pytest.raises(ValueError, match="index must lie in"):
            arrays.symmetric_stable(0, index, (1,), arrays.context(a=np.zeros(1)))


class TestChunks:
    def test_covers_everything_once(self) -> None:
        pieces = list(arrays.chunks(10, 4, max_bytes=12))
        assert [i for piece in pieces for i in range(10)[piece]] == list(range(10))
        assert max(piece.stop - piece.start for piece in pieces) == 3

    def test_at_least_one_item(self) -> None:
        assert len(list(arrays.chunks(3, 100, max_bytes=1))) == 3

    def test_bad_limit(self) -> None:
        with pytest.raises(ValueError, match="max_bytes must be positive, got 0"):
            list(arrays.chunks(3, 1, max_bytes=0))


def test_to_numpy_returns_the_values(xb: Any) -> None:
    np.testing.assert_array_equal(arrays.to_numpy(xb.array([1.0, 2.0])), [1.0, 2.0])


def test_host_dtype(xb: Any) -> None:
    assert arrays.host_dtype(arrays.context(a=xb.array([1.0], "float32"))) == np.float32
