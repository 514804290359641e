"""A run is made again from what it kept: its commit, its diff, its configuration, its data."""

import json
import os
import shutil
import signal
import subprocess
import threading
import time
from dataclasses import replace

import pytest
import yaml
from click.testing import CliRunner
from mlflow.tracking import MlflowClient

from moe_exp import names
from moe_exp.cli.commands import main as cli
from moe_exp.errors import InputError
from moe_exp.experiment.composition import compose_in
from moe_exp.experiment.config import flatten
from moe_exp.runs.again import checked_out, choose_files, doubts, run_again, write_preset
from moe_exp.runs.agreement import Found, differences
from moe_exp.tracking import add_to_run, closing, find_runs, get_run, open_run
from tests.command_line import PROJECT_ROOT, runs_in
from tests.conftest import store_in

ECHO = """
import json, os, pathlib, sys, yaml
gate = pathlib.Path(__file__).with_name("gate.py").read_text()
preset = yaml.safe_load(pathlib.Path(sys.argv[2], "experiment", "again.yaml").read_text())
said = {"arguments": sys.argv[1:], "environment": dict(os.environ), "gate": gate, "preset": preset}
pathlib.Path(os.environ["SAID"]).write_text(json.dumps(said))
"""
"""A train.py that says how it was started."""


def git(folder, *arguments):
    identity = ("-c", "user.name=a", "-c", "user.email=a@b")
    done = subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True, text=True)
    return done.stdout


@pytest.fixture
def repository(tmp_path):
    """Give a checkout with one commit of that train.py."""
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "train.py").write_text(ECHO)
    (folder / "gate.py").write_text("old\n")
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "x")
    return folder


@pytest.fixture
def made(tracking, repository, tmp_path):
    """Give a run of that commit, whose gate.py was changed."""
    experiment = compose_in(PROJECT_ROOT, ["gate=linear", "data.n_train=500"])
    (repository / "gate.py").write_text("new\n")
    diff = git(repository, "diff")
    git(repository, "checkout", "--quiet", ".")
    tags = {names.TAG_COMMIT: git(repository, "rev-parse", "HEAD").strip(), names.TAGS_VERSION + "numpy": "0.1"}
    parameters = flatten(experiment.values, experiment.choices)
    with (
        closing(open_run(tracking, run_name="mine's", parameters=parameters, tags=tags)) as run,
        run.artifacts() as kept,
    ):
        (kept / names.CONFIG_FILE).write_text(yaml.safe_dump(experiment.values))
        (kept / names.DIFF_FILE).write_text("# not kept: notes.txt (neither source nor configuration)\n" + diff)
    return get_run(tracking, run.run_id)


