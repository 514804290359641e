"""The table of deliberate faults fits the code: `make mutants` tries them, which takes too long for every change."""

from pathlib import Path

import pytest

from tests.faults import MUTANTS

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.fault for mutant in MUTANTS])
def test_a_fault_can_be_made_in_one_place_and_its_tests_are_there(mutant):
    text = (ROOT / "src" / "moe_exp" / mutant.file).read_text(encoding="utf-8")
    assert text.count(mutant.old) == 1
    paths = mutant.tests.partition(" -k ")[0].split()
    assert all((ROOT / path.partition("::")[0]).exists() for path in paths)
