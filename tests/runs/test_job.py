from dataclasses import dataclass
from pathlib import Path

import pytest

from moe_exp.cache.stages import clear
from moe_exp.errors import InputError
from moe_exp.evaluation.results import Evaluation
from moe_exp.experiment.pipeline import run
from moe_exp.runs.job import run_job
from tests.conftest import PROJECT_ROOT


@dataclass(frozen=True, kw_only=True)
class Clearing(Evaluation):
    """Clears a cache in the midst of a run."""

    folder: str = ""

    def evaluate(self, predictions, **options):
        clear(Path(self.folder), ["stages"])
        return super().evaluate(predictions, **options)


@pytest.mark.parametrize("start", [run, lambda experiment: run_job(experiment, PROJECT_ROOT)])
def test_the_cache_of_a_run_is_not_cleared_before_its_end(configure, many_stars, tmp_path, start):
    cache = tmp_path / "cache"
    clearing = (f"evaluation._target_={__name__}.Clearing", f"+evaluation.folder={cache}", f"cache_dir={cache}")
    trusted = f"trusted_modules=[{__name__}]"
    small = ("data=hdf5", f"data.path={many_stars}", "data.n_train=800", "features=pca", "training.max_epochs=5")
    with pytest.raises(InputError, match=f"A run is using {cache}: nothing was removed"):
        start(configure(*small, *clearing, trusted))
    assert [*cache.glob("stages/experts/*.kept")]


def test_what_cannot_work_is_refused_before_there_is_a_cache(configure, tmp_path):
    with pytest.raises(InputError, match="n_resamples"):
        run(configure("evaluation.n_resamples=0", f"cache_dir={tmp_path}/cache"))
    assert not (tmp_path / "cache").exists()


def test_the_cache_of_a_job_is_not_cleared_while_it_logs(configure, many_stars, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    small = ("data=hdf5", f"data.path={many_stars}", "data.n_train=800", "features=pca", "training.max_epochs=5")
    monkeypatch.setattr("moe_exp.runs.job.record_model", lambda *_: clear(cache, ["stages"]))
    with pytest.raises(InputError, match=f"A run is using {cache}: nothing was removed"):
        run_job(configure(*small, f"cache_dir={cache}", "tracking.figure_formats=[]"), PROJECT_ROOT)
