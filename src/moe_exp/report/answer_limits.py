"""What an answer hangs on: stars outside the bins, clipping, one star, an unfinished training, few stars."""

from collections.abc import Iterator, Sequence

import numpy as np

from moe_exp import names
from moe_exp.codes import Code, tagged
from moe_exp.comparison.multiplicity import NOT_DECIDABLE
from moe_exp.evaluation.tables import FEW_STARS
from moe_exp.report import formats
from moe_exp.report.context import ReportContext
from moe_exp.report.selection import Row, Selection, claim, interval_of, model_name


def uncovered(context: ReportContext) -> str:
    """Say, after a number of covered stars, how many are not; nothing where all are."""
    seeds = {record.data_seed: record.predictions.covered for record in context.records}
    covered = np.concatenate([*seeds.values()]) if seeds else np.ones(1, bool)
    if covered.all():
        return ""
    return f" ({1 - covered.mean():.0%} of {len(covered):,} lie outside the bins; bins=quantiles covers all)"


def other_variant(context: ReportContext) -> str:
    """Return ``unclipped`` where all runs are configured to clip, ``clipped`` where none is, else nothing."""
    clips = {record.clip for record in context.records}
    return ("unclipped" if clips == {True} else "clipped") if len(clips) == 1 else ""


def limits_of_the_answer(selection: Selection, rows: Sequence[Row], context: ReportContext) -> Iterator[str]:
    """Yield what some differences hang on, without a number that stands before."""
    for row in rows:
        name = f"{model_name(row['model'])} − {model_name(row['reference'])}"
        place = selection.condition(row, without=["n_train", "noise_level"])
        name += f" ({place})" if place else ""
        yield from _clipping(row, name, other_variant(context))
        yield from _one_star(row, name)
    yield from _unconverged(context)
    yield from _few_stars(selection)


def _clipping(row: Row, name: str, other: str) -> Iterator[str]:
    if row["verdict"] == NOT_DECIDABLE:  # for which the clipped difference was told already
        return
    variants = {variant: interval_of(row, f"delta_r2_{variant}") for variant in ("clipped", "unclipped")}
    if len({claim(low, high) for _, low, high in variants.values()}) > 1:
        told = {other: variants[other]} if other else variants
        numbers = " and ".join(f"{formats.difference(*ends)} {variant}" for variant, ends in told.items())
        yield f"Each interval by itself, clipping decides {name}: {numbers}."


def _one_star(row: Row, name: str) -> Iterator[str]:
    if row["star_changes_verdict"]:
        star = f"star {row['deciding_star']}"
        if row["n_data_seeds"] > 1:
            star += f" of data seed {row['deciding_data_seed']}"
        without = formats.difference(row["delta_r2_without"])
        yield f"One star decides {name}: without {star}, {without}, {row['verdict_without']}."


def _unconverged(context: ReportContext) -> Iterator[str]:
    """Name the gates whose training was not finished."""
    runs = [run for run in context.runs if run.tags.get(names.TAG_CONVERGED) == "false"]
    if runs:
        gates = formats.enumerate_words(sorted({run.tags.get(names.TAG_GATE, run.name) for run in runs}))
        verb = "has" if len(runs) == 1 else "have"
        text = f"{len(runs)} of {formats.counted(len(context.runs), 'gate')} {verb} not converged"
        yield f"{tagged(Code.NOT_CONVERGED, text)}: {gates}."


def _few_stars(selection: Selection) -> Iterator[str]:
    """Name the bins in which hardly a star stands for all others."""
    scores = selection.at_top(selection.comparison.bin_scores)
    counts = dict(zip(scores["bin"], scores["n_stars"], strict=True))
    few = [f"{name} ({n_stars})" for name, n_stars in counts.items() if n_stars < FEW_STARS]
    if few:
        yield f"{tagged(Code.FEW_STARS, f'Fewer than {FEW_STARS} test stars')} lie in {formats.enumerate_words(few)}."
