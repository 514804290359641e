"""Sweepers that choose a job by what came out before: Optuna's, in a real process."""

import shutil

import pytest

from tests.command_line import parents_in, runs_in, train

SMALL = (
    *("data=hdf5", "data.n_train=800", "data.n_val=200", "data.n_test=200", "features=pca"),
    *("evaluation.n_resamples=100", "training.max_epochs=3"),
)
OPTUNA = (
    "-m",
    "hydra/sweeper=optuna",
    "hydra.sweeper.n_trials=2",
    "hydra.sweeper.n_jobs=1",
    "hydra.sweeper.sampler.seed=1",
)


@pytest.fixture(scope="module")
def tuned(tmp_path_factory, many_stars, cache_dir, fresh_store):
    folder = tmp_path_factory.mktemp("tuned")
    shutil.copy(fresh_store, folder)
    place = {"folder": folder, "MOE_EXP_CACHE": str(cache_dir)}
    done = train(*OPTUNA, *SMALL, f"data.path={many_stars}", "training.learning_rate=interval(0.001,0.1)", **place)
    assert done.returncode == 0, done.stderr
    return folder, done


def test_jobs_join_the_parent_as_they_come(tuned):
    folder, _ = tuned
    [parent] = parents_in(folder)
    client, runs = runs_in(folder)
    assert len(runs) == 2
    assert {run.data.tags["mlflow.parentRunId"] for run in runs} == {parent.info.run_id}
    assert parent.info.run_name == "sweep training.learning_rate=interval(0.001,0.1)"
    assert parent.info.status == "FINISHED"
    assert parent.data.metrics["sweep/n_jobs"] == parent.data.metrics["sweep/n_finished"] == 2
    assert "report.html" in [each.path for each in client.list_artifacts(parent.info.run_id)]


def test_what_is_optimised_is_the_gates_own_hold_out_and_never_a_test_star(tuned):
    folder, done = tuned
    client, runs = runs_in(folder)
    losses = []
    for run in runs:
        curve = [metric.value for metric in client.get_metric_history(run.info.run_id, "gate/holdout_loss")]
        assert run.data.metrics["gate/best_holdout_loss"] == min(curve)
        losses.append(min(curve))
    assert f"Best value: {min(losses)}" in done.stdout + done.stderr


def test_a_sweep_whose_sweeper_fails_is_not_finished(run_folder, many_stars, cache_dir):
    place = {"folder": run_folder, "MOE_EXP_CACHE": str(cache_dir)}
    done = train(*OPTUNA, *SMALL, f"data.path={many_stars}", "training.patience=range(0,1)", **place)
    assert done.returncode != 0
    assert "training.patience is 0; it must be 1 or more" in done.stderr
    [parent] = parents_in(run_folder)
    assert parent.info.status == "FAILED"
    assert parent.data.tags["error"].startswith("the sweeper did not come to its end")
