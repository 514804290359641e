"""Files as surveys write them: each is read as what it is, in Å, per Å, with its bad pixels, or refused."""

import numpy as np
import pandas as pd
import pytest
from astropy import units
from astropy.io import fits
from astropy.nddata import StdDevUncertainty
from specutils import Spectrum

from moe_exp.errors import InputError
from moe_exp.prediction.readers import read_spectra
from moe_exp.prediction.streaming import predict_file
from tests.conftest import PROJECT_ROOT, write_stars

N = 40
NM = np.linspace(850, 870, N)
FLUX = np.linspace(1, 2, N)


def only(path):
    [block] = read_spectra(path)
    return block


def image(name, values, **cards):
    return fits.ImageHDU(np.asarray(values), name=name, header=fits.Header(cards))


def table(name, **columns):
    return fits.BinTableHDU.from_columns(
        [fits.Column(key, fmt, array=np.asarray(values)) for key, (fmt, values) in columns.items()], name=name
    )


def write(path, *hdus, **cards):
    fits.HDUList([fits.PrimaryHDU(header=fits.Header(cards)), *hdus]).writeto(path)
    return path


def f_nu(flux=FLUX):
    """Return flux per frequency of flux per wavelength, in a unit of its own."""
    return flux * (NM / NM.mean()) ** 2


def masked(*pixels, bit=1):
    mask = np.zeros(N, np.int32)
    mask[list(pixels)] = bit
    return mask


def pfs_one(path, wavelength):
    variance = np.ones((3, N))
    variance[0, 7] = 0
    return write(
        path, image("FLUX", f_nu(), **wavelength), image("MASK", masked(5)), image("COVAR", variance), OBJID=12
    )


def test_pfs_objects_of_2019_have_their_wavelengths_in_cards(tmp_path):
    step = NM[1] - NM[0]
    block = only(pfs_one(tmp_path / "old.fits", {"CRVAL1": NM[0], "CD1_1": step, "CRPIX1": 1}))
    np.testing.assert_allclose(block.wavelength, 10 * NM)
    assert (block.star, block.medium) == (["12"], "vacuum")
    assert list(np.flatnonzero(np.isnan(block.flux[0]))) == [5, 7]
    good = np.isfinite(block.flux[0])
    np.testing.assert_allclose(block.flux[0, good], FLUX[good])
    assert np.isnan(block.velocity).all()


def test_pfs_objects_of_today_have_an_array_of_wavelengths_and_names_of_flags(tmp_path):
    path = tmp_path / "new.fits"
    flags = masked(5) | masked(6, bit=4)
    hdus = (image("FLUX", f_nu()), image("MASK", flags, MP_BAD=0, MP_SUSPECT=2), image("WAVELENGTH", NM))
    block = only(write(path, *hdus, image("COVAR", np.ones((3, N)))))
    np.testing.assert_allclose(block.wavelength, 10 * NM)
    assert list(np.flatnonzero(np.isnan(block.flux[0]))) == [5]
    assert block.star == ["new"]


@pytest.mark.parametrize("shared", [True, False])
def test_pfs_coadds_are_images_of_many_targets(tmp_path, shared):
    flux = np.stack([f_nu(), f_nu(2 * FLUX), f_nu(3 * FLUX)])
    path = write(
        tmp_path / "coadd.fits",
        image("WAVELENGTH", NM if shared else np.stack([NM] * 3)),
        image("FLUX", flux),
        image("MASK", np.stack([masked(), masked(4), masked()])),
        image("COVAR", np.ones((3, 3, N))),
        table("TARGET", targetId=("K", [7, 8, 9])),
    )
    blocks = list(read_spectra(path))
    assert [len(block.flux) for block in blocks] == ([3] if shared else [1, 1, 1])
    assert [star for block in blocks for star in block.star] == ["7", "8", "9"]
    found = np.concatenate([block.flux for block in blocks])
    np.testing.assert_allclose(found[2], 3 * FLUX)
    assert list(np.flatnonzero(np.isnan(found[1]))) == [4]


def test_pfs_coadds_of_different_lengths_are_tables(tmp_path):
    n_short = N - 10
    rows = [f_nu(), f_nu()[:n_short]]
    path = write(
        tmp_path / "calibrated.fits",
        table("WAVELENGTH", value=("PD()", np.array([NM, NM[:n_short]], object))),
        table("FLUX", value=("PD()", np.array(rows, object))),
        table("MASK", value=("PJ()", np.array([masked(), masked()[:n_short]], object))),
        table("COVAR", row_0=("PD()", np.array([np.ones(N), np.ones(n_short)], object))),
        table("TARGET", objId=("K", [7, 8])),
    )
    blocks = list(read_spectra(path))
    assert [block.flux.shape for block in blocks] == [(1, N), (1, n_short)]
    assert [len(block.wavelength) for block in blocks] == [N, n_short]


