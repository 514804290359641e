"""Sweeps that add seeds, round by round, until their hypotheses are decided or what they may cost is spent."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from moe_exp.codes import Code
from moe_exp.comparison.hypotheses import REFUTED, SUPPORTED
from moe_exp.comparison.looks import LEAST_LEVEL, Looks
from moe_exp.errors import InputError
from moe_exp.experiment.config import Experiment, flatten
from moe_exp.runs.conclusions import NOT_JUDGED

log = logging.getLogger(__name__)

GROWING = ("data.seed", "seed")
"""Options whose values may be added."""

MOST_LOOKS = 20

DRAWS_BEYOND = 10
"""Resamples that have to lie beyond the two ends of an interval together."""


@dataclass(frozen=True, kw_only=True)
class UntilDecided:
    """How a sweep grows, and what it may cost.

    Parameters
    ----------
    grow : str
        One of `GROWING`.
    first : int
        Seeds before the first look.
    step : int
        Seeds that are added before each further look.
    max_looks : int
    max_jobs : int
        Of the whole sweep.
    max_minutes : float or None
        After which no round starts.
    """

    grow: str = "data.seed"
    first: int = 5
    step: int = 2
    max_looks: int = 4
    max_jobs: int = 60
    max_minutes: float | None = None

    def plan(self, jobs: Sequence[Experiment], swept: Sequence[str]) -> Looks:
        """Return the looks that the budget allows.

        Parameters
        ----------
        jobs : sequence of Experiment
            Those of one seed.
        swept : sequence of str
            Options that have several values among them.

        Raises
        ------
        InputError
            If nothing could be decided, or the budget allows no second round.
        """
        self._check(swept)
        for job in jobs:
            _check_decidable(job)
        most = min(self.first + self.step * (self.max_looks - 1), self.max_jobs // len(jobs))
        if most <= self.first:
            raise InputError(
                Code.UNTIL_UNFIT,
                f"until.max_jobs={self.max_jobs}: the first round alone has {self.first * len(jobs)} jobs, "
                f"{len(jobs)} for each of {self.first} seeds, and another has to follow. Give "
                f"{(self.first + self.step) * len(jobs)} or more.",
            )
        looks = Looks(
            option=self.grow,
            start=int(flatten(jobs[0].values, {})[self.grow]),
            planned=(*range(self.first, most, self.step), most),
            overall=jobs[0].evaluation.confidence,
        )
        self._check_resolved(looks, jobs)
        return looks

    def _check(self, swept: Sequence[str]) -> None:
        """Refuse options by themselves."""
        if self.grow not in GROWING:
            raise InputError(Code.UNKNOWN_CHOICE, f"until.grow={self.grow} is unknown; choose {' or '.join(GROWING)}.")
        if self.grow in swept:
            raise InputError(
                Code.UNTIL_UNFIT,
                f"{self.grow} is swept, and until.grow={self.grow} adds its values: give the first of them alone.",
            )
        least = {"first": 2, "step": 1, "max_looks": 2, "max_jobs": 1}
        for name, number in least.items():
            if getattr(self, name) < number:
                raise InputError(Code.OUT_OF_RANGE, f"until.{name}={getattr(self, name)}: it must be {number} or more.")
        if self.max_looks > MOST_LOOKS:
            raise InputError(Code.OUT_OF_RANGE, f"until.max_looks={self.max_looks}: at most {MOST_LOOKS}.")
        if self.max_minutes is not None and not self.max_minutes > 0:
            raise InputError(
                Code.OUT_OF_RANGE, f"until.max_minutes={self.max_minutes:g}: it must be above 0, or null for no limit."
            )

    def _check_resolved(self, looks: Looks, jobs: Sequence[Experiment]) -> None:
        """Refuse a first look so early that its interval could not be told."""
        level = 1 - looks.confidences[0]
        n_data_seeds = len({flatten(job.values, {})["data.seed"] for job in jobs})
        is_bootstrap = self.grow == "seed" and n_data_seeds == 1
        least = DRAWS_BEYOND / jobs[0].evaluation.n_resamples if is_bootstrap else LEAST_LEVEL
        if level < least:
            raise InputError(
                Code.UNTIL_UNFIT,
                f"until.first={self.first}: the first look, with {self.first} of at most {looks.planned[-1]} seeds, is "
                f"at a level of {level:.1g}, and intervals here tell {least:.1g} at best. Begin with more seeds, allow "
                f"fewer, or raise evaluation.n_resamples.",
            )


def _check_decidable(job: Experiment) -> None:
    """Refuse a job that has no hypothesis, or whose intervals are never to be trusted."""
    if not job.hypotheses:
        raise InputError(Code.UNDECIDABLE, "until=decided: no hypothesis is named that could be; add hypothesis=[...].")
    if not job.experts.clip:
        raise InputError(
            Code.UNDECIDABLE,
            "until=decided: without experts.clip nothing limits predictions, and no number of seeds decides a "
            "hypothesis. Use experts.clip=true.",
        )


@dataclass(frozen=True)
class Budget:
    """Time that may pass.

    Attributes
    ----------
    max_minutes : float or None
    clock : callable
        Returns seconds.
    started : float
    """

    max_minutes: float | None
    clock: Callable[[], float] = time.monotonic
    started: float = field(init=False)

    def __post_init__(self) -> None:
        """Start to count."""
        object.__setattr__(self, "started", self.clock())

    @property
    def is_spent(self) -> bool:
        """Whether no time is left."""
        return self.max_minutes is not None and self.clock() - self.started >= 60 * self.max_minutes


@dataclass
class Watch:
    """Rounds of jobs, each of which is looked at.

    Attributes
    ----------
    grid : sequence of tuple of str
        What is typed for each job of one seed.
    looks : Looks
        With those that were taken.
    budget : Budget
    judge : callable
        Takes the looks, this one among them, and returns verdicts by hypothesis.
    stop : callable
        Is told why no further round comes.
    """

    grid: Sequence[tuple[str, ...]]
    looks: Looks
    budget: Budget
    judge: Callable[[Looks], Mapping[str, str]]
    stop: Callable[[str], None]

    def rounds(self) -> Iterator[list[list[str]]]:
        """Yield the jobs of one round after the other, as what is typed for each, and look when they have ended."""
        while True:
            added = range(self.looks.seeds.stop, self.looks.next().seeds.stop)
            yield [[*job, f"{self.looks.option}={seed}"] for seed in added for job in self.grid]
            self.looks = self.looks.next()
            reason = self._why_stop(self.judge(self.looks))
            if reason:
                self.stop(reason)
                return

    def _why_stop(self, verdicts: Mapping[str, str]) -> str:
        """Say why no further round comes; nothing if one does."""
        said = ", ".join(f"{name} {verdict}" for name, verdict in verdicts.items())
        if set(verdicts.values()) <= {SUPPORTED, REFUTED}:
            return f"decided: {said}"
        if NOT_JUDGED in verdicts.values():
            return f"not to be judged by these runs: {said}"
        if self.looks.is_last:
            return f"the budget of jobs and looks is spent: {said}"
        return f"the budget of time is spent: {said}" if self.budget.is_spent else ""
