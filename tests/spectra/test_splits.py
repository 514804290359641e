import numpy as np
import pytest

from moe_exp.errors import InputError
from moe_exp.spectra.splits import hand_out, stable_order


def splits(n_stars, n_train, n_val=10, n_test=20, shuffled=True, seed=0):
    order = stable_order(n_stars, seed=seed, shuffled=shuffled)
    return hand_out(order, {"data.n_test": n_test, "data.n_val": n_val, "data.n_train": n_train})


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
    assert len(hand_out(np.arange(30), {"data.n_test": 1.0})["data.n_test"]) == 30


def test_shuffle_depends_on_the_seed():
    assert not np.array_equal(splits(200, 50)["data.n_test"], splits(200, 50, seed=1)["data.n_test"])


@pytest.mark.parametrize("n_train", [171, 0, -3, 1.5])
def test_impossible_sizes_are_refused(n_train):
    with pytest.raises(InputError, match=r"data\.n_train"):
        splits(200, n_train)


def test_nothing_left_to_train_on_is_refused():
    with pytest.raises(InputError, match="the files hold 30"):
        splits(30, None)
