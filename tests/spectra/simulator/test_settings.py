import re

import pytest
from omegaconf import OmegaConf

from moe_exp.errors import InputError
from moe_exp.spectra.simulator import Simulator


def test_settings_are_a_schema_for_omegaconf():
    config = OmegaConf.merge(OmegaConf.structured(Simulator), {"teff": [4000, 5000], "tio": False})
    built = OmegaConf.to_object(config)
    assert isinstance(built, Simulator)
    assert built == Simulator(teff=(4000.0, 5000.0), tio=False)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("teff", (5000.0, 4000.0)),
        ("logg", (1.0, 9.0)),
        ("flux_norm", "mean"),
        ("n_depths", 2),
        ("resolution", float("nan")),
        ("wavelength_min", 4000.0),
        ("mh_beta", 0.0),
    ],
)
def test_bad_values_are_named_as_in_the_configuration(option, value):
    with pytest.raises(InputError, match=re.escape(f"data.simulator.{option}=")):
        Simulator(**{option: value})


def test_all_bad_values_are_named_at_once():
    with pytest.raises(InputError, match=r"data\.simulator\.m_h=.*data\.simulator\.oh_scale=-1"):
        Simulator(m_h=(1.0, 2.0), oh_scale=-1.0)


def test_wavelengths_are_the_published_pixels():
    wavelength = Simulator().wavelength
    assert (len(wavelength), wavelength[0], wavelength[-1]) == (4096, 7100.2, 8849.8)
