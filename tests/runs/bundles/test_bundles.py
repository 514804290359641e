"""A sweep in one file: checked by anyone, refused where it is not what it says, at home in another store."""

import hashlib
import json
import stat
import zipfile

import pandas as pd
import pytest
from click.testing import CliRunner

from moe_exp import names
from moe_exp.cli.commands import main as cli
from moe_exp.errors import InputError
from moe_exp.report.document import Picture
from moe_exp.runs.bundles.archive import unpacked
from moe_exp.runs.bundles.load import load
from moe_exp.runs.conclusions import conclude
from moe_exp.runs.membership import find_members
from moe_exp.tracking import artifacts_of, get_run, open_run
from tests.command_line import all_runs, parents_in, runs_in
from tests.conftest import store_in

MANIFEST = "bundle.json"


@pytest.fixture(scope="module")
def bundle(sweep, tmp_path_factory):
    """Give the bundle of the small sweep."""
    [parent] = parents_in(sweep)
    output = tmp_path_factory.mktemp("bundle") / "sweep.zip"
    place = ("--store", f"sqlite:///{sweep}/mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Picture, "png", b"PNG")  # to draw them takes seconds, and belongs to other tests
        done = CliRunner().invoke(cli, ["export", parent.info.run_id, "-o", str(output), *place])
    assert done.exit_code == 0, done.output
    return output


def change(bundle, target, changes, *, honest=False):
    """Write a bundle with other content; a dishonest one has the digests of that."""
    with zipfile.ZipFile(bundle) as archive:
        files = {name: archive.read(name) for name in archive.namelist()} | changes
    if not honest:
        manifest = json.loads(files[MANIFEST])
        manifest["files"] |= {name: hashlib.sha256(files[name]).hexdigest() for name in changes if name != MANIFEST}
        files[MANIFEST] = json.dumps(manifest).encode()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target


def test_a_bundle_is_checked_without_a_store(bundle):
    done = CliRunner().invoke(cli, ["check", str(bundle), "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found.pop("n_numbers") > 300
    assert found == {"schema": "moe-exp check 1", "n_runs": 3, "wrong": [], "same_report": True}


def test_it_holds_what_made_the_report_and_describes_itself(bundle):
    with unpacked(bundle) as (folder, manifest):
        assert manifest.verdicts == {"smoke": "supported"}
        crate = json.loads((folder / "ro-crate-metadata.json").read_text())["@graph"]
        parts = {part["@id"] for entity in crate if entity["@id"] == "./" for part in entity["hasPart"]}
        assert parts == set(manifest.files) - {"ro-crate-metadata.json"}
        for run in manifest.runs:
            assert {f"runs/{run.run_id}/{name}" for name in ("config.yaml", "predictions.parquet")} <= parts
        assert {"report.html", "report.md", "requirements.txt", "comparison/pairs.csv"} <= parts
        pins = (folder / "requirements.txt").read_text().splitlines()
        assert any(line.startswith("numpy==") for line in pins)
        assert not any(line.startswith("moe_exp==") or "+" in line for line in pins)


def test_numbers_that_do_not_follow_from_the_predictions_are_found(bundle, tmp_path):
    with unpacked(bundle) as (folder, _):
        pairs = pd.read_csv(folder / "comparison" / "pairs.csv")
    pairs.loc[1, "delta_r2_ci_low"] += 1e-6
    with zipfile.ZipFile(bundle) as archive:
        manifest = json.loads(archive.read(MANIFEST)) | {"verdicts": {"smoke": "refuted"}}
    changes = {"comparison/pairs.csv": pairs.to_csv(index=False).encode(), "report.md": b"# All is well"}
    forged = change(bundle, tmp_path / "forged.zip", changes | {MANIFEST: json.dumps(manifest).encode()})
    done = CliRunner().invoke(cli, ["check", str(forged)])
    assert done.exit_code == 1
    assert "table pairs: delta_r2_ci_low differs in 1 rows; in the first, 1" in done.output
    assert "hypothesis smoke: the bundle says refuted, its predictions say supported" in done.output
    assert "computed again: 2 differ" in done.output
    assert "worded otherwise" in done.stderr


def refused(path):
    with pytest.raises(InputError) as found, unpacked(path):
        pass
    return str(found.value)


def test_a_changed_file_or_another_schema_is_refused(bundle, tmp_path):
    changed = change(bundle, tmp_path / "changed.zip", {"report.md": b"# All is well"}, honest=True)
    assert "report.md was changed or is damaged" in refused(changed)
    with zipfile.ZipFile(bundle) as archive:
        manifest = json.loads(archive.read(MANIFEST))
    newer = change(bundle, tmp_path / "newer.zip", {MANIFEST: json.dumps(manifest | {"schema": 2}).encode()})
    assert "is a bundle of schema 2; this version reads schema 1" in refused(newer)
    lacking = {key: value for key, value in manifest.items() if key != "settings"}
    assert "lacks something" in refused(change(bundle, tmp_path / "l.zip", {MANIFEST: json.dumps(lacking).encode()}))
    more = change(bundle, tmp_path / "more.zip", {"notes.txt": b""}, honest=True)
    assert "notes.txt without a digest" in refused(more)
    (tmp_path / "none.zip").write_bytes(b"PK")
    assert "cannot be read as a zip file" in refused(tmp_path / "none.zip")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("a.txt", "")
    assert "it has no bundle.json" in refused(tmp_path / "other.zip")


@pytest.mark.parametrize(
    "name", ["../evil.txt", "runs/../../evil.txt", "/evil.txt", "C:evil.txt", "runs\\..\\evil.txt"]
)
def test_a_path_that_leaves_its_folder_is_refused(bundle, tmp_path, name):
    assert "would write outside of its folder" in refused(change(bundle, tmp_path / "evil.zip", {name: b"x"}))
    assert not list(tmp_path.rglob("evil.txt"))


def test_a_link_is_refused(bundle, tmp_path):
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    target = change(bundle, tmp_path / "link.zip", {})
    with zipfile.ZipFile(target, "a") as archive:
        archive.writestr(link, "/etc")
    assert "would write outside of its folder" in refused(target)


def test_a_bundle_is_at_home_in_another_store(bundle, sweep, tracking, run_folder):
    ids = load(bundle, tracking)
    [parent] = parents_in(run_folder)
    [original] = parents_in(sweep)
    assert ids[original.info.run_id] == parent.info.run_id
    runs = find_members(tracking, parent.info.run_id).finished
    assert {run.tags["bundle.run_id"]: run.run_id for run in runs} == {
        before: now for before, now in ids.items() if before != original.info.run_id
    }
    with unpacked(bundle) as (folder, manifest):
        assert {run.name: (run.started, run.parameters, run.metrics) for run in runs} == {
            run.name: (run.started, run.parameters, run.metrics) for run in manifest.runs
        }
        told = pd.read_csv(folder / "comparison" / "pairs.csv")
        made = conclude(tracking, runs, n_resamples=manifest.settings.n_resamples).comparison.pairs
        assert made["delta_r2_ci_low"].tolist() == pytest.approx(told["delta_r2_ci_low"].tolist(), abs=1e-12)
    assert names.REPORT_FILE in artifacts_of(tracking, get_run(tracking, parent.info.run_id))
    assert not any(names.TAG_IDENTITY in run.tags for run in runs)  # no sweep here takes them for its own
    before = len(all_runs(run_folder)[1])
    with pytest.raises(InputError, match="already, as"):
        load(bundle, tracking)
    assert len(all_runs(run_folder)[1]) == before


def test_an_import_that_was_interrupted_goes_on(bundle, tracking, run_folder, monkeypatch):
    opened = []

    def end_after_one(*arguments, **options):
        if len(opened) == 2:  # their sweep, and the first of three
            raise KeyboardInterrupt
        opened.append(open_run(*arguments, **options))
        return opened[-1]

    with monkeypatch.context() as patch:
        patch.setattr("moe_exp.runs.bundles.load.open_run", end_after_one)
        with pytest.raises(KeyboardInterrupt):
            load(bundle, tracking)
    load(bundle, tracking)
    parents = {run.info.status: run for run in parents_in(run_folder)}  # which began at one time
    assert set(parents) == {"KILLED", "FINISHED"}
    members = find_members(tracking, parents["FINISHED"].info.run_id).finished
    assert {run.parameters["gate"] for run in members} == {"linear", "mlp", "classify"}
    assert len({run.run_id for run in members}) == 3
    assert opened[1].run_id in {run.run_id for run in members}


def test_an_import_that_was_interrupted_over_its_report_goes_on(bundle, tracking, run_folder, monkeypatch):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("moe_exp.runs.bundles.load.shutil.copy", interrupt)
        with pytest.raises(KeyboardInterrupt):
            load(bundle, tracking)
    load(bundle, tracking)
    parents = {run.info.status: run for run in parents_in(run_folder)}
    assert len(runs_in(run_folder)[1]) == 3
    assert names.REPORT_FILE in artifacts_of(tracking, get_run(tracking, parents["FINISHED"].info.run_id))
    with pytest.raises(InputError, match="already, as"):
        load(bundle, tracking)


def test_a_sweep_that_lacks_a_job_says_so_wherever_it_goes(copy_of_sweep, monkeypatch):
    monkeypatch.setattr(Picture, "png", b"PNG")
    [parent] = parents_in(copy_of_sweep)
    client, (linear, *_) = runs_in(copy_of_sweep)
    missing = "1 of 3 jobs did not finish; failed: linear: it broke"
    client.delete_run(linear.info.run_id)
    client.set_tag(parent.info.run_id, names.TAG_ERROR, missing)
    client.set_terminated(parent.info.run_id, "FAILED")
    output, place = copy_of_sweep / "sweep.zip", ("--store", f"sqlite:///{copy_of_sweep}/mlflow.db")
    done = CliRunner().invoke(cli, ["export", parent.info.run_id[:8], "-o", str(output), *place])
    assert done.exit_code == 0, done.output
    with unpacked(output) as (folder, manifest):
        assert manifest.sweep.run_id == parent.info.run_id
        assert f"{missing}. This report is about the others." in (folder / "report.md").read_text()
    assert "all agree" in CliRunner().invoke(cli, ["check", str(output)]).output
    load(output, store_in(copy_of_sweep))
    [_, imported] = parents_in(copy_of_sweep)
    assert (imported.info.status, imported.data.tags[names.TAG_ERROR]) == ("FAILED", missing)


def test_a_name_belongs_to_a_table_not_to_a_bundle(bundle, run_folder):
    place = ("--store", f"sqlite:///{run_folder}/mlflow.db")
    done = CliRunner().invoke(cli, ["import", str(bundle), "--name", "x", *place])
    assert "belong to a table of predictions" in done.output
