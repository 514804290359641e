"""The report says what the comparison holds, stands alone, and lists published numbers only beside their design."""

import html
import html.parser
import re
from dataclasses import replace

import numpy as np
import pytest
from markdown_it import MarkdownIt

from moe_exp.comparison import compare
from moe_exp.report import Report, make_document
from moe_exp.report.external_stars import external_blocks
from moe_exp.report.html import to_html
from moe_exp.report.markdown import escape, to_markdown
from moe_exp.report.reproduction import run_blocks
from tests.comparison.made_up import SCATTER, make_record
from tests.report.made_up import COMMIT, make_context, make_weighted_record

SIZES = {"n_train": 32_000, "noise_level": 0.2}


@pytest.fixture(scope="module")
def sweep():
    records = [make_weighted_record(gate, **SIZES) for gate in ("classify", "linear", "mlp")]
    return compare(records, n_resamples=300), make_context(
        records, command="python train.py -m gate=classify,linear,mlp"
    )


@pytest.fixture(scope="module")
def renderings(sweep):
    """Give the page and the Markdown of the sweep's report."""
    document = make_document(*sweep)
    return to_html(document), to_markdown(document)


def test_every_score_and_difference_is_in_both_renderings(sweep, renderings):
    comparison, _ = sweep
    for text in renderings:
        plain = text.replace("−", "-").replace("\\", "")
        for row in comparison.scores.to_dict("records"):
            assert f"{row['r2']:.4f} [{row['r2_ci_low']:.4f}, {row['r2_ci_high']:.4f}]" in plain
        for row in comparison.pairs.to_dict("records"):
            assert f"{row['delta_r2']:+.4f} [{row['delta_r2_ci_low']:+.4f}, {row['delta_r2_ci_high']:+.4f}]" in plain


def test_the_page_stands_alone(sweep, tmp_path):
    Report(make_document(*sweep)).write(tmp_path)
    page = (tmp_path / "report.html").read_text()
    sources = re.findall(r"""(?:src|href)=["']([^"']+)""", page)
    assert sources
    assert all(source.startswith(("data:", "#")) for source in sources)
    assert "<script" not in page
    pictures = re.findall(r"\]\((figures/[^)]+\.png)\)", (tmp_path / "report.md").read_text())
    assert pictures
    assert all((tmp_path / picture).exists() for picture in pictures)


def test_the_page_is_well_formed(renderings):
    class Tags(html.parser.HTMLParser):
        """Keeps what is open."""

        open_tags: list[str]

        def handle_starttag(self, tag, attrs):
            if tag not in ("meta", "img", "br", "hr", "link", "col"):
                self.open_tags.append(tag)

        def handle_endtag(self, tag):
            assert self.open_tags.pop() == tag

    parser = Tags()
    parser.open_tags = []
    parser.feed(renderings[0])
    assert parser.open_tags == []


def test_how_to_reproduce_names_command_and_commit(renderings):
    _, text = renderings
    assert "python train.py -m gate=classify,linear,mlp" in text
    assert COMMIT in text or COMMIT[:7] in text


def test_a_metric_of_the_users_own_stands_beside_each_run(sweep):
    _, context = sweep
    measured = [
        replace(
            run, tags=run.tags | {"metric.nmad": "NMAD [dex]"}, metrics=run.metrics | {"test/nmad": 0.1 + place / 100}
        )
        for place, run in enumerate(context.runs)
    ]
    table = next(run_blocks(replace(context, runs=measured)))
    assert [row[table.columns.index("NMAD [dex]")] for row in table.rows] == ["0.1000", "0.1100", "0.1200"]


def test_the_design_tells_gates_bins_and_stars_of_the_users_own():
    records = [make_weighted_record(gate, **SIZES) for gate in ("classify", "mine")]
    context = make_context(records)
    said = {"bins.description": "Teff below 4500 K", "data.description": "60 pixels, 8480 to 8680 Å"}
    runs = [
        replace(
            run,
            tags=run.tags | said | ({"gate.description": "Weighs by colour."} if run.tags["gate"] == "mine" else {}),
            parameters={k: v for k, v in run.parameters.items() if "edges" not in k} | {"data": "hdf5"},
        )
        for run in context.runs
    ]
    text = to_markdown(make_document(compare(records, n_resamples=50), replace(context, runs=tuple(runs))))
    for each in ("mine — Weighs by colour. Soft", "Teff below 4500 K. A star", "60 pixels, 8480 to 8680 Å."):
        assert each in text


def test_times_of_reading_are_told_from_those_of_computing(sweep):
    _, context = sweep
    first, *others = context.runs
    read = [
        replace(run, tags=run.tags | {"stages.recalled": "experts"}, metrics={"time/experts_s": 0.5}) for run in others
    ]
    table = list(run_blocks(replace(context, runs=(first, *read))))[-1]
    [row] = [row for row in table.rows if row[0] == "experts"]
    assert row[1:] == ["1", "13 min 32 s", "13 min 32 s", "2", "1.0 s"]


