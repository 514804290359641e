"""A mixture as files: the same numbers come back, and what cannot be read is refused."""

import json
import subprocess
import sys
from importlib.metadata import version

import numpy as np
import pytest

from moe_exp import Mixture
from moe_exp.errors import InputError
from moe_exp.experiment.pipeline import run
from moe_exp.prediction.storage import DESCRIPTION_FILE, FORMAT, NUMBERS_FILE, PARTS
from moe_exp.progress import Stages
from tests.prediction.small import SMALL


@pytest.fixture
def outcome(configure, many_stars):
    return run(configure(*SMALL, f"data.path={many_stars}", "gate=linear"), Stages())


@pytest.fixture
def kept(outcome, tmp_path):
    Mixture.of(outcome.model).save(tmp_path / "model")
    return tmp_path / "model"


@pytest.mark.parametrize("gate", ["linear", "mlp", "mlp_classify", "classify"])
def test_a_model_that_was_kept_gives_the_same_numbers_to_the_last_bit(configure, many_stars, tmp_path, gate):
    options = ("preprocessing=continuum", "preprocessing.scale=80.0", f"gate={gate}", "bins=quantiles")
    outcome = run(configure(*SMALL, f"data.path={many_stars}", *options), Stages())
    Mixture.of(outcome.model).save(tmp_path / "model")
    loaded = Mixture.load(tmp_path / "model")
    flux = outcome.dataset.test.observe(np.arange(50))
    np.testing.assert_array_equal(loaded.fitted.predict(flux), outcome.mixture.predict(flux))
    found, table = loaded.predict(flux), loaded.fitted.experts.describe()
    predictions = outcome.predictions
    np.testing.assert_allclose(found["log_g"], predictions["prediction"][:50], rtol=0, atol=1e-6)
    weights = found.filter(like="weight ").to_numpy()
    np.testing.assert_allclose(weights, predictions.filter(regex="^weight_")[:50], rtol=0, atol=1e-6)
    assert list(found["bin"]) == [outcome.mixture.bins.names_[each] for each in weights.argmax(axis=1)]
    assert table.equals(outcome.mixture.experts.describe())
    assert loaded.fitted.bins.names_ == outcome.mixture.bins.names_


def test_the_same_mixture_gives_the_same_bytes_and_no_pickle(outcome, kept, tmp_path):
    Mixture.of(outcome.model).save(tmp_path / "again")
    for name in (DESCRIPTION_FILE, NUMBERS_FILE):
        assert (kept / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    assert {path.name for path in kept.iterdir()} == {DESCRIPTION_FILE, NUMBERS_FILE}


def test_a_model_predicts_without_torch(kept):
    load = f"import sys, numpy; from moe_exp import Mixture; model = Mixture.load({str(kept)!r})"
    predict = "model.predict(numpy.ones((2, len(model.fitted.wavelength)))); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", f"{load}; {predict}"], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_bad_pixels_are_filled_as_those_of_a_run_are(outcome, kept):
    model, flux = Mixture.load(kept), outcome.dataset.test.observe(np.arange(20))
    plain = model.predict(flux)["log_g"]
    marked, error = flux.copy(), np.ones_like(flux)
    marked[3, 10:14] = np.nan
    marked[4, 20] = np.inf
    error[5, 30] = 0
    found = model.predict(marked, error=error)["log_g"]
    others = [row for row in range(20) if row not in (3, 4, 5)]
    np.testing.assert_array_equal(found[others], plain[others])
    assert np.abs(found - plain)[[3, 4, 5]].between(1e-9, 0.5).all()
    with pytest.raises(InputError, match="the shapes"):
        model.predict(flux[:, :-1])
    nothing = model.predict(np.full_like(flux, np.nan))
    assert nothing["log_g"].isna().all()
    assert (nothing["flag"] == 64).all()
    assert len(model.predict(flux[:0])) == 0


