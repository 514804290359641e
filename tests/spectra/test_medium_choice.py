import numpy as np
import pytest

from moe_exp.errors import InputError
from moe_exp.spectra.known_lines import LINES, LinePositions
from moe_exp.spectra.medium_choice import MediumChoice, choose_medium, join_choices, sample_flux
from tests.conftest import make_stars, write_stars

AIR = LinePositions(LINES[3:], np.array([1.0, -2.0, 0.0]), error=1.0)
VACUUM = LinePositions(LINES[3:], np.array([83.0, 82.0, 84.0]), error=1.0)
SILENT = LinePositions(LINES[3:], np.array([41.0, 40.0, 42.0]), error=1.0)


@pytest.mark.parametrize(
    ("said", "asked", "positions", "medium", "source"),
    [
        ("vacuum", "auto", SILENT, "vacuum", "file"),
        ("vacuum", "vacuum", VACUUM, "vacuum", "file"),
        (None, "air", SILENT, "air", "option"),
        (None, "air", AIR, "air", "option"),
        (None, "auto", VACUUM, "vacuum", "lines"),
        (None, "auto", AIR, "air", "lines"),
        (None, "auto", SILENT, None, "unknown"),
    ],
)
def test_the_file_decides_before_the_option_and_the_option_before_the_lines(said, asked, positions, medium, source):
    assert choose_medium(said, asked, positions, "data.path")[:2] == (medium, source)


@pytest.mark.parametrize(("said", "asked"), [("air", "auto"), (None, "air"), ("air", "air")])
def test_what_lines_contradict_is_refused_with_both_numbers(said, asked):
    with pytest.raises(
        InputError, match=r"\+2\.36 Å \(\+83 \+- 1 km/s\) .* in air and \+0\.01 Å \(\+0 km/s\) .* in vacuum"
    ):
        choose_medium(said, asked, VACUUM, "data.path")


def test_lines_that_disagree_or_scatter_too_much_decide_nothing():
    assert LinePositions(LINES[3:], np.array([0.0, 82.0, 300.0]), error=1.0).medium is None
    assert LinePositions(LINES[3:], np.array([0.0, np.nan, np.nan]), error=1.0).medium is None
    assert LinePositions(LINES[3:], np.array([0.0, 1.0, np.nan]), error=1.0).medium == "air"
    assert LinePositions(LINES[3:], np.array([0.0, 1.0, 2.0]), error=20.0).medium is None
    assert LinePositions(LINES[3:], np.array([0.0, 1.0, 2.0]), error=np.nan).medium is None


def test_files_in_both_media_are_refused():
    air, vacuum, unknown = MediumChoice("air", "lines"), MediumChoice("vacuum", "file"), MediumChoice(None, "unknown")
    assert join_choices({"data.path": unknown, "data.test_path": air}) == air
    assert join_choices({"data.path": unknown}) == unknown
    with pytest.raises(InputError, match="data.path: wavelengths are in air.*; data.test_path: .* in vacuum"):
        join_choices({"data.path": air, "data.test_path": vacuum})


def test_a_sample_is_taken_from_all_over_the_files(tmp_path):
    files = [write_stars(tmp_path / f"{seed}.h5", 900, seed=seed) for seed in (0, 1)]
    stars = np.concatenate([make_stars(900, seed=seed)[0] for seed in (0, 1)])
    index = {star.tobytes(): row for row, star in enumerate(stars)}
    rows = [index[star.tobytes()] for star in sample_flux(files)]
    assert rows == sorted(set(rows))
    assert len(rows) > 400
    assert max(np.diff([0, *rows, 1800])) < 150
    assert len(sample_flux([write_stars(tmp_path / "few.h5", 3)])) == 3
