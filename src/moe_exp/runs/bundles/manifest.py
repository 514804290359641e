"""What a bundle holds, in the words of its ``bundle.json``."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from moe_exp.codes import Code
from moe_exp.comparison.looks import Looks
from moe_exp.errors import InputError
from moe_exp.tracking import LoggedRun

BUNDLE_FILE = "bundle.json"
CRATE_FILE = "ro-crate-metadata.json"
REQUIREMENTS_FILE = "requirements.txt"
RUNS_FOLDER = "runs"

SCHEMA = 1
"""Changes whenever an older reader would misunderstand what is written."""


class Settings(NamedTuple):
    """How the runs of a bundle are compared."""

    n_resamples: int
    confidence: float
    noise_level: float | None
    """which the report answers for"""
    looks: Looks | None = None
    """that were taken while seeds were added"""

    def plain(self) -> dict[str, Any]:
        """Return plain values for `of`."""
        return self._asdict() | {"looks": asdict(self.looks) if self.looks else None}

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Settings":
        """Make settings of plain values; older ones have no looks."""
        looks = values.get("looks")
        return cls(**{**values, "looks": Looks.of(looks) if looks else None})


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a bundle is made of.

    Attributes
    ----------
    sweep : LoggedRun or None
        The parent of the runs.
    runs : tuple of LoggedRun
        Those that are compared; files of each lie in ``runs/<run id>``.
    command : str
        What was typed to get the report.
    settings : Settings
    verdicts : mapping of str to str
        On the hypotheses, by the name of their file.
    files : mapping of str to str
        SHA-256 of every other file of the bundle.
    made_with : mapping of str to str
        Versions of Python and of packages.
    remarks : tuple of str
        What the report says first, such as which jobs are missing; bundles of before have none.
    schema : int
    """

    sweep: LoggedRun | None
    runs: tuple[LoggedRun, ...]
    command: str
    settings: Settings
    verdicts: Mapping[str, str]
    files: Mapping[str, str]
    made_with: Mapping[str, str]
    remarks: tuple[str, ...] = ()
    schema: int = SCHEMA

    def to_json(self) -> str:
        """Return the text of ``bundle.json``."""
        return json.dumps(
            asdict(self) | {"settings": self.settings.plain()}, indent=1, ensure_ascii=False, sort_keys=True
        )

    @classmethod
    def from_json(cls, text: bytes, where: str) -> "Manifest":
        """Read ``bundle.json``.

        Raises
        ------
        InputError
            If it is none, or of another schema; the message begins with `where`.
        """
        try:
            found: dict[str, Any] = json.loads(text)
            schema = found["schema"]
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                Code.BUNDLE_UNREADABLE, f"{where}: {BUNDLE_FILE} cannot be read; the file is damaged, or no bundle."
            ) from error
        if schema != SCHEMA:
            raise InputError(
                Code.BUNDLE_SCHEMA,
                f"{where} is a bundle of schema {schema}; this version reads schema {SCHEMA}. Use the version of "
                f"moe_exp that wrote it: {_made_by(found)}.",
            )
        try:
            sweep = LoggedRun(**found.pop("sweep")) if found["sweep"] else None
            found.pop("sweep", None)
            runs = tuple(LoggedRun(**run) for run in found.pop("runs"))
            remarks = tuple(found.pop("remarks", ()))
            settings = Settings.of(found.pop("settings"))
            manifest = cls(sweep=sweep, runs=runs, settings=settings, remarks=remarks, **found)
            manifest._check_types()
            return manifest
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(
                Code.BUNDLE_UNREADABLE, f"{where}: {BUNDLE_FILE} lacks something, or has too much: {error}."
            ) from error

    def _check_types(self) -> None:
        """Raise a TypeError or an AttributeError where something is not of its type, as a file may have it."""
        n_resamples, confidence, noise_level, looks = self.settings
        _require(int, n_resamples, *((looks.start, looks.n_taken, *looks.planned) if looks else ()))
        _require((int, float), confidence, noise_level or 0.0)
        tables = (self.files, self.verdicts, self.made_with)
        _require(str, self.command, *self.remarks, *(word for table in tables for word in table.values()))
        for run in (*self.runs, *([self.sweep] if self.sweep else [])):
            _require(str, run.run_id, run.name, run.status, *run.parameters.values(), *run.tags.values())
            _require((int, float), run.started, *run.metrics.values())


def _require(kind: type | tuple[type, ...], *values: Any) -> None:
    """Raise a TypeError unless all values are of one kind."""
    wrong = [value for value in values if not isinstance(value, kind)]
    if wrong:
        raise TypeError(f"{wrong[0]!r} is of another type")


def _made_by(found: Mapping[str, Any]) -> Any:
    """Return the version of this package that a manifest names."""
    made_with = found.get("made_with")
    return made_with.get("moe_exp", "unknown") if isinstance(made_with, Mapping) else "unknown"
