from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import torch

from moe_exp.errors import InputError
from moe_exp.spectra.simulator import CHUNK_SIZE, Simulator, StarChunk, flux_error, simulate

SMALL = Simulator(wavelength_min=8500.0, wavelength_max=8560.0, n_pixels=128)
LAST = 3 * CHUNK_SIZE + 10


def collect(first: int, last: int, **options: int) -> StarChunk:
    chunks = list(simulate(SMALL, seed=4, first=first, last=last, **options))
    return StarChunk(
        pd.concat([chunk.labels for chunk in chunks]),
        np.concatenate([chunk.flux for chunk in chunks]),
        np.concatenate([chunk.error for chunk in chunks]),
    )


@pytest.fixture(scope="module")
def stars() -> StarChunk:
    return collect(0, LAST, n_workers=1)


def test_stars_do_not_depend_on_the_range_asked_for(stars):
    first, last = CHUNK_SIZE - 7, 2 * CHUNK_SIZE + 5
    part = collect(first, last)
    pd.testing.assert_frame_equal(part.labels, stars.labels.loc[first : last - 1])
    np.testing.assert_array_equal(part.flux, stars.flux[first:last])
    np.testing.assert_array_equal(part.error, stars.error[first:last])


def test_stars_do_not_depend_on_the_number_of_processes(stars):
    parallel = collect(0, LAST, n_workers=2)
    pd.testing.assert_frame_equal(parallel.labels, stars.labels)
    np.testing.assert_array_equal(parallel.flux, stars.flux)
    np.testing.assert_array_equal(parallel.error, stars.error)


def test_chunks_end_at_fixed_stars():
    lengths = [chunk.labels.index[[0, -1]].tolist() for chunk in simulate(SMALL, seed=4, first=100, last=300)]
    assert lengths == [[100, 127], [128, 255], [256, 299]]
    assert all(later[0] == earlier[1] + 1 for earlier, later in pairwise(lengths))


def test_error_belongs_to_the_flux(stars):
    assert stars.flux.dtype == stars.error.dtype == np.float32
    expected = flux_error(SMALL, SMALL.wavelength, stars.flux, stars.labels["mag"].to_numpy())
    np.testing.assert_array_equal(stars.error, expected)


def test_torch_keeps_its_threads():
    before = torch.get_num_threads()
    chunks = simulate(SMALL, seed=4, first=0, last=300)
    next(chunks)
    assert torch.get_num_threads() == before


def test_nothing_is_made_of_an_empty_range():
    assert list(simulate(SMALL, seed=4, first=7, last=7)) == []


def test_bad_requests_are_refused_at_once():
    with pytest.raises(InputError, match="Stars 5 to 3"):
        simulate(SMALL, seed=1, first=5, last=3)
    with pytest.raises(InputError, match="n_workers=0"):
        simulate(SMALL, seed=1, first=0, last=3, n_workers=0)
