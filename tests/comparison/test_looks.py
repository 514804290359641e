"""Looks at runs that grow in number: at which level each is taken, and what all of them spend."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from moe_exp.comparison.looks import Looks, spend

LOOKS = Looks(option="data.seed", start=3, planned=(5, 7, 9, 11))


def test_the_first_boundary_is_the_one_that_is_published():
    assert stats.norm.isf(spend(np.array(0.2), 0.05) / 2) == pytest.approx(4.8769, abs=1e-4)


@pytest.mark.parametrize("planned", [(5, 7, 9, 11), (2, 3), tuple(range(3, 23)), (2, 20_000)])
def test_the_levels_add_up_to_no_more_than_there_is_to_spend(planned):
    levels = 1 - np.array(replace(LOOKS, planned=planned).confidences)
    assert 0.9 * 0.05 < levels.sum() <= 0.05
    assert np.all(np.diff(levels) > 0)


def test_the_last_look_may_spend_all_and_the_first_next_to_nothing():
    assert spend(np.array(1.0), 0.05) == pytest.approx(0.05)
    assert spend(np.array(0.2), 0.05) < 1e-5


def test_levels_are_rounded_to_the_safe_side():
    exact = np.diff(spend(np.array(LOOKS.planned) / 11, 0.05), prepend=0)
    given = 1 - np.array(LOOKS.confidences)
    assert np.all((0.9 * exact < given) & (given <= exact))
    assert LOOKS.confidences == (0.9983, 0.9919, 0.984, 0.977)


def test_a_look_counts_seeds_and_what_it_spends():
    twice = LOOKS.next().next()
    assert (list(LOOKS.seeds), LOOKS.spent, LOOKS.is_last) == ([], 0.0, False)
    assert (list(twice.seeds), twice.confidence) == ([3, 4, 5, 6, 7, 8, 9], 0.9919)
    assert twice.spent == pytest.approx(float(spend(np.array(7 / 11), 0.05)))
    assert twice.next().next().is_last
    assert "looked at 2 times, with 5, then 7 of at most 11 seeds (data.seed)" in str(twice)
    assert "at 99.19 %" in str(twice)


def test_looks_are_read_as_they_were_written():
    assert Looks.from_json(replace(LOOKS, n_taken=2).to_json()) == LOOKS.next().next()
