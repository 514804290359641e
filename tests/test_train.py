"""The command line as a user types it: real processes, a real store."""

import signal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from moe_exp import names
from moe_exp.evaluation.predictions import Predictions
from moe_exp.progress import Stages
from tests.command_line import runs_in, train, train_anew

TABLES = {"scores", "bins", "bootstrap", "worst_stars", "experts", "coverage", "coverage_noisier", "interval_widths"}


FIGURES = {
    "r2_of_models", "predicted_against_true", "gate_calibration", "delta_r2_per_bin",
    "delta_r2_distribution", "gate_weight_distribution", "training_curve",
    "calibration", "interval_widths",
}  # fmt: skip


def test_a_run_can_be_judged_from_what_it_logged(sweep):
    client, (_, run, _) = runs_in(sweep)
    assert run.data.params["gate"] == "mlp"
    assert run.data.params["data.n_train"] == "1000"
    metrics = run.data.metrics
    logged = ["test/r2", "test/rmse", "test/mae", "test/delta_r2", "test/delta_r2_ci_low", "test/delta_r2_ci_high"]
    logged += [f"test/delta_r2_vs_global{end}" for end in ("", "_ci_low", "_ci_high")]
    logged += ["test/r2_clipped", "test/r2_unclipped", "bin_r2/0_cool_metal_poor", "bin_delta_r2/8_hot_metal_rich"]
    logged += ["reference/classify_r2", "reference/global_ridge_r2", "time/experts_s", "gate/holdout_loss"]
    logged += ["interval/coverage", "interval_coverage/8_hot_metal_rich", "interval_coverage/snr_9", "flag/share"]
    assert set(logged) <= set(metrics)
    assert metrics["test/delta_r2_ci_low"] <= metrics["test/delta_r2"] <= metrics["test/delta_r2_ci_high"]
    tags = run.data.tags
    assert {"mlflow.source.git.commit", "git.dirty", "machine.host", "version.torch", "data.digest"} <= set(tags)
    assert run.inputs.dataset_inputs[0].dataset.digest == tags["data.digest"]
    assert len(client.get_metric_history(run.info.run_id, "gate/train_loss")) == 5


def test_tags_tell_which_stars_and_which_noise(sweep, configure):
    experiment = configure("experiment=smoke")
    dataset = experiment.data.open(experiment.cache_dir, Stages())
    _, (_, run, _) = runs_in(sweep)
    expected = {
        names.TAG_TRAIN_DIGEST: dataset.train.digest,
        names.TAG_GATE_DIGEST: dataset.gate.digest,
        names.TAG_TEST_DIGEST: dataset.test.digest,
        names.TAG_DATA_DIGEST: dataset.digest,
        names.TAG_NOISE_DRAW: dataset.test.noise_draw,
        names.TAG_N_TRAIN: "1000",
        names.TAG_MEDIUM: "air",
        names.TAG_MEDIUM_SOURCE: "simulator",
    }
    assert {name: run.data.tags[name] for name in expected} == expected
    assert len(set(expected.values())) == len(expected)


def test_artifacts_hold_tables_figures_and_predictions(sweep):
    _, (_, run, _) = runs_in(sweep)
    artifacts = Path(run.info.artifact_uri.removeprefix("file://"))
    assert {path.stem for path in (artifacts / "tables").glob("*.csv")} == TABLES
    assert {path.stem.partition("+")[0] for path in (artifacts / "images").glob("*.png")} == FIGURES
    assert not (artifacts / "figures").exists()  # which holds other formats
    assert "n_train: 1000" in (artifacts / "config.yaml").read_text()
    predictions = Predictions.from_frame(pd.read_parquet(artifacts / "predictions.parquet"))
    error = (predictions.configured["soft"] - predictions.y)[predictions.covered]
    spread = predictions.y[predictions.covered].var()
    assert run.data.metrics["test/r2"] == pytest.approx(1 - np.mean(error**2) / spread, abs=1e-12)


