"""From files and the rows of each split to a data set: in one unit of flux, on one grid, without bad pixels."""

import logging

import numpy as np

from moe_exp.codes import Code, tagged
from moe_exp.errors import InputError
from moe_exp.spectra.dataset import Dataset, Stars
from moe_exp.spectra.grids import Grid, join_grids
from moe_exp.spectra.label import Label
from moe_exp.spectra.masked_stars import REFUSE, leave_out
from moe_exp.spectra.medium_choice import MediumChoice
from moe_exp.spectra.plausibility import lower_median, refuse_fill_values
from moe_exp.spectra.repeats import check_distinct, warn_of_repeats
from moe_exp.spectra.sources_base import Data
from moe_exp.spectra.star_files import StarFiles
from moe_exp.spectra.used_pixels import UsedPixels, average_spectra, choose_pixels, select

log = logging.getLogger(__name__)

FIRST_STARS = 1000
"""Training stars that say what the unit of flux is, which pixels are used, and what fills masked ones."""


def flux_unit(levels: np.ndarray) -> float:
    """Return the median of some stars' levels, each its median flux.

    Ridge penalties have a scale, that of the flux squared: in this unit one grid of them serves every data set, and
    results do not depend on the unit of a file. Of an even number of values the lower middle one is taken, so that the
    unit is the flux of a pixel: 1 for spectra that were divided by their own.
    """
    median = float(lower_median(levels[None])[0])
    if not median > 0:
        raise InputError(
            Code.NO_CONTINUUM,
            f"The median flux of the first {len(levels):,} training stars is {median}; spectra with a positive "
            f"continuum are needed.",
        )
    return median


def make_dataset(
    data: Data,
    *,
    name: str,
    source: str,
    stars: dict[str, tuple[StarFiles, np.ndarray]],
    noise_stages: dict[str, str],
    medium: MediumChoice,
    star_id: str | None = None,
    max_masked: float = 0.0,
    too_masked: str = REFUSE,
) -> Dataset:
    """Put the three splits together, in one unit of flux and on one wavelength grid; `stars` holds files and rows."""
    grid = join_grids({str(files.files[0]): files.grid for files, _ in reversed(stars.values())})
    label = Label(data.label)
    if not label.always_there:
        for each, _ in stars.values():
            refuse_fill_values(each.labels[label.column], f"{each.files[0]}: {label.option}")
    files, candidates = stars["data.n_train"]
    pixels = choose_pixels(files.masks, candidates[:FIRST_STARS])
    rows = leave_out(stars, pixels, max_masked=max_masked, too_masked=too_masked)
    flux = select(files.read(np.sort(rows["data.n_train"][:FIRST_STARS]))[0], pixels)
    levels = lower_median(flux)
    unit, used = flux_unit(levels), UsedPixels(pixels, average_spectra(flux, levels))
    splits = {
        size: Stars(
            *(each, rows[size], noise_stages[size], data.noise_level, data.seed, unit, used),
            label=label,
            n_left_out=len(asked_for) - len(rows[size]),
            medium=medium.medium,
        )
        for size, (each, asked_for) in stars.items()
    }
    _say_what_is_masked(splits, grid, pixels)
    check_distinct(splits, star_id)
    warn_of_repeats(splits, star_id)
    train, gate, test = (splits[size] for size in ("data.n_train", "data.n_val", "data.n_test"))
    n_left_out = int((~pixels).sum())
    return Dataset(name, source, grid.wavelength[pixels], n_left_out, medium.source, train, gate, test)


def _say_what_is_masked(splits: dict[str, Stars], grid: Grid, pixels: np.ndarray) -> None:
    """Log which pixels are left out, and how many are filled in each split."""
    if not pixels.all():
        out = grid.wavelength[~pixels]
        log.warning(
            tagged(
                Code.PIXELS_MASKED,
                "%d of %d pixels, between %.6g and %.6g Å, are masked in most of the first training stars and left out",
            ),
            *(len(out), len(pixels), out[0], out[-1]),
        )
    for option, stars in splits.items():
        n_filled = stars.n_filled
        if n_filled.any():
            log.info(
                "%s: %d of %d star(s) have masked pixels, %.3g %% of all, which are filled from the mean of training "
                "stars and take no noise",
                *(option, np.count_nonzero(n_filled), len(stars), 100 * n_filled.sum() / (len(stars) * pixels.sum())),
            )
