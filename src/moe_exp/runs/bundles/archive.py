"""The zip file of a bundle: written the same from the same files, and unpacked only if it is what it says it is."""

import errno
import hashlib
import stat
import struct
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from moe_exp.cache.atomic import complete_file
from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.runs.bundles.manifest import BUNDLE_FILE, Manifest

LARGEST_MANIFEST = 50_000_000
"""Bytes of ``bundle.json`` beyond which it is not read."""

DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError, OverflowError)
"""What is raised of a zip file that is damaged, depending on where."""

BLOCK = 1 << 20
WRITTEN = (1980, 1, 1, 0, 0, 0)
"""Date of every file in a bundle: the same content is the same bundle."""


class Unpacked(NamedTuple):
    """A bundle on disk."""

    folder: Path
    manifest: Manifest


def pack(folder: Path, output: Path) -> None:
    """Write all files of a folder as a bundle, which appears under its name when it is complete."""
    with complete_file(output) as partial, zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), WRITTEN)
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, path.read_bytes())


@contextmanager
def unpacked(path: Path) -> Iterator[Unpacked]:
    """Give the files of a bundle, each of which was held against its digest; they are gone afterwards.

    Raises
    ------
    InputError
        If the file is no bundle, one of another schema, or damaged, or would write outside of its folder.
    """
    with tempfile.TemporaryDirectory(prefix="moe_exp_") as place:
        folder = Path(place)
        try:
            with zipfile.ZipFile(path) as archive:
                manifest = _check_entries(archive, path)
                for name, digest in manifest.files.items():
                    _unpack(archive, name, digest, folder, path)
        except InputError:
            raise
        except (*DAMAGE, OSError) as error:
            if isinstance(error, OSError) and error.errno != errno.EINVAL:  # else the disk's fault, not the file's
                raise
            raise InputError(
                Code.BUNDLE_UNREADABLE, f"{path} cannot be read as a zip file: {error}. Fetch it again."
            ) from error
        yield Unpacked(folder, manifest)


def _check_entries(archive: zipfile.ZipFile, path: Path) -> Manifest:
    """Return the manifest of an archive that holds what this names, each file once, in places of its own."""
    entries = archive.infolist()
    unsafe = [entry.filename for entry in entries if not _is_safe(entry)]
    if unsafe:
        raise InputError(
            Code.BUNDLE_UNSAFE,
            f"{path} would write outside of its folder, or is made to mislead: {unsafe[0]!r}. Do not use it.",
        )
    counts = Counter(entry.filename for entry in entries)
    if BUNDLE_FILE not in counts:
        raise InputError(Code.BUNDLE_UNREADABLE, f"{path} is no bundle of moe_exp: it has no {BUNDLE_FILE}.")
    if archive.getinfo(BUNDLE_FILE).file_size > LARGEST_MANIFEST:
        raise InputError(
            Code.BUNDLE_UNREADABLE,
            f"{path}: {BUNDLE_FILE} is larger than {LARGEST_MANIFEST:,} bytes; that is no bundle.",
        )
    manifest = Manifest.from_json(archive.read(BUNDLE_FILE), str(path))
    named = {BUNDLE_FILE, *manifest.files}
    wrong = [f"{name} twice" for name, n in counts.items() if n > 1]
    wrong += [f"{name} without a digest" for name in counts if name not in named]
    wrong += [f"no {name}" for name in sorted(named - set(counts))]
    if wrong:
        raise InputError(
            Code.BUNDLE_CHANGED, f"{path} does not hold what its {BUNDLE_FILE} names: {'; '.join(wrong[:5])}."
        )
    return manifest


def _is_safe(entry: zipfile.ZipInfo) -> bool:
    """Whether an entry is a plain file in the folder that it is unpacked to."""
    name = PurePosixPath(entry.filename)
    strange = "\\" in entry.orig_filename or ":" in entry.filename or "\0" in entry.orig_filename
    is_link = stat.S_ISLNK(entry.external_attr >> 16)
    return not (name.is_absolute() or ".." in name.parts or strange or is_link or entry.is_dir())


def _unpack(archive: zipfile.ZipFile, name: str, digest: str, folder: Path, path: Path) -> None:
    target, found = folder / name, hashlib.sha256()
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(name) as source, target.open("wb") as file:
        while block := source.read(BLOCK):
            found.update(block)
            file.write(block)
    if found.hexdigest() != digest:
        raise InputError(
            Code.BUNDLE_CHANGED,
            f"{path}: {name} was changed or is damaged: its SHA-256 is not the one in {BUNDLE_FILE}.",
        )
