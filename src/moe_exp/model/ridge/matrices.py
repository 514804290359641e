"""The few operations on (n_pixels, n_pixels) matrices that ridge regression needs, on the CPU or through CUDA.

Everything small (spectra, right sides, coefficients) is numpy on either device; only the square matrices stay on it. On
the CPU they are numpy arrays of which only the upper triangle holds (BLAS fills one) until `mirror` completes them.
"""

from typing import Any, Protocol

import numpy as np
from scipy.linalg import get_blas_funcs, get_lapack_funcs

from moe_exp.codes import Code
from moe_exp.errors import InputError

Matrix = Any
"""A numpy array, or a tensor on the device."""


class NotPositiveDefiniteError(ArithmeticError):
    """A matrix has no Cholesky factor at its precision."""


class Matrices(Protocol):
    """What a device must be able to do; `rows` are numpy arrays of shape (n_rows, n_pixels)."""

    dtype: np.dtype

    def zeros(self, n_matrices: int, n_pixels: int) -> Matrix:
        """Return (n_matrices, n_pixels, n_pixels) zeros."""

    def add_product(self, matrix: Matrix, rows: np.ndarray) -> None:
        """Add rows^T rows to a matrix, in place."""

    def add_rank_one(self, matrix: Matrix, vector: np.ndarray, factor: float) -> None:
        """Add factor * vector vector^T to a matrix, in place."""

    def subtract_from(self, whole: Matrix, matrix: Matrix) -> None:
        """Replace a matrix by whole - matrix, in place."""

    def mirror(self, matrix: Matrix) -> None:
        """Complete a matrix of which only the upper triangle holds, in place."""

    def multiply(self, matrix: Matrix, rows: np.ndarray) -> np.ndarray:
        """Return rows @ matrix for a complete symmetric matrix."""

    def multiply_exactly(self, matrix: Matrix, vector: np.ndarray) -> np.ndarray:
        """Return matrix @ vector for a complete symmetric matrix, summed in float64."""

    def factorize(self, matrix: Matrix, alpha: float) -> Matrix:
        """Return the Cholesky factor of matrix + alpha I, or raise NotPositiveDefiniteError."""

    def solve(self, factor: Matrix, rows: np.ndarray) -> np.ndarray:
        """Return the solutions of (matrix + alpha I) z = row for every row, from the factor."""

    def to_numpy(self, matrix: Matrix) -> np.ndarray:
        """Return a matrix as a numpy array."""


class CpuMatrices:
    """`Matrices` by numpy and LAPACK.

    numpy's C order is LAPACK's order transposed: the upper triangle here is what LAPACK calls the lower one, and rows
    are its columns, so that nothing is copied.
    """

    def __init__(self, dtype: np.dtype) -> None:
        self.dtype = np.dtype(dtype)
        sample = np.empty(0, self.dtype)
        self._syr: Any = get_blas_funcs("syr", (sample,))
        self._potrf: Any = get_lapack_funcs("potrf", (sample,))
        self._potrs: Any = get_lapack_funcs("potrs", (sample,))

    def zeros(self, n_matrices: int, n_pixels: int) -> np.ndarray:  # noqa: D102
        return np.zeros((n_matrices, n_pixels, n_pixels), self.dtype)

    def add_product(self, matrix: np.ndarray, rows: np.ndarray) -> None:  # noqa: D102
        matrix += rows.T @ rows  # numpy's: SciPy's would keep other threads from working meanwhile

    def add_rank_one(self, matrix: np.ndarray, vector: np.ndarray, factor: float) -> None:  # noqa: D102
        self._syr(factor, vector.astype(self.dtype), lower=1, a=matrix.T, overwrite_a=1)

    def subtract_from(self, whole: np.ndarray, matrix: np.ndarray) -> None:  # noqa: D102
        np.subtract(whole, matrix, out=matrix)

    def mirror(self, matrix: np.ndarray, *, width: int = 128) -> None:  # noqa: D102
        for i in range(0, len(matrix), width):
            block = matrix[i : i + width, i : i + width]
            block[:] = np.triu(block) + np.triu(block, 1).T
            for j in range(i + width, len(matrix), width):
                matrix[j : j + width, i : i + width] = matrix[i : i + width, j : j + width].T

    def multiply(self, matrix: np.ndarray, rows: np.ndarray) -> np.ndarray:  # noqa: D102
        return rows.astype(self.dtype, copy=False) @ matrix

    def multiply_exactly(self, matrix: np.ndarray, vector: np.ndarray, *, height: int = 256) -> np.ndarray:  # noqa: D102
        blocks = (matrix[i : i + height].astype(float, copy=False) for i in range(0, len(matrix), height))
        return np.concatenate([block @ vector for block in blocks])

    def factorize(self, matrix: np.ndarray, alpha: float) -> np.ndarray:  # noqa: D102
        factor = matrix.copy()
        factor.reshape(-1)[:: len(factor) + 1] += self.dtype.type(alpha)
        _, failed = self._potrf(factor.T, lower=1, overwrite_a=1, clean=0)
        if failed:
            raise NotPositiveDefiniteError
        return factor

    def solve(self, factor: np.ndarray, rows: np.ndarray) -> np.ndarray:  # noqa: D102
        solution, _ = self._potrs(factor.T, rows.T.astype(self.dtype, copy=False), lower=1)
        return solution.T

    def to_numpy(self, matrix: np.ndarray) -> np.ndarray:  # noqa: D102
        return matrix