def test_the_classify_gate_is_not_compared_with_itself(sweep):
    _, (linear, _, classify) = runs_in(sweep)
    assert "test/delta_r2" in linear.data.metrics
    assert "test/delta_r2" not in classify.data.metrics
    assert linear.data.metrics["reference/classify_r2"] == classify.data.metrics["test/r2"]
    assert linear.data.tags["data.test_digest"] == classify.data.tags["data.test_digest"]


def test_plain_lines_are_kept_in_a_log_file(sweep):
    text = (sweep / "sweep" / "0" / "train.log").read_text()
    assert "experts: done in" in text
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gate=oracle"], "conf/gate has no oracle.yaml. There are classify, linear, mlp, mlp_classify."),
        (["gate.hiden=3"], "gate.hiden: there is no such option. Did you mean gate.hidden?"),
        (["experiment=null"], "name a preset, mvp_12a_100k, next_a_32k, smoke, or leave it out for none"),
        (["data=hdf5"], "data.path is missing"),
        (["baseline=null"], "baseline=null: name a file of conf/baseline: lightgbm, none."),
        (["gate.hidden=${nowhere}"], "gate.hidden (typed, or in conf/gate/mlp.yaml): Interpolation key 'nowhere'"),
    ],
)
def test_bad_input_ends_in_a_short_message(tmp_path, arguments, message):
    done = train(*arguments, folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr.count(message) == 1
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) < 20


@pytest.mark.parametrize("arguments", [(), ("-m",)])
def test_a_file_with_a_python_tag_is_named_and_runs_nothing(tmp_path, arguments):
    (tmp_path / "hypothesis").mkdir()
    text = (
        f"_target_: moe_exp.comparison.hypotheses.Hypothesis\nname: !!python/object/apply:os.mkdir ['{tmp_path}/a']\n"
    )
    (tmp_path / "hypothesis" / "tagged.yaml").write_text(text)
    done = train(*arguments, f"--config-dir={tmp_path}", "hypothesis=[tagged]", folder=tmp_path)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert f'in "{tmp_path}/hypothesis/tagged.yaml", line 2' in done.stderr
    assert not (tmp_path / "a").exists()


def test_a_run_that_fails_says_so_in_mlflow(run_folder, many_stars):
    sizes = ("data.n_train=60", "data.n_val=200", "data.n_test=200")
    done = train("data=hdf5", f"data.path={many_stars}", "features=pca", *sizes, folder=run_folder)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    _, [run] = runs_in(run_folder)
    assert run.info.status == "FAILED"
    assert "bins have fewer than 10 training stars" in run.data.tags["error"]


def test_help_and_configuration_need_no_run(tmp_path):
    text = train("--help", folder=tmp_path).stdout
    lines = text.splitlines()
    assert len(lines) < 48
    assert max(map(len, lines)) <= 100
    assert 'eval "$(python train.py -sc install=bash)"' in text
    assert "n_train: 32000" in train("--cfg", "job", folder=tmp_path).stdout
    assert not (tmp_path / "mlflow.db").exists()


def test_an_interrupt_while_libraries_load_is_said_in_a_word(tmp_path):
    (tmp_path / "hydra.py").write_text("raise KeyboardInterrupt")
    done = train_anew(folder=tmp_path, PYTHONPATH=str(tmp_path))
    assert done.returncode == -signal.SIGINT
    assert done.stderr == "interrupted\n"


def test_tab_completion_knows_the_gates(tmp_path):
    line = "python train.py gate="  # in the root: Hydra reads no path with hyphens or spaces here
    done = train("-sc", "query=bash", folder=tmp_path, COMP_LINE=line, COMP_POINT=str(len(line)))
    assert set(done.stdout.split()) == {"gate=classify", "gate=linear", "gate=mlp", "gate=mlp_classify"}
