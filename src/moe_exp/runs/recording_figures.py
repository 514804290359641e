"""The figures of one run: drawn, saved as asked, and put into MLflow's image charts."""

from matplotlib import rc_context
from matplotlib.figure import Figure

from moe_exp import names
from moe_exp.comparison.published import Published
from moe_exp.experiment.config import flatten
from moe_exp.experiment.pipeline import Outcome
from moe_exp.figures import (
    add_line,
    all_figures,
    calibration,
    interval_widths,
    logg_against_catalogue,
    say_setting,
    to_image,
)
from moe_exp.tracking import PNG, TrackedRun

DATE = {"pdf": "CreationDate", "svg": "Date"}
"""What the formats call the time of drawing, which is not kept: the same run has the same files."""

SVG_SALT = "moe_exp"
"""What the names of parts within an SVG are made of, for the same reason."""


def record_figures(run: TrackedRun, outcome: Outcome, formats: list[str]) -> None:
    """Keep the figures of a run in some formats: PNG in MLflow's image charts."""
    figures = draw_figures(outcome)
    if PNG in formats:
        run.log_images((name, to_image(figure)) for name, figure in figures.items())
    else:
        for figure in figures.values():
            to_image(figure)  # which lays it out for every format
    others = [each for each in formats if each != PNG]
    if others:
        with run.artifacts() as folder, rc_context({"svg.hashsalt": SVG_SALT}):
            place = folder / names.FIGURES_FOLDER
            place.mkdir()
            for name, figure in figures.items():
                for each in others:
                    figure.savefig(place / f"{name}.{each}", metadata={DATE[each]: None})


def draw_figures(outcome: Outcome) -> dict[str, Figure]:
    """Return the figures of a run by name: those that every run has, those on other libraries, and the user's own."""
    results, gate = outcome.results, outcome.mixture.gate
    curve = gate.curve_ if len(gate.curve_) else None
    published = Published.beside(flatten(outcome.experiment.values, outcome.experiment.choices)).r2(
        n_train=len(outcome.dataset.train), noise_level=outcome.dataset.test.noise_level
    )
    label = results.predictions.label
    figures = all_figures(results, curve, published=published, loss=gate.loss_label.format(unit=label.unit))
    figures["calibration"] = calibration(outcome.coverage)
    figures["interval_widths"] = interval_widths(outcome.coverage, outcome.noisier_coverage, label)
    figures |= {name: each.draw(results) for name, each in outcome.experiment.figures.items()}
    figures |= {f"{names.EXTERNAL}{name}": logg_against_catalogue(each) for name, each in outcome.external.items()}
    return {name: add_line(figure, _setting(outcome)) for name, figure in figures.items()}


def _setting(outcome: Outcome) -> str:
    """Say what the figures of a run were made from."""
    train, clip = outcome.dataset.train, outcome.experiment.experts.clip
    return say_setting(outcome.dataset.name, n_train=[len(train)], noise_level=[train.noise_level], clip=[clip])
