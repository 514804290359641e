"""Outcomes that were never tracked, compared as runs are: on the same stars, or not at all."""

from collections.abc import Iterable
from uuid import uuid4

from moe_exp import comparison
from moe_exp.experiment.config import flatten
from moe_exp.experiment.pipeline import Outcome
from moe_exp.machine import choose_device, describe_machine


def compare(
    outcomes: Iterable[Outcome], *, n_resamples: int = 10_000, confidence: float = 0.95
) -> comparison.Comparison:
    """Compare outcomes on their common test stars; see `moe_exp.comparison.compare`.

    Raises
    ------
    InputError
        If they cannot be compared fairly; the message says why.
    """
    return comparison.compare(map(make_record, outcomes), n_resamples=n_resamples, confidence=confidence)


def make_record(outcome: Outcome) -> comparison.RunRecord:
    """Say of an outcome what a comparison needs to know."""
    experiment, dataset, predictions = outcome.experiment, outcome.dataset, outcome.results.predictions
    return comparison.RunRecord(
        run_id=uuid4().hex,
        name=" ".join(experiment.overrides) or predictions.gate,
        gate=predictions.gate,
        n_train=len(dataset.train),
        noise_level=dataset.test.noise_level,
        seed=experiment.seed,
        data_seed=dataset.test.seed,
        train_digest=dataset.train.digest,
        gate_digest=dataset.gate.digest,
        test_digest=dataset.test.digest,
        noise_draw=dataset.test.noise_draw,
        clip=predictions.clip,
        made_on=f"{choose_device(experiment.device)} {describe_machine()['processor']}",
        predictions=predictions,
        parameters=flatten(experiment.values, experiment.choices),
    )
