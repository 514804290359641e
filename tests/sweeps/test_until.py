"""Sweeps that add seeds until their hypotheses are decided: rounds, budgets, and what was looked at and how often."""

import json
import shutil
from dataclasses import replace

import pytest
from click.testing import CliRunner

from moe_exp.cli.commands import main as cli
from moe_exp.comparison.looks import Looks
from moe_exp.errors import InputError
from moe_exp.experiment.composition import compose_in
from moe_exp.report.document import Picture
from moe_exp.runs.bundles.archive import unpacked
from moe_exp.runs.bundles.check import check
from moe_exp.runs.conclusions import conclude
from moe_exp.runs.looks import check_plan
from moe_exp.sweeps.until import Budget, UntilDecided, Watch
from moe_exp.tracking import get_run
from tests.command_line import PROJECT_ROOT, parents_in, runs_in, train, typed_claim
from tests.conftest import store_in

LOOKS = Looks(option="data.seed", start=10, planned=(2, 3, 5))


def watch(*verdicts: str, minutes: float | None = None, clock=lambda: 0.0) -> tuple[Watch, list[str]]:
    """Return a sweep of two gates whose looks give these verdicts, and where it will say why it ended."""
    said, why = iter(verdicts), []
    grid = [("gate=mlp",), ("gate=linear",)]
    return Watch(grid, LOOKS, Budget(minutes, clock), lambda looks: {"h": next(said)}, why.append), why


def test_a_round_has_the_whole_grid_for_each_seed_that_it_adds():
    rounds = list(watch("undecided", "undecided", "undecided")[0].rounds())
    assert rounds[0] == [
        ["gate=mlp", "data.seed=10"],
        ["gate=linear", "data.seed=10"],
        ["gate=mlp", "data.seed=11"],
        ["gate=linear", "data.seed=11"],
    ]
    assert [len(jobs) for jobs in rounds] == [4, 2, 4]
    assert rounds[-1][-1] == ["gate=linear", "data.seed=14"]


@pytest.mark.parametrize(
    ("verdicts", "n_rounds", "reason"),
    [
        (["supported"], 1, "decided: h supported"),
        (["undecided", "refuted"], 2, "decided: h refuted"),
        (["not decidable here"] * 3, 3, "the budget of jobs and looks is spent: h not decidable here"),
        (["not judged"], 1, "not to be judged by these runs: h not judged"),
    ],
)
def test_seeds_are_added_until_a_verdict_is_reached_or_none_can_be(verdicts, n_rounds, reason):
    watched, why = watch(*verdicts)
    assert len(list(watched.rounds())) == n_rounds == watched.looks.n_taken
    assert why == [reason]


def test_no_round_starts_when_the_minutes_are_spent():
    times = iter([0.0, 59.0, 60.0])
    watched, why = watch("undecided", "undecided", minutes=1, clock=lambda: next(times))
    assert len(list(watched.rounds())) == 2
    assert why == ["the budget of time is spent: h undecided"]


def test_a_round_that_breaks_off_is_not_looked_at():
    watched, _ = watch("undecided")
    rounds = watched.rounds()
    next(rounds)
    rounds.close()
    assert watched.looks.n_taken == 0


@pytest.fixture(scope="module")
def jobs():
    typed = ("experiment=smoke", typed_claim(), "data.seed=4")
    return [compose_in(PROJECT_ROOT, [f"gate={gate}", *typed]) for gate in ("mlp", "linear")]


def test_looks_are_planned_for_what_the_jobs_allow(jobs):
    looks = UntilDecided(max_jobs=21).plan(jobs, ["gate"])
    assert looks == Looks(option="data.seed", start=4, planned=(5, 7, 9, 10), overall=0.95)
    assert UntilDecided(max_jobs=1000).plan(jobs, []).planned == (5, 7, 9, 11)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"grow": "gate"}, "until.grow=gate is unknown; choose data.seed or seed."),
        ({"grow": "seed"}, "seed is swept, and until.grow=seed adds its values"),
        ({"first": 1}, "until.first=1: it must be 2 or more."),
        ({"step": 0}, "until.step=0: it must be 1 or more."),
        ({"max_looks": 1}, "until.max_looks=1: it must be 2 or more."),
        ({"max_looks": 21}, "until.max_looks=21: at most 20."),
        ({"max_jobs": -1}, "until.max_jobs=-1: it must be 1 or more."),
        ({"max_jobs": 11}, "until.max_jobs=11: the first round alone has 10 jobs, 2 for each of 5 seeds"),
        ({"max_minutes": -1.0}, "until.max_minutes=-1: it must be above 0"),
        ({"first": 2, "step": 20, "max_jobs": 1000}, "is at a level of 0, and intervals here tell 1e-09 at best"),
    ],
)
def test_what_cannot_work_is_refused_before_it_costs_time(jobs, options, message):
    with pytest.raises(InputError) as refused:
        UntilDecided(**options).plan(jobs, ["seed"])
    assert message in str(refused.value)


def test_a_first_look_is_refused_that_the_resamples_cannot_tell(jobs):
    with pytest.raises(InputError, match=r"and intervals here tell 0.01 at best"):
        UntilDecided(grow="seed").plan(jobs, [])
    assert UntilDecided(grow="seed").plan([*jobs, replace(jobs[0], values=jobs[0].values | {"data": {"seed": 5}})], [])


def test_what_no_seeds_could_decide_is_refused(configure):
    with pytest.raises(InputError, match="no hypothesis is named"):
        UntilDecided().plan([configure("experiment=smoke")], [])
    with pytest.raises(InputError, match=r"Use experts\.clip=true"):
        UntilDecided().plan([configure("experiment=smoke", typed_claim(), "experts.clip=false")], [])


