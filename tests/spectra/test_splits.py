from itertools import pairwise

import numpy as np
import pytest

from moe_exp.errors import InputError
from moe_exp.spectra.splits import hand_out, stable_order


def splits(n_stars, n_train, n_val=10, n_test=20, shuffled=True, seed=0):
    star = np.arange(n_stars)
    order = stable_order(star, seed=seed, shuffled=shuffled)
    return hand_out(order, star, {"data.n_test": n_test, "data.n_val": n_val, "data.n_train": n_train})


@pytest.mark.parametrize("shuffled", [True, False])
def test_more_training_stars_move_nothing(shuffled):
    small, large = splits(200, 50, shuffled=shuffled), splits(200, 170, shuffled=shuffled)
    for option in ("data.n_test", "data.n_val"):
        np.testing.assert_array_equal(small[option], large[option])
    np.testing.assert_array_equal(small["data.n_train"], large["data.n_train"][:50])


def test_splits_are_disjoint_and_complete():
    rows = np.concatenate(list(splits(200, None).values()))
    np.testing.assert_array_equal(np.sort(rows), np.arange(200))


def test_fractions_are_of_all_stars():
    sizes = {option: len(rows) for option, rows in splits(200, None, n_val=0.1, n_test=0.25).items()}
    assert sizes == {"data.n_test": 50, "data.n_val": 20, "data.n_train": 130}


def test_one_is_a_star_and_one_point_zero_are_all():
    assert len(splits(200, 1)["data.n_train"]) == 1
    assert len(hand_out(np.arange(30), np.arange(30), {"data.n_test": 1.0})["data.n_test"]) == 30


def test_shuffle_depends_on_the_seed():
    assert not np.array_equal(splits(200, 50)["data.n_test"], splits(200, 50, seed=1)["data.n_test"])


@pytest.mark.parametrize("n_train", [171, 0, -3, 1.5])
def test_impossible_sizes_are_refused(n_train):
    with pytest.raises(InputError, match=r"data\.n_train"):
        splits(200, n_train)


def test_nothing_left_to_train_on_is_refused():
    with pytest.raises(InputError, match="the files hold 30"):
        splits(30, None)


def test_sizes_are_as_near_as_whole_stars_allow():
    star = np.repeat(np.arange(10), [1, 5, 2, 2, 3, 3, 1, 1, 1, 1])
    order = stable_order(star, seed=0, shuffled=False)
    found = hand_out(order, star, {"data.n_test": 4, "data.n_val": 1, "data.n_train": 7})
    assert [len(rows) for rows in found.values()] == [6, 2, 8]
    assert [set(star[rows]) for rows in found.values()] == [{0, 1}, {2}, {3, 4, 5}]
    assert len(hand_out(order, star, {"data.n_test": 2, "data.n_train": None})["data.n_train"]) == 19


@pytest.mark.parametrize("shuffled", [True, False])
def test_scattered_visits_are_handed_out_together_and_n_are_the_first_n(shuffled):
    star = np.random.default_rng(0).integers(0, 30, 200)
    star = np.unique(star, return_inverse=True)[1]
    star = np.argsort(np.argsort(np.unique(star, return_index=True)[1]))[star]
    order = stable_order(star, seed=3, shuffled=shuffled)
    assert np.count_nonzero(np.diff(star[order])) == star.max()
    np.testing.assert_array_equal(np.sort(order), np.arange(200))
    trained = [hand_out(order, star, {"data.n_test": 40, "data.n_train": n})["data.n_train"] for n in range(1, 161)]
    for few, many in pairwise(trained):
        np.testing.assert_array_equal(few, many[: len(few)])


def test_a_split_for_which_no_whole_star_is_left_is_refused():
    star = np.repeat([0, 1], 20)
    with pytest.raises(InputError, match=r"data\.n_train=10: no star is left, as all visits"):
        hand_out(np.arange(40), star, {"data.n_test": 10, "data.n_val": 10, "data.n_train": 10})
