import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pytest
import yaml
from omegaconf import OmegaConf

from moe_exp.errors import InputError
from moe_exp.experiment.checks import check
from moe_exp.experiment.config import GROUPS, LISTS, flatten, make_stage
from moe_exp.model.gates import ClassifyGate, LinearGate, MlpClassifyGate, MlpGate
from moe_exp.runs.identity import identify
from moe_exp.runs.run_names import name_run
from moe_exp.spectra.sources import SimulatedData
from tests.conftest import PROJECT_ROOT

OPTIONS = [(path.parent.name, path.stem) for group in GROUPS for path in (PROJECT_ROOT / "conf" / group).glob("*.yaml")]
PRESETS = [path.stem for path in (PROJECT_ROOT / "conf" / "experiment").glob("*.yaml")]
GATES = {"mlp": MlpGate, "linear": LinearGate, "classify": ClassifyGate, "mlp_classify": MlpClassifyGate}


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_every_option_builds(configure, group, option):
    assert configure(f"{group}={option}").choices[group] == option


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("gate", GATES)
def test_every_preset_combines_with_every_gate(configure, preset, gate):
    experiment = configure(f"experiment={preset}", f"gate={gate}")
    assert isinstance(experiment.gate, GATES[gate])


def test_help_names_every_choice_and_the_defaults_as_they_are(configure):
    said = yaml.safe_load((PROJECT_ROOT / "conf/hydra/help/moe_exp.yaml").read_text())["template"]
    experiment = configure()
    for group in (*GROUPS, *LISTS, "experiment"):
        [line] = [line for line in said.splitlines() if line.split()[:1] == [group]]
        listed = line.partition(": ")[2].split(", ")
        assert set(listed) == {path.stem for path in (PROJECT_ROOT / "conf" / group).glob("*.yaml")}, group
        assert experiment.choices.get(group, listed[0]) == listed[0]
    options = dict(re.findall(r"^  ([\w.]+)=(\S+) ", said[said.index("Options that matter") :], re.MULTILINE))
    assert len(options) == 10
    assert {name: OmegaConf.select(OmegaConf.create(experiment.values), name) for name in options} == {
        name: yaml.safe_load(value) for name, value in options.items()
    }


def test_presets_set_what_was_published(configure):
    experiment = configure("experiment=mvp_12a_100k", "gate=linear")
    assert (experiment.data.n_train, experiment.data.noise_level) == (100_000, 0.2)
    assert not experiment.experts.clip
    assert (experiment.training.learning_rate, experiment.training.max_epochs) == (1e-3, 100)
    assert experiment.training.patience == 10


def test_the_command_line_wins_over_a_preset(configure):
    assert configure("experiment=next_a_32k", "data.n_train=5000", "experts.clip=true").data.n_train == 5000


def test_yaml_of_the_simulator_repeats_its_defaults(configure):
    assert json.dumps(asdict(configure().data)) == json.dumps(asdict(SimulatedData()))


def test_yaml_of_the_experts_gives_the_published_grid(configure):
    np.testing.assert_allclose(configure().experts.alphas, 10.0 ** np.arange(-3, 6))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("+gate.hiden=3", "gate.hiden: Key 'hiden' not in 'MlpGate'. It has training, hidden."),
        ("gate.hidden=wide", "gate.hidden: Value 'wide' of type 'str' could not be converted to Integer."),
        ("data.noise_level=loud", "data.noise_level: Value 'loud' of type 'str' could not be converted to Float."),
        ("+data.simulator.colour=red", "data.simulator.colour: Key 'colour' not in 'Simulator'."),
        ("data.n_train=many", "data.n_train: Value 'many' of type 'str' is incompatible"),
        ("data.noise_level=-1", "data.noise_level=-1.0: it multiplies the error and cannot be negative"),
        ("hypothesis=[h12a]", "Did you mean h_12a? There are h_12a, more_stars, same_loss."),
        ("external=null", "external=null: give a list of miles, stelib, or external=[] for none"),
        ("external=[null]", "external=[null]: give a list of miles, stelib, or external=[] for none"),
        ("baseline=0", "baseline=0: name a file of conf/baseline: lightgbm, none."),
        ("baseline=[]", "baseline=[]: name a file of conf/baseline: lightgbm, none."),
        ("~trusted_modules", "trusted_modules: every run needs a value"),
        ("+baseline=0", "+baseline=0: name a file of conf/baseline: lightgbm, none."),
        ("~baseline", "~baseline: name a file of conf/baseline: lightgbm, none."),
        ("baseline=none,0", "baseline=none,0: name a file of conf/baseline: lightgbm, none."),
        ("data.simulator.n_depths=1", "data.simulator.n_depths=1: give a number between"),
        ("experts.alpha_min=0", "experts.alpha_min=0.0"),
        ("experts.n_folds=1", "experts.n_folds=1"),
        ("gate._target_=moe_exp.nowhere.Gate", "gate._target_=moe_exp.nowhere.Gate cannot be imported"),
        ("gate._target_=my.gates.Deep", "run the code of my.gates, which is not among trusted_modules"),
        ("gate._target_=moe_exp_x.Gate", "run the code of moe_exp_x, which is not among trusted_modules"),
        ("gate._target_=Gate", "run the code of Gate, which is not among trusted_modules"),
        ("gate._target_=moe_exp.errors.InputError", "is not a dataclass"),
        ("seed=-1", "seed=-1: a seed is 0 or more"),
        ("+colour=red", "colour: there is no such option"),
    ],
)
def test_bad_values_are_named(configure, override, message):
    with pytest.raises(InputError, match=re.escape(message)):
        configure(override)


