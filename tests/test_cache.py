import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from moe_exp import cache
from moe_exp.atomic import complete_file
from moe_exp.cache import StageCache, cache_key, code_digest


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


def test_keys_ignore_the_order_of_values():
    assert cache_key({"a": 1, "b": [2.5, "x"]}) == cache_key({"b": [2.5, "x"], "a": 1})
    assert cache_key({"a": 1}) != cache_key({"a": 2})


def test_a_failed_stage_keeps_nothing(shared):
    def fail():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shared.get("stage", {}, fail)
    assert shared.get("stage", {}, lambda: "made") == "made"


def test_the_least_recently_used_go_first(tmp_path):
    shared = StageCache(tmp_path, limit_gb=2.5e-6)
    for name in "abc":
        shared.get("stage", {"name": name}, lambda: b"x" * 1000)
        time.sleep(0.02)
        if name == "b":
            shared.get("stage", {"name": "a"}, lambda: pytest.fail("made again"))
            time.sleep(0.02)
    remade = []
    for name in "acb":
        shared.get("stage", {"name": name}, lambda name=name: remade.append(name) or b"x" * 1000)
    assert remade == ["b"]


@pytest.mark.parametrize("damage", [lambda content: content[:-7], lambda content: b"", lambda content: content[::-1]])
def test_a_damaged_result_is_made_again(tmp_path, shared, damage, caplog):
    shared.get("stage", {}, lambda: list(range(100)))
    [path] = tmp_path.rglob("*.pickle")
    path.write_bytes(damage(path.read_bytes()))
    assert shared.get("stage", {}, lambda: "again") == "again"
    assert "is damaged and is made again" in caplog.text
    assert shared.get("stage", {}, lambda: pytest.fail("made again")) == "again"


SLOW = textwrap.dedent("""
    import sys, time
    from pathlib import Path
    from moe_exp.cache import StageCache

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


IMPORTS = "from somewhere.b import f\nfrom . import d\nimport helpers\n"


@pytest.fixture
def project(tmp_path, monkeypatch):
    package = tmp_path / "somewhere"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "a.py").write_text(f'"""A."""\n{IMPORTS}')
    (package / "b.py").write_text("def f(): return 1\n")
    (package / "c.py").write_text("unrelated = 1\n")
    (package / "d.py").write_text("value = 1\n")
    (tmp_path / "helpers.py").write_text("import json, numpy\nvalue = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(cache, "PACKAGE", "somewhere")
    yield package
    for name in [name for name in sys.modules if name.startswith(("somewhere", "helpers"))]:
        del sys.modules[name]


def digest_of(module: str) -> str:
    cache._read_source.cache_clear()
    cache._is_own.cache_clear()
    return code_digest.__wrapped__(module)


@pytest.mark.parametrize(
    ("file", "code", "changes"),
    [
        ("a.py", f'"""Another docstring."""\n# and a comment\n{IMPORTS}', False),
        ("b.py", "def f(): return 2\n", True),
        ("c.py", "unrelated = 2\n", False),
        ("d.py", "value = 2\n", True),
        ("../helpers.py", "value = 2\n", True),
    ],
)
def test_the_digest_follows_code_that_is_imported(project, file, code, changes):
    before = digest_of("somewhere.a")
    (project / file).write_text(code)
    assert (digest_of("somewhere.a") != before) == changes


def test_data_files_of_a_package_count(project):
    before = digest_of("somewhere")
    (project / "lines.csv").write_text("1,2\n")
    assert digest_of("somewhere") != before


def test_what_a_killed_process_left_is_removed_when_it_is_old(tmp_path):
    old, young = tmp_path / ".stars.h5.99.partial", tmp_path / ".stars.h5.98.partial"
    for left in (old, young):
        left.write_bytes(b"half")
    os.utime(old, (0, 0))
    with complete_file(tmp_path / "stars.h5") as partial:
        partial.write_bytes(b"whole")
    assert {path.name for path in tmp_path.iterdir()} == {"stars.h5", young.name}
