"""Everything that the runs of one data seed scored on its test stars: gates, their hard routing, and references."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd

from moe_exp.codes import Code
from moe_exp.comparison.comparability import SAME_REFERENCES, label_scale
from moe_exp.comparison.records import RunRecord
from moe_exp.comparison.run_labels import Labels
from moe_exp.errors import InputError
from moe_exp.evaluation.predictions import MODELS
from moe_exp.spectra.label import Label

KINDS = ("gate", "hard routing", "reference")
"""What a contender can be: a gate with soft routing, the same with hard routing, or a model without a gate."""

UNSAID = 1e-3
"""Errors of one model may differ by this much [dex] between two runs before it is said."""


@dataclass(frozen=True, kw_only=True)
class Contender:
    """One thing that is scored; trainings with several seeds are the same contender.

    Attributes
    ----------
    model : str
        A gate (``"mlp"``), its hard routing (``"mlp hard"``), ``"oracle"``, ``"global_ridge"`` or another reference.
    kind : str
        One of `KINDS`; a model whose predictions were made elsewhere stands where a gate does.
    n_train : int
    noise_level : float
    design : str
        What else tells the run from others; see `run_labels`.
    """

    model: str
    kind: str
    n_train: int
    noise_level: float
    design: str = ""

    def __str__(self) -> str:
        design = f", {self.design}" if self.design else ""
        return f"{self.model} (n_train={self.n_train}, noise_level={self.noise_level:g}{design})"

    @property
    def order(self) -> tuple[object, ...]:
        """Where the contender stands in every table: classify leads the gates of its condition."""
        condition = self.n_train, self.noise_level, self.design
        return *condition, KINDS.index(self.kind), self.model != "classify", self.model


class SquaredErrors(NamedTuple):
    """Squared errors [dex²] of the covered test stars, each (n_stars,)."""

    clipped: np.ndarray
    unclipped: np.ndarray
    configured: np.ndarray
    """one of the two, as the run was configured"""
    clip: bool
    """whether that is the first"""


@dataclass(frozen=True, eq=False, kw_only=True)
class Panel:
    """One data seed's covered test stars, and all that was scored on them.

    Attributes
    ----------
    data_seed : int
    stars : DataFrame of n_stars rows
        Labels and bins of the covered test stars.
    bin_names : tuple of str
    label : Label
        What is predicted.
    entries : mapping of Contender to mapping of training seed to SquaredErrors
        In the order of the tables.
    notes : tuple of str
        What a reader of the comparison should know, in sentences.
    """

    data_seed: int
    stars: pd.DataFrame
    bin_names: tuple[str, ...]
    label: Label
    entries: Mapping[Contender, Mapping[int, SquaredErrors]]
    notes: tuple[str, ...]

    @property
    def y(self) -> np.ndarray:
        """The true label, (n_stars,), in its unit."""
        return self.stars[self.label.column].to_numpy(float)

    @cached_property
    def star(self) -> np.ndarray:
        """Number of the star that each row shows, (n_stars,), from 0 in the order in which stars first appear."""
        return pd.factorize(self.stars["star_id"])[0]

    @property
    def n_stars(self) -> int:
        """Number of stars, each once however often it was seen."""
        return int(self.star.max(initial=-1)) + 1

    def visits(self, star: int) -> np.ndarray:
        """Return the rows that show a star, by its number."""
        return np.flatnonzero(self.star == star)

    @property
    def bin_index(self) -> np.ndarray:
        """True bin, (n_stars,)."""
        return self.stars["bin_index"].to_numpy(int)

    def seeds(self, contender: Contender, *others: Contender) -> tuple[int, ...]:
        """Return the training seeds that all of these contenders have, ascending."""
        common = set(self.entries[contender])
        return tuple(sorted(common.intersection(*(self.entries[other] for other in others))))


def make_panel(records: Sequence[RunRecord], labels: Mapping[str, Labels]) -> Panel:
    """Gather what the sorted runs of one data seed scored.

    A gate's own run comes before the same gate as another run's reference; of a reference that several runs hold, the
    first is taken.

    Raises
    ------
    InputError
        If fewer than two test stars lie in a bin, or two runs contradict each other in what both hold.
    """
    first = records[0].predictions
    if first.covered.sum() < 2:
        raise InputError(
            Code.TOO_FEW_COVERED,
            f"data.seed={records[0].data_seed}: {first.covered.sum()} of {len(first)} test stars lie in a bin; "
            f"scores need at least 2.",
        )
    scale = label_scale(first)
    entries: dict[Contender, dict[int, SquaredErrors]] = {}
    sources: dict[tuple[Contender, int], RunRecord] = {}
    notes = {
        f"The predictions of {record.gate} were made elsewhere; on which stars it was trained is not known here.": None
        for record in records
        if not record.predictions.has_gate
    }
    for own in (True, False):
        for record in records:
            for contender, model in _contenders(record, labels[record.run_id], own=own):
                errors = _errors(record, model)
                known = entries.setdefault(contender, {}).setdefault(record.seed, errors)
                source = sources.setdefault((contender, record.seed), record)
                gap = _gap(errors.clipped, known.clipped)
                if contender.kind == "reference" and gap > SAME_REFERENCES * scale:
                    raise InputError(
                        Code.RUNS_CONTRADICT,
                        f"{record} and {source} were made alike, but their {contender.model} predicts other values, by "
                        f"up to {first.label.amount(f'{gap:.2g}')}: stars, noise or code were others. Run one of them "
                        f"again with tracking.resume=false.",
                    )
                gap = _gap(errors.configured, known.configured)
                if gap > UNSAID * scale:
                    notes[
                        f"{contender}, seed={record.seed}: the errors of {source} and of {record} differ by up to "
                        f"{first.label.amount(f'{gap:.2g}')}; those of {source} are used."
                    ] = None
    return Panel(
        data_seed=records[0].data_seed,
        stars=first.stars[first.covered].reset_index(drop=True),
        label=first.label,
        bin_names=first.bin_names,
        entries={contender: entries[contender] for contender in sorted(entries, key=lambda c: c.order)},
        notes=tuple(notes),
    )


def _gap(one: np.ndarray, other: np.ndarray) -> float:
    """Return the largest difference of two models' errors [dex] from their squares."""
    return float(np.max(np.abs(np.sqrt(one) - np.sqrt(other))))


