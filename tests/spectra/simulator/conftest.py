"""One torch thread, as the simulator itself uses: threads that wait for each other are slow on a busy machine."""

from collections.abc import Iterator

import pytest

from moe_exp.machine import one_torch_thread


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    with one_torch_thread():
        yield
