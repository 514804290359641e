"""moe-exp predict as a user calls it, in this process."""

import h5py
import numpy as np
import pandas as pd
import pytest
from astropy.table import Table
from click.testing import CliRunner

from moe_exp.cli.commands import main
from moe_exp.runs.job import run_job
from moe_exp.tracking import find_runs
from tests.conftest import PROJECT_ROOT, write_stars
from tests.prediction.small import SMALL


def predict(*arguments):
    return CliRunner().invoke(main, ["predict", *map(str, arguments)])


@pytest.fixture
def stars(tmp_path):
    return write_stars(tmp_path / "stars.h5", 50, seed=3)


def test_all_stars_of_a_file_are_predicted_as_from_python(model, model_folder, stars, tmp_path, monkeypatch):
    monkeypatch.setattr("moe_exp.prediction.readers.own.BLOCK_STARS", 20)
    done = predict(model_folder, stars, "-o", tmp_path / "out.parquet")
    assert done.exit_code == 0, done.output
    table = pd.read_parquet(tmp_path / "out.parquet")
    assert list(table["star"]) == [str(row) for row in range(50)]
    assert (table["file"] == str(stars)).all()
    with h5py.File(stars) as file:
        flux = file["dataset/arrays/flux/value"][:]
    np.testing.assert_allclose(table["log_g"], model.predict(flux)["log_g"], atol=1e-6)
    assert table.columns[2:].tolist() == list(model.columns)


def test_fits_has_the_names_of_desis_table(model_folder, stars, tmp_path):
    assert predict(model_folder, stars, "-o", tmp_path / "out.fits").exit_code == 0
    table = Table.read(tmp_path / "out.fits")
    assert {"FILE", "STAR", "LOGG", "LOGG_ERR", "LOGG_WARN", "VRAD", "WEIGHT_COOL_SOLAR"} <= set(table.colnames)
    assert len(table) == 50
    assert np.isfinite(table["LOGG"]).all()
    assert table.meta["EXTNAME"] == "RVTAB"


def test_fits_may_be_pfs_table_of_parameters(model, model_folder, tmp_path):
    flux = np.ones((3, 60))
    flux[1, 20:40] = np.nan  # masked
    flux[2] = np.nan  # unusable
    grid = model.fitted.wavelength
    np.savez(tmp_path / "stars.npz", wavelength=grid, flux=flux, velocity=[0, 30, 0], medium="air")
    out = tmp_path / "out.fits"
    done = predict(model_folder, tmp_path / "stars.npz", "-o", out, "--layout", "stparam")
    assert done.exit_code == 0, done.output
    table = Table.read(out, hdu="STPARAM")
    order = ["method", "frame", "param", "covarId", "unit", "value", "valueErr", "flag", "status"]  # as PFS has them
    assert table.colnames == ["file", "star", *order]
    assert list(table["star"]) == list("001122")
    assert list(table["param"]) == ["v_los", "log_g"] * 3
    assert list(table["covarId"]) == [0, 1] * 3
    assert list(table["unit"]) == ["km s-1", "dex"] * 3
    assert table["value"][0::2].tolist() == [0, 30, 0]
    assert predict(model_folder, tmp_path / "stars.npz", "-o", tmp_path / "out.parquet").exit_code == 0
    expected = pd.read_parquet(tmp_path / "out.parquet")
    np.testing.assert_allclose(table["value"][1::2], expected["log_g"], rtol=1e-6)
    np.testing.assert_allclose(table["valueErr"][1::2], expected["log_g_error"], rtol=1e-6)
    assert table["flag"].tolist()[0::2] == [False, False, True]
    assert table["flag"].tolist()[3::2] == [True, True]
    assert "MASKED" in table["status"][3].split(",")
    assert list(table["status"][4:]) == ["UNUSABLE", "UNUSABLE"]
    done = predict(model_folder, tmp_path / "stars.npz", "-o", tmp_path / "no.parquet", "--layout", "stparam")
    assert "--layout stparam is a layout of FITS" in done.output


def test_a_bad_file_is_told_the_others_go_on_and_the_status_says_so(model_folder, stars, tmp_path):
    (tmp_path / "bad.fits").write_text("nothing")
    done = predict(model_folder, tmp_path / "bad.fits", stars, "-o", tmp_path / "out.parquet")
    assert done.exit_code == 1
    assert f"Error: {tmp_path}/bad.fits: " in done.output
    assert "1 of 2 files" in done.output
    assert len(pd.read_parquet(tmp_path / "out.parquet")) == 50
    done = predict(model_folder, tmp_path / "bad.fits", "-o", tmp_path / "none.parquet")
    assert done.exit_code == 1
    assert "No file could be used, and nothing was written. (MOE141)" in done.output
    assert not (tmp_path / "none.parquet").exists()
    done = predict(model_folder, stars, "-o", tmp_path / "out.txt")
    assert "must end in .parquet or .fits" in done.output


def test_a_file_without_a_spectrum_that_serves_leaves_no_row(model_folder, stars, tmp_path):
    grid = np.linspace(8480, 8680, 60)
    np.savez(tmp_path / "dark.npz", wavelength=grid, flux=np.full((3, 60), np.nan), medium="air", velocity=np.zeros(3))
    done = predict(model_folder, tmp_path / "dark.npz", stars, "-o", tmp_path / "out.parquet")
    assert done.exit_code == 1
    assert "dark.npz: none of its spectra has half of the model's pixels" in done.output
    assert set(pd.read_parquet(tmp_path / "out.parquet")["file"]) == {str(stars)}


def test_the_model_may_be_that_of_a_run(configure, tracking, many_stars, stars, tmp_path):
    run_job(configure(*SMALL, f"data.path={many_stars}", "gate=classify"), PROJECT_ROOT)
    [run] = find_runs(tracking)
    done = predict(run.run_id[:8], stars, "-o", tmp_path / "out.parquet", "--store", tracking.uri)
    assert done.exit_code == 0, done.output
    assert pd.read_parquet(tmp_path / "out.parquet")["log_g"].notna().all()
    assert "has no run" in predict("0" * 32, stars, "-o", tmp_path / "x.fits", "--store", tracking.uri).output
