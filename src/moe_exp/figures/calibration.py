"""Whether intervals keep their word: how many labels they hold at each content, and in which groups of stars."""

import numpy as np
from matplotlib.figure import Figure

from moe_exp.evaluation.coverage import N_GROUPS, Coverage
from moe_exp.figures.style import COLUMN_WIDTH, PAGE_WIDTH, finish, new_figure, set_title
from moe_exp.prediction.intervals import CONTENT, LEVELS
from moe_exp.spectra.label import Label


def calibration(coverage: Coverage) -> Figure:
    """Draw the share of labels within intervals against their content, and that of 95 % in each group of stars."""
    figure = new_figure(PAGE_WIDTH, 3.2)
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.5])
    order = np.argsort(LEVELS)
    groups = coverage.groups
    left.plot([0, 1], [0, 1], color="0.7", linewidth=0.8)
    for name in coverage.bin_names:
        left.plot(LEVELS[order], coverage.share_within(groups[name])[order], color="0.75", linewidth=0.8)
    left.plot(LEVELS[order], coverage.share_within(groups["all"])[order], "o-", color="#0072B2", markersize=3)
    left.set(xlabel="Content of interval", ylabel="Share of labels within", xlim=(0, 1), ylim=(0, 1))
    left.text(0.05, 0.93, "blue: all stars; grey: each bin", fontsize=7, transform=left.transAxes)
    table = coverage.table.iloc[1:]
    places = np.arange(len(table))
    share = table["coverage_95"].to_numpy(float)
    error = np.sqrt(CONTENT * (1 - CONTENT) / np.maximum(table["n_stars"].to_numpy(float), 1))
    right.axhline(CONTENT, color="0.7", linewidth=0.8)
    right.errorbar(places, share, yerr=2 * error, fmt="o", color="#0072B2", markersize=3, linewidth=0.8)
    right.set_xticks(places, [_short(name) for name in table["group"]], rotation=90, fontsize=7)
    right.axvline(len(table) - N_GROUPS - 0.5, color="0.7", linewidth=0.8, linestyle=":")
    right.set(ylabel="Share of labels within 95 %", xlim=(-0.7, len(table) - 0.3))
    return figure


def interval_widths(coverage: Coverage, noisier: Coverage, label: Label) -> Figure:
    """Draw what intervals hold against how wide they are, of covered stars: narrower at the same share is better."""
    figure = new_figure(COLUMN_WIDTH, 3.2)
    axes = figure.add_subplot()
    table, noisy = coverage.widths, noisier.widths
    axes.plot(table["constant_width"], table["coverage"], color="#595959", linewidth=0.8, label="one width for all")
    drawn = ((table, "this model", "#0072B2", "o"), (noisy, "the same, with more noise", "#D55E00", "s"))
    for each, name, colour, marker in drawn:
        x, y = each["mean_width"], each["coverage"]
        axes.plot(x, y, f"{marker}-", color=colour, markersize=3, linewidth=0.8, label=name)
        at = each[np.isclose(each["content"], CONTENT)].iloc[0]
        axes.plot(at["mean_width"], at["coverage"], marker, color=colour, markersize=7, markerfacecolor="none")
    axes.axhline(CONTENT, color="0.7", linewidth=0.8)
    axes.set(ylim=(0, 1), xlim=(0, None))
    axes.legend(fontsize=7, frameon=False, loc="lower right")
    finish(axes, x=label.in_unit("Mean width of intervals", "()"), y="Share of labels within")
    set_title(figure, f"{coverage.covered.sum():,} covered test stars; rings: intervals of {100 * CONTENT:g} %")
    return figure


def _short(group: str) -> str:
    """Return the name of a group as an axis has room for it."""
    number = group.removeprefix("S/N ").partition(" ")[0]
    if not group.startswith("S/N "):
        return group
    return {"1": "S/N lowest tenth", str(N_GROUPS): "S/N highest tenth"}.get(number, f"S/N tenth {number}")
