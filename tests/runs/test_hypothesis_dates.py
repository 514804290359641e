from dataclasses import asdict, replace

import pytest

from moe_exp.comparison.hypotheses import Criterion, Hypothesis
from moe_exp.experiment.config import flatten
from moe_exp.runs.hypothesis_dates import doubts
from moe_exp.runs.membership import newest_runs
from moe_exp.tracking import LoggedRun

CLAIM = Hypothesis(
    name="H",
    statement="mlp is good",
    date="2026-11-20",
    criteria=[Criterion(quantity="r2", model="mlp", n_train=100, noise_level=0.2, at_least=0.9)],
)
DAY = 86_400.0
ON_21_NOVEMBER = 1_795_219_200.0


def run(name: str, hypothesis: Hypothesis | None, *, started: float = ON_21_NOVEMBER, identity: str = "") -> LoggedRun:
    parameters = flatten({"hypotheses": {"h": asdict(hypothesis)}}, {}) if hypothesis else {}
    tags = {"identity": identity or name}
    return LoggedRun(name, name, "FINISHED", {"gate": "mlp", **parameters}, tags, {}, started)


def test_a_claim_that_every_run_named_as_it_is_raises_no_doubt() -> None:
    assert doubts("h", CLAIM, [run("a", CLAIM), run("b", CLAIM, started=ON_21_NOVEMBER - 9 * DAY)]) == ""


def test_a_claim_that_leaves_an_option_open_which_an_older_version_did_not_have_is_the_same() -> None:
    new = run("a", CLAIM)
    old = {name: value.replace(", 'equivalent_within': None", "") for name, value in new.parameters.items()}
    assert old != dict(new.parameters)
    assert doubts("h", CLAIM, [replace(new, parameters=old)]) == ""


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (run("b", None), "1 (b) did not name it: that it was stated before rests on its date alone"),
        (
            run("b", replace(CLAIM, date="2026-11-19")),
            "it was changed after 1 (b), where it stands in other words or with other bounds",
        ),
        (run("b", None, started=ON_21_NOVEMBER - 2 * DAY), "its date, 2026-11-20, is after 1 (b)"),
    ],
)
def test_a_claim_that_was_not_named_is_told_from_one_that_came_later(other: LoggedRun, words: str) -> None:
    text = doubts("h", CLAIM, [run("a", CLAIM), other])
    assert text == f"Of the 2 runs that this claim is judged by: {words}. (MOE092)"


def test_of_one_identity_the_newest_run_stays_whatever_the_order() -> None:
    old, new = run("old", None, identity="x"), run("new", None, started=ON_21_NOVEMBER + 1, identity="x")
    other = run("other", None, started=ON_21_NOVEMBER - DAY)
    for runs in ([old, new, other], [new, other, old], [other, new, old]):
        assert [each.name for each in newest_runs(runs)] == ["other", "new"]
