"""A finished run made again: its commit in a worktree of its own, with the diff, the configuration and the data it had.

The environment is the present one. Whatever the run typed or chose stands resolved in its ``config.yaml``; that is
given to its own ``train.py`` as a preset, whatever version that is.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from moe_exp import names
from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.machine import describe_machine
from moe_exp.program import run_program, terminate_as_exit
from moe_exp.runs.membership import PARENT_VARIABLE
from moe_exp.runs.provenance import NAMED_REPOSITORY, version_tags
from moe_exp.spectra.files import find_files
from moe_exp.tracking import LoggedRun, Tracking, artifacts_of, fetched_artifact

NOT_REPEATED = ("tracking", "cache_dir", "cache_limit_gb")
"""What says where a run is kept, not what it is."""

COMMIT = re.compile("[0-9a-f]{40,64}")

PRESET = "again"
"""Name of the file that holds the whole configuration."""

PATHS = ("path", "val_path", "test_path")
"""Options of ``data`` that name files."""


def check_trusted(run: LoggedRun) -> None:
    """Refuse a run whose code, and the classes that its configuration names, may be a stranger's.

    Raises
    ------
    InputError
        If it came with a bundle.
    """
    if names.TAG_BUNDLED in run.tags:
        raise InputError(
            Code.RERUN_UNTRUSTED,
            f"Run {run.name!r} came with a bundle: to make it again would run what that brought, its uncommitted "
            f"changes and what its configuration names. Read both; if you trust who made it, say --trust.",
        )


def run_again(original: Tracking, run: LoggedRun, repository: Path, *, into: Tracking, cache: Path) -> None:
    """Run what a finished run was, in a worktree that is gone afterwards.

    Parameters
    ----------
    original : Tracking
        Where the run is.
    run : LoggedRun
    repository : path
        A checkout that has the run's commit.
    into : Tracking
        Where it is logged.
    cache : path
        What holds spectra and stages.

    Raises
    ------
    InputError
        If the commit is gone, the diff does not fit, data are missing, or the run fails.
    """
    values = _read_config(original, run)
    _check_paths(run, values)
    with checked_out(original, run, repository) as folder, tempfile.TemporaryDirectory(prefix="moe_exp_") as presets:
        write_preset(Path(presets), values, into=into, run_name=run.name)
        command = [sys.executable, str(folder / "train.py"), "--config-dir", presets, f"experiment={PRESET}"]
        environment = {key: value for key, value in os.environ.items() if key != PARENT_VARIABLE}
        environment |= {"PYTHONPATH": str(folder / "src"), "MLFLOW_TRACKING_URI": into.uri}
        environment |= {"MOE_EXP_CACHE": str(cache)}
        status = run_program([*command, *choose_files(values, run.parameters)], environment)
    if status:
        raise InputError(
            Code.RERUN_FAILED, f"Run {run.name!r} could not be made again: its train.py ended with {status}."
        )


def _read_config(tracking: Tracking, run: LoggedRun) -> dict[str, Any]:
    if names.CONFIG_FILE not in artifacts_of(tracking, run):
        raise InputError(
            Code.RERUN_IMPOSSIBLE,
            f"Run {run.name!r} ({run.run_id}) keeps no {names.CONFIG_FILE}: a sweep is made again job by job, and what "
            f"was imported cannot be made here.",
        )
    with fetched_artifact(tracking, run, names.CONFIG_FILE) as path:
        return yaml.safe_load(path.read_text(encoding="utf-8"))


def _check_paths(run: LoggedRun, values: Mapping[str, Any]) -> None:
    """Refuse a run whose files are not where they were; whether they were changed, their digests tell."""
    named = {f"data.{option}": values["data"].get(option) for option in PATHS}
    named |= {f"externals.{name}.path": each.get("path") for name, each in (values.get("externals") or {}).items()}
    for option, path in named.items():
        if path:
            try:
                find_files(path, option)
            except InputError as error:
                raise InputError(
                    error.code,
                    f"Run {run.name!r} cannot be made again: {error.message} Put the data back, or start from the "
                    f"folder that it was typed in.",
                ) from error


@contextmanager
def checked_out(tracking: Tracking, run: LoggedRun, repository: Path) -> Iterator[Path]:
    """Give a worktree of a run's commit with its uncommitted diff, which is gone afterwards.

    Raises
    ------
    InputError
        If the repository has no such commit, or the diff does not fit it.
    """
    commit = run.tags.get(names.TAG_COMMIT, "")
    if not COMMIT.fullmatch(commit):
        raise InputError(
            Code.RERUN_IMPOSSIBLE, f"Run {run.name!r} ({run.run_id}) knows no commit: it was not made in a checkout."
        )
    if _git(repository, "cat-file", "-e", f"{commit}^{{commit}}").returncode:
        raise InputError(
            Code.RERUN_IMPOSSIBLE,
            f"Run {run.name!r} was made by commit {commit}, which {repository} does not have: fetch the branch that "
            f"has it, or go to another checkout. A commit that was amended away may be gone for good.",
        )
    with tempfile.TemporaryDirectory(prefix="moe_exp_") as place:
        folder = Path(place) / "checkout"
        added = _git(repository, "worktree", "add", "--quiet", "--detach", str(folder), commit)
        if added.returncode:
            raise InputError(Code.RERUN_IMPOSSIBLE, f"git cannot check out {commit}: {added.stderr.strip()}")
        try:
            with terminate_as_exit():
                if names.DIFF_FILE in artifacts_of(tracking, run):
                    with fetched_artifact(tracking, run, names.DIFF_FILE) as diff:
                        _apply(folder, diff, run)
                yield folder
        finally:
            _git(repository, "worktree", "remove", "--force", str(folder))


def _apply(folder: Path, diff: Path, run: LoggedRun) -> None:
    if "diff --git" not in diff.read_text(encoding="utf-8"):
        return
    applied = _git(folder, "apply", "--whitespace=nowarn", str(diff))
    if applied.returncode:
        raise InputError(
            Code.RERUN_IMPOSSIBLE,
            f"{names.DIFF_FILE} of run {run.name!r} does not fit its commit: {applied.stderr.strip()}",
        )


def _git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in NAMED_REPOSITORY}
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, env=environment, encoding="utf-8", errors="replace")


def doubts(tracking: Tracking, run: LoggedRun) -> list[str]:
    """Say in what a run that is made again cannot be what it was: versions, machine, files that were not kept."""
    present = version_tags() | {names.TAGS_MACHINE + name: value for name, value in describe_machine().items()}
    found = [
        f"{tag.removeprefix(names.TAGS_VERSION)} was {run.tags[tag]} and is {present[tag]}"
        for tag in present
        if tag.startswith((names.TAGS_VERSION, f"{names.TAGS_MACHINE}python", names.TAG_PROCESSOR))
        and run.tags.get(tag, present[tag]) != present[tag]
    ]
    if names.DIFF_FILE in artifacts_of(tracking, run):
        with fetched_artifact(tracking, run, names.DIFF_FILE) as path:
            lines = path.read_text(encoding="utf-8").splitlines()
        found += [line.removeprefix("# ") for line in lines if line.startswith("# not kept: ")]
    return found


def write_preset(folder: Path, values: Mapping[str, Any], *, into: Tracking, run_name: str) -> None:
    """Write a preset that holds a whole configuration, resolved, into a folder that Hydra is told of.

    What runs log waits for a server where that of others does: the worktree will be gone. The code of the run may be
    too old to know such a place.
    """
    kept = {key: value for key, value in values.items() if key not in NOT_REPEATED}
    places = {"experiment": into.experiment, "artifacts": into.artifacts, "run_name": run_name, "resume": False}
    places |= {"uri": "${oc.env:MLFLOW_TRACKING_URI}"}
    places |= {"outbox": into.outbox} if "outbox" in values["tracking"] else {}
    text = yaml.safe_dump(kept | {"tracking": places}, sort_keys=False)
    (folder / "experiment").mkdir()
    (folder / "experiment" / f"{PRESET}.yaml").write_text(f"# @package _global_\n{text}", encoding="utf-8")


def choose_files(values: Mapping[str, Any], parameters: Mapping[str, str]) -> list[str]:
    """Return what chooses the file of every group, as a run's parameters tell it."""
    return [
        f"{key}={parameters[key]}" for key, value in values.items() if isinstance(value, Mapping) and key in parameters
    ]
