"""One symmetric matrix, one right side, many multiples of the identity added: all solved in one Krylov space.

The space spanned by b, A b, A A b, ... is the same for A + alpha I, whatever alpha. Lanczos' recurrence builds an
orthonormal basis Q of it in which A is the tridiagonal T, one product with A a step; then x(alpha) = Q (T + alpha
I)^-1 Q^T b is, for every alpha, what conjugate gradients would have reached after as many steps (Paige & Saunders
1975; Frommer & Maass 1999).
"""

import numpy as np
from scipy.linalg import LinAlgError, solveh_banded

from moe_exp.model.ridge.matrices import Matrices, Matrix, NotPositiveDefiniteError

STEPS_BETWEEN_CHECKS = 10
"""Steps after which convergence is tested."""


class ShiftedSystems:
    """The systems (A + alpha I) x = b for one positive semidefinite A, one b and any alpha > 0.

    Parameters
    ----------
    matrix : Matrix
        A, complete, (n_unknowns, n_unknowns).
    right : array of shape (n_unknowns,)
        b.
    matrices : Matrices
        Operations for the matrix's device and precision.
    """

    def __init__(self, matrix: Matrix, right: np.ndarray, matrices: Matrices) -> None:
        self._matrix = matrix
        self._right = right
        self._matrices = matrices
        self._norm = float(np.linalg.norm(right))
        start = right / self._norm if self._norm > 0 else right
        self._basis = np.zeros((2 * STEPS_BETWEEN_CHECKS, len(right)), matrices.dtype)
        self._basis[0] = start
        self._diagonal: list[float] = []
        self._off_diagonal: list[float] = []
        self._complete = self._norm == 0

    @property
    def n_steps(self) -> int:
        """Products with A so far."""
        return len(self._diagonal)

    def iterate(self, alphas: np.ndarray, *, tolerance: float, max_steps: int) -> np.ndarray:
        """Extend the space until it holds solutions for some penalties.

        Parameters
        ----------
        alphas : array of shape (n_alphas,)
            Penalties.
        tolerance : float
            A solution has converged when b^T x, which grows by the squared error's decrease in the norm of A + alpha I,
            grew by at most tolerance^2 of itself in the last steps.
        max_steps : int
            Products with A in all, at most; taken in tens.

        Returns
        -------
        bool array of shape (n_alphas,)
            Which have converged.
        """
        before = self._energies(alphas)
        converged = self._complete & ~np.isnan(before)
        while not self._complete and self.n_steps + STEPS_BETWEEN_CHECKS <= max_steps:
            for _ in range(STEPS_BETWEEN_CHECKS):
                self._step()
            after = self._energies(alphas)
            indefinite = np.isnan(after)
            converged = ~indefinite & (self._complete | (after - before <= tolerance**2 * after))
            if (converged | indefinite).all():
                break
            before = after
        return converged

    def _step(self) -> None:
        """Add one direction to the basis, kept orthogonal to all others by Gram and Schmidt twice."""
        if self._complete:
            return
        basis = self._basis[: self.n_steps + 1]
        image = self._matrices.multiply(self._matrix, basis[-1:])[0]
        self._diagonal.append(float(image @ basis[-1]))
        for _ in range(2):
            image = image - (basis @ image) @ basis
        length = float(np.linalg.norm(image))
        resolution = 4 * np.finfo(self._matrices.dtype).eps * max(map(abs, self._diagonal))
        self._complete = length <= resolution or self.n_steps == len(self._right)
        if not self._complete:
            self._off_diagonal.append(length)
            if self.n_steps == len(self._basis):
                self._basis = np.concatenate([self._basis, np.zeros_like(self._basis)])
            self._basis[self.n_steps] = image / length

    def _in_basis(self, alphas: np.ndarray) -> np.ndarray:
        """Solve in the basis, (n_alphas, n_steps); NaN where rounding left A + alpha I indefinite."""
        n = self.n_steps
        solved = np.full((len(alphas), n), np.nan)
        banded = np.zeros((2, n + 1))  # LAPACK refuses a single unknown: one more, by itself
        banded[0, 1:n] = self._off_diagonal[: n - 1]
        right = np.zeros(n + 1)
        right[0] = self._norm
        for index, alpha in enumerate(alphas):
            banded[1] = np.array([*self._diagonal, 1.0]) + alpha
            try:
                solved[index] = solveh_banded(banded, right)[:n]
            except LinAlgError:
                continue
        return solved

    def _energies(self, alphas: np.ndarray) -> np.ndarray:
        """Return b^T x, (n_alphas,), which grows with every step; NaN where indefinite."""
        return self._norm * self._in_basis(alphas)[:, 0] if self.n_steps else np.zeros(len(alphas))

    def solve(self, alphas: np.ndarray) -> np.ndarray:
        """Return the solutions that the space holds, (n_alphas, n_unknowns)."""
        if not self.n_steps:
            return np.zeros((len(alphas), len(self._right)), self._matrices.dtype)
        return self._in_basis(alphas).astype(self._matrices.dtype) @ self._basis[: self.n_steps]

    def solve_directly(self, alpha: float) -> np.ndarray:
        """Return the solution by a Cholesky factor, (n_unknowns,); NaN where rounding left A + alpha I indefinite."""
        try:
            factor = self._matrices.factorize(self._matrix, alpha)
        except NotPositiveDefiniteError:
            return np.full(len(self._right), np.nan, self._matrices.dtype)
        return self._matrices.solve(factor, self._right[None].astype(self._matrices.dtype))[0]
