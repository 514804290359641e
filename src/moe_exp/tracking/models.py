"""Models in MLflow's format: a folder that `mlflow.pyfunc.load_model` and `mlflow models serve` understand."""

import json
import platform
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import mlflow
import numpy as np
import yaml
from mlflow.models import Model, ModelSignature
from mlflow.types import ColSpec, Schema, TensorSpec

CODE, DATA = "code", "data"
MODEL_FILE = "MLmodel"
REQUIREMENTS_FILE, ENVIRONMENT_FILE = "requirements.txt", "python_env.yaml"
EXAMPLE_FILE, SERVED_EXAMPLE_FILE = "input_example.json", "serving_input_example.json"


@dataclass(frozen=True, kw_only=True)
class PortableModel:
    """All that another machine needs to use a model that takes arrays and returns a table.

    Attributes
    ----------
    name : str
    loader : str
        Module whose function ``_load_pyfunc`` loads the data.
    data : path
        Folder of what the loader reads.
    code : mapping of str to path
        Source files by their place in a folder of imports, and no others.
    requirements : sequence of str
        What pip has to install.
    example : array of shape (n_rows, n_columns)
        Some rows that it takes.
    columns : mapping of str to str
        Columns of the table that it returns, with their MLflow types.
    """

    name: str
    loader: str
    data: Path
    code: Mapping[str, Path]
    requirements: Sequence[str]
    example: np.ndarray
    columns: Mapping[str, str]

    @property
    def signature(self) -> ModelSignature:
        """Shape and type of what goes in and comes out."""
        takes = TensorSpec(self.example.dtype, (-1, self.example.shape[1]))
        returns: list[ColSpec | TensorSpec] = [ColSpec(kind, name) for name, kind in self.columns.items()]
        return ModelSignature(Schema([takes]), Schema(returns))

    def write(self, folder: Path, *, run_id: str) -> None:
        """Write the model into a folder; `write_model_id` adds the id that the store gives it.

        The files are those of ``mlflow.pyfunc.save_model``, which takes seconds to look through all that is installed.
        """
        shutil.copytree(self.data, folder / DATA)
        for place, source in self.code.items():
            (folder / CODE / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, folder / CODE / place)
        environment = {
            "python": platform.python_version(),
            "build_dependencies": ["pip", "setuptools", "wheel"],
            "dependencies": [f"-r {REQUIREMENTS_FILE}"],
        }
        (folder / ENVIRONMENT_FILE).write_text(yaml.safe_dump(environment, sort_keys=False), encoding="utf-8")
        lines = "".join(f"{each}\n" for each in (f"mlflow=={mlflow.__version__}", *self.requirements))
        (folder / REQUIREMENTS_FILE).write_text(lines, encoding="utf-8")
        rows = self.example.astype(float).tolist()
        (folder / EXAMPLE_FILE).write_text(json.dumps(rows), encoding="utf-8")
        (folder / SERVED_EXAMPLE_FILE).write_text(json.dumps({"inputs": rows}), encoding="utf-8")
        example = {"artifact_path": EXAMPLE_FILE, "serving_input_path": SERVED_EXAMPLE_FILE, "type": "ndarray"}
        model = Model(run_id=run_id, signature=self.signature, saved_input_example_info=example)
        model.add_flavor(
            "python_function",
            loader_module=self.loader,
            python_version=platform.python_version(),
            data=DATA,
            code=CODE,
            env={"virtualenv": ENVIRONMENT_FILE},
        )
        model.save(folder / MODEL_FILE)


def write_model_id(folder: Path, model_id: str) -> None:
    """Let a model that was written know the id that the store gave it."""
    file = folder / MODEL_FILE
    said = yaml.safe_load(file.read_text(encoding="utf-8")) | {"model_id": model_id}
    file.write_text(yaml.safe_dump(said), encoding="utf-8")
