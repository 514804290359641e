import logging

import pytest

from moe_exp import progress
from moe_exp.progress import Stages


@pytest.fixture
def clock(monkeypatch):
    """Give a clock that only moves when it is told to."""
    times = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: times[0])
    return times


def test_the_time_left_follows_the_units_alone(clock, caplog):
    """What goes before the first units, here 500 s, does not come again."""
    caplog.set_level(logging.INFO)
    with Stages().stage("baseline", 100, unit="trees") as advance:
        clock[0] = 500.0
        advance(1)
        clock[0] = 540.0
        advance(20)
    assert "baseline: 21 of 100 trees, about 158 s left" in caplog.messages
    assert caplog.messages[-1] == "baseline: done in 540.0 s"


def test_a_stage_that_is_entered_again_adds_up(clock):
    stages = Stages()
    for seconds in (3.0, 4.0):
        with stages.stage("features"):
            clock[0] += seconds
    assert stages.seconds == {"features": 7.0}
