"""Files of spectra as observatories and people write them, read some stars at a time."""

from collections.abc import Generator, Iterator
from pathlib import Path

import h5py

from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.prediction.readers.block import Block, check_block
from moe_exp.prediction.readers.desi import is_desi, read_desi
from moe_exp.prediction.readers.own import read_own
from moe_exp.prediction.readers.pfs import is_pfs, read_pfs
from moe_exp.prediction.readers.plain import read_csv, read_npz
from moe_exp.prediction.readers.sdss import is_sdss, read_sdss
from moe_exp.prediction.readers.specutils_files import read_by_specutils

__all__ = ["Block", "read_spectra"]

BY_NAME = {".csv": read_csv, ".npz": read_npz}
FITS = ((is_sdss, read_sdss), (is_desi, read_desi), (is_pfs, read_pfs))


def read_spectra(path: Path) -> Generator[Block, None, None]:
    """Yield the spectra of a file, some at a time: a file of any size takes the memory of a block.

    What it is, is told by its content: this project's HDF5; FITS of PFS, DESI or SDSS; CSV and NPZ by their names; or
    whatever specutils reads.

    Raises
    ------
    InputError
        If it cannot be read, says nothing that can be used, or is none of these.
    """
    try:
        size = path.stat().st_size
        if not size:
            raise InputError(Code.SPECTRA_UNREADABLE, "the file is empty.")
        found = False
        for block in _choose(path):
            found = True
            check_block(block)
            yield block
        if not found:
            raise InputError(Code.SPECTRA_UNREADABLE, "it holds no spectrum.")
        if path.stat().st_size != size:
            raise InputError(Code.FILE_CHANGED, "the file changed while it was read; wait until it is complete.")
    except InputError as error:
        raise InputError(error.code, f"{path}: {error.message.removeprefix(f'{path}: ')}") from error
    except Exception as error:  # what NumPy, pandas, astropy and specutils say of damaged files has no end
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise InputError(Code.SPECTRA_UNREADABLE, f"{path} cannot be read: {reason}") from error


def _choose(path: Path) -> Iterator[Block]:
    """Read a file by what it is."""
    if h5py.is_hdf5(path):
        return read_own(path)
    if path.suffix.lower() in BY_NAME:
        return BY_NAME[path.suffix.lower()](path)
    with path.open("rb") as file:
        is_fits = file.read(6) == b"SIMPLE"
    return _read_fits(path) if is_fits else read_by_specutils(path)


def _read_fits(path: Path) -> Iterator[Block]:
    from astropy.io import fits  # late: it takes a second, which other files need not wait

    with fits.open(path, memmap=False) as hdus:
        names = {hdu.name for hdu in hdus}
        for fits_like, read in FITS:
            if fits_like(names):
                yield from read(hdus, path.stem)
                return
    yield from read_by_specutils(path)