def test_arms_of_desi_are_joined_in_the_middle_of_their_overlap(tmp_path):
    arms = {"R": np.arange(8000.0, 8400), "Z": np.arange(8300.0, 8900)}
    hdus = [
        table("FIBERMAP", TARGETID=("K", [11, 12])),
        table("REDSHIFTS", Z=("D", [1e-4, 0.5]), SPECTYPE=("10A", ["STAR", "GALAXY"])),
    ]
    for arm, wavelength in arms.items():
        ivar = np.ones((2, len(wavelength)))
        ivar[1, -1] = 0
        values = np.full((2, len(wavelength)), ord(arm), float)
        hdus += [image(f"{arm}_WAVELENGTH", wavelength), image(f"{arm}_FLUX", values), image(f"{arm}_IVAR", ivar)]
    block = only(write(tmp_path / "coadd.fits", *hdus))
    np.testing.assert_array_equal(block.wavelength, np.arange(8000.0, 8900))
    assert (block.flux[0, block.wavelength < 8349] == ord("R")).all()
    assert (block.flux[0, block.wavelength > 8350] == ord("Z")).all()
    assert np.isnan(block.flux[1, -1])
    assert block.velocity[0] == pytest.approx(29.98, abs=0.01)
    assert np.isnan(block.velocity[1])


def test_sdss_spectra_have_logarithms_of_wavelengths_and_the_redshift_of_a_star(tmp_path):
    loglam = np.log10(10 * NM)
    ivar, and_mask = np.ones(N), masked(3)
    ivar[9] = 0
    coadd = table("COADD", flux=("D", FLUX), loglam=("D", loglam), ivar=("D", ivar), and_mask=("J", and_mask))
    block = only(write(tmp_path / "spec.fits", coadd, table("SPECOBJ", Z=("D", [1e-4]), CLASS=("6A", ["STAR"]))))
    np.testing.assert_allclose(block.wavelength, 10 * NM)
    assert list(np.flatnonzero(np.isnan(block.flux[0]))) == [3, 9]
    assert block.velocity[0] == pytest.approx(29.98, abs=0.01)


def test_small_files_of_ones_own_may_be_in_nm_and_from_the_red_to_the_blue(tmp_path):
    rows = [f"{nm},{flux},{0 if number == 2 else 1}" for number, (nm, flux) in enumerate(zip(NM, FLUX, strict=True))]
    (tmp_path / "one.csv").write_text("\n".join(["Wavelength, Flux, Error", *reversed(rows)]))
    block = only(tmp_path / "one.csv")
    np.testing.assert_allclose(block.wavelength, 10 * NM)
    assert list(np.flatnonzero(np.isnan(block.flux[0]))) == [2]
    np.testing.assert_allclose(block.flux[0, 3:], FLUX[3:])
    np.savez(tmp_path / "some.npz", wavelength=10 * NM, flux=np.stack([FLUX, FLUX]), velocity=[3, 4], medium="air")
    block = only(tmp_path / "some.npz")
    assert (block.medium, list(block.velocity), block.star) == ("air", [3, 4], ["0", "1"])


def test_what_specutils_reads_is_read(tmp_path):
    spectrum = Spectrum(
        flux=f_nu() * units.Jy, spectral_axis=NM * units.nm, uncertainty=StdDevUncertainty(np.where(FLUX > 1.9, 0, 1.0))
    )
    spectrum.write(tmp_path / "any.fits", format="tabular-fits")
    block = only(tmp_path / "any.fits")
    np.testing.assert_allclose(block.wavelength, 10 * NM)
    good = FLUX <= 1.9
    np.testing.assert_allclose(block.flux[0, good], FLUX[good], rtol=1e-6)
    assert np.isnan(block.flux[0, ~good]).all()


