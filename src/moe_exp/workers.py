"""A pool of processes that answer numbered questions, in order.

Workers are started from a bare interpreter, so the calling script is not imported again and needs no
``if __name__ == "__main__"``. A worker reads questions from its standard input and ends at the end of that input, hence
with the process that asks, however that ends; it hears no Ctrl-C of its own.
"""

import contextlib
import os
import pickle
import queue
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

LOOKAHEAD = 2  # questions under way or answered ahead of need, per worker
_SOURCE = str(Path(__file__).resolve().parents[1])
_START = "import sys; sys.path[:] = {path!r}; from moe_exp.workers import serve; serve()"


class WorkerError(RuntimeError):
    """A worker process ended without an answer."""


class Worker:
    """One process, asked over its standard input and output.

    Parameters
    ----------
    make : callable
        Called once in the worker with `arguments`; what it returns is called with each question.
    arguments : tuple
    """

    def __init__(self, make: Callable[..., Callable[[Any], Any]], arguments: tuple[Any, ...]) -> None:
        # A model that MLflow loaded has put the package that it keeps before this one.
        path = [_SOURCE, *sys.path]
        one_thread = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START.format(path=path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **one_thread},
            start_new_session=True,
        )
        self._send((make, arguments))

    def _send(self, message: Any) -> None:
        assert self._process.stdin is not None
        pickle.dump(message, self._process.stdin, protocol=pickle.HIGHEST_PROTOCOL)
        self._process.stdin.flush()

    def ask(self, question: Any) -> Any:
        """Return the worker's answer, or raise the exception that it met."""
        assert self._process.stdout is not None
        try:
            self._send(question)
            answer, error = pickle.load(self._process.stdout)
        except (EOFError, OSError, pickle.UnpicklingError) as cause:
            raise WorkerError(
                f"A simulator process ended unexpectedly (exit status {self._process.wait()}); if the machine ran "
                f"short of memory, use fewer processes."
            ) from cause
        if error is not None:
            raise error
        return answer

    def stop(self) -> None:
        """End the process at once."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            _close(stream)


def _close(stream: Any) -> None:
    with contextlib.suppress(OSError):  # what was still to be written has no reader any more
        stream.close()


def run_in_workers(
    make: Callable[..., Callable[[Any], Any]], arguments: tuple[Any, ...], questions: Iterable[Any], *, n_workers: int
) -> Iterator[Any]:
    """Yield the answers to `questions` in their order.

    Parameters
    ----------
    make, arguments
        Each worker calls `make(*arguments)` once and the result on each of its questions. All must be picklable.
    questions : iterable
    n_workers : int

    Raises
    ------
    WorkerError
        If a process ends without an answer.
    """
    workers = [Worker(make, arguments) for _ in range(n_workers)]
    idle: queue.SimpleQueue[Worker] = queue.SimpleQueue()
    for worker in workers:
        idle.put(worker)

    def answer(question: Any) -> Any:
        worker = idle.get()
        try:
            return worker.ask(question)
        finally:
            idle.put(worker)

    threads = ThreadPoolExecutor(n_workers, thread_name_prefix="simulator")
    pending: deque[Future[Any]] = deque()
    try:
        for question in questions:
            pending.append(threads.submit(answer, question))
            if len(pending) >= LOOKAHEAD * n_workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
        for worker in workers:
            worker.stop()
        threads.shutdown(wait=True)


def serve() -> None:
    """Answer questions from standard input until it ends; whatever is printed goes to standard error."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        _serve(sys.stdin.buffer, answers)
    except (EOFError, BrokenPipeError, KeyboardInterrupt):
        os._exit(0)  # the parent has gone, or needs no more


def _serve(questions: BinaryIO, answers: BinaryIO) -> None:
    make, arguments = pickle.load(questions)
    _use_one_thread()
    respond: Callable[[Any], Any] | None = None
    while True:
        question = pickle.load(questions)
        try:
            if respond is None:
                respond = make(*arguments)
            reply: tuple[Any, Exception | None] = respond(question), None
        except Exception as error:  # every kind is handed to the parent
            reply = None, error
        pickle.dump(reply, answers, protocol=pickle.HIGHEST_PROTOCOL)
        answers.flush()


def _use_one_thread() -> None:
    import torch

    torch.set_num_threads(1)
