"""An SQLite store that was moved or copied together with the artifacts of its runs.

MLflow writes the absolute folder of an experiment, of every run and of every model into the store, and its client
cannot change them. A run's id is its own in all the world: where a folder of that name lies, there are the run's
artifacts; and so are a model's.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

MODELS_FOLDER = "models"
"""Where MLflow keeps the models of an experiment, beside the folders of its runs."""


def follow_artifacts(database: Path, experiment_id: str, folder: Path) -> bool:
    """Write into a store that an experiment's artifacts are in a folder, if those of any of its runs are.

    Runs and models whose artifacts are not there keep the place that they have. An experiment without runs has nothing
    elsewhere.

    Parameters
    ----------
    database : path
        The store's file.
    experiment_id : str
    folder : path
        Absolute; where the runs' folders would be.

    Returns
    -------
    bool
        Whether the store was changed.
    """
    number = int(experiment_id)
    with closing(sqlite3.connect(database)) as connection, connection:
        run_ids = [
            run_id for (run_id,) in connection.execute("SELECT run_uuid FROM runs WHERE experiment_id = ?", (number,))
        ]
        here = [run_id for run_id in run_ids if (folder / run_id).is_dir()]
        if run_ids and not here:
            return False
        connection.executemany(
            "UPDATE runs SET artifact_uri = ? WHERE run_uuid = ?",
            [((folder / run_id / "artifacts").as_uri(), run_id) for run_id in here],
        )
        model_ids = connection.execute(
            "SELECT model_id FROM logged_models WHERE experiment_id = ?", (number,)
        ).fetchall()
        connection.executemany(
            "UPDATE logged_models SET artifact_location = ? WHERE model_id = ?",
            [
                ((folder / MODELS_FOLDER / model_id / "artifacts").as_uri(), model_id)
                for (model_id,) in model_ids
                if (folder / MODELS_FOLDER / model_id).is_dir()
            ],
        )
        connection.execute(
            "UPDATE experiments SET artifact_location = ? WHERE experiment_id = ?", (folder.as_uri(), number)
        )
    return True
