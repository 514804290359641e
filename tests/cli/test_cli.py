import shutil
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner

from moe_exp.cache.stages import StageCache, in_use
from moe_exp.cli.commands import main
from moe_exp.experiment.project import find_project
from moe_exp.spectra.checksums import read_checksums
from moe_exp.spectra.files import FLUX, in_random_order, read_grid
from moe_exp.spectra.labels import read_labels
from moe_exp.spectra.row_reader import RowReader
from moe_exp.spectra.simulator import Simulator, simulate
from tests.conftest import PROJECT_ROOT


def invoke(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_simulate_writes_the_stars_of_the_simulator(tmp_path):
    path = tmp_path / "stars.h5"
    done = invoke("simulate", path, "--n-stars", 5, "--seed", 3)
    assert done.exit_code == 0, done.output
    [chunk] = simulate(Simulator(), seed=3, first=0, last=5)
    np.testing.assert_array_equal(RowReader(path, FLUX).read(np.arange(5)), chunk.flux)
    np.testing.assert_array_equal(read_labels(path)["logg"], chunk.labels["logg"])
    np.testing.assert_array_equal(read_grid(path).wavelength, Simulator().wavelength)
    assert in_random_order(path)
    assert read_checksums(path) is not None
    again = invoke("simulate", path, "--n-stars", 5)
    assert again.exit_code == 1
    assert "exists; choose another name" in again.output


def test_a_place_that_cannot_be_written_ends_in_a_message():
    done = invoke("simulate", "/dev/null/stars.h5", "--n-stars", 5)
    assert done.exit_code == 1
    assert done.output.startswith("Error: ")


def test_cache_is_shown_and_cleared(tmp_path):
    with in_use(tmp_path):
        StageCache(tmp_path / "stages").get("experts", {}, lambda: "x" * 1000)
    assert "1 files  results that runs share" in invoke("cache", "--folder", tmp_path).output
    assert "0 files  results that runs share" in invoke("cache", "--folder", tmp_path, "--clear", "stages").output


def test_a_folder_that_is_no_cache_is_not_cleared(tmp_path):
    (tmp_path / "simulated").mkdir()
    (tmp_path / "simulated" / "mine.txt").touch()
    refused = invoke("cache", "--folder", tmp_path, "--clear", "all")
    assert refused.exit_code == 2
    assert "is no cache that a run made: nothing was removed" in " ".join(refused.output.split())
    assert (tmp_path / "simulated" / "mine.txt").exists()


def test_a_cache_that_a_run_uses_is_not_cleared(tmp_path):
    StageCache(tmp_path / "stages").get("experts", {}, lambda: 1)
    with in_use(tmp_path), in_use(tmp_path):
        refused = invoke("cache", "--folder", tmp_path, "--clear", "all")
    assert refused.exit_code == 1
    assert "A run is using" in refused.output
    assert "1 files" in invoke("cache", "--folder", tmp_path).output
    assert "1 files" not in invoke("cache", "--folder", tmp_path, "--clear", "all").output


def test_the_project_is_found_from_any_folder_inside(monkeypatch, tmp_path):
    monkeypatch.chdir(PROJECT_ROOT / "src" / "moe_exp")
    assert find_project() == PROJECT_ROOT
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert "is not inside the project" in invoke("compare").output


def test_an_unknown_hypothesis_lists_the_known(monkeypatch):
    monkeypatch.chdir(PROJECT_ROOT)
    done = invoke("compare", "--store", "sqlite:////nowhere.db", "--hypothesis", "h_13")
    assert "There is no hypothesis 'h_13'" in done.output
    assert "h_12a, more_stars" in done.output


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [b", "cannot be read as YAML"),
        ("- a", "must hold names and values"),
        ("_target_: moe_exp.comparison.hypotheses.Hypothesis\nname: H\ndate: 2026-11-20", "statement"),
    ],
)
def test_a_hypothesis_that_cannot_be_read_is_named(monkeypatch, tmp_path, text, message):
    (tmp_path / "conf" / "hypothesis").mkdir(parents=True)
    for name in ("conf/config.yaml", "train.py"):
        (tmp_path / name).touch()
    (tmp_path / "conf" / "hypothesis" / "h.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    done = invoke("compare", "--store", "sqlite:////nowhere.db", "--hypothesis", "h")
    assert done.exit_code == 1
    assert "Error: " in done.output
    assert message in done.output


@pytest.mark.parametrize("command", ["simulate", "compare", "cache"])
def test_every_command_explains_itself(command):
    assert invoke(command, "--help").exit_code == 0


def test_the_list_of_commands_is_not_cut():
    listed = invoke("--help").output.partition("Commands:\n")[2].splitlines()
    assert len(listed) == 12
    assert all(line.endswith(".") and not line.endswith("...") for line in listed)


LOADED = """
import sys
sys.argv[0] = "moe-exp"
try:
    {statement}
finally:
    print("loaded", sorted({{"torch", "mlflow", "sklearn", "h5py"}} & set(sys.modules)))
"""


@pytest.mark.parametrize("arguments", [["cache"], ["--help"], ["compare", "--help"], ["simulate", "--help"]])
def test_quick_commands_load_neither_torch_nor_mlflow(arguments):
    statement = f"sys.argv[1:] = {arguments}; import runpy; runpy.run_module('moe_exp.cli', run_name='__main__')"
    command = [sys.executable, "-c", LOADED.format(statement=statement)]
    done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, encoding="utf-8", check=True)
    assert "moe-exp" in done.stdout or "simulated spectra" in done.stdout
    assert done.stdout.endswith("loaded []\n")


def test_the_help_of_train_loads_neither_torch_nor_mlflow():
    statement = "sys.argv[1:] = ['--help']; import runpy; runpy.run_path('train.py', run_name='__main__')"
    command = [sys.executable, "-c", LOADED.format(statement=statement)]
    done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, encoding="utf-8", check=True)
    assert "gate           what mixes the experts: mlp, linear, classify, mlp_classify" in done.stdout
    assert done.stdout.endswith("loaded []\n")


def test_commands_look_where_the_configuration_says(tmp_path, monkeypatch):
    shutil.copytree(PROJECT_ROOT / "conf", tmp_path / "conf")
    (tmp_path / "train.py").touch()
    monkeypatch.chdir(tmp_path)
    for name in ("MLFLOW_TRACKING_URI", "MOE_EXP_CACHE"):
        monkeypatch.setenv(name, "")
    assert f"sqlite:///{tmp_path}/mlflow.db does not exist" in invoke("compare").output
    assert invoke("cache").output.startswith(f"{tmp_path}/.cache\n")
    (tmp_path / "conf" / "tracking" / "server.yaml").write_text(
        "_target_: moe_exp.tracking.Tracking\nuri: sqlite:///elsewhere/server.db\nexperiment: ours\n", encoding="utf-8"
    )
    config = tmp_path / "conf" / "config.yaml"
    changed = config.read_text(encoding="utf-8").replace("tracking: mlflow", "tracking: server")
    config.write_text(changed.replace("}/.cache}", "}/of_ours}"), encoding="utf-8")
    assert f"sqlite:///{tmp_path}/elsewhere/server.db does not exist" in invoke("compare").output
    assert invoke("cache").output.startswith(f"{tmp_path}/of_ours\n")
    monkeypatch.setenv("MOE_EXP_CACHE", str(tmp_path / "named"))
    assert invoke("cache").output.startswith(f"{tmp_path}/named\n")
    config.write_text("defaults: [nonsense]\n", encoding="utf-8")
    assert "conf cannot be read" in invoke("cache").output
