"""The contract of a figure of a user's own: the results of a run in, a matplotlib figure out."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from matplotlib.figure import Figure

from moe_exp.evaluation.results import Results


@dataclass(frozen=True, kw_only=True)
class RunFigure(ABC):
    """Base of such figures; a subclass is a frozen dataclass that writes `draw`."""

    @abstractmethod
    def draw(self, results: Results) -> Figure:
        """Return a figure of one run, made without pyplot; `moe_exp.figures.style` has sizes, colours and titles."""
