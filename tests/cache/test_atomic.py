import os

from moe_exp.cache.atomic import complete_file


def test_what_a_killed_process_left_is_removed_when_it_is_old(tmp_path):
    old, young = tmp_path / ".stars.h5.99.partial", tmp_path / ".stars.h5.98.partial"
    for left in (old, young):
        left.write_bytes(b"half")
    os.utime(old, (0, 0))
    with complete_file(tmp_path / "stars.h5") as partial:
        partial.write_bytes(b"whole")
    assert {path.name for path in tmp_path.iterdir()} == {"stars.h5", young.name}
