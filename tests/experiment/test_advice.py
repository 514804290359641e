import pytest

from moe_exp.experiment.advice import advise
from tests.conftest import PROJECT_ROOT

CONF = PROJECT_ROOT / "conf"


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        (
            "Could not override 'data.n_trian'.\nTo append",
            "data.n_trian: there is no such option. Did you mean data.n_train? ",
        ),
        ("Could not override 'sed'.", "sed: there is no such option. Did you mean seed? "),
        ("Could not override 'gate.colour'.", "There are gate.C, gate.hidden, gate.max_iter, gate.tol."),
        ("In 'config': Could not load 'hypothesis/h12a'.", "Did you mean h_12a? There are h_12a, "),
        ("Could not find 'gate/mpl'", "conf/gate has no mpl.yaml. Did you mean mlp? There are classify, linear, "),
    ],
)
def test_the_nearest_name_is_offered(said, advice):
    assert advice in advise(said, CONF)


@pytest.mark.parametrize("said", ["Could not find 'nowhere/x'", "mismatched input '='"])
def test_anything_else_stays_as_it_was_said(said):
    assert advise(said, CONF) == said
