"""Claims that are stated before the runs, and what the runs say to them."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date

import pandas as pd

from moe_exp.codes import Code
from moe_exp.comparison import Comparison, Contender
from moe_exp.comparison.data_seeds import Pooled, pool
from moe_exp.comparison.equivalence import EQUIVALENT, HIGHER, LOWER, judge_margin
from moe_exp.comparison.multiplicity import NOT_DECIDABLE
from moe_exp.comparison.scoring import Scoring
from moe_exp.comparison.training_seeds import Estimate
from moe_exp.errors import InputError
from moe_exp.evaluation.bootstrap import Interval
from moe_exp.evaluation.tables import interval_columns

QUANTITIES = ("r2", "delta_r2")
"""What a criterion can bound: R² of a model, or R² of a model minus R² of a reference on the same stars."""

SUPPORTED, REFUTED, UNDECIDED = "supported", "refuted", "undecided"
"""Verdicts, beside `NOT_DECIDABLE`."""


@dataclass(frozen=True, kw_only=True)
class Criterion:
    """A bound on one number of the comparison.

    Attributes
    ----------
    quantity : str
        One of `QUANTITIES`.
    model, reference : str
        As the table of scores names them; `reference` for a difference only.
    n_train, reference_n_train : int
    noise_level, reference_noise_level : float
        The reference's default to those of the model.
    above, at_least, below, at_most : float
        The bound; exactly one of them, or of these and the margin.
    equivalent_within : float
        The margin within which a difference counts as none; see `equivalence`.
    design : str or None
        The design of both, where the runs have several.
    """

    quantity: str
    model: str
    n_train: int
    noise_level: float
    reference: str | None = None
    reference_n_train: int | None = None
    reference_noise_level: float | None = None
    above: float | None = None
    at_least: float | None = None
    below: float | None = None
    at_most: float | None = None
    equivalent_within: float | None = None
    design: str | None = None

    def check(self) -> None:
        """Raise `InputError` unless the quantity is known, and one bound and the right number of models are given."""
        if self.quantity not in QUANTITIES:
            raise InputError(
                Code.HYPOTHESIS_UNFIT, f"quantity={self.quantity} is unknown; choose {' or '.join(QUANTITIES)}."
            )
        given = [name for name in CLAIMS if getattr(self, name) is not None]
        if len(given) != 1:
            raise InputError(
                Code.HYPOTHESIS_UNFIT,
                f"a criterion needs one of {', '.join(CLAIMS)}; it has {' and '.join(given) or 'none'}.",
            )
        if not math.isfinite(getattr(self, given[0])):
            raise InputError(
                Code.HYPOTHESIS_UNFIT,
                f"the bound {given[0]}={getattr(self, given[0])} is no number that R² could keep.",
            )
        if (self.quantity == "delta_r2") != (self.reference is not None):
            raise InputError(
                Code.HYPOTHESIS_UNFIT,
                f"quantity={self.quantity}, reference={self.reference}: a reference belongs to delta_r2.",
            )
        if self.equivalent_within is not None and not (self.equivalent_within > 0 and self.quantity == "delta_r2"):
            raise InputError(
                Code.HYPOTHESIS_UNFIT,
                f"quantity={self.quantity}, equivalent_within={self.equivalent_within:g}: a margin is above zero, and "
                f"belongs to delta_r2.",
            )

    @property
    def bound(self) -> tuple[str, float]:
        """Kind and value of the bound, or of the margin."""
        return next((name, getattr(self, name)) for name in CLAIMS if getattr(self, name) is not None)

    @property
    def places(self) -> list[tuple[str, int, float]]:
        """Model, train size and noise level of the model and, for a difference, of its reference."""
        places = [(self.model, self.n_train, self.noise_level)]
        if self.reference is not None:
            n_train = self.n_train if self.reference_n_train is None else self.reference_n_train
            noise_level = self.noise_level if self.reference_noise_level is None else self.reference_noise_level
            places.append((self.reference, n_train, noise_level))
        return places

    @property
    def named(self) -> str:
        """The models in words."""
        shared = {place[1:] for place in self.places}
        at = [f" at n_train={n_train}, noise_level={noise_level:g}" for _, n_train, noise_level in self.places]
        if len(shared) == 1:
            at = [""] * (len(at) - 1) + at[-1:]
        design = f" ({self.design})" if self.design else ""
        return " minus ".join(place[0] + where for place, where in zip(self.places, at, strict=True)) + design

    def __str__(self) -> str:
        kind, value = self.bound
        return f"{'R²' if self.quantity == 'r2' else 'ΔR²'} of {self.named} is {kind.replace('_', ' ')} {value:g}"


@dataclass(frozen=True, kw_only=True)
class Hypothesis:
    """A claim with the day it was stated; it holds when all of its criteria do.

    Attributes
    ----------
    name : str
    statement : str
    date : str
        Day on which the claim was stated, ``YYYY-MM-DD``.
    criteria : list of Criterion
    """

    name: str
    statement: str
    date: str
    criteria: list[Criterion] = field(default_factory=list)

    def check(self) -> None:
        """Raise `InputError` if the date is none, there is no criterion, or one of them cannot be judged."""
        try:
            is_day = date.fromisoformat(self.date).isoformat() == self.date
        except ValueError:
            is_day = False
        if not is_day:
            raise InputError(
                Code.HYPOTHESIS_UNFIT, f"hypothesis.date={self.date} of {self.name} is not a day; write YYYY-MM-DD."
            )
        if not self.criteria:
            raise InputError(
                Code.HYPOTHESIS_UNFIT, f"hypothesis.criteria of {self.name} is empty: nothing could refute it."
            )
        for place, criterion in enumerate(self.criteria):
            try:
                criterion.check()
            except InputError as error:
                raise InputError(error.code, f"hypothesis.criteria[{place}] of {self.name}: {error.message}") from error


@dataclass(frozen=True, eq=False, kw_only=True)
class Judgement:
    """What the runs say to a hypothesis.

    Attributes
    ----------
    hypothesis : Hypothesis
    verdict : str
        ``"supported"`` when every criterion is, or is equivalent, ``"refuted"`` when any is, or lies beyond its margin;
        of the others ``"not decidable here"`` when the interval of a criterion is not to be trusted, and
        ``"undecided"`` else.
    criteria : DataFrame
        One row per criterion: ``criterion`` in words, ``value`` (the mean over data seeds) with ``value_ci_low`` and
        ``value_ci_high``, ``verdict``, ``mark``, which says why an interval is not to be trusted, ``n_seeds``,
        ``n_data_seeds``, ``scatter``, which says what the interval holds, and ``by_data_seed``, the value of each data
        seed.
    """

    hypothesis: Hypothesis
    verdict: str
    criteria: pd.DataFrame


def judge(hypothesis: Hypothesis, comparison: Comparison) -> Judgement:
    """Hold a hypothesis against runs.

    A criterion is supported when its whole interval keeps the bound, refuted when the whole interval breaks it, and
    undecided when the interval straddles the bound. One with a margin is equivalent, higher, lower or undecided; see
    `equivalence`. With several data seeds the interval is that of their mean. There
    is no adjustment for multiplicity: the criteria were chosen before the runs.

    Raises
    ------
    InputError
        If the hypothesis names what the runs do not hold; the message lists what they do.
    """
    hypothesis.check()
    rows = []
    for place, criterion in enumerate(hypothesis.criteria):
        try:
            estimates = _estimates(criterion, comparison)
        except InputError as error:
            raise InputError(
                error.code, f"hypothesis.criteria[{place}] of {hypothesis.name}: {error.message}"
            ) from error
        found = pool(estimates, confidence=comparison.settings.confidence)
        row: dict[str, object] = {"criterion": str(criterion), **interval_columns("value", found.interval)}
        row["verdict"] = _judge(criterion, estimates, found, comparison.settings.confidence)
        row |= {"mark": found.carriers.mark, "scatter": found.scatter}
        row |= {"n_seeds": found.n_seeds, "n_data_seeds": len(found.data_seeds)}
        rows.append(row | {"by_data_seed": {seed: estimate.interval.value for seed, estimate in estimates}})
    criteria = pd.DataFrame(rows)
    return Judgement(hypothesis=hypothesis, verdict=_conjunction(list(criteria["verdict"])), criteria=criteria)


def _judge(criterion: Criterion, estimates: Sequence[tuple[int, Estimate]], found: Pooled, confidence: float) -> str:
    """Return the verdict on one criterion."""
    if not found.carriers.trusted:
        return NOT_DECIDABLE
    kind, value = criterion.bound
    if kind == MARGIN:
        return judge_margin(estimates, value, confidence=confidence) or UNDECIDED
    return judge_interval(found.interval, kind, value)


def judge_interval(interval: Interval, kind: str, bound: float) -> str:
    """Say whether an interval keeps a bound of some kind, one of ``above``, ``at_least``, ``below`` and ``at_most``."""
    keeps = [BOUNDS[kind](end, bound) for end in (interval.low, interval.high)]
    if math.isnan(interval.low):
        return UNDECIDED
    return SUPPORTED if all(keeps) else UNDECIDED if any(keeps) else REFUTED


def _conjunction(verdicts: Sequence[str]) -> str:
    meaning = {HIGHER: REFUTED, LOWER: REFUTED, EQUIVALENT: SUPPORTED}
    verdicts = [meaning.get(verdict, verdict) for verdict in verdicts]
    return next((verdict for verdict in (REFUTED, NOT_DECIDABLE, UNDECIDED) if verdict in verdicts), SUPPORTED)


def _estimates(criterion: Criterion, comparison: Comparison) -> list[tuple[int, Estimate]]:
    """Return the number that a criterion bounds, for each data seed that has it."""
    estimates = []
    for scoring in comparison.scorings:
        found = [_find(scoring, *place, criterion.design) for place in criterion.places]
        if all(found):
            estimates.append((scoring.panel.data_seed, _estimate(scoring, *map(_only, found))))
    if not estimates:
        raise InputError(
            Code.HYPOTHESIS_NOT_IN_RUNS, f"no data seed has {criterion.named}. There are {_known(comparison)}."
        )
    return estimates


def _known(comparison: Comparison) -> str:
    """List all contenders by condition."""
    models: dict[str, dict[str, None]] = {}
    for scoring in comparison.scorings:
        for contender in scoring.panel.entries:
            place = f"n_train={contender.n_train}, noise_level={contender.noise_level:g}"
            place += f" ({contender.design})" if contender.design else ""
            models.setdefault(place, {})[contender.model] = None
    return "; ".join(f"{', '.join(names)} at {place}" for place, names in models.items())


def _find(scoring: Scoring, model: str, n_train: int, noise_level: float, design: str | None) -> list[Contender]:
    return [
        contender
        for contender in scoring.panel.entries
        if (contender.model, contender.n_train, contender.noise_level) == (model, n_train, noise_level)
        and design in (None, contender.design)
    ]


def _only(contenders: Sequence[Contender]) -> Contender:
    if len(contenders) > 1:
        raise InputError(
            Code.HYPOTHESIS_NOT_IN_RUNS,
            f"{len(contenders)} designs have {contenders[0].model}: "
            f"{'; '.join(contender.design for contender in contenders)}. Name one of them as design.",
        )
    return contenders[0]


def _estimate(scoring: Scoring, model: Contender, reference: Contender | None = None) -> Estimate:
    if reference is None:
        return scoring.r2(model)
    if not scoring.panel.seeds(model, reference):
        raise InputError(
            Code.HYPOTHESIS_NOT_IN_RUNS,
            f"{model} and {reference} have no training seed in common, and cannot be paired.",
        )
    return scoring.delta(model, reference)


BOUNDS: dict[str, Callable[[float, float], bool]] = {
    "above": lambda value, bound: value > bound,
    "at_least": lambda value, bound: value >= bound,
    "below": lambda value, bound: value < bound,
    "at_most": lambda value, bound: value <= bound,
}
"""Kinds of bounds, and what it means to keep one."""

MARGIN = "equivalent_within"

CLAIMS = (*BOUNDS, MARGIN)
"""What a criterion can state, exactly one of them."""
