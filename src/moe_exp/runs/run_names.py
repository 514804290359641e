"""What runs are called: by what they are, so that a list of them tells them apart."""

import re
from pathlib import Path

from moe_exp.experiment.config import Experiment

LEFT_OUT_OF_NAMES = re.compile(
    r"(gate|externals|hypotheses|metrics|figures|tracking|hydra)\b"
    r"|(data(\.(n_train|noise_level|(val_|test_)?path))?|seed|experiment|external|hypothesis|metric|figure|device"
    r"|cache_(dir|limit_gb)|trusted_modules)="
)
"""Typed options that a run's name does not repeat: it holds them in any case, or they do not belong there."""

LONGEST_NAME = 120
"""Characters of a run's name."""


def name_run(experiment: Experiment) -> str:
    """Return what tells a run from its neighbours in a list: ``mlp hidden=128 n=100k noise=0.2 seed=0``.

    What was typed beside the four that are always named follows the gate, if it is its own option, or the end; so do
    the names of files, since lists show some 25 characters.
    """
    data, gate = experiment.data, experiment.choices["gate"]
    typed = [text.lstrip("+~") for text in experiment.overrides]
    options = [text.removeprefix("gate.") for text in typed if text.startswith("gate.")]
    others = [text for text in typed if not LEFT_OUT_OF_NAMES.match(text)]
    source = [] if experiment.choices["data"] == "simulated" else [_name_source(experiment)]
    always = [f"n={short_size(data.n_train)}", f"noise={data.noise_level:g}", f"seed={experiment.seed}"]
    return " ".join([gate, *options, *always, *source, *others])[:LONGEST_NAME]


def _name_source(experiment: Experiment) -> str:
    """Return the name of the file that stars are read from, without its folder, else of the choice of data."""
    path = experiment.values["data"].get("path")
    return Path(str(path)).name if path else experiment.choices["data"]


def short_size(size: float | None) -> str:
    """Return a number of stars as names have it: ``100k``, or ``all``."""
    if size is None:
        return "all"
    for unit, suffix in ((1_000_000, "M"), (1_000, "k")):
        if size >= unit and size % (unit // 10) == 0:
            return f"{size / unit:g}{suffix}"
    return f"{size:g}"