def change(path, **values):
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_what_is_no_model_is_refused_by_its_name(kept, tmp_path):
    with pytest.raises(InputError, match=r"holds no model of moe_exp: it has no mixture.json"):
        Mixture.load(tmp_path)
    description, numbers = kept / DESCRIPTION_FILE, kept / NUMBERS_FILE
    whole, parts = numbers.read_bytes(), json.loads(description.read_text())["parts"]
    numbers.write_bytes(whole[:-100] + b"x" + whole[-99:])
    with pytest.raises(InputError, match="was changed or is damaged"):
        Mixture.load(kept)
    numbers.write_bytes(whole)
    parts["gate"]["options"]["depth"] = 3
    change(description, parts=parts)
    with pytest.raises(
        InputError, match=rf"does not fit .*depth.*, or install moe_exp {version('moe_exp')}, which made"
    ):
        Mixture.load(kept)
    parts["gate"]["class"] = "subprocess:Popen"
    change(description, parts=parts)
    with pytest.raises(InputError, match="subprocess:Popen is no dataclass"):
        Mixture.load(kept)
    change(description, digests={})
    with pytest.raises(InputError, match="was changed or is damaged"):
        Mixture.load(kept)
    description.write_text("{")
    with pytest.raises(InputError, match=r"mixture.json cannot be read"):
        Mixture.load(kept)


@pytest.mark.parametrize(
    ("spoiled", "message"),
    [
        ({"digests": None}, "was changed or is damaged"),
        ({"parts": []}, "does not fit this version"),
        ({"regressor": []}, "does not fit this version"),
    ],
)
def test_a_description_of_other_types_is_refused(kept, spoiled, message):
    change(kept / DESCRIPTION_FILE, **spoiled)
    with pytest.raises(InputError, match=message):
        Mixture.load(kept)


def test_a_part_of_another_kind_is_refused(kept):
    parts = json.loads((kept / DESCRIPTION_FILE).read_text())["parts"]
    change(kept / DESCRIPTION_FILE, parts=parts | {"preprocessing": parts["bins"]})
    with pytest.raises(InputError, match="parts.preprocessing is no Preprocessing"):
        Mixture.load(kept)


def test_a_model_of_another_format_is_refused_with_what_to_do(kept):
    path = kept / DESCRIPTION_FILE
    change(path, format=FORMAT + 1, version="7.8")
    wanted = (
        rf"format {FORMAT + 1}, .* reads format {FORMAT}. Make its run again .*, or install moe_exp 7\.8, which made"
    )
    with pytest.raises(InputError, match=wanted):
        Mixture.load(kept)
    older = json.loads(path.read_text()) | {"format": 3}
    path.write_text(json.dumps({name: older[name] for name in older if name not in ("label", "regressor", "version")}))
    with pytest.raises(InputError, match="has format 3, .* or let mlflow.pyfunc.load_model load it"):
        Mixture.load(kept)


def test_the_format_rises_with_the_names_in_a_models_files(kept):
    description = json.loads((kept / DESCRIPTION_FILE).read_text())
    names = ["clip", "digests", "format", "label", "medium", "parts", "regressor", "version"]
    assert (FORMAT, sorted(description), sorted(description["parts"])) == (6, names, sorted(PARTS))
    with np.load(kept / NUMBERS_FILE) as numbers:
        found = {name for name in numbers if not name.startswith(("bins/", "expert_", "gate/", "global_ridge/"))}
    groups = {
        "components": ("components", "explained_variance", "mean"),
        "difficulty": ("centre", "coef", "intercept", "limits", "scale"),
        "experts": ("label_range", "n_stars", "names"),
        "intervals": ("quantiles",),
        "limits": ("coef", "difficulty", "distance", "intercept", "misfit", "noise", "precision"),
        "spectra": ("flux_unit", "template", "wavelength"),
    }
    assert found == {f"{group}/{name}" for group, group_names in groups.items() for name in group_names}
