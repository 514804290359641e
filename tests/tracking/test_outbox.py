"""What an outbox holds comes back in order and whole, whatever is cut off, damaged or removed meanwhile."""

import errno
import os
import shutil

import pytest

from moe_exp.tracking.outbox import DamagedError, Outbox


@pytest.fixture
def outbox(tmp_path) -> Outbox:
    return Outbox.create(tmp_path, "abc", name="mlp", store="here")


def test_lines_come_back_in_order_and_those_that_were_sent_do_not(outbox):
    for number in range(3):
        outbox.add("tags", tags={"number": number})
    outbox.mark_sent()
    outbox.mark_sent()
    assert [line["tags"]["number"] for line in outbox.waiting()] == [1, 2]  # the first says whose outbox it is
    assert outbox.about["name"] == "mlp"


@pytest.mark.parametrize("rest", [b"0", b'1234abcd {"kind": "ta', b'1234abcd {"kind": "tags"}'])
def test_half_a_line_is_none(outbox, rest):
    with (outbox.folder / "journal").open("ab") as file:
        file.write(rest)
    assert [line["kind"] for line in outbox.waiting()] == ["run"]


def test_a_line_that_a_full_disk_cut_leaves_the_others(outbox, monkeypatch):
    def fail(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="No space"):
            outbox.add("tags", tags={"lost": "1"})
    outbox.add("tags", tags={"kept": "1"})
    assert [line.get("tags") for line in outbox.waiting()] == [None, {"kept": "1"}]


@pytest.mark.parametrize("place", [5, 20, -5])
def test_a_flipped_bit_is_noticed(outbox, place):
    content = bytearray((outbox.folder / "journal").read_bytes())
    content[place] ^= 4
    (outbox.folder / "journal").write_bytes(content)
    with pytest.raises(DamagedError):
        outbox.waiting()


def test_files_that_are_damaged_or_lost_are_noticed(outbox):
    with outbox.files("artifacts") as folder:
        (folder / "a.csv").write_text("1")
    line = outbox.waiting()[-1]
    assert (outbox.read_folder(line) / "a.csv").read_text() == "1"
    (folder / "a.csv").write_text("2")
    with pytest.raises(DamagedError):
        outbox.read_folder(line)


def test_files_of_a_line_that_did_not_come_are_not_those_of_the_next(outbox):
    (outbox.folder / "files" / "1").mkdir(parents=True)
    (outbox.folder / "files" / "1" / "half.csv").touch()
    with outbox.files("artifacts") as folder:
        (folder / "whole.csv").touch()
    [line] = outbox.waiting()[1:]
    assert [path.name for path in outbox.read_folder(line).iterdir()] == ["whole.csv"]


def test_an_outbox_that_another_process_removes_while_it_is_made_is_made_again(tmp_path, monkeypatch):
    add, removed = Outbox.add, []

    def add_too_late(self, kind, **content):
        if not removed:
            removed.append(self.folder)
            shutil.rmtree(self.folder)
        add(self, kind, **content)

    monkeypatch.setattr(Outbox, "add", add_too_late)
    outbox = Outbox.create(tmp_path, "abc", name="mlp", store="here")
    assert removed == [outbox.folder]
    assert (outbox.about["name"], outbox.lock.is_locked) == ("mlp", True)


def test_an_outbox_that_the_disk_has_no_room_for_is_not_tried_for_ever(tmp_path, monkeypatch):
    asked = []

    def refuse(*_):
        asked.append(1)
        raise OSError(errno.ENOSPC, "full") if len(asked) == 1 else AssertionError("asked again")

    monkeypatch.setattr("moe_exp.tracking.outbox._write", refuse)
    with pytest.raises(OSError, match="full"):
        Outbox.create(tmp_path, "abc", name="mlp", store="here")
