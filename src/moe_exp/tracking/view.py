"""What MLflow's page of all runs shows first: the columns and charts that answer the question, behind one link.

The page as it opens by itself has no column for a metric, and a chart for every metric. A *shared view* is a tag of the
experiment that holds the state of the page as JSON; an address that names the tag opens the page in that state.
"""

import json

from mlflow.entities import Experiment
from mlflow.tracking import MlflowClient

from moe_exp import names

SHARE_KEY = "moe_exp"
TAG_SHARED_VIEW = f"mlflow.sharedViewState.{SHARE_KEY}"

SCORES = tuple(f"{names.METRICS_TEST}{score}" for score in ("r2", "delta_r2", "delta_r2_vs_global"))
"""The metrics that answer: R², and what it gains over the classify gate and over one global Ridge."""

COLUMNS = {
    "params": ("gate", "data.n_train", "data.noise_level"),
    "metrics": (
        *(score + end for score in SCORES for end in ("", "_ci_low", "_ci_high")),
        *(f"{difference}_trusted" for difference in SCORES[1:]),
        names.METRIC_CONVERGED,
    ),
    "attributes": ("Duration",),
}
"""Columns of the list, in order, by what MLflow calls their kind."""


def page_state() -> str:
    """Return the state of the page, in JSON as MLflow 3 reads it.

    Runs are in the order of R²: in that of their creation, the jobs of a sweep hide behind their parent.
    """
    columns = [f"{kind}.`{name}`" for kind, listed in COLUMNS.items() for name in listed]
    section = {"uuid": "answers", "name": "Answers", "display": True, "isReordered": False}
    chart = {"type": "BAR", "metricSectionId": section["uuid"], "runsCountToCompare": 20, "deleted": False}
    charts = [chart | {"uuid": score, "metricKey": score, "isGenerated": True} for score in SCORES]
    return json.dumps(
        {
            "selectedColumns": columns,
            "columnOrder": columns,
            "orderByKey": f"metrics.`{SCORES[0]}`",
            "orderByAsc": False,
            "compareRunCharts": charts,
            "compareRunSections": [section],
        }
    )


def offer_view(client: MlflowClient, experiment: Experiment) -> None:
    """Keep the view with an experiment that has none, or one of another version."""
    state = page_state()
    if experiment.tags.get(TAG_SHARED_VIEW) != state:
        client.set_experiment_tag(experiment.experiment_id, TAG_SHARED_VIEW, state)


def view_address(server: str, experiment_id: str) -> str:
    """Return where a server, such as ``http://127.0.0.1:5000``, shows the view."""
    return f"{server}/#/experiments/{experiment_id}/runs?workflowType=machine_learning&viewStateShareKey={SHARE_KEY}"
