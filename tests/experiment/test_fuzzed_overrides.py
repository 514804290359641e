"""Whatever is typed is an experiment with a name and an identity, or one message with a code; nothing else ends it."""

import json

from hypothesis import given, strategies

from moe_exp.experiment.advice import known_options
from moe_exp.experiment.checks import check
from moe_exp.experiment.config import GROUPS, LISTS, Experiment, flatten
from moe_exp.machine import choose_device
from moe_exp.runs.identity import identify
from moe_exp.runs.run_names import name_run
from tests.conftest import PROJECT_ROOT
from tests.refusals import refusal

OPTIONS = known_options(PROJECT_ROOT / "conf")
FILES = {
    group: [path.stem for path in (PROJECT_ROOT / "conf" / group).glob("*.yaml")]
    for group in (*GROUPS, *LISTS, "experiment")
}
ODD_NUMBERS = (0, -1, 1, 2, 3, -0.0, 0.5, 1e-320, 1e-30, 1e30, 1e308, float("nan"), float("inf"), -float("inf"), 10**30)
ODD_TEXTS = """null true ??? [] {} '' , = == {a:1} [1,[2]] [nan] [1,null] ${seed} ${nowhere} ${oc.env:NOWHERE} ${ 1e999
nan .inf 1_000 0x10 1:30 ~ * <<: -- +a=b ü 🟊 "'" \\ \\n 2020-01-01 choice(1,2) range(3) glob(*) str(1) [3,2,1] [1,2,3]
[-1,1] [5000,4000] [a,a] [1,1]"""

numbers = strategies.one_of(
    strategies.sampled_from(ODD_NUMBERS), strategies.integers(-(10**12), 10**12), strategies.floats()
)
typed_values = strategies.one_of(
    numbers.map(str),
    strategies.lists(numbers, max_size=4).map(str),
    strategies.sampled_from(ODD_TEXTS.split()),
    strategies.text(max_size=8),
)
choices = strategies.sampled_from([f"{group}={name}" for group, names in FILES.items() for name in names])
overrides = strategies.one_of(
    choices,
    strategies.builds(
        "{}{}={}".format, strategies.sampled_from(["", "+", "++", "~"]), strategies.sampled_from(OPTIONS), typed_values
    ),
    strategies.builds("{}={}".format, strategies.sampled_from([*FILES]), typed_values),
    strategies.text(max_size=12).filter(lambda text: "hydra" not in text),
)


def begin(experiment: Experiment) -> None:
    """Do what a run does before its work, and see that all that names it can be made."""
    choose_device(experiment.device)
    check(experiment)
    assert name_run(experiment)
    assert identify(experiment)
    assert all(flatten(experiment.values, experiment.choices))
    json.dumps(experiment.values)


@given(typed=strategies.lists(overrides, min_size=1, max_size=3))
def test_whatever_is_typed_is_an_experiment_or_one_message(configure, typed):
    refusal(lambda: begin(configure(*typed)))
