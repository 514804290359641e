import os
import shutil
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import h5py
import numpy as np
import pytest

from moe_exp import machine
from moe_exp.errors import InputError
from moe_exp.progress import Stages
from moe_exp.spectra import simulated_files
from moe_exp.spectra.checksums import CHECKSUMS
from moe_exp.spectra.files import ERROR, FLUX, LABELS, WAVELENGTH, in_random_order
from moe_exp.spectra.labels import read_labels
from moe_exp.spectra.row_reader import RowReader
from moe_exp.spectra.simulated_files import SimulatedFiles
from moe_exp.spectra.simulator import CHUNK_SIZE, Simulator, simulate
from moe_exp.spectra.simulator.labels import draw_labels
from moe_exp.spectra.sources import SimulatedData

SIMPLE = Simulator(n_pixels=64, velocity_step=5.0, n_depths=8, cn=False, tio=False)


@pytest.fixture
def store(tmp_path, monkeypatch) -> SimulatedFiles:
    monkeypatch.setattr(simulated_files, "STARS_PER_FILE", 2 * CHUNK_SIZE)
    return SimulatedFiles(SIMPLE, seed=3, cache_dir=tmp_path, device="cpu")


def read_all(files):
    return np.concatenate([RowReader(path, FLUX).read(np.arange(RowReader(path, FLUX).shape[0])) for path in files])


def remember_asked(monkeypatch):
    """Return the ranges of stars that are simulated from now on."""
    asked = []

    def remember(*arguments, **options):
        asked.append((options["first"], options["last"]))
        return simulate(*arguments, **options)

    monkeypatch.setattr(simulated_files, "simulate", remember)
    return asked


def test_stars_are_made_once(store, monkeypatch):
    files = store.require(CHUNK_SIZE, Stages())
    monkeypatch.setattr(simulated_files, "simulate", lambda *_, **__: pytest.fail("made again"))
    assert store.require(CHUNK_SIZE, Stages()) == files


def test_files_of_other_names_beside_those_of_stars_are_left_alone(store):
    files = store.require(CHUNK_SIZE, Stages())
    shutil.copy(files[0], files[0].with_name(f"{files[0].stem}_old.h5"))
    assert store.require(CHUNK_SIZE, Stages()) == files


def test_more_stars_are_added_to_those_there(store, monkeypatch):
    asked = remember_asked(monkeypatch)
    few = read_all(store.require(CHUNK_SIZE, Stages()))
    files = store.require(3 * CHUNK_SIZE, Stages())
    assert asked == [(0, CHUNK_SIZE), (CHUNK_SIZE, 3 * CHUNK_SIZE)]
    many = read_all(files)
    np.testing.assert_array_equal(many[: len(few)], few)
    whole = np.concatenate([chunk.flux for chunk in simulate(SIMPLE, seed=3, first=0, last=3 * CHUNK_SIZE)])
    np.testing.assert_array_equal(many, whole)


def test_a_lost_file_is_made_again(store):
    files = store.require(5 * CHUNK_SIZE, Stages())
    before = read_all(files)
    files[1].unlink()
    np.testing.assert_array_equal(read_all(store.require(5 * CHUNK_SIZE, Stages())), before)


def test_a_reader_reads_on_while_others_add_stars(store):
    rows = np.arange(CHUNK_SIZE)
    [path] = store.require(CHUNK_SIZE, Stages())
    reader, stat = RowReader(path, ERROR), path.stat()
    before = reader.read(rows)
    files = store.require(3 * CHUNK_SIZE, Stages())
    np.testing.assert_array_equal(reader.read(rows), before)
    assert (files[0], path.stat().st_ino, path.stat().st_mtime_ns) == (path, stat.st_ino, stat.st_mtime_ns)


def test_stars_are_the_same_in_one_step_and_in_many(store, tmp_path):
    at_once = SimulatedFiles(SIMPLE, seed=3, cache_dir=tmp_path / "other", device="cpu")
    for n_chunks in (1, 2, 4):
        grown = store.require(n_chunks * CHUNK_SIZE, Stages())
    np.testing.assert_array_equal(read_all(grown), read_all(at_once.require(4 * CHUNK_SIZE, Stages())))
    teff = np.concatenate([read_labels(path)["teff"] for path in grown])
    np.testing.assert_array_equal(teff, draw_labels(SIMPLE, seed=3, first=0, last=4 * CHUNK_SIZE)["teff"])


def test_two_that_ask_at_once_do_the_work_once(store, tmp_path, monkeypatch):
    asked = remember_asked(monkeypatch)
    stores = [store, SimulatedFiles(SIMPLE, seed=3, cache_dir=tmp_path, device="cpu")]
    with ThreadPoolExecutor(2) as threads:
        one, two = threads.map(lambda each: each.require(3 * CHUNK_SIZE, Stages()), stores)
    assert one == two
    assert asked == [(0, 3 * CHUNK_SIZE)]


def test_a_gap_is_filled_and_what_lies_behind_it_is_kept(store):
    files = store.require(3 * CHUNK_SIZE, Stages())
    before, kept = read_all(files), files[1].stat()
    files[0].unlink()
    store.require(CHUNK_SIZE, Stages())
    again = store.require(3 * CHUNK_SIZE, Stages())
    assert len(again) == 3
    assert (again[-1], files[1].stat()) == (files[1], kept)
    np.testing.assert_array_equal(read_all(again), before)


