"""A sweep's model becomes the champion where the claim that it rests on holds, or when that is forced."""

import mlflow
import numpy as np
import pytest

from moe_exp import names
from moe_exp.comparison.hypotheses import Criterion, Hypothesis
from moe_exp.errors import InputError
from moe_exp.runs.champion import find_champion
from moe_exp.tracking import add_to_run
from moe_exp.tracking.registry import register_champion
from tests.command_line import parents_in
from tests.conftest import store_in


@pytest.fixture
def of_sweep(copy_of_sweep):
    """Give a sweep's store, the id of its run, and what finds its champion by a claim about a gate."""
    tracking, [parent] = store_in(copy_of_sweep), parents_in(copy_of_sweep)

    def find(gate="mlp", *, file="smoke", force=False, **place):
        criterion = Criterion(
            **{"quantity": "r2", "model": gate, "n_train": 1000, "noise_level": 0.2, "above": 0.1} | place
        )
        hypothesis = Hypothesis(name="H", statement="", date="2026-01-01", criteria=[criterion])
        return find_champion(tracking, parent.info.run_id, file, hypothesis, force=force)

    return tracking, parent.info.run_id, find


def test_the_model_of_a_supported_claim_is_registered_and_loads_by_its_alias(of_sweep):
    tracking, _, find = of_sweep
    run = find()
    assert run.tags[names.TAG_GATE] == "mlp"
    uri = register_champion(tracking, run, "stars", description="because")
    model = mlflow.pyfunc.load_model(uri)
    assert len(model.predict(np.ones((1, 512), np.float32))) == 1
    linear = find("linear")
    assert register_champion(tracking, linear, "stars", description="") == uri == "models:/stars@champion"
    client = mlflow.MlflowClient(tracking.uri)
    assert client.get_model_version_by_alias("stars", "champion").run_id == linear.run_id
    assert client.get_model_version("stars", "1").description == "because"


def test_a_model_that_was_deleted_and_a_name_that_can_be_none_are_said(of_sweep):
    tracking, _, find = of_sweep
    run = find()
    with pytest.raises(InputError, match="'a/b' is no name for a registered model: "):
        register_champion(tracking, run, "a/b", description="")
    mlflow.MlflowClient(tracking.uri).delete_logged_model(run.tags[names.TAG_MODEL].removeprefix("models:/"))
    with pytest.raises(InputError, match=rf"The model of run '.*' \({run.run_id}\) was deleted"):
        register_champion(tracking, run, "stars", description="")


def test_a_claim_without_support_makes_no_champion_unless_forced(of_sweep):
    tracking, parent_id, find = of_sweep
    with pytest.raises(InputError, match="other was not judged, only smoke. --force"):
        find(file="other")
    add_to_run(tracking, parent_id, tags={names.TAGS_HYPOTHESIS + "smoke": "undecided"}, metrics={})
    with pytest.raises(InputError, match="no champion: the verdict on smoke is 'undecided'"):
        find()
    assert find(force=True).tags[names.TAG_GATE] == "mlp"


def test_a_model_that_the_sweep_does_not_have_is_said(of_sweep):
    with pytest.raises(
        InputError, match="no model of mlp at n_train=32000, noise_level=0.2, which smoke rests on: 0 of"
    ):
        of_sweep[2](n_train=32000)
