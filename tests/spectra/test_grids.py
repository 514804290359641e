import numpy as np
import pytest

from moe_exp.errors import InputError
from moe_exp.spectra.grids import Grid, interpret_grid, join_grids

ANGSTROM = np.linspace(7100.2, 8849.8, 50)


@pytest.mark.parametrize(
    ("stored", "attributes", "remark"),
    [
        (ANGSTROM / 10, {}, "nm (by their range)"),
        (ANGSTROM / 1e4, {}, "µm (by their range)"),
        (np.log10(ANGSTROM), {}, "log10 of Å (by their range)"),
        (ANGSTROM / 10, {"units": "nm"}, "nm (attribute units)"),
        (ANGSTROM / 10, {"CUNIT1": np.bytes_(b"nm")}, "nm (attribute CUNIT1)"),
        (ANGSTROM / 1e4, {"unit": np.array(["micron"])}, "micron (attribute unit)"),
        (np.log10(ANGSTROM), {"unit": "log10(Angstrom)"}, "log10 of Å (attribute unit)"),
        (np.log10(ANGSTROM), {"unit": "log10"}, "log10 of Å (attribute unit)"),
        (np.log10(ANGSTROM / 10), {"unit": "dex(nm)"}, "log10 of nm (attribute unit)"),
    ],
)
def test_the_same_grid_in_any_unit_is_the_same_grid(stored, attributes, remark):
    grid = interpret_grid(stored, attributes, "wave")
    np.testing.assert_allclose(grid.wavelength, ANGSTROM, rtol=1e-14)
    assert grid.remarks == (f"wavelengths are stored as {remark}",)
    assert not grid.descending


@pytest.mark.parametrize("attributes", [{}, {"unit": "A"}, {"unit": "Angstroms"}, {"unit": "ANGSTROM"}, {"unit": ""}])
def test_angstroms_stay_as_they_are_to_the_last_bit(attributes):
    grid = interpret_grid(ANGSTROM, attributes, "wave")
    assert grid.wavelength.tobytes() == ANGSTROM.tobytes()
    assert grid.remarks == ()


def test_values_that_two_units_could_mean_are_refused_with_both_readings():
    with pytest.raises(InputError, match=r"Å \(2100 to 2900 Å\) or nm \(21000 to 29000 Å\)"):
        interpret_grid(np.linspace(2100, 2900, 5), {}, "wave")
    assert interpret_grid(np.linspace(2100, 2900, 5), {"unit": "nm"}, "wave").wavelength[0] == 21_000


def test_values_that_no_unit_explains_are_refused():
    with pytest.raises(InputError, match="0 to 4095 without a unit, which can be no wavelength"):
        interpret_grid(np.arange(4096.0), {}, "wave")


@pytest.mark.parametrize("attributes", [{"unit": "K"}, {"units": "pixel"}, {"unit": "nm", "units": "um"}])
def test_a_unit_that_is_none_of_wavelength_or_not_one_is_refused(attributes):
    with pytest.raises(InputError, match="is no unit of wavelength"):
        interpret_grid(ANGSTROM, attributes, "wave")


@pytest.mark.parametrize("stored", [ANGSTROM, ANGSTROM / 10, np.log10(ANGSTROM)])
def test_a_grid_from_red_to_blue_is_turned(stored):
    turned, straight = interpret_grid(stored[::-1], {}, "wave"), interpret_grid(stored, {}, "wave")
    np.testing.assert_array_equal(turned.wavelength, straight.wavelength)
    assert turned.descending
    assert turned.remarks[-1] == "pixels run from the red to the blue and are turned round"


def test_overlapping_parts_are_refused_with_the_first_pixel_that_turns_back():
    arms = np.r_[8000:8100:2.0, 8090:8200:2.0]
    with pytest.raises(InputError, match=r"1 time\(s\) \(first: pixel 50 has 8090 after 8098\)"):
        interpret_grid(arms, {}, "wave")
    with pytest.raises(InputError, match=r"first: pixel 55 has 8098 after 8090"):
        interpret_grid(arms[::-1], {}, "wave")


def test_a_wavelength_twice_is_refused():
    with pytest.raises(InputError, match="pixel 2 has 8001 after 8001"):
        interpret_grid(np.array([8000.0, 8001, 8001, 8002]), {}, "wave")


def test_wavelengths_that_are_not_finite_are_refused_with_the_first():
    with pytest.raises(InputError, match=r"not finite in 2 pixel\(s\) \(first: pixel 1\)"):
        interpret_grid(np.array([8000.0, np.nan, np.inf, 8002]), {}, "wave")


def test_files_of_one_grid_have_the_medium_that_any_of_them_says():
    silent, air, vacuum = (Grid(ANGSTROM, False, medium, ()) for medium in (None, "air", "vacuum"))
    rounded = silent._replace(wavelength=ANGSTROM / 10 * 10)
    assert join_grids({"a": silent, "b": rounded, "c": vacuum}).medium == "vacuum"
    with pytest.raises(InputError, match="must be in one medium, but say: a in air, c in vacuum"):
        join_grids({"a": air, "b": silent, "c": vacuum})
    with pytest.raises(InputError, match=r"b has another wavelength grid \(50 pixels, 7100.3 to 8849.9 Å\) than a"):
        join_grids({"a": silent, "b": silent._replace(wavelength=ANGSTROM + 0.1)})
