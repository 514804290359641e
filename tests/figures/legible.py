"""What every figure owes its reader."""

from io import BytesIO

from matplotlib.figure import Figure


def assert_legible(figure: Figure, name: str) -> None:
    """Axes are labelled, and no text reaches beyond the figure's edges."""
    figure.savefig(BytesIO(), format="png")
    for axes in figure.axes:
        assert axes.get_xlabel() or axes.get_ylabel(), name
    drawn, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert -0.01 <= drawn.x0 < drawn.x1 <= width + 0.01, name
    assert -0.01 <= drawn.y0 < drawn.y1 <= height + 0.01, name
