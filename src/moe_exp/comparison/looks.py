"""How often a question may be asked of runs that grow in number, and at which level each time.

Whoever looks at 95 % intervals after every few seeds, and stops at the first that excludes zero, is wrong far more
often than in 5 %. The looks are paid for out of one account: after a share t of all seeds that there may be, the chance
of having been wrong on either side is at most 2 - 2 Phi(z / sqrt(t)), which for t = 1 is half of what there is to spend
(Lan & DeMets 1983, Biometrika 70, 659; their function of the kind of O'Brien & Fleming 1979, Biometrics 35, 549): next
to nothing at first, nearly all at the end.

Each look is taken at the level that it adds to what was spent. The levels add up to the whole, so that no more is spent
whatever the looks have in common: data seeds are independent, trainings share their stars. Boundaries that reckon with
what normal means have in common are a little nearer, but spend too much with Student's t of few seeds. How often
verdicts are wrong: ``bench/results/looks.md``.
"""

import json
import math
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
from scipy import stats

LEAST_LEVEL = 1e-9
"""Of a look: below it no verdict is ever reached."""


def spend(fraction: np.ndarray, alpha: float) -> np.ndarray:
    """Return how much of `alpha`, of both sides together, may be spent after a fraction of all seeds."""
    return 4 * stats.norm.sf(stats.norm.isf(alpha / 4) / np.sqrt(fraction))


@dataclass(frozen=True, kw_only=True)
class Looks:
    """The looks that a sweep may take, and how many of them it took.

    Attributes
    ----------
    option : str
        Which seeds are added: ``data.seed`` or ``seed``.
    start : int
        The first of them; others follow one by one.
    planned : tuple of int
        Seeds at each look, ascending.
    overall : float
        Probability content that the verdicts of all looks have together.
    n_taken : int
    """

    option: str
    start: int
    planned: tuple[int, ...]
    overall: float = 0.95
    n_taken: int = 0

    @cached_property
    def confidences(self) -> tuple[float, ...]:
        """Probability content of the intervals of every look, rounded up to two digits of the level."""
        spent = spend(np.array(self.planned) / self.planned[-1], 1 - self.overall)
        return tuple(1 - _round_down(level) for level in np.diff(spent, prepend=0).tolist())

    @property
    def confidence(self) -> float:
        """Of the intervals of the last look that was taken; before any, of the first."""
        return self.confidences[max(0, self.n_taken - 1)]

    @property
    def spent(self) -> float:
        """The chance of a false verdict that the looks so far have spent."""
        if not self.n_taken:
            return 0.0
        return float(spend(np.array(self.planned[self.n_taken - 1] / self.planned[-1]), 1 - self.overall))

    @property
    def seeds(self) -> range:
        """The seeds that were looked at."""
        return range(self.start, self.start + (self.planned[self.n_taken - 1] if self.n_taken else 0))

    @property
    def is_last(self) -> bool:
        """Whether no look is left."""
        return self.n_taken == len(self.planned)

    def next(self) -> Self:
        """Return these looks with one more taken."""
        return replace(self, n_taken=self.n_taken + 1)

    def to_json(self) -> str:
        """Return a text for `from_json`."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote."""
        return cls.of(json.loads(text))

    @classmethod
    def of(cls, values: dict) -> Self:
        """Make looks of plain values."""
        return cls(**values | {"planned": tuple(values["planned"])})

    def __str__(self) -> str:
        times = f"{self.n_taken} time{'' if self.n_taken == 1 else 's'}"
        numbers = ", then ".join(map(str, self.planned[: self.n_taken]))
        return (
            f"These runs were looked at {times}, with {numbers} of at most {self.planned[-1]} seeds ({self.option}), "
            f"which were added until a verdict was reached. The looks are paid for by alpha spending: every interval "
            f"and verdict of this look is at {100 * self.confidence:.10g} %, so that a claim is judged wrongly at any "
            f"of the looks in at most {100 * (1 - self.overall):.10g} % of such sweeps."
        )


def _round_down(level: float) -> float:
    """Return a level with two digits that count."""
    digits = 1 - math.floor(math.log10(max(level, LEAST_LEVEL / 10)))
    return round(math.floor(level * 10**digits) / 10**digits, digits)
