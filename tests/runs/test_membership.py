from dataclasses import replace

import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import TEMPORARILY_UNAVAILABLE
from mlflow.tracking import MlflowClient

from moe_exp import names
from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.runs.membership import enter, find_members, find_sweep, remark_gaps
from moe_exp.tracking import RunStatus, Tracking, has_tag, newest_run, open_run


def finish(tracking: Tracking, identity: str, parent_id: str | None = None) -> str:
    run = open_run(tracking, run_name=identity, parameters={}, tags={names.TAG_IDENTITY: identity}, parent_id=parent_id)
    run.close(RunStatus.FINISHED)
    return run.run_id


def test_a_sweep_counts_its_jobs_and_earlier_runs_in_their_place_each_once(tracking):
    earlier = finish(tracking, "a")
    parent = open_run(tracking, run_name="sweep", parameters={}, tags={}).run_id
    enter(tracking, parent, identity="a", run_id=earlier)
    for identity in ("b", "c", "b"):
        enter(tracking, parent, identity=identity, run_id=finish(tracking, identity, parent))
    counts = MlflowClient(tracking.uri).get_metric_history(parent, names.METRIC_N_FINISHED)
    assert [metric.value for metric in counts] == [1, 2, 3, 3]
    assert [run.name for run in find_members(tracking, parent).finished] == ["a", "c", "b"]


def test_a_job_that_did_not_live_to_enter_itself_is_a_member_all_the_same(tracking):
    parent = open_run(tracking, run_name="sweep", parameters={}, tags={}).run_id
    finish(tracking, "a", parent)
    assert [run.name for run in find_members(tracking, parent).finished] == ["a"]


def test_a_job_that_was_deleted_is_missing_and_its_sweep_says_so(tracking):
    parent = open_run(tracking, run_name="sweep", parameters={}, tags={})
    for identity in "ab":
        enter(tracking, parent.run_id, identity=identity, run_id=finish(tracking, identity, parent.run_id))
    parent.log_metrics({names.METRIC_N_JOBS: 2})
    parent.close(RunStatus.FINISHED)
    sweep = find_sweep(tracking, [parent.run_id[:8]])
    assert remark_gaps(sweep, 2) == remark_gaps(None, 1) == []
    [first, _] = find_members(tracking, parent.run_id).finished
    MlflowClient(tracking.uri).delete_run(first.run_id)
    assert [run.name for run in find_members(tracking, parent.run_id).finished] == ["b"]
    assert remark_gaps(sweep, 1) == ["1 of 2 jobs are missing. This report is about the others."]
    running = replace(sweep, status="RUNNING")
    so_far = "The sweep has not ended; this report is about the 1{} jobs that have finished so far."
    assert remark_gaps(running, 1) == [so_far.format(" of 2")]
    assert remark_gaps(replace(running, metrics={}), 1) == [so_far.format("")]
    stopped = replace(sweep, status="KILLED", tags={names.TAG_ERROR: "interrupted"})
    assert remark_gaps(stopped, 1) == ["interrupted. This report is about the others."]
    assert remark_gaps(stopped, 2) == []  # what had waited has come since
    cut = replace(stopped, tags={names.TAG_ERROR: "the sweeper did not come to its end"})
    assert remark_gaps(cut, 2) == ["More jobs might have come: the sweeper did not come to its end."]


def test_a_store_that_is_away_has_lost_no_job(tracking, monkeypatch):
    def away(*_: object) -> None:
        raise MlflowException("gone", error_code=TEMPORARILY_UNAVAILABLE)

    parent = open_run(tracking, run_name="sweep", parameters={}, tags={}).run_id
    enter(tracking, parent, identity="a", run_id=finish(tracking, "a"))
    monkeypatch.setattr(MlflowClient, "get_run", away)
    with pytest.raises(InputError, match="gone") as raised:
        find_members(tracking, parent)
    assert raised.value.code == Code.STORE_UNUSABLE


def test_what_a_job_reads_of_its_sweep_does_not_grow_with_it(tracking, monkeypatch):
    parent = open_run(tracking, run_name="sweep", parameters={}, tags={}).run_id
    read = []

    def search(*_: object, **__: object) -> None:
        read.append(1)
        raise AssertionError("a job looks through the runs of its sweep")

    run_ids = [finish(tracking, f"{place}", parent) for place in range(3)]
    monkeypatch.setattr(MlflowClient, "search_runs", search)
    for place, run_id in enumerate(run_ids):
        enter(tracking, parent, identity=f"{place}", run_id=run_id)
    assert not read


def test_the_newest_finished_run_of_an_identity_stands_in_for_it(tracking):
    assert newest_run(tracking_with_nothing(tracking), has_tag(names.TAG_IDENTITY, "a")) is None
    _, second = finish(tracking, "a"), finish(tracking, "a")
    open_run(tracking, run_name="a", parameters={}, tags={names.TAG_IDENTITY: "a"})
    found = newest_run(tracking, has_tag(names.TAG_IDENTITY, "a"))
    assert found is not None
    assert found.run_id == second


def tracking_with_nothing(tracking: Tracking) -> Tracking:
    open_run(tracking, run_name="other", parameters={}, tags={}).close(RunStatus.FINISHED)
    return tracking
