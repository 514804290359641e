"""How to get the same numbers again: commands, code, versions, data, machine, runs, times, parameters."""

from collections.abc import Iterator, Sequence

import numpy as np

from moe_exp import names
from moe_exp.report import formats
from moe_exp.report.context import ReportContext, Run
from moe_exp.report.document import NOTHING, Block, Bullets, Code, Listing, Strong, Table, paragraph

SHORT_ID = 8
"""Characters of a run's id that a table shows."""


def reproduction_blocks(context: ReportContext) -> Iterator[Block]:
    """Yield what has to be the same."""
    commits = context.tags(names.TAG_COMMIT)
    lines = [f"git checkout {commits[0]}"] if len(commits) == 1 else []
    lines += [context.command] if context.command else []
    if lines:
        yield Listing("\n".join(lines))
    yield from _warnings(context)
    python = context.tags(f"{names.TAGS_MACHINE}python")
    items = {
        "Commit": _counts(context, names.TAG_COMMIT),
        "Versions": _pairs({"python": python} | context.tags_under(names.TAGS_VERSION)),
        "Data": _listed(context.tags(names.TAG_DATA_DIGEST), "digest"),
        "Test stars": _listed(context.tags(names.TAG_TEST_DIGEST), "digest"),
        "Noise of the test stars": _listed(context.tags(names.TAG_NOISE_DRAW), "draw"),
        "Machine": _pairs({k: v for k, v in context.tags_under(names.TAGS_MACHINE).items() if k != "python"}),
    }
    rows = tuple((Strong(f"{name}: "), *item) for name, item in items.items() if item)
    if rows:
        yield Bullets(rows)


def _warnings(context: ReportContext) -> Iterator[Block]:
    dirty = context.count_tag(names.TAG_DIRTY)["true"]
    if dirty:
        text = (
            f"{formats.counted(dirty, 'run')} of {len(context.runs)} had changes that were not committed; "
            f"each keeps them as its artifact uncommitted.diff."
        )
        yield paragraph(text, kind="warning")
    if len(context.tags(names.TAG_COMMIT)) > 1:
        yield paragraph("The runs were made by different commits.", kind="warning")


def _counts(context: ReportContext, key: str) -> list[str]:
    """Return the values of a tag; with the number of runs of each if there are several."""
    counts = context.count_tag(key)
    pieces: list[str] = []
    for value, n in counts.items():
        pieces += [", "] if pieces else []
        pieces += [Code(value)] + ([f" ({formats.counted(n, 'run')})"] if len(counts) > 1 else [])
    return pieces


def _pairs(values: dict[str, list[str]]) -> list[str]:
    text = "; ".join(f"{name} {' or '.join(found)}" for name, found in values.items() if found)
    return [text] if text else []


def _listed(values: list[str], word: str) -> list[str]:
    pieces = [f"{word}{'s' if len(values) > 1 else ''} "] if values else []
    for place, value in enumerate(values):
        pieces += [", ", Code(value)] if place else [Code(value)]
    return pieces


def run_blocks(context: ReportContext) -> Iterator[Block]:
    """Yield the runs and the times of their stages."""
    if not context.runs:
        return
    further = {name: titles[0] for name, titles in context.tags_under(names.TAGS_METRIC).items()}
    columns = ["Run", "Id", "R²", *further.values(), "Gate's epochs", "Converged", "Time"]
    rows = [
        [
            run.name,
            Code(run.run_id[:SHORT_ID]),
            formats.score(run.metrics.get(names.METRIC_R2, np.nan)),
            *(formats.score(run.metrics.get(names.METRICS_TEST + name, np.nan)) for name in further),
            _whole(run.metrics.get(names.METRIC_N_EPOCHS, np.nan)),
            {"true": "yes", "false": Strong("no")}.get(run.tags.get(names.TAG_CONVERGED, ""), NOTHING),
            formats.duration(run_time(run)) if run_time(run) else NOTHING,
        ]
        for run in context.runs
    ]
    scored = formats.enumerate_words(["R²", *further.values()])
    verb = "are those" if further else "is that"
    yield Table(f"The runs; {scored} {verb} of the run's gate with clipping as configured.", columns, rows)
    yield from _time_table(context)


def _whole(value: float) -> str:
    return f"{value:.0f}" if np.isfinite(value) else NOTHING


def stage_times(run: Run) -> dict[str, float]:
    """Return the seconds of each stage of a run."""
    timed = ((names.stage_of(metric), value) for metric, value in run.metrics.items())
    return {stage: value for stage, value in timed if stage is not None}


def run_time(run: Run) -> float:
    """Return the seconds of all stages of a run."""
    return sum(stage_times(run).values())


def _time_table(context: ReportContext) -> Iterator[Table]:
    """Yield what each stage took where it was computed, and where its result was read from the cache."""
    computed: dict[str, list[float]] = {}
    recalled: dict[str, list[float]] = {}
    for run in context.runs:
        from_cache = run.tags.get(names.TAG_RECALLED, "").split()
        for stage, seconds in stage_times(run).items():
            (recalled if stage in from_cache else computed).setdefault(stage, []).append(seconds)
    stages = sorted({*computed, *recalled}, key=lambda stage: -sum(computed.get(stage, [])))
    if not stages:
        return
    rows: list[list[str]] = []
    for stage in stages:
        times, read = computed.get(stage, []), recalled.get(stage, [])
        longest = formats.duration(max(times)) if times else NOTHING
        rows.append([stage, str(len(times)), longest, _total(times), str(len(read)), _total(read)])
    totals = (formats.duration(sum(map(sum, times.values()))) for times in (computed, recalled))
    rows.append([Strong("all"), "", "", Strong(next(totals)), "", Strong(next(totals))])
    columns = ["Stage", "Computed in runs", "Longest", "Sum", "Recalled in runs", "Sum of reading"]
    yield Table("Wall times by stage, where it was computed and where the cache had its result.", columns, rows)


def _total(times: Sequence[float]) -> str:
    return formats.duration(sum(times)) if times else NOTHING


def parameter_blocks(context: ReportContext) -> Iterator[Block]:
    """Yield all parameters of the runs, those that differ first."""
    keys = sorted({key for run in context.runs for key in run.parameters})
    differing = [key for key in keys if len(_with_missing(context, key)) > 1]
    shared = [key for key in keys if key not in differing]
    for caption, chosen in (("Parameters that differ between runs.", differing), ("Parameters of all runs.", shared)):
        if chosen:
            rows = [[Code(key), Code(", ".join(_with_missing(context, key)))] for key in chosen]
            yield Table(caption, ["Parameter", "Value" if chosen is shared else "Values"], rows)


def _with_missing(context: ReportContext, key: str) -> list[str]:
    """Return the values of a parameter, and that some runs lack it."""
    lacking = any(key not in run.parameters for run in context.runs)
    return [*context.parameters(key), *(["(none)"] if lacking else [])]
