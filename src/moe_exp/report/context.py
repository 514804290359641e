"""What a report needs to know beside the comparison: the question, and where the numbers come from."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from moe_exp import names
from moe_exp.comparison import RunRecord
from moe_exp.comparison.hypotheses import Judgement
from moe_exp.comparison.looks import Looks
from moe_exp.figures.style import say_setting

TITLE = "Does a gate trained for regression beat a gate that classifies?"

QUESTION = (
    "{label} is regressed from noisy stellar spectra by Ridge experts, one for each bin of stellar "
    "labels, and a gate mixes their predictions. Does a gate that is trained for the regression itself (the squared "
    "error of the mixed prediction) beat one that is trained to classify the bin (cross-entropy)? Does the answer hold "
    "for other numbers of training stars and other noise levels?"
)


class Run(Protocol):
    """What is read of a finished run."""

    @property
    def run_id(self) -> str:
        """Identifier in the tracking store."""

    @property
    def name(self) -> str:
        """Name for people."""

    @property
    def parameters(self) -> Mapping[str, str]:
        """Configuration, flat: ``{"gate": "mlp", "data.n_train": "32000"}``."""

    @property
    def tags(self) -> Mapping[str, str]:
        """Commit, versions, machine and digests, under the names that a run logs."""

    @property
    def metrics(self) -> Mapping[str, float]:
        """Scores, and wall times of stages, under the names that a run logs."""

    @property
    def started(self) -> float:
        """Seconds since 1970."""


@dataclass(frozen=True, kw_only=True)
class ReportContext:
    """Where the numbers of a comparison come from; everything may be left out, and so is what it would fill.

    Attributes
    ----------
    title, question : str
    command : str
        What to type to get these runs.
    runs : sequence of Run
        The runs that were compared, as they were logged.
    records : sequence of RunRecord
        The same as they were given to the comparison; for the weights and the accuracy of gates.
    judgements : sequence of Judgement
    hypothesis_notes : mapping of str to str
        What a reader should know of a hypothesis, by its name: that its file was changed after the runs, for example.
    external_pictures : mapping of str to (str, bytes)
        For each set of external stars the name of a run, and what that predicts of them as PNG.
    notes : sequence of str
        What a reader should know of the runs: that jobs are missing, for example.
    noise_level : float or None
        That of the configuration from which the runs depart: the answer is about it.
    looks : Looks or None
        Those that were taken while seeds were added.
    """

    title: str = TITLE
    question: str = QUESTION
    command: str = ""
    runs: Sequence[Run] = ()
    records: Sequence[RunRecord] = ()
    judgements: Sequence[Judgement] = ()
    hypothesis_notes: Mapping[str, str] = field(default_factory=dict)
    external_pictures: Mapping[str, tuple[str, bytes]] = field(default_factory=dict)
    notes: Sequence[str] = ()
    noise_level: float | None = None
    looks: Looks | None = None

    def parameters(self, key: str) -> list[str]:
        """Return the values that a parameter has in the runs, numbers ascending."""
        return _distinct(run.parameters[key] for run in self.runs if key in run.parameters)

    def tags(self, key: str) -> list[str]:
        """Return the values that a tag has in the runs."""
        return _distinct(run.tags[key] for run in self.runs if run.tags.get(key))

    def tags_under(self, prefix: str) -> dict[str, list[str]]:
        """Return the values of all tags of a prefix, by the rest of their name."""
        keys = {key: None for run in self.runs for key in run.tags if key.startswith(prefix)}
        return {key.removeprefix(prefix): self.tags(key) for key in sorted(keys)}

    def regression_gates(self) -> set[str]:
        """Return the gates that were trained for the label, not for the bin."""
        return {run.tags[names.TAG_GATE] for run in self.runs if run.tags.get(names.TAG_TRAINED_FOR) == "regression"}

    def count_tag(self, key: str) -> Counter[str]:
        """Return how many runs have each value of a tag."""
        return Counter(run.tags[key] for run in self.runs if key in run.tags)


def setting_of(records: Iterable[RunRecord]) -> str:
    """Say in a line what runs were made from; nothing of no runs."""
    records = list(records)
    if not records:
        return ""
    return say_setting(
        " and ".join(_distinct(map(_source, records))),
        n_train=[record.n_train for record in records],
        noise_level=[record.noise_level for record in records],
        clip=[record.clip for record in records],
    )


def _source(record: RunRecord) -> str:
    """Return the name of the file that stars come from, or of the choice of data."""
    path = record.parameters.get("data.path", "None")
    return record.parameters.get("data", "stars") if path == "None" else Path(path).name


def _distinct(values: Iterable[str]) -> list[str]:
    return sorted(set(values), key=_numbers_first)


def _numbers_first(value: str) -> tuple[int, float, str]:
    try:
        return 0, float(value), value
    except ValueError:
        return 1, 0.0, value
