"""Tables for a paper: what LaTeX reads is what the report says."""

import re

import pytest

from moe_exp.comparison import compare
from moe_exp.report import make_document
from moe_exp.report.latex import escape, to_latex
from tests.report.made_up import make_context, make_weighted_record


@pytest.fixture(scope="module")
def sweep():
    """Give a comparison of two noise levels, the higher of them configured, and its document."""
    levels = (0.1, 0.2)
    records = [make_weighted_record(gate, noise_level=n, n_train=5_000) for gate in ("classify", "mlp") for n in levels]
    compared = compare(records, n_resamples=100)
    return compared, make_document(compared, make_context(records, noise_level=0.2))


def test_every_difference_is_in_a_whole_table(sweep):
    compared, document = sweep
    text = to_latex(document, text="Design", tables=["Results"])
    assert text.isascii()
    assert text.count(r"\begin{table*}") == text.count(r"\end{table*}") == text.count(r"\toprule") > 3
    labels = re.findall(r"\\label\{(.*)\}", text)
    assert len(set(labels)) == len(labels)
    for table in text.split(r"\begin{table*}")[1:]:
        [columns] = re.findall(r"\\begin\{tabular\}\{([lr]+)\}", table)
        rows = [line for line in table.splitlines() if line.endswith(r"\\")]
        assert len(rows) > 1
        assert all(len(re.findall(r"(?<!\\)&", row)) == len(columns) - 1 for row in rows)
    for row in compared.pairs.to_dict("records"):
        value, low, high = (f"${row[key]:+.4f}$" for key in ("delta_r2", "delta_r2_ci_low", "delta_r2_ci_high"))
        assert f"{value} [{low}, {high}]" in text


def test_only_the_sections_that_are_asked_for_are_written(sweep):
    text = to_latex(sweep[1], text="Design", tables=["Question"])
    assert r"\begin{table*}" not in text
    assert r"\textbf{Yes.} At 5,000 training stars, noise level 0.2, on" in text
    assert r"\textbf{Experts: }one Ridge regression" in text
    assert "one Ridge regression" not in to_latex(sweep[1], text="Notes", tables=[])


def test_signs_of_latex_are_printed():
    assert escape("5 % of a_b & {c} ~ \\d") == r"5 \% of a\_b \& \{c\} \textasciitilde{} \textbackslash{}d"
    assert escape("ΔR² −0.5 Å, +1.2") == r"$\Delta$R$^2$ $-0.5$ \AA{}, $+1.2$"
