"""The deliberate faults, by part of the package: what each changes where, and the tests that have to notice it."""

from . import cache, comparison, experiment, model, prediction, process, runs, spectra, tracking
from .mutant import Mutant

__all__ = ["MUTANTS", "Mutant"]

_PARTS = (cache, comparison, experiment, model, prediction, process, runs, spectra, tracking)
MUTANTS = [mutant for part in _PARTS for mutant in part.MUTANTS]