@dataclass
class Constant(LinearGate):
    """A user's own gate."""

    strength: float = 1.0


def test_a_gate_of_the_users_own_is_checked_like_any_other():
    target = f"{__name__}.Constant"
    assert make_stage("gate", {"_target_": target, "strength": 2}, [__name__]).strength == 2.0
    with pytest.raises(InputError, match="gate.strenth: Key 'strenth' not in 'Constant'"):
        make_stage("gate", {"_target_": target, "strenth": 2}, [__name__])


UNTRUSTED = [
    ("gate._target_=strangers.Gate",),
    ("evaluation._target_=strangers.Evaluation",),
    ("tracking._target_=strangers.Tracking",),
    ("+hypotheses.mine={_target_: strangers.Claim}",),
    ("+externals.mine={_target_: strangers.Stars}",),
    ("gate._target_=strangers.Gate", "trusted_modules=[strangers.inner]"),
    ("gate._target_=strangers.Gate", "trusted_modules=[strange]"),
]


@pytest.mark.parametrize("overrides", UNTRUSTED, ids=[row[-1] for row in UNTRUSTED])
def test_a_module_that_is_not_trusted_is_never_imported(configure, monkeypatch, tmp_path, overrides):
    (tmp_path / "strangers.py").write_text("from pathlib import Path\nPath(__file__).with_name('ran').touch()\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(
        InputError, match=r"'trusted_modules=\[strangers\]', or add strangers to trusted_modules in conf"
    ):
        configure(*overrides)
    assert not (tmp_path / "ran").exists()


def test_the_modules_of_a_trusted_package_are_trusted(configure):
    package = __name__.partition(".")[0]
    gate = ("gate=linear", f"gate._target_={__name__}.Constant")
    assert configure(*gate, f"trusted_modules=[{package}]").gate == Constant()


def test_parameters_have_dotted_names(configure):
    experiment = configure("gate=mlp")
    parameters = flatten(experiment.values, experiment.choices)
    assert parameters["gate"] == "mlp"
    assert parameters["gate.hidden"] == "64"
    assert parameters["data.simulator.teff"] == "[3750.0, 6000.0]"
    assert not [name for name in parameters if "_target_" in name]
    assert all(len(value) < 6000 for value in parameters.values())


def test_one_number_is_one_value_however_it_is_typed(configure):
    assert configure("experts.alpha_max=1e5").values == configure("experts.alpha_max=100000").values
    assert configure("data.noise_level=1").values["data"]["noise_level"] == 1.0
    assert configure("data.noise_level=1").values["data"]["_target_"] == configure().values["data"]["_target_"]


def test_one_number_has_one_spelling_where_arithmetic_leaves_digits(configure):
    exact, computed = (
        configure(f"data.noise_level={third}", f"bins.teff_edges=[{third},6000]", f"experts.alpha_min={third}")
        for third in ("0.3", "0.30000000000000004")
    )
    assert computed.values == exact.values
    assert computed.data == exact.data
    assert computed.experts == exact.experts
    assert identify(computed) == identify(exact)
    assert name_run(computed) == name_run(exact)


def test_a_run_is_named_for_what_it_learns_from_and_not_for_what_else_it_predicts(configure):
    external = ("external=[stelib]", "externals.stelib.path=x.h5")
    assert name_run(configure("preprocessing=continuum", *external)) == name_run(configure("preprocessing=continuum"))


def test_a_run_on_the_users_stars_names_their_file(configure):
    assert name_run(configure("data=hdf5", "data.path=/far/away/dr7.h5")) == "mlp n=all noise=0.2 seed=0 dr7.h5"


def test_names_of_parameters_are_such_that_mlflow_takes_them():
    assert flatten({"sums": {"Na+Ca (all)": ["x"]}}, {}) == {"sums.Na_Ca _all_": "['x']"}


def test_the_cache_can_be_moved(configure, monkeypatch, tmp_path):
    monkeypatch.setenv("MOE_EXP_CACHE", str(tmp_path / "elsewhere"))
    assert configure("cache_dir=${oc.env:MOE_EXP_CACHE}").cache_dir == Path(tmp_path / "elsewhere")


def test_external_stars_are_chosen_as_a_list(configure):
    experiment = configure("external=[stelib,miles]", "externals.stelib.path=x.h5")
    assert {name: (stars.title, stars.path) for name, stars in experiment.externals.items()} == {
        "stelib": ("STELIB", "x.h5"),
        "miles": ("MILES", None),
    }
    assert not configure().externals
    with pytest.raises(InputError, match="externals.miles.path is missing"):
        check(configure("external=[miles]"))
    with pytest.raises(InputError, match=r"externals\.stelib\.fhwm: Key 'fhwm' not in 'ExternalStars'"):
        configure("external=[stelib]", "+externals.stelib.fhwm=3")


def test_hypotheses_are_chosen_as_a_list(configure):
    hypotheses = configure("hypothesis=[h_12a,more_stars]").hypotheses
    assert {name: hypothesis.name for name, hypothesis in hypotheses.items()} == {
        "h_12a": "H-12A",
        "more_stars": "more stars",
    }
    assert not configure().hypotheses
    with pytest.raises(InputError, match=r"hypotheses\.h_12a\.dat: Key 'dat' not in 'Hypothesis'"):
        configure("hypothesis=[h_12a]", "+hypotheses.h_12a.dat=today")
