"""What all figures share: size, type, colours and how an interval is drawn."""

import zlib
from collections.abc import Iterable, Sequence
from textwrap import wrap

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from moe_exp.evaluation.bootstrap import Interval

COLUMN_WIDTH = 3.5
"""Width of a journal's column, inches."""

PAGE_WIDTH = 7.1
"""Width of a journal's page, inches."""

DPI = 300

DELTA_WINDOW = 6.0
"""Differences are shown up to this multiple of the median one; those beyond become arrows."""

CHARACTERS_PER_INCH = 16
"""Of a title's type."""

LINE_HEIGHT = 0.15
"""Of a title, inches."""

GATE_COLOURS = {"linear": "#E69F00", "mlp": "#0072B2", "classify": "#D55E00", "mlp_classify": "#CC79A7"}
"""Colour of each gate in every figure, from the colour-blind-safe palette of Okabe & Ito (2008)."""

REFERENCE_COLOURS = {"oracle": "#000000", "hard": "#595959", "global_ridge": "#8C8C8C"}
"""Neutral colours of the references that are no gate of their own."""

_OTHER_COLOURS = ("#009E73", "#56B4E9", "#882255", "#44AA99", "#999933")


def gate_colour(gate: str) -> str:
    """Return the colour of a gate; one that is not in `GATE_COLOURS` gets one by its name, the same in every figure."""
    return GATE_COLOURS.get(gate) or _OTHER_COLOURS[zlib.crc32(gate.encode()) % len(_OTHER_COLOURS)]


def model_colour(model: str, gate: str) -> str:
    """Return the colour of one of a run's models; ``"soft"`` is its gate."""
    return REFERENCE_COLOURS.get(model) or gate_colour(gate if model == "soft" else model)


def display_name(model: str) -> str:
    """Return a model's or gate's name as figures print it."""
    return {"global_ridge": "global Ridge", "oracle": "oracle (true bin)", "lightgbm": "LightGBM"}.get(model, model)


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of a size in inches that is saved at `DPI`."""
    return Figure(figsize=(width, height), dpi=DPI, layout="constrained")


def to_image(figure: Figure) -> Image.Image:
    """Draw a figure once, for every place that wants its pixels."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    with rc_context({"figure.autolayout": False, "figure.constrained_layout.use": False}):
        figure.set_layout_engine(None)  # it stays as it was laid out; "none" would draw every other format twice
    image = Image.frombuffer("RGBA", canvas.get_width_height(), canvas.buffer_rgba()).convert("RGB")
    image.info["dpi"] = (DPI, DPI)
    return image


def set_title(figure: Figure, title: str) -> None:
    """Set a title over the whole width of the figure."""
    figure.suptitle(title, fontsize=8, x=0.01, ha="left")


def say_setting(data: str, *, n_train: Iterable[int], noise_level: Iterable[float], clip: Iterable[bool]) -> str:
    """Say in a line what figures were made from: stars, how many experts learnt from, their noise, and clipping."""
    sizes, levels = (sorted({*values}) for values in (n_train, noise_level))
    clips = {*clip}
    return ", ".join(
        [
            data,
            f"{' and '.join(f'{size:,}' for size in sizes)} training stars",
            f"noise level {' and '.join(f'{level:g}' for level in levels)}",
            "clipped and not clipped" if len(clips) > 1 else "clipped" if clips == {True} else "not clipped",
        ]
    )


def add_line(figure: Figure, line: str) -> Figure:
    """Put a line below the title of a figure, which grows by it, and return the figure."""
    width = int(CHARACTERS_PER_INCH * figure.get_figwidth())
    lines = wrap(line, width)
    figure.set_figheight(figure.get_figheight() + LINE_HEIGHT * len(lines))
    set_title(figure, "\n".join([figure.get_suptitle(), *lines]).lstrip())
    return figure


def finish(axes: Axes, *, x: str, y: str = "") -> None:
    """Set axis labels and type sizes that stay legible at column width."""
    axes.set_xlabel(x, fontsize=8)
    axes.set_ylabel(y, fontsize=8)
    axes.tick_params(which="both", labelsize=7)
    axes.spines[["top", "right"]].set_visible(False)


def difference_limit(intervals: Sequence[Interval]) -> float:
    """Return how far an axis of differences reaches to either side of zero: to their ends, but for a few far ones."""
    sizes = [
        np.abs([end for end in interval if np.isfinite(end)]) for interval in intervals if np.isfinite(interval[0])
    ]
    reach = [float(size.max()) for size in sizes]
    return min(DELTA_WINDOW * float(np.median(reach)), max(reach)) or 1e-3


def draw_interval(
    axes: Axes,
    row: float,
    interval: Interval,
    window: tuple[float, float],
    colour: str,
    *,
    below: bool = False,
    trusted: bool = True,
) -> None:
    """Draw a value and its interval on one row; what lies outside `window` becomes an arrow at its edge.

    Parameters
    ----------
    axes : Axes
    row : float
        Height of the row.
    interval : Interval
    window : tuple of float
        Lowest and highest value to be shown.
    colour : str
    below : bool
        Whether the number of a value outside the window stands below its row rather than above.
    trusted : bool
        Whether the interval may be trusted; one that may not is dotted, its value an open circle.
    """
    value, low, high = interval
    if not np.isfinite(value):
        return
    low, high = (end if np.isfinite(end) else value for end in (low, high))
    left, right = window
    if low <= right and high >= left:
        ends, line = np.clip([low, high], left, right), "-" if trusted else ":"
        axes.plot(ends, [row, row], line, color=colour, linewidth=1.4, solid_capstyle="butt")
        axes.plot(ends, [row, row], "|", color=colour, markersize=7)  # which no marker of a value hides
    for beyond, edge, marker in ((low < left, left, "<"), (high > right, right, ">")):
        if beyond:
            axes.plot(edge, row, marker, color=colour, markersize=4, clip_on=False)
    if left <= value <= right:
        axes.plot(value, row, "o", color=colour, markersize=4.5, markerfacecolor=colour if trusted else "white")
    else:
        beyond_left = value < left
        axes.annotate(
            minus(f"{value:.3g}"),
            (left if beyond_left else right, row),
            xytext=(6 if beyond_left else -6, -3 if below else 3),
            textcoords="offset points",
            ha="left" if beyond_left else "right",
            va="top" if below else "bottom",
            fontsize=6.5,
            color=colour,
        )


NOT_TRUSTED = "open: not to be trusted"
"""What a figure says of its open circles."""


def name_rows(axes: Axes, names: list[str]) -> None:
    """Label rows from the top down."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)


def minus(number: str) -> str:
    """Return a number with the minus sign that the axes use."""
    return number.replace("-", "−")


def star_count(n_stars: int) -> str:
    """Return the number of stars for a title."""
    return f"{n_stars:,} covered test star{'' if n_stars == 1 else 's'}"
