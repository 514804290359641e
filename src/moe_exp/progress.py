"""How far the work is: a bar on a terminal, plain lines in the log."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

log = logging.getLogger("moe_exp")

Advance = Callable[[int], None]

LOG_EVERY_S = 30.0


class Stages:
    """Times the stages of a run and shows how far each has come.

    Attributes
    ----------
    seconds : dict of str to float
        Wall time of each finished stage [s].
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str, total: int | None = None, unit: str = "stars") -> Iterator[Advance]:
        """Run one stage; the value is a function to call with the number of units just done.

        A terminal shows a bar with the time left; the log gets a line at the start, one every half minute, and one with
        the time at the end. The time of a stage that is entered again adds up.
        """
        console = Console(stderr=True)
        columns = (
            TextColumn("{task.description:<10}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        log.info("%s: start%s", name, f" ({total:,} {unit})" if total else "")
        start = last_line = time.monotonic()
        done, first, first_time = 0, 0, start
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task(name, total=total)

            def advance(units: int) -> None:
                nonlocal done, first, first_time, last_line
                done += units
                bar.advance(task, units)
                now = time.monotonic()
                if not first:  # what went before the first units, such as reading, does not come again
                    first, first_time = done, now
                elif total and now - last_line > LOG_EVERY_S:
                    last_line = now
                    left = (now - first_time) / (done - first) * (total - done)
                    log.info("%s: %s of %s %s, about %.0f s left", name, f"{done:,}", f"{total:,}", unit, left)

            try:
                yield advance
            finally:
                elapsed = time.monotonic() - start
                self.seconds[name] = self.seconds.get(name, 0.0) + elapsed
        log.info("%s: done in %.1f s", name, elapsed)
