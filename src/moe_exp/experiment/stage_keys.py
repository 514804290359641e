"""All that the result of a stage depends on, as plain values: what its key in the cache is made of.

A stage depends on stars, on the values that earlier stages give it, on the class, options and code of the object that
does the work, and on the arguments that this is called with, which are the same values in the key and in the call; on
nothing else. Gate inputs are made by a function, whose code counts as that of a class does.
"""

import hashlib
from dataclasses import asdict
from typing import Any

import numpy as np

from moe_exp.cache.code import code_digest
from moe_exp.experiment.config import Experiment
from moe_exp.model import gate_inputs
from moe_exp.spectra.dataset import Stars

OPTIONS_OF_THE_MIXTURE = {"clip"}
"""Options of the experts that matter only to what is made of their predictions."""


def identify_class(thing: Any) -> dict[str, str]:
    """Return the class of an object, built in or the user's, and the digest of its code."""
    made_by = type(thing)
    return {"class": f"{made_by.__module__}.{made_by.__qualname__}", "code": code_digest(made_by.__module__)}


def identify_worker(worker: Any) -> dict[str, Any]:
    """Return class, code and options of an object that does the work of a stage."""
    return {**identify_class(worker), "options": asdict(worker)}


def identify_stars(stars: Stars) -> dict[str, Any]:
    """Return what the noisy flux of some stars depends on: their values, how they are read, and what is done to it."""
    workers = {"drawn_by": identify_worker(stars.noise), "preprocessing": identify_worker(stars.preprocessing)}
    medium = {"medium": str(stars.medium)} if stars.preprocessing.needs_medium else {}
    return {**identify_class(stars), **stars.identity, **workers, **medium}


def identify_experts(
    experts: Any, stars: Stars, bin_index: np.ndarray, names: tuple[str, ...], arguments: dict[str, Any]
) -> dict[str, Any]:
    """Say what fitted experts depend on.

    Parameters
    ----------
    experts : object
        What fits them.
    stars : Stars
        The training stars.
    bin_index : array of shape (n_stars,)
        Their bins, -1 outside every bin: these count, not how they were found.
    names : tuple of str
        Names of the bins.
    arguments : dict
        What else the fit is called with, as plain values.
    """
    worker = identify_worker(experts)
    for option in OPTIONS_OF_THE_MIXTURE:
        worker["options"].pop(option, None)
    return {
        "experts": worker,
        "stars": identify_stars(stars),
        "bins": [*names, hashlib.sha256(bin_index.astype("<i8").tobytes()).hexdigest()],
        **arguments,
    }


def identify_gate_inputs(experiment: Experiment, stars: Stars, experts: dict[str, Any]) -> dict[str, Any]:
    """Say what features and predictions of some stars depend on, given what the experts do."""
    return {
        "medium": str(stars.medium),
        "features": identify_worker(experiment.features),
        "experts": experts,
        "stars": identify_stars(stars),
        "code": code_digest(gate_inputs.__name__),
    }


def identify_baseline(baseline: Any, stars: Stars, arguments: dict[str, Any]) -> dict[str, Any]:
    """Say what the baseline depends on that is fitted to the training stars and called with these plain values."""
    return {"baseline": identify_worker(baseline), "stars": identify_stars(stars), **arguments}
