"""Published differences of the designs that were run, and whether the measured spectra reproduce them."""

from collections.abc import Iterator

import numpy as np

from moe_exp.report import formats
from moe_exp.report.context import ReportContext
from moe_exp.report.document import Block, Strong, Table, paragraph
from moe_exp.report.published_scores import NO, PARTLY, YES, Claim, score_claims
from moe_exp.report.selection import KEYS, Row, Selection, claim, interval_of, model_name, where

COLUMNS = ("Published claim", "Published", "Measured", "Reproduced")


def claim_blocks(selection: Selection, context: ReportContext) -> tuple[Block, ...]:
    """Return the claims with what these runs say to them; nothing for designs that were never published."""
    claims = [*_differences(selection), *_train_sizes(selection), *score_claims(selection, context)]
    if not claims:
        return ()
    intro = (
        "The published values come from other spectra (BOSZ models); those on covered stars from 816 of them, with "
        "experts that were not clipped. What can be reproduced is therefore the sign of a difference and whether its "
        "interval excludes zero; that an R² lies within the measured interval is not to be expected."
    )
    claims.sort(key=lambda claim: [claim.row[key] for key in KEYS])
    rows = [[*selection.key_cells(row), *cells] for row, *cells in claims]
    n_keys = len(selection.keys)
    return (
        paragraph(intro),
        Table(
            "Published claims beside what was measured, for the designs that both have.",
            [*selection.key_titles(), *COLUMNS],
            formats.blank_repeats(rows, n_keys),
            frozenset({n_keys + 1}),
        ),
    )


def _differences(selection: Selection) -> Iterator[Claim]:
    """Yield the differences from classify, pooled and counted over bins."""
    for row in selection.against_classify.to_dict("records"):
        found = selection.published.of(row, "delta_r2")
        if found is None or row["reference"] != "classify":
            continue
        value, low, high = interval_of(row, "delta_r2")
        shown = claim(found["low"], found["high"])
        stated = {"higher": "higher R²", "lower": "lower R²"}.get(shown, "no difference shown")
        words = f"{model_name(row['model'])} against classify: {stated}"
        answer = _compare(found["value"], shown, value, claim(low, high))
        yield Claim(row, words, formats.published(found, signed=True), formats.difference(value, low, high), answer)
        yield from _bins(selection, row)


def _compare(published: float, published_claim: str, value: float, measured_claim: str) -> Strong:
    """Hold sign and interval of a measured difference against those of a published one."""
    same_sign = np.sign(published) == np.sign(value)
    sign = "same sign" if same_sign else "other sign"
    if published_claim == measured_claim:
        return Strong(f"{YES}: {sign}, {'interval holds' if 'no' in measured_claim else 'interval excludes'} zero")
    if measured_claim == "no difference shown":
        return Strong(f"{PARTLY if same_sign else NO}: {sign}, but the interval holds zero")
    if published_claim == "no difference shown":
        return Strong(f"{PARTLY if same_sign else NO}: {sign}, and here the interval excludes zero")
    return Strong(f"{NO}: the opposite, and the interval excludes zero")


def _bins(selection: Selection, row: Row) -> Iterator[Claim]:
    """Yield how many bins keep their published sign."""
    keys = (*KEYS, "factor", "model", "reference")
    compared = []
    for one in where(selection.comparison.bin_pairs, {key: row[key] for key in keys}).to_dict("records"):
        found = selection.published.of(one, "bin_delta_r2", bin_index=one["bin_index"])
        if found is not None:
            compared.append((found["value"], *interval_of(one, "delta_r2")))
    if not compared:
        return
    n = len(compared)
    n_higher = sum(other > 0 for other, *_ in compared)
    n_here = sum(value > 0 for _, value, _, _ in compared)
    n_shown = sum(claim(low, high) == "higher" for _, _, low, high in compared)
    n_same = sum(bool(np.sign(other) == np.sign(value)) for other, value, _, _ in compared)
    answer = Strong(f"{YES if n_same == n else PARTLY if n_same else NO}: same sign in {n_same} of {n}")
    words = f"{model_name(row['model'])} against classify: higher R² in single bins"
    yield Claim(
        row, words, f"{n_higher} of {n} bins", f"{n_here} of {n} bins; interval above zero in {n_shown}", answer
    )


def _train_sizes(selection: Selection) -> Iterator[Claim]:
    """Yield what more training stars bring; published as two R², so that their difference has no interval."""
    for row in where(selection.comparison.pairs, {"factor": "n_train"}).to_dict("records"):
        more = selection.published.of(row, "r2")
        less = selection.published.of({**row, "n_train": row["reference_n_train"]}, "r2")
        if more is None or less is None:
            continue
        other = more["value"] - less["value"]
        value, low, high = interval_of(row, "delta_r2")
        excludes = claim(low, high) in ("higher", "lower")
        same_sign = np.sign(other) == np.sign(value)
        answer = f"{YES if same_sign and excludes else PARTLY if same_sign else NO}: "
        answer += f"{'same' if same_sign else 'other'} sign, interval {'excludes' if excludes else 'holds'} zero"
        words = f"{model_name(row['model'])}: {row['n_train']:,} against {row['reference_n_train']:,} training stars"
        published = f"{formats.difference(other)} (no interval)"
        yield Claim(row, words, published, formats.difference(value, low, high), Strong(answer))