def test_own_files_are_read_block_by_block(tmp_path, monkeypatch):
    monkeypatch.setattr("moe_exp.prediction.readers.own.BLOCK_STARS", 20)
    blocks = list(read_spectra(write_stars(tmp_path / "stars.h5", 50)))
    assert [len(block.flux) for block in blocks] == [20, 20, 10]
    assert blocks[2].star == [str(row) for row in range(40, 50)]
    assert (blocks[0].medium, blocks[0].velocity.any()) == ("air", False)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.h5", b"", "the file is empty"),
        ("text.fits", b"no spectrum at all\n", "specutils knows no reader"),
        ("cut.h5", b"\x89HDF\r\n\x1a\n" + b"\0" * 100, "cut.h5"),
        ("bare.csv", b"a,b\n1,2\n", "it has no flux and no wavelength, only a, b"),
        ("header.csv", b"wavelength,flux\n", "header.csv"),
        ("card.fits", b"SIMPLE  = T", "card.fits"),
    ],
)
def test_what_is_no_spectrum_is_refused_by_its_name(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        list(read_spectra(tmp_path / name))
    with pytest.raises(InputError, match="nowhere"):
        list(read_spectra(tmp_path / "nowhere.fits"))


@pytest.mark.parametrize(
    ("spoiled", "message"),
    [
        ({"velocity": [1, 2, 3]}, r"velocity has shape \(3,\) in place of \(2,\)"),
        ({"star": ["a"]}, r"of 1 star\(s\) and 40 wavelengths flux has shape \(2, 40\)"),
        ({"flux": np.ones((2, N), complex)}, "complex numbers"),
        ({"wavelength": NM.astype(complex)}, "complex numbers"),
    ],
)
def test_arrays_that_do_not_belong_together_are_refused(tmp_path, spoiled, message):
    np.savez(tmp_path / "some.npz", **({"wavelength": 10 * NM, "flux": np.stack([FLUX, FLUX])} | spoiled))
    with pytest.raises(InputError, match=message):
        only(tmp_path / "some.npz")


@pytest.mark.parametrize("wavelength", [np.empty(0), NM[::-1], NM - NM[3], np.stack([NM, NM])])
def test_wavelengths_of_surveys_that_do_not_increase_from_above_0_are_refused(tmp_path, wavelength):
    hdus = (image("FLUX", f_nu()), image("MASK", masked()), image("WAVELENGTH", wavelength))
    with pytest.raises(InputError, match=r"new\.fits: its wavelengths"):
        only(write(tmp_path / "new.fits", *hdus, image("COVAR", np.ones((3, N)))))


@pytest.mark.parametrize("place", [-3, 40])
def test_a_damaged_npz_file_is_refused(tmp_path, place):
    np.savez(tmp_path / "some.npz", wavelength=10 * NM, flux=FLUX)
    content = bytearray((tmp_path / "some.npz").read_bytes())
    content[place] ^= 0xFF
    (tmp_path / "some.npz").write_bytes(content)
    with pytest.raises(InputError, match=r"some\.npz cannot be read"):
        only(tmp_path / "some.npz")


@pytest.mark.parametrize("name", ["stars.h5", "one.csv"])
def test_a_file_that_grows_while_it_is_read_is_refused(tmp_path, monkeypatch, name):
    monkeypatch.setattr("moe_exp.prediction.readers.own.BLOCK_STARS", 20)
    write_stars(tmp_path / "stars.h5", 50)
    np.savetxt(tmp_path / "one.csv", np.column_stack([10 * NM, FLUX]), "%g", ",", header="wavelength,flux", comments="")

    def read_growing():
        for _ in read_spectra(tmp_path / name):
            with (tmp_path / name).open("ab") as file:
                file.write(b"more")

    with pytest.raises(InputError, match=rf"{name}: .*chang"):
        read_growing()


SAMPLES = PROJECT_ROOT.parent / "shared" / "data" / "formats"

needs_samples = pytest.mark.skipif(not SAMPLES.is_dir(), reason=f"the sample files of {SAMPLES} are not there")


@needs_samples
@pytest.mark.parametrize(
    ("name", "n_predicted", "n_stars"),
    [
        ("desi_coadd.fits", 2, 5),  # fibres on the sky, and broken ones, have no inverse variance
        ("sdss_spec.fits", 1, 1),
        ("pfsObject_2019.fits", 1, 1),
    ],
)
def test_files_of_surveys_are_predicted(model, name, n_predicted, n_stars):
    table = pd.concat(predict_file(model, SAMPLES / name, medium=None, velocity=None))
    assert (len(table), table["log_g"].notna().sum()) == (n_stars, n_predicted)
    assert (table["flag"] > 0).all()  # the model is of made-up stars


@needs_samples
def test_a_file_of_a_survey_whose_flux_and_variance_are_0_everywhere_is_refused_for_it(model):
    path = SAMPLES / "pfsGAObject.fits"
    with pytest.raises(InputError, match=f"{path.name}: none of its spectra has half of the model's pixels, 8480 to"):
        list(predict_file(model, path, medium=None, velocity=None))
    assert sum(len(block.star) for block in read_spectra(path)) == 1
