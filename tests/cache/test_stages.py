import io
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from moe_exp.cache import codec
from moe_exp.cache.codec import storable
from moe_exp.cache.stages import StageCache, _digest, cache_key, measure


@pytest.fixture
def shared(tmp_path) -> StageCache:
    return StageCache(tmp_path)


def test_a_result_is_made_once(shared):
    made = []
    for _ in range(2):
        assert shared.get("stage", {"a": 1}, lambda: made.append(1) or {"x": 2}) == {"x": 2}
    assert made == [1]


def test_other_values_and_other_stages_have_other_results(shared):
    assert shared.get("stage", {"a": 1}, lambda: "one") == "one"
    assert shared.get("stage", {"a": 2}, lambda: "two") == "two"
    assert shared.get("other", {"a": 1}, lambda: "three") == "three"


def test_keys_tell_values_and_their_order_apart():
    assert cache_key({"a": 1, "b": [2.5, "x"]}) == cache_key({"a": 1, "b": [2.5, "x"]})
    assert cache_key({"sums": {"Ca": ["a"], "Na": ["b"]}}) != cache_key({"sums": {"Na": ["b"], "Ca": ["a"]}})
    assert cache_key({"a": 1}) != cache_key({"a": 2})
    assert cache_key({"a": Path("x")}) != cache_key({"a": Path("y")})


def test_a_failed_stage_keeps_nothing(shared):
    def fail():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shared.get("stage", {}, fail)
    assert shared.get("stage", {}, lambda: "made") == "made"


def let_a_second_pass(folder):
    """Make all that is kept a second older, so that the order of its use does not hang on the disk's clock."""
    for path in folder.rglob("*.kept"):
        last_used = path.stat().st_mtime - 1
        os.utime(path, (last_used, last_used))


def test_the_least_recently_used_go_first(tmp_path):
    shared = StageCache(tmp_path, limit_gb=2.5e-6)
    for name in "abc":
        shared.get("stage", {"name": name}, lambda: "x" * 1000)
        let_a_second_pass(tmp_path)
        if name == "b":
            shared.get("stage", {"name": "a"}, lambda: pytest.fail("made again"))
            let_a_second_pass(tmp_path)
    remade = []
    for name in "acb":
        shared.get("stage", {"name": name}, lambda name=name: remade.append(name) or "x" * 1000)
    assert remade == ["b"]


def test_a_result_above_the_limit_is_kept_until_the_next_one(tmp_path):
    shared = StageCache(tmp_path, limit_gb=1e-6)
    shared.get("stage", {"a": 1}, lambda: "x" * 10_000)
    shared.get("stage", {"a": 1}, lambda: pytest.fail("made again"))
    shared.get("stage", {"a": 2}, lambda: "x" * 10_000)
    assert len([*tmp_path.rglob("*.kept")]) == 1


@pytest.mark.parametrize("damage", [lambda content: content[:-7], lambda content: b"", lambda content: content[::-1]])
def test_a_damaged_result_is_made_again(tmp_path, shared, damage, caplog):
    shared.get("stage", {}, lambda: list(range(100)))
    [path] = tmp_path.rglob("*.kept")
    path.write_bytes(damage(path.read_bytes()))
    assert shared.get("stage", {}, lambda: "again") == "again"
    assert "is damaged and is made again" in caplog.text
    assert shared.get("stage", {}, lambda: pytest.fail("made again")) == "again"


def test_a_result_of_a_class_that_has_gone_is_made_again(shared, monkeypatch, caplog):
    @storable
    class Kept(NamedTuple):
        value: int

    assert shared.get("stage", {}, lambda: Kept(1)) == Kept(1)
    monkeypatch.setattr(codec, "_classes", {})
    assert shared.get("stage", {}, lambda: "again") == "again"
    assert "cannot be read by this code" in caplog.text
    assert shared.get("stage", {}, lambda: pytest.fail("made again")) == "again"


def test_what_cannot_be_kept_is_made_each_time(shared, caplog):
    made = []
    for _ in range(2):
        shared.get("stage", {}, lambda: made.append(1) or object())
    assert made == [1, 1]
    assert "stage: builtins.object is not kept in files, so that every run makes it anew" in caplog.text


