import pytest

from moe_exp.errors import InputError
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
    assert advice in advise(said, CONF).message


@pytest.mark.parametrize("said", ["Could not find 'nowhere/x'", "Ambiguous value"])
def test_anything_else_stays_as_it_was_said(said):
    assert advise(said, CONF).message == said


@pytest.mark.parametrize("typed", ["data.path=/tmp/ü/x.h5", "data.path=a(1).h5", "data.path=a[1].h5", "data.path=a=b"])
def test_what_needs_quotes_is_told_so(configure, typed):
    with pytest.raises(InputError, match="stands between quotes within quotes") as told:
        configure("data=hdf5", typed)
    assert "See" not in str(told.value)
    name, _, value = typed.partition("=")
    assert configure("data=hdf5", f"{name}='{value}'").data.path == value
