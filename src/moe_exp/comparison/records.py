"""What a comparison needs to know of a run."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from moe_exp.evaluation.predictions import Predictions

OWN_ATTRIBUTES = {"data", "gate", "data.n_train", "data.noise_level", "data.seed", "seed", "experts.clip"}
"""Parameters that a record holds by themselves, or that digests of the stars tell better."""

WITHOUT_EFFECT = (
    "data.path",
    "data.val_path",
    "data.test_path",
    "device",
    "evaluation",
    "tracking",
    "cache",
    "hypotheses",
    "externals",
    "metrics",
    "figures",
)
"""Parameters, and groups of them, that do not change what is compared; digests tell one file from another."""


@dataclass(frozen=True, eq=False, kw_only=True)
class RunRecord:
    """One finished run.

    Attributes
    ----------
    run_id, name : str
    gate : str
    n_train : int
    noise_level : float
    seed : int
        Seed of everything that is trained.
    data_seed : int
        Seed of the stars and of their noise.
    train_digest, gate_digest, test_digest : str
        Digests of the spectra, without noise, and labels: of the experts' stars, the gate's own, the test stars.
    noise_draw : str
        Which random numbers are the test stars' noise; the same at every noise level.
    clip : bool
        Whether the run was configured to clip its experts' predictions.
    made_on : str
        Device and processor, whose last bits differ from those of another.
    predictions : Predictions
    parameters : mapping of str to str
        All parameters, as the run logged them.
    """

    run_id: str
    name: str
    gate: str
    n_train: int
    noise_level: float
    seed: int
    data_seed: int
    train_digest: str
    gate_digest: str
    test_digest: str
    noise_draw: str
    clip: bool
    made_on: str
    predictions: Predictions
    parameters: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.name!r} ({self.run_id[:8]})"

    @property
    def design(self) -> dict[str, str]:
        """All other parameters that can change the predictions, for example ``"bins"`` or ``"experts.n_folds"``.

        Those that start with ``gate.`` belong to the gate, ``baseline`` and those that start with ``baseline.`` to the
        baseline.
        """
        return {name: value for name, value in self.parameters.items() if _is_design(name)}

    @property
    def place(self) -> tuple[int, int, float, str, int, str]:
        """Where the run stands in a sorted list; of all runs of a comparison no two stand in the same place."""
        return self.data_seed, self.n_train, self.noise_level, self.gate, self.seed, self.run_id

    @property
    def configuration(self) -> tuple[object, ...]:
        """Everything that decides the run's predictions, but those of its baseline."""
        design = ((name, value) for name, value in self.design.items() if name.split(".")[0] != "baseline")
        return *self.place[:-1], self.clip, *sorted(design)


def _is_design(name: str) -> bool:
    return name not in OWN_ATTRIBUTES and not re.fullmatch(rf"({'|'.join(WITHOUT_EFFECT)})([_.].*)?", name)


def sort_records(records: Iterable[RunRecord]) -> list[RunRecord]:
    """Return the runs in a fixed order, each once."""
    return sorted({record.run_id: record for record in records}.values(), key=lambda record: record.place)
