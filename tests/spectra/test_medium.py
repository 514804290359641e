import numpy as np
import pytest

from moe_exp.errors import InputError
from moe_exp.spectra.known_lines import LINES
from moe_exp.spectra.medium import convert, read_medium


@pytest.mark.parametrize("line", LINES, ids=[line.name for line in LINES])
def test_conversion_takes_the_laboratory_wavelengths_into_each_other(line):
    np.testing.assert_allclose(convert(np.array(line.air), medium="air", to="vacuum"), line.vacuum, atol=0.03)
    np.testing.assert_allclose(convert(np.array(line.vacuum), medium="vacuum", to="air"), line.air, atol=0.03)


def test_there_and_back_is_where_one_was():
    wavelength = np.linspace(2500, 25_000, 500)
    for medium, other in (("air", "vacuum"), ("vacuum", "air")):
        back = convert(convert(wavelength, medium=medium, to=other), medium=other, to=medium)
        np.testing.assert_allclose(back, wavelength, rtol=1e-13)


def test_wavelengths_too_short_to_be_converted_are_refused():
    with pytest.raises(InputError, match="wavelengths from 1999 Å on cannot be converted from air to vacuum"):
        convert(np.array([1999.0, 5000.0]), medium="air", to="vacuum")


def test_nothing_changes_where_nothing_is_to_be_converted():
    wavelength = np.linspace(7100.2, 8849.8, 5)
    assert convert(wavelength, medium="air", to="air") is wavelength


@pytest.mark.parametrize(
    ("attributes", "medium"),
    [
        ({"medium": "air"}, "air"),
        ({"medium": np.bytes_(b"Vacuum")}, "vacuum"),
        ({"AIRORVAC": "vac"}, "vacuum"),
        ({"VACUUM": True}, "vacuum"),
        ({"VACUUM": np.array([0])}, "air"),
        ({"CTYPE1": "AWAV-LOG"}, "air"),
        ({"CTYPE1": "WAVE"}, "vacuum"),
        ({"AIRORVAC": "vac", "VACUUM": "T"}, "vacuum"),
        ({"source": "vacuum cleaner", "CTYPE1": "LINEAR"}, None),
        ({}, None),
    ],
)
def test_what_a_file_says_about_its_medium_is_understood(attributes, medium):
    assert read_medium(attributes, "stars.h5") == medium


@pytest.mark.parametrize("attributes", [{"medium": "helium"}, {"medium": "air", "VACUUM": True}])
def test_an_unclear_medium_is_refused(attributes):
    with pytest.raises(InputError, match=r"stars.h5: the attribute\(s\) medium=.* do not say"):
        read_medium(attributes, "stars.h5")