@pytest.mark.parametrize(("n_train", "published"), [(32_000, True), (5_000, False)])
def test_published_numbers_stand_beside_their_own_design_only(n_train, published):
    records = [make_weighted_record(gate, n_train=n_train, noise_level=0.2) for gate in ("classify", "mlp")]
    text = to_html(make_document(compare(records, n_resamples=100), make_context(records)))
    assert ("0.9310" in text) == published


def test_only_a_gate_that_is_trained_for_regression_answers_the_question():
    for gate, answered in (("mlp", True), ("mlp_classify", False)):
        records = [make_weighted_record(name, **SIZES) for name in ("classify", gate)]
        text = to_markdown(make_document(compare(records, n_resamples=300), make_context(records)))
        assert any(word in text for word in ("**Yes.", "**No, it is worse.", "**Not shown.")) == answered


@pytest.mark.parametrize("data_seeds", [(0,), (0, 1, 2)])
@pytest.mark.parametrize(
    ("scatter", "mixture_wins", "ridge_wins"),
    [(0.6, True, False), (0.1, False, True)],
)
def test_the_answer_says_whether_dividing_the_stars_was_worth_it(
    monkeypatch, data_seeds, scatter, mixture_wins, ridge_wins
):
    monkeypatch.setitem(SCATTER, "global_ridge", scatter)
    records = [make_record(gate, data_seed=seed, **SIZES) for gate in ("classify", "linear") for seed in data_seeds]
    answer = answer_of(records)
    assert ("each interval by itself, the mixture beats one global Ridge." in answer) == mixture_wins
    assert ("One global Ridge beats every mixture. With classify (" in answer) == ridge_wins


def answer_of(records, **changes):
    context = make_context(records)
    changed = tuple(replace(run, tags=run.tags | changes) for run in context.runs)
    document = make_document(compare(records, n_resamples=300), replace(context, runs=changed))
    return "\n".join(map("".join, document.opening[0].items))


def test_the_answer_takes_one_question_after_the_other():
    sizes = [(gate, n, noise) for gate in ("classify", "mlp") for n in (32_000, 100_000) for noise in (0.2, 0.5)]
    records = [make_record(gate, n_train=n, noise_level=noise, n_stars=300) for gate, n, noise in sizes]
    answer = answer_of(records, **{"gate.converged": "false"})
    questions = [
        "the mixture beats one global Ridge", "Yes.", "mlp has a higher R² than classify", "From 32,000 to 100,000",
        "Along noise levels", "8 of 8 gates have not converged (MOE072): classify and mlp.",
        "Fewer than 30 test stars (MOE081) lie in",
    ]  # fmt: skip
    places = [answer.index(question) for question in questions]
    assert places == sorted(places)
    assert "% of 300 lie outside the bins; bins=quantiles covers all" in answer


def test_an_answer_that_clipping_decides_says_so_and_tells_the_other_number_alone():
    def make(gate, error):
        record = make_record(gate, **SIZES, n_stars=4000)
        predictions = record.predictions
        wild = np.where(np.arange(4000) % 400 == 0, error, 0)
        unclipped = dict(predictions.unclipped) | {"soft": predictions.unclipped["soft"] + (gate == "mlp") * wild}
        return replace(record, predictions=replace(predictions, unclipped=unclipped))

    answer = answer_of([make(gate, 30.0) for gate in ("classify", "mlp")])
    assert "Yes with clipped experts, not shown without clipping." in answer
    told = answer[answer.index("clipping decides mlp − classify:") :].split(".  ")[0].split("unclipped")[0]
    assert told.count("[") == 1
    assert "Yes." in answer_of([make(gate, 0.0) for gate in ("classify", "mlp")])


def test_an_answer_over_data_seeds_names_all_stars_and_its_interval():
    records = [
        make_weighted_record(gate, data_seed=seed, n_stars=400 + 100 * seed, **SIZES)
        for gate in ("classify", "mlp")
        for seed in (0, 1, 2)
    ]
    compared = compare(records, n_resamples=300)
    text = to_markdown(make_document(compared, make_context(records)))
    sizes = np.array([record.predictions.covered.sum() for record in records[:3]])
    assert f"on {sizes[0]}, {sizes[1]} and {sizes[2]} covered test stars (" in text
    assert f"% of {sum(len(record.predictions) for record in records[:3]):,} lie outside the bins" in text
    assert "95 % Student's t interval of the mean over 3 data seeds" in text
    total = sum(len(record.predictions) for record in records[:3])
    assert f"{sizes.sum():,} of {total:,} test stars, those of 3 data seeds together, lie in a bin" in text
    singles = compared.replicates[compared.replicates["quantity"] == "delta_r2"]["value"]
    assert all(f"+{value:.4f}" in text for value in singles)


