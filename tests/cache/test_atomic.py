import os
import signal
import subprocess
import sys

import pytest

from moe_exp.cache.atomic import complete_file

WRITER = """
import sys, time
from pathlib import Path
from moe_exp.cache.atomic import complete_file
with complete_file(Path(sys.argv[1])) as partial:
    partial.write_bytes(b"by the other")
    print("half", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture(params=["stars.h5", "field[12].h5"])
def path(request, tmp_path):
    return tmp_path / request.param


@pytest.fixture
def writer(path):
    """Start a process that is in the midst of writing the file."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "half\n"
    yield process
    process.kill()
    process.communicate()


def write(path):
    with complete_file(path) as partial:
        partial.write_bytes(b"whole")


def make_old(folder):
    for left in folder.iterdir():
        os.utime(left, (0, 0))


def test_what_a_killed_process_left_is_removed_at_once(path, writer):
    writer.kill()
    writer.wait()
    assert list(path.parent.glob(".*.partial"))
    write(path)
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_what_a_suspended_process_writes_is_left_alone_however_old(path, writer):
    os.kill(writer.pid, signal.SIGSTOP)
    make_old(path.parent)
    write(path)
    assert path.read_bytes() == b"whole"
    os.kill(writer.pid, signal.SIGCONT)
    writer.communicate("go on\n")
    assert writer.returncode == 0
    assert path.read_bytes() == b"by the other"
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_a_block_that_fails_leaves_nothing(path):
    def fail():
        with complete_file(path) as partial:
            partial.write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert not list(path.parent.iterdir())
