from collections import namedtuple

import numpy as np
import pytest

from moe_exp import machine
from moe_exp.errors import InputError
from moe_exp.progress import Stages
from moe_exp.spectra import simulated_files
from moe_exp.spectra.files import FLUX, in_random_order, read_labels
from moe_exp.spectra.row_reader import RowReader
from moe_exp.spectra.simulated_files import SimulatedFiles
from moe_exp.spectra.simulator import CHUNK_SIZE, Simulator, simulate

SIMPLE = Simulator(n_pixels=64, velocity_step=5.0, n_depths=8, cn=False, tio=False)


@pytest.fixture
def store(tmp_path, monkeypatch) -> SimulatedFiles:
    monkeypatch.setattr(simulated_files, "STARS_PER_FILE", 2 * CHUNK_SIZE)
    return SimulatedFiles(SIMPLE, seed=3, cache_dir=tmp_path, device="cpu")


def read_all(files):
    return np.concatenate([RowReader(path, FLUX).read(np.arange(RowReader(path, FLUX).shape[0])) for path in files])


def test_stars_are_made_once(store, monkeypatch):
    files = store.require(CHUNK_SIZE, Stages())
    monkeypatch.setattr(simulated_files, "simulate", lambda *_, **__: pytest.fail("made again"))
    assert store.require(CHUNK_SIZE, Stages()) == files


def test_more_stars_are_added_to_those_there(store, monkeypatch):
    asked = []

    def remember(*arguments, **options):
        asked.append((options["first"], options["last"]))
        return simulate(*arguments, **options)

    monkeypatch.setattr(simulated_files, "simulate", remember)
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


@pytest.mark.parametrize("keep", [0, 0.5, 0.99])
def test_a_damaged_file_is_made_again(store, keep, caplog):
    files = store.require(3 * CHUNK_SIZE, Stages())
    before = read_all(files)
    files[0].write_bytes(files[0].read_bytes()[: int(keep * files[0].stat().st_size)])
    np.testing.assert_array_equal(read_all(store.require(3 * CHUNK_SIZE, Stages())), before)
    assert "is damaged: its stars are made again" in caplog.text


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
