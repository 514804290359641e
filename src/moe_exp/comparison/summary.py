"""The comparison of runs: check, gather, draw once, and put everything into tables."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import pandas as pd

from moe_exp.comparison import tables
from moe_exp.comparison.comparability import check_comparable
from moe_exp.comparison.contenders import Contender, Panel, make_panel
from moe_exp.comparison.gate_errors import gate_error_table
from moe_exp.comparison.influence import Influence, leave_one_out
from moe_exp.comparison.levels import level_table, note_alike
from moe_exp.comparison.pairs import Pair, find_pairs
from moe_exp.comparison.published import Published
from moe_exp.comparison.records import RunRecord, sort_records
from moe_exp.comparison.run_labels import label_runs
from moe_exp.comparison.scoring import Column, Scoring, Settings, mean_error, resample
from moe_exp.comparison.tables import ScoredPair
from moe_exp.evaluation.bootstrap import check_options
from moe_exp.spectra.label import Label


@dataclass(frozen=True, eq=False, kw_only=True)
class Comparison:
    """Runs side by side; every table is in a fixed order and ends of intervals are ``_ci_low`` and ``_ci_high``.

    Where there are several data seeds, each an experiment with stars, noise and trainings of its own, a row is the mean
    over those that have it, with Student's t interval and p; ``n_data_seeds`` and ``data_seed_sd`` say how many and how
    far apart. Holm's adjustment counts differences, not data seeds.

    Attributes
    ----------
    scores : DataFrame
        One row per gate, hard routing and reference in each condition (n_train, noise_level, design): R² on the covered
        test stars, mean over ``n_seeds`` trainings of standard deviation ``seed_sd``; ``scatter`` says whether its
        interval holds that of the stars alone, of stars and seeds, or of data seeds.
    bin_scores : DataFrame
        The same for every gate and bin.
    gate_errors : DataFrame
        ``rmse`` and ``mae`` of every gate, the shares ``oracle_gain_soft`` and ``oracle_gain_hard`` of what the
        oracle gains over the global Ridge that its two routings retain, and its ``accuracy``.
    pairs : DataFrame
        One row per two gates that differ in one factor alone: R² of ``model`` minus R² of ``reference`` with its
        paired interval, p, p_holm over all rows of this table, and the verdict on the latter; both with clipping as
        configured, and the interval with and without. ``n_carriers`` says how many stars carry it, ``tail_index`` how
        heavy their tail is, ``trusted`` whether its interval may be, ``mark`` why not; ``delta_mae`` is the
        difference of the mean absolute error, which no few stars carry. ``deciding_star`` is the one of largest
        influence.
    bin_pairs : DataFrame
        The same pairs within every bin, adjusted over all rows of this table.
    influence : DataFrame
        For every pair and data seed the stars of largest influence on the pooled difference.
    levels : DataFrame
        What every pair scatters by: standard deviations ``sd_star``, ``sd_seed`` and ``sd_data_seed`` of what one star,
        one training and one data seed say, with intervals and the share of the mean's variance that each has; and
        ``new_delta_r2``, where one more data seed would lie. See `levels`.
    replicates : DataFrame
        What each data seed says of the rows of `scores` and `pairs`; empty when there is but one.
    notes : tuple of str
        What a reader should know, in sentences.
    settings : Settings
        ``n_resamples``, ``confidence`` and ``seed`` of the resamples.
    published : Published
        What may stand beside these runs.
    scorings : tuple of Scoring
        One for each data seed: where any other score or difference comes from.
    """

    scores: pd.DataFrame
    bin_scores: pd.DataFrame
    gate_errors: pd.DataFrame
    pairs: pd.DataFrame
    bin_pairs: pd.DataFrame
    influence: pd.DataFrame
    levels: pd.DataFrame
    replicates: pd.DataFrame
    notes: tuple[str, ...]
    settings: Settings
    published: Published
    scorings: tuple[Scoring, ...]

    @property
    def data_seeds(self) -> tuple[int, ...]:
        """Seeds of the stars, each a replicate, ascending."""
        return tuple(scoring.panel.data_seed for scoring in self.scorings)

    @property
    def label(self) -> Label:
        """What is predicted."""
        return self.scorings[0].panel.label

    @property
    def bin_names(self) -> tuple[str, ...]:
        """Names of the bins of the first data seed."""
        return self.scorings[0].panel.bin_names

    def of(self, data_seed: int) -> Scoring:
        """Return the scoring of one data seed."""
        return self.scorings[self.data_seeds.index(data_seed)]


def compare(
    records: Iterable[RunRecord], *, n_resamples: int = 10_000, confidence: float = 0.95, seed: int = 0
) -> Comparison:
    """Compare runs on their covered test stars.

    All runs of a data seed are scored on the same resamples of the same stars, so that every difference is paired. The
    order of `records` does not matter. Which other runs are compared changes no score or interval, only p_holm with its
    verdicts, and the names of designs.

    Parameters
    ----------
    records : iterable of RunRecord
    n_resamples : int
        Bootstrap resamples of the test stars.
    confidence : float
        Probability content of the intervals; verdicts hold at the same level for all pairs together.
    seed : int
        Seed of the resamples.

    Raises
    ------
    InputError
        If there is no run, an option is out of range, or runs may not be compared; see `check_comparable`.
    """
    check_options(n_resamples, confidence)
    records = sort_records(records)
    check_comparable(records)
    labels = label_runs(records)
    settings = Settings(n_resamples, confidence, seed)
    panels = [make_panel(list(group), labels) for _, group in groupby(records, key=lambda record: record.data_seed)]
    parts = [_score(panel, settings) for panel in panels]
    contenders = _by_contender([part.scoring for part in parts])
    gates = [(contender, scorings) for contender, scorings in contenders if contender.kind == "gate"]
    pairs = _by_pair(parts)
    scores = pd.DataFrame(tables.score_row(*each) for each in contenders)
    levels = level_table(pairs)
    return Comparison(
        scores=scores,
        bin_scores=pd.DataFrame(row for each in gates for row in tables.bin_score_rows(*each)),
        gate_errors=gate_error_table(gates, scores, records, labels),
        pairs=tables.judge_pairs(map(tables.pair_row, pairs), confidence),
        bin_pairs=tables.adjust((row for scored in pairs for row in tables.bin_pair_rows(scored)), confidence),
        influence=pd.DataFrame(row for part in parts for each in part.scored for row in tables.influence_rows(each)),
        levels=levels,
        replicates=tables.replicate_table(contenders, pairs),
        notes=(*_notes(parts, scores), *note_alike(levels)),
        settings=settings,
        published=Published.beside(*(record.parameters for record in records)),
        scorings=tuple(part.scoring for part in parts),
    )


@dataclass(frozen=True, eq=False)
class _Part:
    """What belongs to one data seed."""

    scoring: Scoring
    scored: list[ScoredPair]
    notes: list[str]


def _score(panel: Panel, settings: Settings) -> _Part:
    """Find the pairs of a panel and the stars that decide them, and draw for everything at once."""
    pairs, notes = find_pairs(panel)
    influences = {pair: _influence(panel, pair) for pair in pairs}
    scored = [Column(contender, panel.seeds(contender)) for contender in panel.entries]
    paired = [(contender, pair.seeds) for pair in pairs for contender in (pair.model, pair.reference)]
    variants = [Column(*who, variant) for who in paired for variant in ("configured", *tables.VARIANTS)]
    pooled = resample(
        panel,
        dict.fromkeys([*scored, *variants]),
        settings,
        marked=sorted({int(influence.largest(1)[0]) for influence in influences.values()}),
    )
    gates = [column for column in scored if column.contender.kind == "gate"]
    in_bins = dict.fromkeys([*gates, *(Column(*who) for who in paired)])
    per_bin = tuple(resample(panel, in_bins, settings, bin_index=index) for index in range(len(panel.bin_names)))
    scoring = Scoring(panel=panel, settings=settings, pooled=pooled, per_bin=per_bin)
    return _Part(scoring, [ScoredPair(scoring, *each) for each in influences.items()], [*panel.notes, *notes])


def _influence(panel: Panel, pair: Pair) -> Influence:
    model, reference = (mean_error(panel, Column(contender, pair.seeds)) for contender in (pair.model, pair.reference))
    return leave_one_out(panel.y, model, reference, panel.star)


def _by_contender(scorings: Sequence[Scoring]) -> list[tuple[Contender, list[Scoring]]]:
    """Return all contenders in the order of the tables, each with the data seeds that have it."""
    contenders = {contender for scoring in scorings for contender in scoring.panel.entries}
    return [
        (contender, [scoring for scoring in scorings if contender in scoring.panel.entries])
        for contender in sorted(contenders, key=lambda contender: contender.order)
    ]


def _by_pair(parts: Sequence[_Part]) -> list[list[ScoredPair]]:
    """Return all pairs in the order of the tables, each from the data seeds that have it."""
    found: dict[tuple[Contender, Contender], list[ScoredPair]] = {}
    for part in parts:
        for each in part.scored:
            found.setdefault((each.pair.model, each.pair.reference), []).append(each)
    return sorted(found.values(), key=lambda scored: scored[0].pair.order)


def _notes(parts: Sequence[_Part], scores: pd.DataFrame) -> tuple[str, ...]:
    notes = []
    single = (scores["n_seeds"] == 1) & (scores["n_data_seeds"] == 1)
    if single.any():
        notes.append(
            f"{single.sum()} of {len(scores)} scores rest on one training seed: their intervals hold the scatter of "
            f"the test stars, not that of the training."
        )
    if len(parts) > 1:
        seeds = ", ".join(str(part.scoring.panel.data_seed) for part in parts)
        notes.append(
            f"Data seeds {seeds} are replicates, each with stars of its own: what is judged is their mean, with "
            f"Student's t interval, which holds all of their scatter: that of training and test stars and of trainings."
        )
        partial = int((scores["n_data_seeds"] < len(parts)).sum())
        if partial:
            notes.append(f"{partial} of {len(scores)} scores lack a data seed: their means are of fewer.")
    if len(parts) == 2:
        notes.append("Two data seeds hardly know their own scatter, and their intervals are wide; three tell far more.")
    return (*notes, *(f"data.seed={part.scoring.panel.data_seed}: {note}" for part in parts for note in part.notes))
