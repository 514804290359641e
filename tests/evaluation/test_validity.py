import numpy as np
import pytest

from moe_exp.evaluation.validity import HEAVIEST_TAIL, LEAST_CARRIERS, find_carriers


def carriers(*contributions: float) -> float:
    return find_carriers(np.array(contributions), limited=True).n_carriers


def test_equal_stars_all_carry_and_one_large_one_carries_alone() -> None:
    assert carriers(*[0.1] * 70) == pytest.approx(70)
    assert carriers(*[-3.0, 3.0] * 20) == pytest.approx(40)
    assert carriers(1e6, *[0.1] * 70) == pytest.approx(1, abs=1e-3)
    assert carriers(1.0, 3.0) == pytest.approx(16 / 10)


def test_the_tail_index_is_that_of_a_power_law() -> None:
    for index in (0.3, 0.5, 1.2):
        sizes = (np.arange(1, 100_001) / 100_000) ** -index
        assert find_carriers(sizes, limited=True).tail_index == pytest.approx(index, rel=0.02)


def test_each_limit_marks_by_itself_and_says_why() -> None:
    quiet = np.random.default_rng(0).uniform(-1, 1, 5000)
    assert find_carriers(quiet, limited=True).trusted
    assert find_carriers(quiet, limited=False).mark == "predictions without limit: not to be trusted"
    few = find_carriers(np.append(quiet[: LEAST_CARRIERS // 2], np.zeros(5000)), limited=True)
    assert few.mark == f"carried by {round(few.n_carriers)} stars: not to be trusted"
    heavy = find_carriers((np.arange(1, 5001) / 5000) ** -0.9, limited=True)
    assert heavy.n_carriers > LEAST_CARRIERS
    assert heavy.tail_index > HEAVIEST_TAIL
    assert heavy.mark == f"carried by a heavy tail (index {heavy.tail_index:.2f}): not to be trusted"
    assert find_carriers(np.append(np.zeros(900), 1.0), limited=True).mark == "carried by 1 star: not to be trusted"


@pytest.mark.parametrize("contributions", [np.zeros(50), np.zeros(0), np.full(3, np.nan)])
def test_nothing_to_carry_is_no_reason_for_doubt(contributions: np.ndarray) -> None:
    found = find_carriers(contributions, limited=True)
    assert np.isnan(found.n_carriers)
    assert found.trusted
