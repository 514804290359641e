"""The answer, one question after the other, made from the measured intervals, and the verdicts on hypotheses."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from moe_exp.comparison.data_seeds import Pooled, pool
from moe_exp.comparison.hypotheses import Judgement
from moe_exp.comparison.multiplicity import NOT_DECIDABLE, TOO_FEW
from moe_exp.report import formats
from moe_exp.report.answer_limits import limits_of_the_answer, other_variant, uncovered
from moe_exp.report.context import QUESTION, ReportContext
from moe_exp.report.document import Block, Bullets, Emphasis, Strong, Table, paragraph
from moe_exp.report.selection import Row, Selection, claim, gate_of, interval_of, model_name

WORDS = ("higher", "lower", "no difference shown", NOT_DECIDABLE, "not tested", TOO_FEW)
"""Verdicts on differences, in the order in which they are counted."""

MOST_STATED = 4
"""Differences that are stated one by one; more are counted."""


def verdict_box(selection: Selection, context: ReportContext) -> Bullets:
    """Answer, at the main noise level and the largest training set, one question after the other.

    Whether the mixture beats one Ridge; whether regression beats classification; whether that holds for more stars and
    noise; and what it hangs on.
    """
    top = selection.at_top(selection.against_classify).to_dict("records")
    regression = "Regression or classification" if context.question == QUESTION else "Gates against classify"
    answers = {
        "Mixture or one Ridge": _against_one_ridge(selection),
        regression: _answer(selection, top, context),
        "More stars": _along_size(selection),
        "More noise": _along_noise(selection),
        "All conditions": _elsewhere(selection),
        "What it hangs on": limits_of_the_answer(selection, top[:MOST_STATED], context),
        "Hypotheses": (
            *(f"{found.hypothesis.name}: {found.verdict}." for found in context.judgements),
            *([str(context.looks)] if context.looks else []),
        ),
    }
    said = {question: list(sentences) for question, sentences in answers.items()}
    items = ((Emphasis(f"{question}: "), *_joined(sentences)) for question, sentences in said.items() if sentences)
    return Bullets(tuple(items), kind="verdict")


def _joined(sentences: Sequence[str]) -> Iterator[str]:
    for place, sentence in enumerate(sentences):
        yield from (" ", sentence) if place else (sentence,)


def _answer(selection: Selection, top: Sequence[Row], context: ReportContext) -> Iterator[str]:
    """Say yes, no or undecided, and then by how much and under which condition."""
    if not top:
        yield Strong("These runs hold no gate against classify.")
        return
    regression = context.regression_gates()
    word = _answer_word([row for row in top if gate_of(row["model"]) in regression], context)
    if word and context.question == QUESTION:
        yield Strong(word)
    sizes = sorted({len(scoring.panel.stars) for scoring in selection.comparison.scorings})
    n_stars = f"{formats.enumerate_words(f'{size:,}' for size in sizes)} covered test stars"
    without = ["design"] if len({row["design"] for row in top}) > 1 else []
    phrases = [_phrase(selection, row) for row in top[:MOST_STATED]]
    where_ = selection.condition(top[0], without=without)
    yield f"At {where_}, on {n_stars}{uncovered(context)}: {'; '.join(phrases)} (ΔR² with {_interval(selection)})."
    if len(top) > MOST_STATED:
        yield f"{len(top) - MOST_STATED} further differences at this condition are in the tables."


def _against_one_ridge(selection: Selection) -> Iterator[str]:
    """Say whether it was worth it to divide the stars: each mixture against one Ridge for all."""
    scores = selection.at_top(selection.comparison.scores)
    scores = scores[scores["design"] == scores["design"].iloc[0]]
    said: dict[str, list[str]] = {}
    for row in scores[scores["kind"] == "gate"].to_dict("records"):
        found = _over_global_ridge(selection, row)
        if found is not None:
            shows = claim(found.interval.low, found.interval.high) if found.carriers.trusted else NOT_DECIDABLE
            gain = formats.difference(*found.interval)
            said.setdefault(shows, []).append(f"{model_name(row['model'])} ({gain})")
    if set(said) == {"lower"}:
        yield Strong("One global Ridge beats every mixture.")
    verbs = {"higher": "the mixture beats one global Ridge", "lower": "one global Ridge beats the mixture"}
    for shows, named in said.items():
        verb = verbs.get(shows, f"against one global Ridge: {shows}")
        yield f"With {formats.enumerate_words(named)}, each interval by itself, {verb}."


def _over_global_ridge(selection: Selection, row: Row) -> Pooled | None:
    """Return what a gate gains over one Ridge on the same stars; None where no data seed scored both."""
    gate = selection.contender(row)
    ridge = replace(gate, model="global_ridge", kind="reference")
    estimates = [
        (scoring.panel.data_seed, scoring.delta(gate, ridge))
        for scoring in selection.comparison.scorings
        if {gate, ridge} <= set(scoring.panel.entries)
    ]
    return pool(estimates, confidence=selection.comparison.settings.confidence) if estimates else None


def _interval(selection: Selection) -> str:
    """Name the interval that findings carry, and what it does not hold."""
    confidence = formats.level(selection.comparison.settings.confidence)
    if len(selection.comparison.data_seeds) > 1:
        return f"{confidence} Student's t interval of the mean over {len(selection.comparison.data_seeds)} data seeds"
    seeds = selection.comparison.pairs["n_seeds"].min() > 1
    holds = "test stars and training seeds" if seeds else "test stars"
    lacks = "which stars were trained on" + ("" if seeds else ", nor how a training goes")
    return f"{confidence} paired-bootstrap interval over {holds}; with one data seed it does not hold {lacks}"


def _answer_word(rows: Sequence[Row], context: ReportContext) -> str:
    """Return the answer that some differences give, and whether it holds with and without clipping alone."""
    verdicts = [row["verdict"] for row in rows]
    if not verdicts:
        return ""
    if len(set(verdicts)) > 1:
        return "It depends on the gate or the condition." if "higher" in verdicts else "Not shown."
    words = {"higher": "Yes.", "lower": "No, it is worse.", NOT_DECIDABLE: "Not decidable here."}
    other = other_variant(context)
    others = {claim(*interval_of(row, f"delta_r2_{other}")[1:]) for row in rows} if other else set()
    if verdicts[0] == "higher" and others - {"higher"}:
        clipped, not_clipped = "with clipped experts", "without clipping"
        here, there = (clipped, not_clipped) if other == "unclipped" else (not_clipped, clipped)
        return f"Yes {here}, not shown {there}."
    return words.get(verdicts[0], "Not shown.")


def _phrase(selection: Selection, row: Row) -> str:
    """Say in words what one difference shows."""
    model, reference = model_name(row["model"]), model_name(row["reference"])
    verbs = {
        "higher": f"{model} has a higher R² than {reference}",
        "lower": f"{model} has a lower R² than {reference}",
        "not tested": f"{model} could not be tested against {reference}",
        TOO_FEW: f"there are too few stars to test {model} against {reference}",
        NOT_DECIDABLE: f"{model} against {reference} is not decidable here",
    }
    words = verbs.get(row["verdict"], f"no difference is shown between {model} and {reference}")
    value, low, high = interval_of(row, "delta_r2")
    adjusted = row["verdict"] == "no difference shown" and claim(low, high) in ("higher", "lower")
    remark = "; its own interval excludes zero, but not after Holm's adjustment" if adjusted else ""
    if row["verdict"] == NOT_DECIDABLE:
        clipped = formats.difference(*interval_of(row, "delta_r2_clipped"))
        remark = f", {row['mark']}; with clipped predictions {clipped}, "
        mae = selection.comparison.label.amount(formats.difference(row["delta_mae"]))
        remark += f"and the mean absolute error differs by {mae}"
    name = selection.design_names[row["design"]] if "design" in selection.keys else ""
    return f"{f'{name}: ' if name else ''}{words} ({formats.difference(value, low, high)}{remark})"


def _counted(verdicts: Sequence[str]) -> str:
    counts = {word: verdicts.count(word) for word in WORDS}
    return formats.enumerate_words(f"{word} in {n} of {len(verdicts)}" for word, n in counts.items() if n)


def _elsewhere(selection: Selection) -> Iterator[str]:
    """Count the verdicts of each gate over all conditions."""
    pairs = selection.against_classify
    counts = [
        f"{model_name(str(model))}, {_counted(list(group['verdict']))}"
        for model, group in pairs.groupby("model", sort=False)
        if len(group) > 1
    ]
    if counts:
        yield f"Against classify under all conditions: {'; '.join(counts)}."


def _along_noise(selection: Selection) -> Iterator[str]:
    """List the differences from classify at all noise levels."""
    pairs = selection.against_classify
    pairs = pairs[pairs["n_train"] == selection.main_n_train]
    if pairs["design"].nunique() != 1 or pairs["noise_level"].nunique() < 2:
        return
    for model, group in pairs.groupby("model", sort=False):
        group = group.sort_values("noise_level")
        levels = formats.enumerate_words(f"{level:g}" for level in group["noise_level"])
        values = formats.enumerate_words(map(formats.difference, group["delta_r2"]))
        name = f"{model_name(str(model))} − {model_name(group['reference'].iloc[0])}"
        if len(group) > 1:
            yield f"Along noise levels {levels}, {name} is {values}."


def _along_size(selection: Selection) -> Iterator[str]:
    """Say what the most training stars bring over the fewest, for each gate."""
    pairs = selection.comparison.pairs
    pairs = selection.at_top(pairs[pairs["factor"] == "n_train"])
    pairs = pairs[pairs["reference_n_train"] == pairs["reference_n_train"].min()]
    rows = pairs.to_dict("records")
    if 0 < len(rows) <= MOST_STATED and "design" not in selection.keys:
        changes = formats.enumerate_words(
            f"{formats.difference(*interval_of(row, 'delta_r2'))} for {model_name(row['model'])}" for row in rows
        )
        sizes = f"From {rows[0]['reference_n_train']:,} to {rows[0]['n_train']:,} training stars"
        yield f"{sizes}, at noise level {rows[0]['noise_level']:g}, R² changes by {changes}."


def hypothesis_blocks(selection: Selection, context: ReportContext) -> Iterator[Block]:
    """Yield the verdicts on hypotheses, with the criteria that they rest on."""
    if not context.judgements:
        return
    items = []
    for found in context.judgements:
        hypothesis = found.hypothesis
        statement = f" — {hypothesis.statement} (stated {hypothesis.date})"
        items.append((Strong(f"{hypothesis.name}: {found.verdict}"), statement))
    yield Bullets(tuple(items))
    for found in context.judgements:
        yield from (paragraph(note, kind="warning") for note in _warnings(found, context))
    confidence = formats.level(selection.comparison.settings.confidence)
    caption = (
        f"Criteria of the hypotheses. Supported: the whole {confidence} interval keeps the bound; refuted: the whole "
        f"interval breaks it; undecided: the interval straddles it; not decidable here: the interval is not to be "
        f"trusted. A difference with a margin is equivalent where two one-sided tests reject one beyond it, higher or "
        f"lower where the whole interval lies beyond."
    )
    several = len(selection.comparison.data_seeds) > 1
    columns = ["Hypothesis", "Criterion", "Measured [interval]", *(["Each data seed"] if several else []), "Verdict"]
    rows = []
    for found in context.judgements:
        for row in found.criteria.to_dict("records"):
            number = formats.score if row["criterion"].startswith("R²") else formats.difference
            cells = [found.hypothesis.name, row["criterion"], number(*interval_of(row, "value"))]
            each = "; ".join(f"{seed}: {number(value)}" for seed, value in row["by_data_seed"].items())
            remark = f", {row['mark']}" if row["mark"] else ""
            rows.append([*cells, *([each] if several else []), Strong(row["verdict"] + remark)])
    yield Table(caption, columns, formats.blank_repeats(rows, 1))


def _warnings(found: Judgement, context: ReportContext) -> Iterator[str]:
    """Yield why a hypothesis may not have been stated before its runs."""
    name = found.hypothesis.name
    if name in context.hypothesis_notes:
        yield f"{name}: {context.hypothesis_notes[name]}"
