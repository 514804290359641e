"""Stores that were moved or copied, with the artifacts of their runs or without."""

import shutil

import pytest
from mlflow.tracking import MlflowClient

from moe_exp.errors import InputError
from moe_exp.tracking import Tracking, artifacts_of, closing, fetched_artifact, find_runs, open_run


def keep_a_run(tracking: Tracking, said: str) -> None:
    with closing(open_run(tracking, run_name=said, parameters={}, tags={})) as run, run.artifacts() as folder:
        (folder / "said.txt").write_text(said, encoding="utf-8")


def read_all(tracking: Tracking) -> dict[str, str]:
    said = {}
    for run in find_runs(tracking):
        with fetched_artifact(tracking, run, "said.txt") as path:
            said[run.name] = path.read_text(encoding="utf-8")
    return said


@pytest.fixture
def original(fresh_store, tmp_path) -> Tracking:
    """Give a store with one run."""
    (tmp_path / "old").mkdir()
    shutil.copy(fresh_store, tmp_path / "old")
    tracking = Tracking(uri=f"sqlite:///{tmp_path}/old/mlflow.db")
    keep_a_run(tracking, "first")
    return tracking


def test_reading_artifacts_leaves_nothing_in_the_temporary_folder(original, tmp_path, monkeypatch):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    assert read_all(original) == {"first": "first"}
    assert not list(temporary.iterdir())


def test_a_moved_store_is_read_and_written_where_it_is(original, tmp_path):
    shutil.move(tmp_path / "old", tmp_path / "nëw place")
    moved = Tracking(uri=f"sqlite:///{tmp_path}/nëw place/mlflow.db")
    assert read_all(moved) == {"first": "first"}
    keep_a_run(moved, "second")
    assert read_all(moved) == {"first": "first", "second": "second"}
    assert not (tmp_path / "old").exists()


def test_a_copied_store_leaves_the_original_alone(original, tmp_path):
    shutil.copytree(tmp_path / "old", tmp_path / "new")
    copied = Tracking(uri=f"sqlite:///{tmp_path}/new/mlflow.db")
    keep_a_run(copied, "second")
    [run] = find_runs(copied, "attributes.run_name = 'first'")
    (tmp_path / "new" / "mlruns" / run.run_id / "artifacts" / "said.txt").write_text("changed", encoding="utf-8")
    assert read_all(copied) == {"first": "changed", "second": "second"}
    assert read_all(original) == {"first": "first"}
    assert len([path for path in (tmp_path / "old" / "mlruns").iterdir() if path.is_dir()]) == 1


def test_a_store_that_is_seen_in_two_places_stays_as_it_is_while_a_run_is_written(original, tmp_path):
    with closing(open_run(original, run_name="second", parameters={}, tags={})):
        shutil.copytree(tmp_path / "old", tmp_path / "mounted")  # nearly: one file under two names
        mounted = Tracking(uri=f"sqlite:///{tmp_path}/mounted/mlflow.db")
        [run] = find_runs(mounted)
        (mounted.artifact_folder / run.run_id / "artifacts" / "said.txt").write_text("here", encoding="utf-8")
        assert read_all(mounted) == {"first": "here"}  # a copy is read where it is
        assert artifacts_of(mounted, run) == ["said.txt"]
        with pytest.raises(InputError, match=r"if a run is being written there, wait"):
            keep_a_run(mounted, "third")
        [experiment] = MlflowClient(mounted.uri).search_experiments(filter_string="name = 'moe_exp'")
        assert experiment.artifact_location == original.artifact_folder.as_uri()


def test_a_store_copied_without_its_artifacts_is_read_but_not_written(original, tmp_path):
    (tmp_path / "new").mkdir()
    shutil.copy(original.database, tmp_path / "new")
    alone = Tracking(uri=f"sqlite:///{tmp_path}/new/mlflow.db")
    assert read_all(alone) == {"first": "first"}
    with pytest.raises(InputError, match=f"in {tmp_path}/old/mlruns, not in {tmp_path}/new/mlruns"):
        keep_a_run(alone, "second")
    keep_a_run(Tracking(uri=alone.uri, artifacts=f"{tmp_path}/old/mlruns"), "second")
    assert read_all(alone) == {"first": "first", "second": "second"}


def test_a_relative_store_is_where_the_user_typed(original, tmp_path, monkeypatch):
    monkeypatch.delenv("MOE_EXP_STARTED_IN", raising=False)
    monkeypatch.chdir(tmp_path / "old")
    relative = Tracking(uri="sqlite:///mlflow.db", artifacts="mlruns")
    monkeypatch.chdir(tmp_path)
    assert read_all(relative) == {"first": "first"}
    assert (relative.uri, relative.artifact_folder) == (original.uri, original.artifact_folder)
