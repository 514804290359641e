"""What a bundle is in the words of RO-Crate 1.1, by which archives and other people's programs read it.

https://www.researchobject.org/ro-crate/specification/1.1
"""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from moe_exp.tracking import LoggedRun

CONTEXT = "https://w3id.org/ro/crate/1.1/context"
KINDS = {
    ".csv": "text/csv",
    ".diff": "text/x-diff",
    ".html": "text/html",
    ".json": "application/json",
    ".md": "text/markdown",
    ".parquet": "application/vnd.apache.parquet",
    ".png": "image/png",
    ".tex": "application/x-tex",
    ".txt": "text/plain",
    ".yaml": "application/yaml",
}
"""Media types, by how a name ends."""


def describe_crate(folder: Path, name: str, runs: Iterable[LoggedRun], version: str) -> str:
    """Return ``ro-crate-metadata.json`` for the files of a folder and the runs that made them."""
    runs = list(runs)
    files = [_file(path, folder) for path in sorted(folder.rglob("*")) if path.is_file()]
    program = {"@id": "#moe_exp", "@type": "SoftwareApplication", "name": "moe_exp", "version": version}
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": name,
        "description": "Runs of moe_exp with predictions, configurations and a report that moe-exp check makes again.",
        "datePublished": max(map(_day, runs)),
        "license": "see whoever hands the bundle on",
        "hasPart": [{"@id": file["@id"]} for file in files],
        "mentions": [{"@id": f"#{run.run_id}"} for run in runs],
    }
    about = {
        "@id": "ro-crate-metadata.json",
        "@type": "CreativeWork",
        "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
        "about": {"@id": "./"},
    }
    graph = [about, root, program, *map(_action, runs), *files]
    return json.dumps({"@context": CONTEXT, "@graph": graph}, indent=1, ensure_ascii=False)


def _file(path: Path, folder: Path) -> dict[str, object]:
    kind = KINDS.get(path.suffix, "application/octet-stream")
    place = path.relative_to(folder).as_posix()
    return {"@id": place, "@type": "File", "encodingFormat": kind, "contentSize": str(path.stat().st_size)}


def _action(run: LoggedRun) -> dict[str, object]:
    """Return the run as what made its predictions."""
    return {
        "@id": f"#{run.run_id}",
        "@type": "CreateAction",
        "name": run.name,
        "startTime": datetime.fromtimestamp(run.started, UTC).isoformat(timespec="seconds"),
        "instrument": {"@id": "#moe_exp"},
        "result": {"@id": f"runs/{run.run_id}/predictions.parquet"},
    }


def _day(run: LoggedRun) -> str:
    return datetime.fromtimestamp(run.started, UTC).date().isoformat()
