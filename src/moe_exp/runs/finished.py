"""From a finished run to the record that a comparison takes."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from moe_exp import names
from moe_exp.codes import Code
from moe_exp.comparison import RunRecord
from moe_exp.errors import InputError
from moe_exp.evaluation.predictions import Predictions
from moe_exp.tracking import LoggedRun

Fetch = Callable[[LoggedRun, str], AbstractContextManager[Path]]
"""Gives a local copy of a file that a run kept, by its name: from a store, or from a bundle."""


def read_record(fetch: Fetch, run: LoggedRun) -> RunRecord:
    """Read one run's predictions and say what it is.

    Raises
    ------
    InputError
        If the run lacks what a comparison needs.
    """
    digests = {
        "train_digest": names.TAG_TRAIN_DIGEST,
        "gate_digest": names.TAG_GATE_DIGEST,
        "test_digest": names.TAG_TEST_DIGEST,
    }
    missing = sorted(
        {*digests.values(), names.TAG_NOISE_DRAW, names.TAG_N_TRAIN, names.TAG_PREDICTIONS_DIGEST} - set(run.tags)
    )
    if missing:
        raise InputError(
            Code.OTHER_VERSION,
            f"Run {run.name!r} ({run.run_id}) has no tag {', '.join(missing)}: it was made by another version, and "
            f"cannot be compared; run it again.",
        )
    predictions = _read_predictions(fetch, run)
    return RunRecord(
        run_id=run.run_id,
        name=run.name,
        gate=run.parameters[names.PARAMETERS["gate"]],
        n_train=int(run.tags[names.TAG_N_TRAIN]),
        noise_level=float(run.parameters[names.PARAMETERS["noise_level"]]),
        seed=int(run.parameters[names.PARAMETERS["seed"]]),
        data_seed=int(run.parameters[names.PARAMETERS["data_seed"]]),
        **{name: run.tags[tag] for name, tag in digests.items()},
        noise_draw=run.tags[names.TAG_NOISE_DRAW],
        clip=predictions.clip,
        made_on=f"{run.tags.get(names.TAG_DEVICE, '')} {run.tags.get(names.TAG_PROCESSOR, '')}",
        predictions=predictions,
        parameters=run.parameters,
    )


def _read_predictions(fetch: Fetch, run: LoggedRun) -> Predictions:
    """Read the predictions of a run, and refuse those that are not what it logged."""
    with fetch(run, names.PREDICTIONS_FILE) as path:
        try:
            return Predictions.read(path, run.tags[names.TAG_PREDICTIONS_DIGEST])
        except InputError as error:
            raise InputError(
                error.code, f"Run {run.name!r} ({run.run_id}): {error.message} Run it again with tracking.resume=false."
            ) from error
