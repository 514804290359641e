"""Stars of other libraries from a job to the report, through a real store."""

from moe_exp import names
from moe_exp.runs.conclusions import conclude
from moe_exp.runs.job import run_job
from moe_exp.tracking import find_runs
from tests.conftest import PROJECT_ROOT, write_stars

SMALL = (
    "data=hdf5",
    "data.n_train=800",
    "features=pca",
    "training.max_epochs=5",
    "evaluation.n_resamples=100",
    "external=[stelib]",
    "externals.stelib.other_logg=null",
    "tracking.figure_formats=[png]",
)


def test_what_a_job_says_of_external_stars_reaches_the_report(configure, tracking, many_stars, tmp_path):
    others = write_stars(tmp_path / "others.h5", 40, seed=7)
    for gate in ("classify", "mlp"):
        options = (f"gate={gate}", f"data.path={many_stars}", f"externals.stelib.path={others}")
        run_job(configure(*SMALL, *options), PROJECT_ROOT)
    runs = find_runs(tracking)
    conclusions = conclude(tracking, runs, n_resamples=100)
    best = max(runs, key=lambda run: run.metrics[names.METRIC_R2])
    name, png = conclusions.external_pictures["stelib"]
    assert name == best.name
    conclusions.report().write(tmp_path / "report")
    assert (tmp_path / "report" / "figures" / "external_stelib.png").read_bytes() == png
    text = (tmp_path / "report" / "report.md").read_text()
    section = text.partition("## Stars of other libraries")[2].partition("\n## ")[0].replace("−", "-")
    for run in runs:
        assert f"{run.metrics['external_stelib/r2']:.4f}" in section
        assert {"external_stelib/giants_rmse", "external_stelib/global_ridge_r2"} <= set(run.metrics)
    assert not conclusions.comparison.pairs["design"].any()
