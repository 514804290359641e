"""Tables in the terminal."""

import pytest
from rich.console import Console

from moe_exp.runs.print_conclusions import PIPE_WIDTH, WHERE, make_table


def printed(columns):
    console = Console(width=PIPE_WIDTH)
    with console.capture() as said:
        console.print(make_table("Differences of R² on the same stars, of all gates", columns, unless={}))
    return said.get()


@pytest.mark.parametrize("condition", ["noise_level=0.2", "n_train=32000, noise_level=0.2"])
def test_a_condition_that_all_rows_share_is_in_the_title_alone(condition):
    names, numbers = ["linear - classify", "mlp - classify"], ["+0.0090 [+0.0043, +0.0137]"] * 2
    shared = printed({"difference": names, WHERE: [condition] * 2, "delta R²": numbers, "unclipped": numbers})
    assert f"of all gates; {condition}" in " ".join(shared.split())
    assert shared.count(condition.split()[-1]) == 1
    several = printed({"difference": names, WHERE: [condition, "elsewhere"], "delta R²": numbers, "unclipped": numbers})
    assert "of all gates;" not in " ".join(several.split())
    assert condition in several


def test_names_stand_on_one_line_however_wide_the_numbers_are():
    wide = {f"number {place}": ["+0.0090 [+0.0043, +0.0137]"] * 2 for place in range(4)}
    names = ["linear - classify", "mlp - classify"]
    rows = printed({"difference": names, WHERE: ["here", "there"], **wide})
    assert all(name in rows for name in names)