class TorchMatrices:
    """`Matrices` by torch, for a CUDA device; matrices are always complete."""

    def __init__(self, dtype: np.dtype, device: str) -> None:
        import torch

        self._torch = torch
        self.dtype = np.dtype(dtype)
        self._device = torch.device(device)

    def _send(self, array: np.ndarray) -> Matrix:
        return self._torch.from_numpy(np.ascontiguousarray(array, self.dtype)).to(self._device)

    def zeros(self, n_matrices: int, n_pixels: int) -> Matrix:  # noqa: D102
        tensor = self._send(np.empty(0))
        return tensor.new_zeros((n_matrices, n_pixels, n_pixels))

    def add_product(self, matrix: Matrix, rows: np.ndarray) -> None:  # noqa: D102
        sent = self._send(rows)
        matrix.addmm_(sent.T, sent)

    def add_rank_one(self, matrix: Matrix, vector: np.ndarray, factor: float) -> None:  # noqa: D102
        sent = self._send(vector)
        matrix.addr_(sent, sent, alpha=factor)

    def subtract_from(self, whole: Matrix, matrix: Matrix) -> None:  # noqa: D102
        self._torch.sub(whole, matrix, out=matrix)

    def mirror(self, matrix: Matrix) -> None:  # noqa: D102
        pass

    def multiply(self, matrix: Matrix, rows: np.ndarray) -> np.ndarray:  # noqa: D102
        return (self._send(rows) @ matrix).cpu().numpy()

    def multiply_exactly(self, matrix: Matrix, vector: np.ndarray) -> np.ndarray:  # noqa: D102
        sent = self._torch.from_numpy(vector.astype(float)).to(self._device)
        return (matrix.double() @ sent).cpu().numpy()

    def factorize(self, matrix: Matrix, alpha: float) -> Matrix:  # noqa: D102
        shifted = matrix.clone()
        shifted.diagonal().add_(alpha)
        factor, failed = self._torch.linalg.cholesky_ex(shifted)
        if int(failed):
            raise NotPositiveDefiniteError
        return factor

    def solve(self, factor: Matrix, rows: np.ndarray) -> np.ndarray:  # noqa: D102
        return self._torch.cholesky_solve(self._send(rows).T, factor).T.cpu().numpy()

    def to_numpy(self, matrix: Matrix) -> np.ndarray:  # noqa: D102
        return matrix.cpu().numpy()


def matrices_on(device: str, dtype: np.dtype) -> Matrices:
    """Return the operations for ``cpu`` or ``cuda`` (or another torch device), at one precision.

    Raises
    ------
    InputError
        If torch does not know the device or cannot reach it.
    """
    if device == "cpu":
        return CpuMatrices(dtype)
    try:
        matrices = TorchMatrices(dtype, device)
        matrices.zeros(1, 1)
    except (RuntimeError, AssertionError) as error:  # torch without CUDA asserts
        raise InputError(
            Code.NO_CUDA, f"device={device}: torch cannot use it here; choose cpu, or cuda on a machine that has it."
        ) from error
    return matrices