class Poison:
    """Pickled by another user, it runs what that user likes."""

    def __reduce__(self):
        return os.mkdir, ("poisoned",)


def test_pickles_are_not_read(tmp_path, shared, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shared.get("stage", {}, lambda: "kept")
    [path] = tmp_path.rglob("*.kept")
    content = pickle.dumps(Poison())
    path.with_suffix(".pickle").write_bytes(_digest(content) + content)
    path.write_bytes(_digest(content) + content)
    assert shared.get("stage", {}, lambda: "again") == "again"
    array = io.BytesIO()
    np.save(array, np.array([Poison()]), allow_pickle=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("structure.json", '{"array": "0.npy"}')
        archive.writestr("0.npy", array.getvalue())
    path.write_bytes(_digest(path.read_bytes()) + path.read_bytes())
    assert shared.get("stage", {}, lambda: "again") == "again"
    assert not (tmp_path / "poisoned").exists()


def test_what_older_versions_kept_goes_when_room_is_needed(tmp_path):
    shared = StageCache(tmp_path, limit_gb=1e-6)
    (tmp_path / "stage").mkdir()
    old = tmp_path / "stage" / "abc.pickle"
    old.write_bytes(b"x" * 2000)
    os.utime(old, (1, 1))
    shared.get("stage", {}, lambda: "new")
    assert not old.exists()


@pytest.mark.parametrize("value", [np.zeros(3), object(), {1, 2}])
def test_values_that_are_not_plain_make_no_key(value):
    with pytest.raises(TypeError, match="is no plain value"):
        cache_key({"a": value})


SLOW = textwrap.dedent("""
    import sys, time
    from pathlib import Path
    from moe_exp.cache.stages import StageCache

    def make():
        with open(sys.argv[2], "a") as log:
            log.write("made\\n")
        print("making", flush=True)
        time.sleep(float(sys.argv[3]))
        return 7

    print(StageCache(Path(sys.argv[1])).get("stage", {}, make), flush=True)
""")


def start_slow(folder, seconds: float) -> subprocess.Popen:
    command = [sys.executable, "-c", SLOW, str(folder), str(folder / "log"), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_of_two_processes_one_works_and_the_other_waits(tmp_path):
    processes = [start_slow(tmp_path, 1) for _ in range(2)]
    outputs = [process.communicate(timeout=60)[0] for process in processes]
    assert all(output.endswith("7\n") for output in outputs)
    assert (tmp_path / "log").read_text() == "made\n"


def test_a_killed_process_leaves_nothing_to_trust(tmp_path):
    process = start_slow(tmp_path, 60)
    assert process.stdout is not None
    assert process.stdout.readline() == "making\n"
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    assert StageCache(tmp_path).get("stage", {}, lambda: 8) == 8


def test_a_cache_knows_what_it_made_and_what_it_only_recalled(tmp_path):
    first, second = StageCache(tmp_path), StageCache(tmp_path)
    first.get("experts", {"n": 1}, lambda: 1)
    second.get("experts", {"n": 1}, lambda: 1)
    assert (first.made, second.made) == ({"experts": True}, {"experts": False})
    second.get("experts", {"n": 2}, lambda: 2)
    second.get("experts", {"n": 1}, lambda: 1)
    assert second.made == {"experts": True}


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_cache_is_measured_while_others_remove_what_it_holds(tmp_path, monkeypatch, moment):
    for name in ("stays", "goes"):
        (tmp_path / name).write_bytes(b"1234")
    look = Path.stat

    def look_meanwhile(path: Path, **options: bool) -> os.stat_result:
        if path.name != "goes":
            return look(path, **options)
        if moment == "before":
            path.unlink(missing_ok=True)
        found = look(path, **options)
        path.unlink()
        return found

    monkeypatch.setattr(Path, "stat", look_meanwhile)
    assert measure(tmp_path) == {"before": (1, 4), "after": (2, 8)}[moment]
