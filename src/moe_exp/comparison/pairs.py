"""Which contenders are tested against each other: gates that differ in exactly one factor."""

from dataclasses import dataclass
from itertools import combinations

from moe_exp.comparison.contenders import Contender, Panel

FACTORS = ("gate", "n_train", "noise_level")
"""What a pair can differ in."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two gates on the same stars; the difference is `model` minus `reference`.

    Attributes
    ----------
    factor : str
        The one of `FACTORS` in which they differ. The larger training set stands against the smaller, the higher noise
        level against the lower, every gate against classify, and other gates in the order of the alphabet, the later
        against the earlier.
    model, reference : Contender
    seeds : tuple of int
        Training seeds that both have; the difference is taken seed by seed.
    """

    factor: str
    model: Contender
    reference: Contender
    seeds: tuple[int, ...]

    @property
    def contrast(self) -> str:
        """What differs, ``"mlp - classify"`` or ``"n_train 100000 - 32000"``."""
        levels = [f"{_level(contender, self.factor)}" for contender in (self.model, self.reference)]
        return " - ".join(levels) if self.factor == "gate" else f"{self.factor} {' - '.join(levels)}"

    @property
    def condition(self) -> str:
        """What is shared, ``"n_train=32000, noise_level=0.2"`` or ``"mlp, noise_level=0.2"``."""
        shared = [
            _level(self.model, factor) if factor == "gate" else f"{factor}={_level(self.model, factor)}"
            for factor in FACTORS
            if factor != self.factor
        ]
        return ", ".join([*shared, *([self.model.design] if self.model.design else [])])

    @property
    def order(self) -> tuple[object, ...]:
        """Where the pair stands in every table: by factor, by what both share, by the levels that differ."""
        levels = {
            "n_train": lambda contender: contender.n_train,
            "noise_level": lambda contender: contender.noise_level,
            "design": lambda contender: contender.design,
            "gate": lambda contender: (contender.model != "classify", contender.model),
        }
        shared = [level(self.model) for factor, level in levels.items() if factor != self.factor]
        differing = levels[self.factor]
        return FACTORS.index(self.factor), *shared, differing(self.reference), differing(self.model)


def find_pairs(panel: Panel) -> tuple[list[Pair], list[str]]:
    """Return all pairs, and in sentences those that have no common seed."""
    gates = [contender for contender in panel.entries if contender.kind == "gate"]
    pairs, notes = [], []
    for reference, model in combinations(gates, 2):
        differing, seeds = _differing_factors(reference, model), panel.seeds(model, reference)
        if len(differing) != 1 or differing == ["design"]:
            continue
        if seeds:
            pairs.append(Pair(factor=differing[0], model=model, reference=reference, seeds=seeds))
        else:
            notes.append(f"{model} and {reference} have no training seed in common and are not paired.")
    return pairs, notes


def _differing_factors(one: Contender, other: Contender) -> list[str]:
    """Return the factors in which two contenders differ, with the design as one more."""
    names = {"gate": "model", "n_train": "n_train", "noise_level": "noise_level", "design": "design"}
    return [factor for factor, name in names.items() if getattr(one, name) != getattr(other, name)]


def _level(contender: Contender, factor: str) -> str:
    return {"gate": contender.model, "n_train": f"{contender.n_train}", "noise_level": f"{contender.noise_level:g}"}[
        factor
    ]