def test_of_a_set_that_grew_in_steps_only_what_is_lost_is_made_again(store, monkeypatch):
    for n_chunks in (1, 3):
        files = store.require(n_chunks * CHUNK_SIZE, Stages())
    before = read_all(files)
    files[0].unlink()
    asked = remember_asked(monkeypatch)
    assert store.require(3 * CHUNK_SIZE, Stages()) == files
    assert asked == [(0, CHUNK_SIZE)]
    np.testing.assert_array_equal(read_all(files), before)


def cut(path, share):
    os.truncate(path, int(share * path.stat().st_size))


def overwrite(path, name, n_bytes, *, at_head):
    """Spoil bytes where a dataset begins, or where its description does."""
    with h5py.File(path) as file:
        dataset = file[name]
        place = h5py.h5o.get_info(dataset.id).addr if at_head else dataset.id.get_offset() + 1000
    content = bytearray(path.read_bytes())
    content[place : place + n_bytes] = bytes(255 - byte for byte in content[place : place + n_bytes])
    path.write_bytes(content)


def lose_checksums(path):
    with h5py.File(path, "a") as file:
        del file[CHECKSUMS]


def hold_fewer(path):
    """Put another file of the set, which holds fewer stars, in the place of one."""
    shutil.copy(sorted(path.parent.glob("*.h5"))[-1], path)


@pytest.mark.parametrize(
    "damage",
    [
        lose_checksums,
        hold_fewer,
        partial(cut, share=0),
        partial(cut, share=0.5),
        partial(cut, share=0.99),
        partial(overwrite, name=FLUX, n_bytes=1, at_head=False),
        partial(overwrite, name=ERROR, n_bytes=1, at_head=False),
        partial(overwrite, name=WAVELENGTH, n_bytes=1, at_head=True),
        partial(overwrite, name=FLUX, n_bytes=8, at_head=True),
        partial(overwrite, name=LABELS, n_bytes=8, at_head=True),
        partial(overwrite, name=CHECKSUMS, n_bytes=8, at_head=True),
    ],
)
def test_a_damaged_file_is_made_again(store, damage, caplog):
    files = store.require(3 * CHUNK_SIZE, Stages())
    before, other = read_all(files), files[1].stat()
    damage(files[0])
    assert store.require(3 * CHUNK_SIZE, Stages()) == files
    np.testing.assert_array_equal(read_all(files), before)
    assert f"{files[0]} is damaged: its stars are made again" in caplog.text
    assert files[1].stat() == other


def test_damage_that_two_find_at_once_is_mended_once(store, tmp_path, monkeypatch):
    [path] = store.require(CHUNK_SIZE, Stages())
    overwrite(path, FLUX, 1, at_head=False)
    asked, other = remember_asked(monkeypatch), SimulatedFiles(SIMPLE, seed=3, cache_dir=tmp_path, device="cpu")
    look = SimulatedFiles._holds_its_stars

    def look_and_be_overtaken(part, advance):
        whole = look(store, part, advance)
        other.require(CHUNK_SIZE, Stages())
        return whole

    monkeypatch.setattr(store, "_holds_its_stars", look_and_be_overtaken)
    store.require(CHUNK_SIZE, Stages())
    assert asked == [(0, CHUNK_SIZE)]


def test_a_disk_that_damages_every_file_ends_in_a_message(store, monkeypatch):
    def spoil(*arguments, **options):
        for labels, flux, error in simulate(*arguments, **options):
            yield labels, flux * np.nan, error

    monkeypatch.setattr(simulated_files, "simulate", spoil)
    data = SimulatedData(simulator=SIMPLE, seed=3, n_train=100, n_val=10, n_test=10)
    with pytest.raises(InputError, match=r"10 of 10 star\(s\) of data.n_test, .*flux/value nan"):
        data.open(store.folder.parents[1], Stages())


def test_an_interrupted_file_leaves_nothing_to_trust(store, monkeypatch):
    def stop_early(*arguments, **options):
        yield from list(simulate(*arguments, **options))[:1]
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(simulated_files, "simulate", stop_early)
        with pytest.raises(KeyboardInterrupt):
            store.require(2 * CHUNK_SIZE, Stages())
    assert not list(store.folder.glob("*.h5")) + list(store.folder.glob(".*.partial"))
    assert len(read_all(store.require(2 * CHUNK_SIZE, Stages()))) == 2 * CHUNK_SIZE


def test_files_say_what_they_hold(store):
    [path] = store.require(CHUNK_SIZE, Stages())
    assert in_random_order(path)
    labels = read_labels(path)
    assert {"teff", "logg", "m_h", "a_m", "c_m", "mag", "redshift", "snr"} <= set(labels)
    assert (store.folder / "simulator.json").exists()


def test_other_physics_and_other_seeds_have_other_folders(store, tmp_path):
    other_seed = SimulatedFiles(SIMPLE, seed=4, cache_dir=tmp_path, device="cpu")
    other_physics = SimulatedFiles(Simulator(n_pixels=65), seed=3, cache_dir=tmp_path, device="cpu")
    assert len({store.folder, other_seed.folder, other_physics.folder}) == 3


def test_too_little_room_is_said_beforehand(store, monkeypatch):
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda _: usage(free=1000))
    with pytest.raises(InputError, match=r"Simulated spectra: 0\.\d\d GB, but .* has 0\.00 GB free.*MOE_EXP_CACHE"):
        store.require(CHUNK_SIZE, Stages())