def test_a_configuration_is_composed_again_from_its_values(tracking, tmp_path, monkeypatch):
    claim = "+hypotheses.smoke={_target_:moe_exp.comparison.hypotheses.Hypothesis,name:a,statement:'it\\'s 1: so',"
    claim += "date:'2026-01-01',criteria:[{quantity:r2,model:mlp,n_train:5,noise_level:.2,above:.1}]}"
    first = compose_in(PROJECT_ROOT, ["experiment=mvp_12a_100k", "gate=mlp", "external=[stelib]", "seed=3", claim])
    values = yaml.safe_load(yaml.safe_dump(first.values))
    tracking = replace(tracking, outbox=str(tmp_path / "outbox"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking.uri)
    write_preset(tmp_path, values, into=tracking, run_name="again: it's")
    conf = shutil.copytree(PROJECT_ROOT / "conf", tmp_path / "project" / "conf")
    shutil.copy(tmp_path / "experiment" / "again.yaml", conf / "experiment")
    chosen = choose_files(values, flatten(first.values, first.choices))
    again = compose_in(tmp_path / "project", ["experiment=again", *chosen])
    assert again.choices == first.choices
    apart = ("tracking", "cache_dir")
    assert {k: v for k, v in again.values.items() if k not in apart} == {
        k: v for k, v in first.values.items() if k not in apart
    }
    assert again.tracking == replace(tracking, run_name="again: it's", resume=False)


def test_a_run_is_made_again_by_its_own_code_with_its_diff_and_its_values(
    tracking, made, repository, tmp_path, monkeypatch
):
    monkeypatch.setenv("SAID", str(tmp_path / "said.json"))
    monkeypatch.setenv("MOE_EXP_PARENT_RUN", "another")
    run_again(tracking, made, repository, into=tracking, cache=tmp_path / "cache")
    said = json.loads((tmp_path / "said.json").read_text())
    assert said["gate"] == "new\n"
    assert {"experiment=again", "gate=linear", "data=simulated"} <= set(said["arguments"])
    assert said["preset"]["data"]["n_train"] == 500
    assert said["preset"]["tracking"]["run_name"] == "mine's"
    assert said["environment"]["MLFLOW_TRACKING_URI"] == tracking.uri
    assert said["environment"]["MOE_EXP_CACHE"] == str(tmp_path / "cache")
    assert "MOE_EXP_PARENT_RUN" not in said["environment"]
    assert len(git(repository, "worktree", "list").splitlines()) == 1
    assert (repository / "gate.py").read_text() == "old\n"
    told = doubts(tracking, made)
    assert any(text.startswith("numpy was 0.1 and is ") for text in told)
    assert "not kept: notes.txt (neither source nor configuration)" in told


def test_what_cannot_be_made_again_is_refused_before_anything_runs(tracking, made, repository):
    gone = replace(made, tags=made.tags | {names.TAG_COMMIT: "0" * 40})
    with pytest.raises(InputError, match="does not have: fetch the branch"), checked_out(tracking, gone, repository):
        pass
    nowhere = replace(made, tags={})
    with pytest.raises(InputError, match="knows no commit"), checked_out(tracking, nowhere, repository):
        pass
    (repository / "gate.py").write_text("newer\n")
    git(repository, "commit", "--quiet", "-am", "y")
    other = replace(made, tags=made.tags | {names.TAG_COMMIT: git(repository, "rev-parse", "HEAD").strip()})
    with pytest.raises(InputError, match="does not fit its commit"), checked_out(tracking, other, repository):
        pass
    assert len(git(repository, "worktree", "list").splitlines()) == 1


def test_a_strangers_run_is_made_again_only_if_one_says_so(tracking, made, monkeypatch):
    trusted = []
    monkeypatch.setattr("moe_exp.runs.again.run_again", lambda original, run, *_, **__: trusted.append(run.run_id))
    add_to_run(tracking, made.run_id, tags={names.TAG_BUNDLED: "0123"}, metrics={})
    place = ("rerun", made.run_id, "--store", tracking.uri)
    refused = CliRunner().invoke(cli, place)
    assert refused.exit_code == 1
    assert "came with a bundle" in refused.output
    assert not trusted
    assert CliRunner().invoke(cli, [*place, "--trust"]).exit_code == 0
    assert trusted == [made.run_id]
    option = replace(made, tags=made.tags | {names.TAG_COMMIT: "--upload-pack=evil"})
    with pytest.raises(InputError, match="knows no commit"), checked_out(tracking, option, PROJECT_ROOT):
        pass


def test_data_that_moved_and_a_program_that_fails_are_said(tracking, made, repository, tmp_path, monkeypatch):
    (repository / "train.py").write_text("import sys; sys.exit(3)")
    git(repository, "commit", "--quiet", "-am", "z")
    failing = replace(made, tags=made.tags | {names.TAG_COMMIT: git(repository, "rev-parse", "HEAD").strip()})
    with pytest.raises(InputError, match="its train.py ended with 3"):
        run_again(tracking, failing, repository, into=tracking, cache=tmp_path)
    with closing(open_run(tracking, run_name="moved", parameters={}, tags={})) as run, run.artifacts() as kept:
        (kept / names.CONFIG_FILE).write_text(yaml.safe_dump({"data": {"path": str(tmp_path / "none.h5")}}))
    with pytest.raises(InputError, match="cannot be made again: data.path: no file matches"):
        run_again(tracking, get_run(tracking, run.run_id), repository, into=tracking, cache=tmp_path)
    with closing(open_run(tracking, run_name="sweep", parameters={}, tags={})) as run:
        pass
    with pytest.raises(InputError, match="keeps no config.yaml"):
        run_again(tracking, get_run(tracking, run.run_id), repository, into=tracking, cache=tmp_path)


def test_the_first_stage_that_differs_is_named_and_by_how_much(copy_of_sweep):
    tracking = store_in(copy_of_sweep)
    runs = {run.parameters["gate"]: Found(tracking, run) for run in find_runs(tracking) if "gate" in run.parameters}
    assert list(differences(runs["mlp"], runs["mlp"])) == []
    said = list(differences(runs["linear"], runs["mlp"]))
    assert said[0].startswith("gate: prediction differs by up to ")
    assert any(each.startswith("metrics: gate/") for each in said)
    assert not any("time/" in each or "experts:" in each for each in said)
    other = replace(runs["mlp"].run, tags=runs["mlp"].run.tags | {names.TAG_TRAIN_DIGEST: "0123"})
    assert next(differences(runs["mlp"], Found(tracking, other))).startswith("data: data.train_digest was ")


def test_a_run_that_is_verified_is_made_apart_from_store_and_cache(copy_of_sweep, monkeypatch):
    """Another gate's run is put in the place of what would be made."""
    _, (linear, mlp, _) = runs_in(copy_of_sweep)
    place = ("--store", f"sqlite:///{copy_of_sweep}/mlflow.db")
    caches = []

    def put_mlp(original, run, repository, *, into, cache):
        caches.append(cache)
        shutil.copy(original.database, into.database)
        shutil.copytree(original.artifact_folder, into.artifact_folder)
        client = MlflowClient(into.uri)
        for other in find_runs(into):
            if other.run_id != mlp.info.run_id:
                client.delete_run(other.run_id)

    monkeypatch.setattr("moe_exp.runs.again.run_again", put_mlp)
    same = CliRunner().invoke(cli, ["rerun", mlp.info.run_id, "--verify", *place])
    assert same.exit_code == 0, same.output
    assert "identical: " in same.output
    other = CliRunner().invoke(cli, ["rerun", linear.info.run_id, "--verify", *place])
    assert other.exit_code == 1
    assert "not identical; the first difference is in gate: " in other.output
    assert not any(cache.exists() for cache in caches)


@pytest.mark.parametrize(("number", "raised"), [(signal.SIGTERM, SystemExit), (signal.SIGINT, KeyboardInterrupt)])
def test_a_run_that_is_made_again_ends_in_order_when_that_is_told_to(
    tracking, made, repository, tmp_path, number, raised
):
    said = tmp_path / "said"
    (repository / "train.py").write_text(
        "import pathlib, time\n"
        "from moe_exp.program import terminate_as_exit\n"
        "with terminate_as_exit():\n"  # as around a sweep: whoever is told twice does not come to close
        "    try:\n        with terminate_as_exit():\n"
        f"            pathlib.Path({str(said)!r}).write_text('begun')\n            time.sleep(60)\n"
        f"    finally:\n        time.sleep(0.5)\n        pathlib.Path({str(said)!r}).write_text('closed')\n"
    )
    git(repository, "commit", "--quiet", "-am", "z")
    waiting = replace(made, tags=made.tags | {names.TAG_COMMIT: git(repository, "rev-parse", "HEAD").strip()})

    def terminate() -> None:
        while not said.exists():
            time.sleep(0.01)
        os.kill(os.getpid(), number)

    threading.Thread(target=terminate).start()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell in the background has it ignored
    try:
        with pytest.raises(raised):
            run_again(tracking, waiting, repository, into=tracking, cache=tmp_path)
    finally:
        signal.signal(signal.SIGINT, before)
    assert said.read_text() == "closed"
    assert len(git(repository, "worktree", "list").splitlines()) == 1
