"""What --json prints is one document, as exact as the tables, and docs/json.md explains every key."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from moe_exp.cli.as_json import print_json, to_plain
from moe_exp.cli.commands import main as cli
from moe_exp.runs.conclusions import TABLES
from tests.command_line import PROJECT_ROOT, parents_in

DOCUMENTED = set(re.findall(r"`(\w+)`", (PROJECT_ROOT / "docs" / "json.md").read_text(encoding="utf-8")))


def ask(*arguments):
    done = CliRunner().invoke(cli, [*arguments, "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def keys(value):
    if isinstance(value, dict):
        return set(value).union(*map(keys, value.values()))
    return set().union(*map(keys, value)) if isinstance(value, list) else set()


def without_ends(names):
    return {re.sub(r"_?ci_(low|high)$", "", name) for name in names} - {""}


def test_a_comparison_is_printed_with_all_of_its_digits(sweep, tmp_path):
    [parent] = parents_in(sweep)
    store = ("--store", f"sqlite:///{sweep}/mlflow.db")
    found = ask("compare", parent.info.run_id, "--n-resamples", "50", "--csv", str(tmp_path), *store)
    assert found["schema"] == "moe-exp compare 1"
    assert found["settings"]["n_resamples"] == 50
    assert set(TABLES) <= set(found)
    written = pd.read_csv(tmp_path / "pairs.csv")["delta_r2_ci_low"].tolist()
    assert [row["delta_r2_ci_low"] for row in found["pairs"]] == written
    as_run = ask("compare", parent.info.run_id, *store)["settings"]
    assert (as_run["n_resamples"], as_run["confidence"]) == (1000, 0.95)  # those of the smoke preset
    assert found["levels"][0]["sd_data_seed"] is None
    assert without_ends(keys(found)) <= DOCUMENTED
    planned = ask("plan", parent.info.run_id, "--difference", "0.02", *store)
    assert len(planned["rows"]) == len(found["pairs"])
    assert without_ends(keys(planned)) <= DOCUMENTED


def test_the_cache_is_printed_by_part(tmp_path):
    found = ask("cache", "--folder", str(tmp_path))
    assert {part["part"] for part in found["parts"]} == {"simulated", "inspected", "stages"}
    assert keys(found) <= DOCUMENTED


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.float64(0.1), 0.1),
        (np.nan, None),
        (np.inf, "infinite"),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (pd.NA, None),
        (pd.DataFrame({"a": [1.5, np.nan]}), [{"a": 1.5}, {"a": None}]),
        ({"a": (1, "b")}, {"a": [1, "b"]}),
    ],
)
def test_values_are_what_json_has(value, plain, capsys):
    assert to_plain(value) == plain
    print_json("x", {"y": value})
    assert json.loads(capsys.readouterr().out) == {"schema": "moe-exp x 1", "y": plain}
