"""The door for Python users: what README shows, run as it stands there."""

import re
import subprocess
import sys

import numpy as np
import pytest

from moe_exp import Experiment, compare, run
from moe_exp.errors import InputError
from tests.conftest import PROJECT_ROOT

SMOKE = ("experiment=smoke", "training.max_epochs=5")


def readme_block() -> str:
    readme = (PROJECT_ROOT / "README.md").read_text(encoding="utf-8")
    [block] = re.findall(r"```python\n(from moe_exp import .*?)```", readme, flags=re.DOTALL)
    return block


def test_the_readmes_lines_run_and_hold_what_they_say(cache_dir, monkeypatch):
    monkeypatch.setenv("MOE_EXP_CACHE", str(cache_dir))
    monkeypatch.chdir(PROJECT_ROOT)
    held: dict = {}
    exec(readme_block(), held)
    mlp, classify = held["mlp"], held["classify"]
    assert mlp.results.scores.loc["soft", "r2"] == pytest.approx(mlp.results.metrics()["test/r2"])
    assert len(mlp.results.bins) == 9
    [pair] = held["pairs"].to_dict("records")
    covered = mlp.results.predictions.covered
    assert (pair["contrast"], pair["n_stars"]) == ("mlp - classify", covered.sum())
    assert pair["delta_r2"] == pytest.approx(mlp.results.metrics()["test/delta_r2"], abs=1e-12)
    predicted, frame = held["log_g"], mlp.predictions
    rows = frame["covered"].to_numpy()[: len(predicted)]
    np.testing.assert_allclose(predicted[rows], frame["prediction"].to_numpy()[: len(predicted)][rows], atol=1e-5)
    assert classify.results.gate == "classify"


def test_outcomes_of_other_training_stars_are_refused_as_runs_are(cache_dir, monkeypatch):
    monkeypatch.setenv("MOE_EXP_CACHE", str(cache_dir))
    outcomes = [run(Experiment.of(*SMOKE, "gate=classify", f"data.n_val={n}")) for n in (300, 280)]
    with pytest.raises(InputError, match="the training stars at n_train=1000 differ"):
        compare(outcomes)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [(("gate=mpl",), "mpl"), (("data.n_trian=3",), "n_trian"), (("seed=-1",), "seed=-1: a seed is 0 or more")],
)
def test_what_cannot_be_composed_is_one_message(overrides, message):
    with pytest.raises(InputError, match=message):
        Experiment.of(*overrides)


def test_a_folder_that_is_no_project_is_refused(tmp_path):
    with pytest.raises(InputError, match="is not inside the project"):
        Experiment.of(project=tmp_path)


def test_importing_the_package_costs_nothing():
    code = "import sys, moe_exp; print(sorted({'torch', 'mlflow', 'hydra', 'pandas', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_name_that_there_is_not_is_an_attribute_error():
    import moe_exp

    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        moe_exp.nothing  # noqa: B018
