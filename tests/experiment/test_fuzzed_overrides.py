"""Whatever is typed is an experiment with a name and an identity, or one message with a code; nothing else ends it."""

import json

import pytest
from hypothesis import given, strategies
from omegaconf import OmegaConf

from moe_exp.errors import InputError
from moe_exp.experiment.advice import known_options
from moe_exp.experiment.checks import check
from moe_exp.experiment.config import GROUPS, LISTS, build, flatten
from moe_exp.machine import choose_device
from moe_exp.runs.identity import identify
from moe_exp.runs.run_names import name_run
from tests.conftest import PROJECT_ROOT

OPTIONS = known_options(PROJECT_ROOT / "conf")
FILES = {
    group: [path.stem for path in (PROJECT_ROOT / "conf" / group).glob("*.yaml")]
    for group in (*GROUPS, *LISTS, "experiment")
}
ODD_NUMBERS = (0, -1, 1, 2, 3, -0.0, 0.5, 1e-320, 1e-30, 1e30, 1e308, float("nan"), float("inf"), -float("inf"), 10**30)
ODD_TEXTS = (
    "null true ??? [] {} '' , = == {a:1} [1,[2]] [nan] [1,null] ${seed} ${nowhere} ${oc.env:NOWHERE} ${ 1e999 nan .inf "
    "1_000 0x10 1:30 ~ * <<: -- +a=b ü 🟊 'a b' \"'\" \\\\ \\n \\x00 2020-01-01 choice(1,2) range(3) glob(*) str(1) [3,2,1] "
    "[1,2,3] [-1,1] [5000,4000] [a,a] [1,1]"
).split()

numbers = strategies.one_of(
    strategies.sampled_from(ODD_NUMBERS), strategies.integers(-(10**12), 10**12), strategies.floats()
)
scalars = strategies.one_of(numbers, strategies.none(), strategies.booleans(), strategies.text(max_size=5))
values = strategies.recursive(
    scalars,
    lambda inner: strategies.lists(inner, max_size=4) | strategies.dictionaries(strategies.text(max_size=3), inner),
    max_leaves=5,
)
typed_values = strategies.one_of(
    numbers.map(str),
    strategies.lists(numbers, max_size=4).map(str),
    strategies.sampled_from(ODD_TEXTS),
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


def is_told(make):
    """Say whether an experiment is refused, by one message; else see that all that a run begins with can be made."""
    try:
        experiment = make()
        choose_device(experiment.device)
        check(experiment)
    except InputError as error:
        assert "\n" not in error.message
        assert len(error.message) > 10
        return True
    assert name_run(experiment)
    assert identify(experiment)
    assert all(flatten(experiment.values, experiment.choices))
    json.dumps(experiment.values)
    return False


@given(typed=strategies.lists(overrides, max_size=4))
def test_whatever_is_typed_is_an_experiment_or_one_message(configure, typed):
    is_told(lambda: configure(*typed))
