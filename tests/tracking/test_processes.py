import os

import psutil

from moe_exp.tracking.processes import is_alive


def test_a_process_is_known_by_its_number_and_its_start():
    started = psutil.Process().create_time()
    assert is_alive(os.getpid(), started)
    assert not is_alive(os.getpid(), started - 60)  # another one had the number before
    assert not is_alive(2**22 + 1, started)
