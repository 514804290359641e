"""MLflow's registry of models: versions by name, and the alias of the one to use."""

from mlflow.entities import LoggedModel
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from moe_exp import names
from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.tracking.reading import LoggedRun
from moe_exp.tracking.store import REFUSALS, Tracking, explain, explaining, read_store

CHAMPION = "champion"
"""Alias of the version that others should load, as ``models:/<name>@champion``."""


def register_champion(tracking: Tracking, run: LoggedRun, name: str, *, description: str) -> str:
    """Make the model of a run the newest version of a name, and its champion; return the URI that loads it.

    Raises
    ------
    InputError
        If the model was deleted, or nothing may have that name.
    """
    client, _ = read_store(tracking)
    with explaining(tracking):
        model = _find_model(client, run)
        try:
            client.get_registered_model(name)
        except MlflowException:
            _create(client, name)
        version = client.create_model_version(
            name, model.artifact_location, run_id=run.run_id, description=description, model_id=model.model_id
        )
        client.set_registered_model_alias(name, CHAMPION, version.version)
    return f"models:/{name}@{CHAMPION}"


def _find_model(client: MlflowClient, run: LoggedRun) -> LoggedModel:
    try:
        return client.get_logged_model(run.tags[names.TAG_MODEL].removeprefix("models:/"))
    except MlflowException as error:
        if error.error_code not in REFUSALS:
            raise
        raise InputError(Code.NO_MODEL, f"The model of run {run.name!r} ({run.run_id}) was deleted.") from error


def _create(client: MlflowClient, name: str) -> None:
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code not in REFUSALS:
            raise
        raise InputError(
            Code.UNKNOWN_CHOICE, f"{name!r} is no name for a registered model: {explain(error)}"
        ) from error
