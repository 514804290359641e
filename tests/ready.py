"""What copies of a process start with that are to become train.py: its libraries, and what it knows of its own code."""

from pathlib import Path

import mlflow.store.tracking.sqlalchemy_store  # noqa: F401

import moe_exp.runs.job  # noqa: F401
import moe_exp.sweeps.callback  # noqa: F401
from moe_exp.experiment.composition import compose_in
from moe_exp.runs.identity import identify

identify(compose_in(Path(__file__).resolve().parents[1], ["experiment=smoke"]))
