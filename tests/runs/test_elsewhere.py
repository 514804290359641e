"""Predictions of other people's models become runs, or are refused with what is wrong with them."""

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from moe_exp.cli.commands import main as cli
from moe_exp.errors import InputError
from moe_exp.evaluation.elsewhere import match_stars, read_table
from moe_exp.evaluation.scores import r2
from moe_exp.runs.conclusions import conclude
from moe_exp.runs.membership import select_runs
from moe_exp.tracking import find_runs, get_run
from tests.command_line import runs_in
from tests.conftest import store_in

STARS = pd.DataFrame({"star_index": [7, 8, 9], "star_id": [70, 80, 90], "logg": [1.0, 2.0, 3.0]})


def table(**changes):
    return pd.DataFrame({"star_index": [9, 7, 8], "prediction": [3.1, 1.1, 2.1], "logg": [3.0, 1.0, 2.0]} | changes)


def test_rows_are_put_in_the_order_of_the_test_stars(tmp_path):
    found = match_stars(table(), STARS, tmp_path)
    assert found["prediction"].tolist() == [1.1, 2.1, 3.1]
    by_id = table().drop(columns=["star_index"]).assign(star_id=[90, 70, 80])
    assert match_stars(by_id, STARS, tmp_path)["prediction"].tolist() == [1.1, 2.1, 3.1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"star_index": [9, 7, 7]}, "1 missing (first: 8); 1 doubled (first: 7)"),
        ({"star_index": [9, 7, 4]}, "1 missing (first: 8); 1 unknown (first: 4)"),
        ({"prediction": [3.1, np.nan, np.inf]}, "2 with a prediction that is no number (first: 7)"),
        ({"sigma": [0.1, 0.0, np.nan]}, "2 with a sigma that is not positive (first: 7)"),
        ({"logg": [3.0, 1.0, 2.1]}, "1 with a logg that differs by more than 0.0001 dex (first: 8)"),
        ({"logg": [3.0, 1.0, np.nan]}, "1 with a logg that differs"),
    ],
)
def test_other_stars_or_no_numbers_are_refused_with_their_counts(changes, message, tmp_path):
    with pytest.raises(InputError) as refused:
        match_stars(table(**changes), STARS, tmp_path)
    assert message in str(refused.value)
    assert "does not hold the 3 test stars once each" in str(refused.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("table.txt", "", "ends in .parquet or .csv"),
        ("table.csv", "", "cannot be read as a table"),
        ("table.parquet", "PAR1", "cannot be read as a table"),
        ("table.csv", "star,value\n1,2\n", "has no column star_index or star_id, prediction; it has star, value"),
        ("table.csv", "star_index,prediction\n1,high\n", "prediction is no column of numbers"),
    ],
)
def test_files_that_hold_no_predictions_are_refused(name, content, message, tmp_path):
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError) as refused:
        read_table(tmp_path / name)
    assert message in str(refused.value)


def invoke(folder, *arguments):
    return CliRunner().invoke(cli, ["import", *map(str, arguments), "--store", f"sqlite:///{folder}/mlflow.db"])


def test_a_model_of_others_is_a_contender_on_the_same_stars(copy_of_sweep, tmp_path):
    _, (linear, *_) = runs_in(copy_of_sweep)
    truth = pd.read_parquet(copy_of_sweep / "mlruns" / linear.info.run_id / "artifacts" / "predictions.parquet")
    noise = np.random.default_rng(0).normal(0, 0.1, len(truth))
    noise[np.argmax(truth["covered"])] = 50  # clipped, as the predictions beside it are
    theirs = (
        truth[["star_index", "logg"]].assign(prediction=truth["logg"] + noise, sigma=0.1).sample(frac=1, random_state=0)
    )
    theirs.to_parquet(tmp_path / "theirs.parquet")
    tracking = store_in(copy_of_sweep)
    before = len(find_runs(tracking))
    theirs.drop(columns="logg").to_csv(tmp_path / "blind.csv", index=False)
    assert "has no column logg" in invoke(copy_of_sweep, tmp_path / "blind.csv", "--name", "SpecViT").output
    other = invoke(copy_of_sweep, tmp_path / "blind.csv", "--name", "SpecViT", "--test-digest", "0123")
    assert "--test-digest 0123: the test stars of" in other.output
    assert (
        "a model of that name was trained here"
        in invoke(copy_of_sweep, tmp_path / "theirs.parquet", "--name", "mlp").output
    )
    assert len(find_runs(tracking)) == before

    done = invoke(copy_of_sweep, tmp_path / "theirs.parquet", "--name", "SpecViT")
    assert done.exit_code == 0, done.output
    run = get_run(tracking, done.output.split()[2].rstrip(";"))
    covered = truth["covered"]
    low, high = truth["logg"].min(), truth["logg"].max()
    expected = r2(truth["logg"][covered].to_numpy(), np.clip(truth["logg"] + noise, low, high)[covered].to_numpy())
    assert run.metrics["test/r2"] == pytest.approx(expected, abs=0.003)
    assert run.metrics["interval/coverage"] == pytest.approx(0.95, abs=0.05)
    conclusions = conclude(tracking, select_runs(tracking, [], ""), n_resamples=100)
    pairs = conclusions.comparison.pairs.set_index("contrast")
    assert pairs.loc["SpecViT - classify", "verdict"] == "higher"
    assert pairs.loc["SpecViT - classify", "delta_r2"] == pytest.approx(run.metrics["test/delta_r2"])
    assert "SpecViT - linear" in pairs.index or "linear - SpecViT" in pairs.index
    assert any("The predictions of SpecViT were made elsewhere" in note for note in conclusions.comparison.notes)
    conclusions.report().write(tmp_path / "report")
    assert "a model of others" in (tmp_path / "report" / "report.md").read_text()