def test_one_run_adds_no_seeds(configure):
    with pytest.raises(InputError, match="only a sweep adds seeds"):
        configure("until=decided")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "until=decided: no hypothesis is named"),
        (("until.first=2,3", typed_claim()), "until.first=2,3: a sweep adds seeds by one plan; give one value."),
    ],
)
def test_a_sweep_that_no_plan_fits_is_refused_before_its_first_job(tmp_path, arguments, message):
    done = train("-m", "experiment=smoke", "until=decided", *arguments, folder=tmp_path)
    assert done.returncode == 1
    assert f"The sweep was not started: {message}" in done.stderr
    assert not (tmp_path / "mlflow.db").exists()


SEEDS = ("until=decided", "until.grow=seed", "until.first=2", "until.step=1", "until.max_looks=2")


@pytest.fixture(scope="module")
def grown(sweep, cache_dir, tmp_path_factory):
    """Give a store where the jobs of an open claim ran out of budget, and another claim was decided by them at once."""
    folder = tmp_path_factory.mktemp("grown")
    shutil.copy(sweep / "mlflow.db", folder)
    shutil.copytree(sweep / "mlruns", folder / "mlruns")
    arguments = ("-m", "experiment=smoke", "gate=mlp", "training.max_epochs=5", *SEEDS)
    for claim in (typed_claim(above=0.62), typed_claim()):
        done = train(*arguments, claim, folder=folder, MOE_EXP_CACHE=str(cache_dir))
        assert done.returncode == 0, done.stderr
    (folder / "said.txt").write_text(done.stdout + done.stderr, encoding="utf-8")
    return folder


def test_seeds_are_added_until_the_budget_is_spent(grown):
    _, parent, _ = parents_in(grown)
    client, runs = runs_in(grown)
    assert parent.info.run_name == "sweep until=decided"
    assert parent.info.status == "FINISHED"
    assert parent.data.tags["sweep.stopped"] == "the budget of jobs and looks is spent: smoke undecided"
    assert parent.data.tags["hypothesis.smoke"] == "undecided"
    assert parent.data.metrics["sweep/n_jobs"] == parent.data.metrics["sweep/n_finished"] == 3
    assert [run.data.params["seed"] for run in runs if run.data.params["gate"] == "mlp"] == ["0", "1", "2"]
    for name, values in {"n_looks": [1, 2], "look_confidence": [0.988, 0.963]}.items():
        logged = client.get_metric_history(parent.info.run_id, f"sweep/{name}")
        assert [metric.value for metric in sorted(logged, key=lambda metric: metric.step)] == values
    assert Looks.from_json(parent.data.tags["sweep.looks"]).n_taken == 2
    assert "looked at 2 times, with 2, then 3 of at most 3 seeds" in parent.data.tags["mlflow.note.content"]


def test_a_look_that_decides_is_the_last_and_what_an_earlier_sweep_ran_is_not_run_again(grown):
    parent = parents_in(grown)[-1]
    assert parent.data.tags["sweep.stopped"] == "decided: smoke supported"
    assert parent.data.metrics["sweep/n_finished"] == 2
    assert parent.data.metrics["sweep/n_looks"] == 1
    said = (grown / "said.txt").read_text(encoding="utf-8")
    assert said.count("skipped: ") == 2
    assert "were looked at 1 time, with 2 of at most 3 seeds" in said


def test_no_comparison_of_these_runs_forgets_how_often_they_were_looked_at(grown):
    tracking = store_in(grown)
    looked = [run for run in runs_in(grown)[1] if run.data.params["gate"] == "mlp"]
    place = ("--store", tracking.uri, "--n-resamples", "50", "--json")
    done = CliRunner().invoke(cli, ["compare", looked[0].info.run_id, *place])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert looked[0].data.tags["mlflow.parentRunId"] == parents_in(grown)[0].info.run_id  # of a sweep without looks
    assert (found["looks"]["n_taken"], found["settings"]["confidence"]) == (2, 0.963)
    others = [get_run(tracking, run.info.run_id) for run in runs_in(grown)[1] if run.data.params["gate"] == "linear"]
    assert conclude(tracking, others, n_resamples=50).comparison.settings.confidence == 0.95


def test_a_bundle_is_judged_and_checked_at_the_last_look(grown, tmp_path, monkeypatch):
    monkeypatch.setattr(Picture, "png", b"PNG")
    parent = parents_in(grown)[1].info.run_id
    arguments = ["export", parent, "-o", str(tmp_path / "sweep.zip"), "--store", store_in(grown).uri]
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == 0, done.output
    with unpacked(tmp_path / "sweep.zip") as (folder, manifest):
        assert (manifest.settings.looks.n_taken, manifest.verdicts) == (2, {"smoke": "undecided"})
        assert "looked at 2 times" in (folder / "report.md").read_text(encoding="utf-8")
    found = check(tmp_path / "sweep.zip")
    assert (found.wrong, found.same_report) == ((), True)


def test_what_was_spent_is_not_spent_again_by_another_plan(grown):
    parent = parents_in(grown)[-1]
    looks = Looks.from_json(parent.data.tags["sweep.looks"])
    check_plan(store_in(grown), parent.data.tags["sweep.family"], replace(looks, n_taken=0))
    with pytest.raises(InputError, match="What was spent cannot be spent again"):
        check_plan(store_in(grown), parent.data.tags["sweep.family"], replace(looks, planned=(2, 4)))
    check_plan(store_in(grown), "others", replace(looks, planned=(2, 4)))
