"""Which condition the answer is about, and what was claimed before there was one."""

from dataclasses import replace

import pytest

from moe_exp.comparison import compare
from moe_exp.comparison.hypotheses import Criterion, Hypothesis, judge
from moe_exp.experiment.composition import reading_conf
from moe_exp.experiment.project import read_noise_level
from moe_exp.report.selection import Selection
from moe_exp.report.statements import statement_blocks
from moe_exp.sweeps.callback import configured_noise_level, parse
from tests.command_line import PROJECT_ROOT
from tests.report.made_up import make_context, make_weighted_record


@pytest.fixture(scope="module")
def records():
    levels = (0.1, 0.2, 0.5)
    return [make_weighted_record(gate, noise_level=n, n_train=5_000) for gate in ("classify", "mlp") for n in levels]


def test_the_answer_is_about_the_configured_noise_level(records):
    compared = compare(records, n_resamples=50)
    for configured, main in ((None, 0.1), (0.2, 0.2), (0.5, 0.5), (0.7, 0.1)):
        assert Selection(compared, configured).main_noise_level == main


def test_a_sweep_departs_from_what_its_jobs_share():
    with reading_conf(PROJECT_ROOT):
        for typed, level in (([], 0.2), (["data.noise_level=0.5"], 0.5), (["seed=-1"], None)):
            assert configured_noise_level(parse(["gate=linear", *typed]), "config") == level
    assert read_noise_level(PROJECT_ROOT / "src") == 0.2


def claim(name):
    bound = Criterion(quantity="r2", model="mlp", n_train=5_000, noise_level=0.2, above=0.1)
    return Hypothesis(name=name, statement="It is good.", date="2026-11-20", criteria=[bound])


def test_claims_of_before_are_told_from_those_of_after(records):
    compared = compare(records, n_resamples=50)
    judgements = [judge(claim(name), compared) for name in ("H1", "H2")]
    context = make_context(records, judgements=judgements, hypothesis_notes={"H2": "it was changed"})

    def said(context):
        return "".join("".join(block.pieces) for block in statement_blocks(context))

    assert "Stated before the runs, word for word in each of them: H1 (2026-11-20)." in said(context)
    assert "Stated after some of them, changed, or not named by all: H2 (2026-11-20)." in said(context)
    assert "Nothing was stated before the runs. All differences were" in said(replace(context, judgements=[]))
    assert said(replace(context, runs=())) == ""
