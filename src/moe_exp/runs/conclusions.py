"""From finished runs to what they say together: the comparison, the judgements of hypotheses, and their report."""

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from moe_exp import names
from moe_exp.comparison import Comparison, RunRecord, compare
from moe_exp.comparison.hypotheses import Hypothesis, Judgement, judge
from moe_exp.comparison.looks import Looks
from moe_exp.errors import InputError
from moe_exp.machine import one_blas_thread
from moe_exp.progress import Advance
from moe_exp.report import Report, ReportContext, make_document
from moe_exp.runs.finished import Fetch, read_record
from moe_exp.runs.hypothesis_dates import doubts
from moe_exp.runs.looks import looks_at
from moe_exp.runs.membership import newest_runs
from moe_exp.tracking import LoggedRun, Tracking, fetched_artifact

TABLES = ("scores", "bin_scores", "pairs", "bin_pairs", "influence", "levels", "replicates")
NOT_JUDGED = "not judged"


@dataclass(frozen=True, eq=False, kw_only=True)
class Conclusions:
    """What a set of runs says.

    Attributes
    ----------
    comparison : Comparison
    runs : sequence of LoggedRun
    records : sequence of RunRecord
    judgements : mapping of str to Judgement
        Of the hypotheses that the runs can be held against, by the name of their file.
    verdicts : mapping of str to str
        Of all hypotheses; ``"not judged"`` where the runs lack what one names.
    notes : mapping of str to str
        What a reader should know of a hypothesis, by its own name.
    fetch : callable
        Gives a file that a run kept.
    noise_level : float or None
        That of the configuration from which the runs depart.
    looks : Looks or None
        Those that were taken while seeds were added.
    """

    comparison: Comparison
    runs: Sequence[LoggedRun]
    records: Sequence[RunRecord]
    judgements: Mapping[str, Judgement]
    verdicts: Mapping[str, str]
    notes: Mapping[str, str]
    fetch: Fetch
    noise_level: float | None
    looks: Looks | None

    @cached_property
    def external_pictures(self) -> Mapping[str, tuple[str, bytes]]:
        """Name and figure of one run for each set of external stars, see `find_external_pictures`; fetched if asked."""
        return find_external_pictures(self.fetch, self.runs)

    def report(self, *, command: str = "", remarks: Sequence[str] = ()) -> Report:
        """Return the report, whose figures are drawn when they are asked for; it tells the reader `remarks` first."""
        return Report(make_document(self.comparison, self._context(command, remarks)))

    def _context(self, command: str, remarks: Sequence[str]) -> ReportContext:
        unjudged = [note for name, note in self.notes.items() if name not in self._judged]
        return ReportContext(
            command=command,
            runs=self.runs,
            records=self.records,
            judgements=list(self.judgements.values()),
            hypothesis_notes={name: note for name, note in self.notes.items() if name in self._judged},
            external_pictures=self.external_pictures,
            notes=[*remarks, *unjudged],
            noise_level=self.noise_level,
            looks=self.looks,
        )

    def write_tables(self, folder: Path) -> None:
        """Write every table of the comparison as CSV."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in TABLES:
            getattr(self.comparison, name).to_csv(folder / f"{name}.csv", index=False)

    @property
    def _judged(self) -> set[str]:
        return {judgement.hypothesis.name for judgement in self.judgements.values()}


@one_blas_thread()
def conclude(
    tracking: Tracking,
    runs: Sequence[LoggedRun],
    *,
    hypotheses: Mapping[str, Hypothesis] | None = None,
    n_resamples: int | None = None,
    confidence: float | None = None,
    noise_level: float | None = None,
    looks: Looks | None = None,
    advance: Advance = lambda n: None,
) -> Conclusions:
    """Compare runs of a store; see `draw_conclusions`. Looks that were taken at them are found, if none are given."""
    fetch = partial(fetched_artifact, tracking)
    return draw_conclusions(
        fetch,
        runs,
        hypotheses=hypotheses,
        n_resamples=n_resamples,
        confidence=confidence,
        noise_level=noise_level,
        looks=looks or looks_at(tracking, runs),
        advance=advance,
    )


def draw_conclusions(
    fetch: Fetch,
    runs: Sequence[LoggedRun],
    *,
    hypotheses: Mapping[str, Hypothesis] | None = None,
    n_resamples: int | None = None,
    confidence: float | None = None,
    noise_level: float | None = None,
    looks: Looks | None = None,
    advance: Advance = lambda n: None,
) -> Conclusions:
    """Compare runs, of those with one identity the newest, and hold hypotheses against them.

    Resamples and confidence are those of the runs (`runs_own_bootstrap`) if they are not given. Their report answers
    for `noise_level`, where that was scored. The last of `looks`, if there are any, sets the confidence. `advance` is
    told the number of runs just read.

    Raises
    ------
    InputError
        If runs cannot be compared; see `check_comparable`.
    """
    runs, records = newest_runs(runs), []
    for run in runs:
        records.append(read_record(fetch, run))
        advance(1)
    own_resamples, own_confidence = runs_own_bootstrap(runs)
    comparison = compare(
        records,
        n_resamples=n_resamples or own_resamples,
        confidence=looks.confidence if looks else confidence or own_confidence,
    )
    judgements, verdicts, notes = {}, {}, {}
    for file, hypothesis in (hypotheses or {}).items():
        try:
            judgements[file] = judge(hypothesis, comparison)
            verdicts[file] = judgements[file].verdict
        except InputError as error:
            verdicts[file] = NOT_JUDGED
            notes[hypothesis.name] = f"Hypothesis {hypothesis.name} was not judged: {error}"
            continue
        doubt = doubts(file, hypothesis, runs)
        if doubt:
            notes[hypothesis.name] = doubt
    return Conclusions(
        comparison=comparison,
        runs=runs,
        records=records,
        judgements=judgements,
        verdicts=verdicts,
        notes=notes,
        fetch=fetch,
        noise_level=noise_level,
        looks=looks,
    )


def runs_own_bootstrap(runs: Sequence[LoggedRun]) -> tuple[int, float]:
    """Return with how many resamples, and at which confidence, runs were scored; of several values the largest."""
    options = [names.PARAMETERS[name] for name in ("n_resamples", "confidence")]
    n_resamples, confidence = (max(float(run.parameters[option]) for run in runs) for option in options)
    return int(n_resamples), confidence


def find_external_pictures(fetch: Fetch, runs: Sequence[LoggedRun]) -> dict[str, tuple[str, bytes]]:
    """Return for each set of external stars the name and the figure of one run: the best on its own test stars.

    The external stars have no part in the choice. Of stars whose best run keeps no figures there is none.
    """
    best: dict[str, LoggedRun] = {}
    for run in sorted(runs, key=lambda run: run.metrics.get(names.METRIC_R2, -math.inf)):
        best |= {place[0]: run for metric in run.metrics if (place := names.external_of(metric))}
    found = {}
    for stars, run in best.items():
        figure = f"{names.IMAGES_FOLDER}/{names.image_stem(names.EXTERNAL + stars)}.png"
        with suppress(InputError), fetch(run, figure) as path:
            found[stars] = (run.name, path.read_bytes())
    return found