def _contenders(record: RunRecord, labels: Labels, *, own: bool) -> Iterator[tuple[Contender, str]]:
    """Yield what a run scored and under which name its predictions hold it: its own gate, or its references."""
    has_gate = record.predictions.has_gate
    if own:
        names = [
            (labels.gate, "gate", "soft"),
            *([(f"{labels.gate} hard", "hard routing", "hard")] if has_gate else []),
        ]
    elif not has_gate:
        names = []
    else:
        baselines = [model for model in record.predictions.models if model not in MODELS]
        names = [(model, "reference", model) for model in ("oracle", "global_ridge")]
        names += [(f"{model}{labels.baseline}", "reference", model) for model in baselines]
        if record.gate != "classify":
            names.append(("classify", "gate", "classify"))
    for name, kind, model in names:
        contender = Contender(
            model=name, kind=kind, n_train=record.n_train, noise_level=record.noise_level, design=labels.design
        )
        yield contender, model


def _errors(record: RunRecord, model: str) -> SquaredErrors:
    predictions = record.predictions
    covered = predictions.covered
    y = predictions.y[covered]
    clipped, unclipped = (
        (np.asarray(values[model], float)[covered] - y) ** 2 for values in (predictions.clipped, predictions.unclipped)
    )
    return SquaredErrors(clipped, unclipped, clipped if record.clip else unclipped, record.clip)
