"""Mixtures of Ridge experts for log g, compared fairly.

The way of the data, room by room: stars come from HDF5 files or from the simulator that writes them (`spectra`); bins,
experts, gate features and gates are fitted (`model`), kept as files and applied to the spectra of others
(`prediction`); predictions of the test stars are scored (`evaluation`); many runs stand side by side (`comparison`) and
are drawn and told (`figures`, `report`). `experiment` puts the stages of one run in order, `runs` keeps it in MLflow,
`sweeps` does so for many, `cli` is for the terminal. Below them all lie `tracking`, the only room that knows MLflow,
and `cache`; and on the ground the names that runs are written and read by (`names`), errors, progress, random streams,
the machine, its workers and the program itself.

From Python, `Experiment.of` takes what one would type, `run` runs it, and `compare` holds outcomes against each other;
`Mixture.load` takes up the model of a finished run.
"""

from importlib import import_module
from typing import Any

_HOMES = {
    "Experiment": "moe_exp.experiment.config",
    "Mixture": "moe_exp.prediction.mixture",
    "Outcome": "moe_exp.experiment.pipeline",
    "compare": "moe_exp.experiment.side_by_side",
    "run": "moe_exp.experiment.pipeline",
}

__all__ = ["Experiment", "Mixture", "Outcome", "compare", "run"]  # noqa: F822 - see __getattr__


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for: the command line needs none of it."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
