"""The figures of a report with their captions: those of the main condition, and those of the sweep."""

from collections.abc import Iterator

from matplotlib.figure import Figure

from moe_exp.comparison import RunRecord
from moe_exp.comparison.run_labels import label_runs
from moe_exp.evaluation.resamples import LEAST_STARS
from moe_exp.evaluation.results import Evaluation
from moe_exp.figures import add_line, gate_weight_distribution, sweep_figures
from moe_exp.report.context import ReportContext, setting_of
from moe_exp.report.document import Picture
from moe_exp.report.drawings import (
    MOST_GATES,
    draw_bins,
    draw_distributions,
    draw_r2,
    drawn_pairs,
    drawn_sizes,
    first_row,
)
from moe_exp.report.selection import Selection

CAPTIONS = {
    "r2_by_noise_level": "R² against noise level, with intervals; dashed: references.",
    "r2_by_n_train": "R² against the number of training stars, with intervals; dashed: references.",
    "delta_r2_per_bin_by_gate": "Differences between gates, in all covered stars and by true bin.",
    "delta_r2_per_bin_by_n_train": "What more training stars change, in all covered stars and by true bin.",
    "delta_r2_per_bin_by_noise_level": "What a higher noise level changes, in all covered stars and by true bin.",
}


def main_pictures(selection: Selection, context: ReportContext) -> Iterator[Picture]:
    """Yield R² of all models, then differences by bin and their bootstrap, then the weights of gates."""
    first = first_row(selection)
    where_ = selection.condition(first, without=["n_train"])
    caption = f"R² of gates and references at {where_}, with intervals; diamonds: published."
    if not any(selection.published.has(n_train=n, noise_level=first["noise_level"]) for n in drawn_sizes(selection)):
        caption = caption.replace("; diamonds: published", "")
    yield _picture("r2_of_models", caption, draw_r2(selection), context)
    pairs = drawn_pairs(selection)
    if pairs:
        where_ = selection.condition(first)
        caption = f"Differences from classify at {where_}, in all covered stars and by true bin."
        yield _picture("delta_r2_per_bin", caption, draw_bins(selection), context)
        if len(selection.comparison.data_seeds) == 1 and first["n_stars"] >= LEAST_STARS:
            caption = f"Bootstrap distributions of the differences from classify at {where_}; shaded: interval."
            yield _picture("delta_r2_distribution", caption, draw_distributions(selection), context)
    yield from _weight_pictures(selection, context)


def sweep_pictures(selection: Selection, context: ReportContext) -> Iterator[Picture]:
    """Yield the figures of the sweep."""
    for name, figure in sweep_figures(selection.comparison).items():
        yield _picture(name, CAPTIONS.get(name, name.replace("_", " ") + "."), figure, context)


def _weight_pictures(selection: Selection, context: ReportContext) -> Iterator[Picture]:
    """Yield the weights of each gate at the main condition, of its first training there."""
    labels, first = label_runs(context.records), first_row(selection)
    drawn: dict[str, RunRecord] = {}
    for record in sorted(context.records, key=lambda record: record.place):
        place = record.n_train, record.noise_level, labels[record.run_id].design
        if record.predictions.has_gate and place == (first["n_train"], first["noise_level"], first["design"]):
            drawn.setdefault(labels[record.run_id].gate, record)
    for number, (gate, record) in enumerate(list(drawn.items())[:MOST_GATES], start=1):
        results = Evaluation(n_resamples=1).evaluate(record.predictions, seed=0)
        caption = (
            f"Weights of the {gate} gate (run {record.name}): mean weight of each expert by true bin, and the "
            f"spread of the true bin's and of the largest weight."
        )
        yield _picture(f"gate_weights_{number}", caption, gate_weight_distribution(results), context)


def _picture(name: str, caption: str, figure: Figure, context: ReportContext) -> Picture:
    """Return a picture that says by itself what it was made from."""
    return Picture(name, caption, add_line(figure, setting_of(context.records)))
