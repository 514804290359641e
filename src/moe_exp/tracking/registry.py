"""MLflow's registry of models: versions by name, and the alias of the one to use."""

from mlflow.exceptions import MlflowException

from moe_exp import names
from moe_exp.tracking.reading import LoggedRun
from moe_exp.tracking.store import Tracking, explaining, read_store

CHAMPION = "champion"
"""Alias of the version that others should load, as ``models:/<name>@champion``."""


def register_champion(tracking: Tracking, run: LoggedRun, name: str, *, description: str) -> str:
    """Make the model of a run the newest version of a name, and its champion; return the URI that loads it."""
    client, _ = read_store(tracking)
    model = client.get_logged_model(run.tags[names.TAG_MODEL].removeprefix("models:/"))
    with explaining(tracking):
        try:
            client.get_registered_model(name)
        except MlflowException:
            client.create_registered_model(name)
        version = client.create_model_version(
            name, model.artifact_location, run_id=run.run_id, description=description, model_id=model.model_id
        )
        client.set_registered_model_alias(name, CHAMPION, version.version)
    return f"models:/{name}@{CHAMPION}"
