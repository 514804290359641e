"""The mixture of a run as a model that others can use: with its code, its requirements, an example and a card."""

import logging
import tempfile
from pathlib import Path

import numpy as np

from moe_exp import names
from moe_exp.cache.code import needed_code
from moe_exp.errors import InputError
from moe_exp.experiment.pipeline import Outcome
from moe_exp.prediction import loader
from moe_exp.prediction.mixture import FLAG, TEXTS, Mixture
from moe_exp.prediction.storage import PARTS
from moe_exp.runs.model_card import write_card
from moe_exp.tracking import PortableModel, TrackedRun

log = logging.getLogger(__name__)

EXAMPLE_STARS = 2


def record_model(run: TrackedRun, outcome: Outcome) -> None:
    """Log the run's mixture as a model; say so and go on where a part of the user's own cannot be kept."""
    with tempfile.TemporaryDirectory(prefix="moe_exp_") as name:
        folder = Path(name) / names.MODEL
        try:
            kept = Mixture.of(outcome.model)
            kept.save(folder)
            model = portable_model(outcome, kept, folder)
        except InputError as error:
            log.warning("no model is kept with the run: %s", error)
            return
        run.log_model(model, write_card(outcome, run_id=run.run_id, name=names.MODEL))


def portable_model(outcome: Outcome, kept: Mixture, folder: Path) -> PortableModel:
    """Return what another machine needs to use the mixture of a run, which was saved in a folder."""
    fitted, test = kept.fitted, outcome.dataset.test
    parts = [*(getattr(fitted, part) for part in PARTS), fitted.experts.regressors[0]]
    code = needed_code([loader.__name__, *(type(part).__module__ for part in parts)])
    return PortableModel(
        name=names.MODEL,
        loader=loader.__name__,
        data=folder,
        code=code.files,
        requirements=[f"{name}=={version.partition('+')[0]}" for name, version in code.libraries.items()],
        example=test.observe(np.arange(min(EXAMPLE_STARS, len(test)))),
        columns={name: _kind(name) for name in kept.columns},
    )


def _kind(column: str) -> str:
    """Return the MLflow type of a column of a prediction."""
    return "string" if column in TEXTS else "long" if column == FLAG else "double"