@pytest.mark.parametrize(
    ("seeds", "data_seeds", "said"),
    [
        ((0,), (0,), "over test stars; with one data seed it does not hold which stars were trained on, nor how a"),
        (
            (0, 1),
            (0,),
            "over test stars and training seeds; with one data seed it does not hold which stars were trained",
        ),
        ((0,), (0, 1), None),
    ],
)
def test_the_answer_says_what_its_interval_does_not_hold(seeds, data_seeds, said):
    records = [
        make_weighted_record(gate, seed=seed, data_seed=data_seed, **SIZES)
        for gate in ("classify", "mlp")
        for seed in seeds
        for data_seed in data_seeds
    ]
    text = to_markdown(make_document(compare(records, n_resamples=100), make_context(records)))
    assert ("it does not hold" in text) == (said is not None)
    assert said is None or f"95 % paired-bootstrap interval {said}" in text


def test_intervals_over_training_seeds_are_said_to_hold_their_scatter():
    records = [make_weighted_record(gate, seed=seed, **SIZES) for gate in ("classify", "mlp") for seed in (0, 1, 2)]
    text = to_markdown(make_document(compare(records, n_resamples=300), make_context(records)))
    assert "the scatter between training seeds is added" in text
    assert "300 resamples; over training seeds, with their scatter" in text


def test_text_of_runs_is_escaped():
    records = [make_weighted_record(gate, **SIZES) for gate in ("classify", "mlp")]
    context = make_context(records, notes=["<b>bold</b> & more"])
    page = to_html(make_document(compare(records, n_resamples=100), context))
    assert "<b>bold</b>" not in page
    assert "&lt;b&gt;bold&lt;/b&gt; &amp; more" in page


def test_one_run_alone_is_reported():
    records = [make_record("classify", **SIZES)]
    document = make_document(compare(records, n_resamples=100), make_context(records))
    assert "These runs hold no gate against classify." in to_markdown(document)


def test_a_reader_of_the_markdown_sees_no_markup(renderings):
    page = MarkdownIt("commonmark").enable("table").render(renderings[1])
    shown = re.sub(r"<code>.*?</code>", "", page, flags=re.DOTALL)
    assert "<strong>Noise:</strong> noise level 0.2" in shown
    assert "**" not in shown
    assert "\\" not in shown


@pytest.mark.parametrize("text", ["0.93 [0.9, 1]", "1. first", "2) second", "# 3", "-0.5", "- x", "a_b *c* <d> `e`"])
def test_escaped_text_is_shown_as_it_is(text):
    page = MarkdownIt("commonmark").render(escape(text))
    assert html.unescape(page) == f"<p>{text}</p>\n"


def test_too_few_stars_have_scores_and_neither_interval_nor_p_nor_figure_of_resamples():
    records = [
        make_weighted_record(gate, n_stars=9, n_train=5_000, noise_level=0.3) for gate in ("classify", "linear", "mlp")
    ]
    document = to_markdown(make_document(compare(records, n_resamples=50), make_context(records, command="")))
    assert "too few stars to test mlp against classify" in document
    assert not re.search(r"\[[−+]?\d\.\d{4}, ", document.replace("\\", ""))
    assert "delta_r2_distribution" not in document


def test_real_stars_have_a_section_with_what_each_run_measured_on_them(sweep):
    comparison, context = sweep
    first, *others = context.runs
    metrics = first.metrics | {f"external_stelib/{name}": value for name, value in MEASURED.items()}
    table, remarks = external_blocks(
        replace(context, runs=(replace(first, metrics=metrics), *others)), comparison.label
    )
    cells = ["54", "0.8100 [0.7000, 0.9000]", "–", "–", "−0.25", "0.33", "–", "+0.40", "–", "–", "–"]
    assert table.rows == [[first.name, *cells]]
    said = "".join(remarks.pieces)
    assert said.startswith("31 stars of them are giants, 23 stars dwarfs; 1 star outside the training range")
    assert "differs in log g by 0.28 dex (standard deviation of 40 stars), so that no R² above 0.975" in said
    assert "72 % of their labels lie within the 95 % interval; 40 % of the stars are flagged, and of the o" in said
    assert said.endswith("one by one, in tables/external_stelib_stars.csv.")
    assert not list(external_blocks(context, comparison.label))


MEASURED = {
    "r2": 0.81,
    "r2_ci_low": 0.7,
    "r2_ci_high": 0.9,
    "bias": -0.25,
    "scatter": 0.33,
    "n_stars": 54.0,
    "giants_n_stars": 31.0,
    "giants_bias": 0.4,
    "dwarfs_n_stars": 23.0,
    "outside_n_stars": 1.0,
    "label_disagreement": 0.28,
    "in_both_n_stars": 40.0,
    "coverage": 0.72,
    "flagged_share": 0.4,
    "unflagged_coverage": 0.8,
    "r2_ceiling": 0.975,
}
