"""The model that a run keeps, through MLflow: loaded, registered, served, moved."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.models import Model

from moe_exp import names
from moe_exp.runs.job import run_job
from moe_exp.tracking import fetched_artifact, find_runs
from tests.conftest import PROJECT_ROOT, store_in
from tests.prediction.small import SMALL


def gate_of(name: str) -> tuple[str, str, str]:
    return "gate=classify", f"gate._target_=tests.runs.own_gates.{name}", "trusted_modules=[tests]"


@pytest.fixture
def kept(configure, tracking, many_stars):
    """Run a job whose gate lies outside the package, and return its run."""
    run_job(configure(*SMALL, f"data.path={many_stars}", *gate_of("OwnGate")), PROJECT_ROOT)
    [run] = find_runs(tracking)
    return run


def flux_of_test_stars(configure, many_stars):
    from moe_exp.progress import Stages

    experiment = configure(*SMALL, f"data.path={many_stars}")
    test = experiment.data.open(experiment.cache_dir, Stages()).test
    return test.observe(np.arange(len(test)))


def test_a_model_loads_by_its_run_and_gives_the_runs_predictions(kept, configure, tracking, many_stars):
    with fetched_artifact(tracking, kept, names.PREDICTIONS_FILE) as path:
        stored = pd.read_parquet(path)
    model = mlflow.pyfunc.load_model(kept.tags[names.TAG_MODEL])
    table = model.predict(flux_of_test_stars(configure, many_stars))
    np.testing.assert_allclose(table["log_g"], stored["prediction"], rtol=0, atol=1e-6)
    assert list(table.columns) == model.metadata.signature.outputs.input_names()
    version = mlflow.register_model(f"runs:/{kept.run_id}/{names.MODEL}", "log_g")
    mlflow.MlflowClient().set_registered_model_alias("log_g", "champion", version.version)
    again = mlflow.pyfunc.load_model("models:/log_g@champion")
    assert again.predict(flux_of_test_stars(configure, many_stars)).equals(table)


def folder_of_model(kept) -> Path:
    model_id = kept.tags[names.TAG_MODEL].removeprefix("models:/")
    return Path(mlflow.MlflowClient().get_logged_model(model_id).artifact_location.removeprefix("file://"))


def test_a_model_holds_its_code_its_requirements_an_example_and_a_card(kept):
    folder = folder_of_model(kept)
    code = {path.relative_to(folder / "code").as_posix() for path in (folder / "code").rglob("*.py")}
    expected = {"moe_exp/__init__.py", "moe_exp/prediction/loader.py", "moe_exp/errors.py", "tests/runs/own_gates.py"}
    assert expected <= code
    assert "moe_exp/spectra/simulator/__init__.py" not in code
    requirements = (folder / "requirements.txt").read_text().split()
    assert f"numpy=={np.__version__}" in requirements
    assert f"mlflow=={mlflow.__version__}" in requirements
    assert all("==" in each and "+" not in each for each in requirements)
    model = Model.load(folder)
    example = model.load_input_example(str(folder))
    assert len(mlflow.pyfunc.load_model(str(folder)).predict(example.astype(np.float32))) == 2
    card = (folder / names.MODEL_CARD_FILE).read_text()
    for said in (
        f"runs:/{kept.run_id}/mixture",
        "Cool Metal-poor",
        "3750 to 4500",
        "Limits of use",
        "Noise (gaussian, correlation 0.0)",
        "60 pixels",
    ):
        assert said in card
    assert f"{kept.metrics[names.METRIC_R2]:.4f} \\[{kept.metrics['test/r2_ci_low']:.4f}" in card


def test_a_run_goes_on_without_a_model_of_a_gate_that_cannot_be_kept(configure, tracking, many_stars, caplog):
    run_job(configure(*SMALL, f"data.path={many_stars}", *gate_of("SecretiveGate")), PROJECT_ROOT)
    [run] = find_runs(tracking)
    assert names.TAG_MODEL not in run.tags
    assert "no model is kept with the run: tests.runs.own_gates.SecretiveGate learnt secret_" in caplog.text


def test_the_model_moves_with_its_store(kept, tmp_path):
    new = tmp_path / "new"
    new.mkdir()
    for name in ("mlflow.db", "mlruns"):
        shutil.move(tmp_path / name, new / name)
    moved = store_in(new)
    [run] = find_runs(moved)
    assert folder_of_model(run).is_relative_to(new)
    assert mlflow.pyfunc.load_model(run.tags[names.TAG_MODEL]).predict(np.ones((1, 60), np.float32)).shape == (1, 19)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def ask(address: str, body: bytes | None = None) -> str:
    request = urllib.request.Request(address, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read().decode()


@pytest.fixture
def served(kept, tmp_path):
    """Serve a copy of the model, in a process that knows neither the project nor the store, and return the address."""
    shutil.copytree(folder_of_model(kept), tmp_path / "copy")
    address = f"http://127.0.0.1:{(port := free_port())}"
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", "copy", "--env-manager=local", f"-p{port}"]
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"PATH": programs}
    with (tmp_path / "said.txt").open("w") as said:
        process = subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdout=said, stderr=said, start_new_session=True
        )
    try:
        for _ in range(120):
            time.sleep(0.5)
            try:
                ask(f"{address}/ping")
                break
            except OSError:
                assert process.poll() is None, (tmp_path / "said.txt").read_text()
        yield address
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def test_a_served_model_answers_its_own_example(served, tmp_path):
    example = (tmp_path / "copy" / "serving_input_example.json").read_bytes()
    rows = json.loads(ask(f"{served}/invocations", example))["predictions"]
    expected = mlflow.pyfunc.load_model(str(tmp_path / "copy")).predict(
        np.array(json.loads(example)["inputs"], np.float32)
    )
    assert [row["log_g"] for row in rows] == pytest.approx(list(expected["log_g"]), abs=1e-6)
    assert [row["bin"] for row in rows] == list(expected["bin"])
