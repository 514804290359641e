"""In which formats a run keeps its figures."""

import pytest
from matplotlib.figure import Figure

from moe_exp import names
from moe_exp.errors import InputError
from moe_exp.runs import recording_figures
from moe_exp.tracking import Tracking, artifacts_of, closing, get_run, open_run


def place_of(kind):
    """Return where a run keeps its figure of one format, once."""
    return f"images/{names.image_stem('r2')}.png" if kind == "png" else f"figures/r2.{kind}"


def draw_line():
    """Return a figure whose line is cut off at its axes, which an SVG names."""
    figure = Figure((1, 1), dpi=30, layout="constrained")
    figure.add_subplot(xlim=(0.2, 0.8)).plot([0, 1], [0, 1])
    return figure


@pytest.mark.parametrize("formats", [["png"], ["svg", "pdf"], ["pdf", "png"]])
def test_figures_are_kept_in_the_formats_asked_for_the_same_each_time(tracking, monkeypatch, formats):
    monkeypatch.setattr(recording_figures, "draw_figures", lambda outcome: {"r2": draw_line()})
    kept = []
    for name in ("first", "again"):
        with closing(open_run(tracking, run_name=name, parameters={}, tags={})) as run:
            recording_figures.record_figures(run, None, formats)
        kept.append(tracking.artifact_folder / run.run_id / "artifacts")
        found = artifacts_of(tracking, get_run(tracking, run.run_id))
        assert {path for path in found if not path.endswith(".webp")} == {place_of(each) for each in formats}
        assert any(path.endswith(".webp") for path in found) == ("png" in formats)  # as MLflow wants it beside a PNG
    for each in map(place_of, formats):
        assert (kept[0] / each).read_bytes() == (kept[1] / each).read_bytes()


@pytest.mark.parametrize("formats", [["gif"], ["png", "PDF"], "png"])
def test_a_format_that_is_not_known_is_refused_with_the_choices(formats):
    with pytest.raises(InputError, match="give a list of png, pdf, svg, \\[\\] for a run without figures, or null"):
        Tracking(uri="sqlite:///a.db", figure_formats=formats)


def test_a_job_of_a_sweep_leaves_pdfs_out_unless_they_are_asked_for():
    unsaid, asked = Tracking(uri="sqlite:///a.db"), Tracking(uri="sqlite:///a.db", figure_formats=["pdf"])
    assert (unsaid.formats(in_sweep=True), unsaid.formats(in_sweep=False)) == (["png"], ["png", "pdf"])
    assert (asked.formats(in_sweep=True), asked.formats(in_sweep=False)) == (["pdf"], ["pdf"])
    assert not Tracking(uri="sqlite:///a.db", figure_formats=[]).formats(in_sweep=False)
