"""From runs of a store to a bundle: the report that this version makes of them, and all that it is made from."""

import hashlib
import platform
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from importlib.metadata import distributions, version
from pathlib import Path

import yaml

from moe_exp import names
from moe_exp.comparison.hypotheses import Hypothesis
from moe_exp.experiment.config import make_stage
from moe_exp.runs.bundles.archive import pack
from moe_exp.runs.bundles.crate import describe_crate
from moe_exp.runs.bundles.manifest import BUNDLE_FILE, CRATE_FILE, REQUIREMENTS_FILE, RUNS_FOLDER, Manifest, Settings
from moe_exp.runs.conclusions import Conclusions, draw_conclusions, runs_own_bootstrap
from moe_exp.runs.finished import Fetch
from moe_exp.runs.looks import looks_at
from moe_exp.runs.membership import find_sweep, remark_gaps, select_runs
from moe_exp.tracking import LoggedRun, Tracking, artifacts_of, fetched_artifact

KEPT = (names.CONFIG_FILE, names.DIFF_FILE, names.PREDICTIONS_FILE, names.TABLE_FROM_ELSEWHERE)
"""How the names of the files begin that a bundle takes of each run, and of figures those of external stars."""


def export(
    tracking: Tracking, run_ids: Sequence[str], output: Path, *, command: str, noise_level: float | None
) -> Conclusions:
    """Write the bundle of a sweep, or of runs, and return what it says; the answer is about a noise level.

    Raises
    ------
    InputError
        If the runs cannot be compared.
    """
    runs = select_runs(tracking, run_ids, "")
    sweep = find_sweep(tracking, run_ids)
    with tempfile.TemporaryDirectory(prefix="moe_exp_") as place:
        folder = Path(place)
        for run in runs:
            for name in artifacts_of(tracking, run):
                if name.startswith((*KEPT, f"{names.IMAGES_FOLDER}/{names.EXTERNAL}")):
                    _keep(tracking, run, name, folder / RUNS_FOLDER / run.run_id / name)
        settings = Settings(*runs_own_bootstrap(runs), noise_level, looks_at(tracking, runs))
        found = conclude_bundle(partial(fetched_artifact, tracking), folder, runs, settings)
        remarks = remark_gaps(sweep, len(found.runs))
        found.report(command=command, remarks=remarks).write(folder)
        found.write_tables(folder / names.COMPARISON_FOLDER)
        (folder / REQUIREMENTS_FILE).write_text(_requirements(), encoding="utf-8")
        made_with = {"python": platform.python_version(), "moe_exp": version("moe_exp")}
        crate = describe_crate(folder, sweep.name if sweep else "runs of moe_exp", found.runs, made_with["moe_exp"])
        (folder / CRATE_FILE).write_text(crate, encoding="utf-8")
        manifest = Manifest(
            sweep=sweep,
            runs=tuple(found.runs),
            command=command,
            settings=settings,
            verdicts=found.verdicts,
            files=_digests(folder),
            made_with=made_with,
            remarks=tuple(remarks),
        )
        (folder / BUNDLE_FILE).write_text(manifest.to_json(), encoding="utf-8")
        pack(folder, output)
    return found


def conclude_bundle(fetch: Fetch, folder: Path, runs: Sequence[LoggedRun], settings: Settings) -> Conclusions:
    """Compare the runs of a bundle, whose files lie in a folder, and judge the hypotheses that they named."""
    return draw_conclusions(fetch, runs, hypotheses=_hypotheses(folder, runs), **settings._asdict())


def _hypotheses(folder: Path, runs: Sequence[LoggedRun]) -> dict[str, Hypothesis]:
    """Return the hypotheses that runs named when they started, as the last of them did."""
    found: dict[str, Mapping] = {}
    for run in runs:
        path = folder / RUNS_FOLDER / run.run_id / names.CONFIG_FILE
        if path.exists():
            found |= yaml.safe_load(path.read_text(encoding="utf-8")).get("hypotheses") or {}
    return {name: make_stage(f"hypotheses.{name}", values) for name, values in sorted(found.items())}


def _keep(tracking: Tracking, run: LoggedRun, name: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with fetched_artifact(tracking, run, name) as path:
        shutil.copy(path, target)


def _requirements() -> str:
    """Return the packages of this environment but moe_exp itself, which its commit tells, as pip takes them."""
    pins = {each.metadata["Name"]: each.version.partition("+")[0] for each in distributions() if each.metadata["Name"]}
    return "".join(f"{name}=={number}\n" for name, number in sorted(pins.items(), key=str) if name != "moe_exp")


def _digests(folder: Path) -> dict[str, str]:
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
