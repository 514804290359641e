"""Run one experiment, or a sweep of them: compose the configuration, run the stages, log to MLflow."""

import atexit
import gc
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType


def say_what_ended(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
    """Say of Ctrl-C that it came, which it may while libraries load, and of all else where it happened."""
    if kind is KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, where)


sys.excepthook = say_what_ended

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import CompactHydraException
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

# What imports make stays until the end: to search it for garbage on the way, and again at exit, would cost two seconds.
gc.set_threshold(100_000)
atexit.register(gc.freeze)

PROJECT_ROOT = Path(__file__).resolve().parent
log = logging.getLogger("moe_exp.train")


@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(config: DictConfig) -> float:
    """Run one job; sweepers that optimise minimise what it returns, its gate's hold-out loss."""
    from moe_exp.errors import InputError
    from moe_exp.experiment.composition import typed_in
    from moe_exp.experiment.config import build
    from moe_exp.runs.job import run_job  # late: --help and tab completion need neither torch nor MLflow

    hydra = HydraConfig.get()
    try:
        return run_job(build(config, hydra.runtime.choices, typed_in(hydra)), PROJECT_ROOT)
    except (InputError, OSError) as error:
        log.error("%s", error)
        if hydra.mode == RunMode.RUN:
            sys.exit(1)  # said once; in a sweep Hydra has to hear of it
        raise CompactHydraException(str(error)) from None


@contextmanager
def without_tracebacks() -> Iterator[None]:
    """Say what Hydra, or YAML, finds wrong with what was typed or written; HYDRA_FULL_ERROR=1 shows where they did."""
    from moe_exp.experiment.advice import advise

    if os.environ.get("HYDRA_FULL_ERROR"):
        yield
        return
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra would print a traceback of what is not its own
    try:
        yield
    except (CompactHydraException, YAMLError) as error:
        causes = [error, error.__cause__] if isinstance(error.__cause__, OmegaConfBaseException) else [error]
        text = "\n".join(map(str, causes))
        if type(error) is CompactHydraException:  # what `main` said of a job, in a sweep
            sys.exit(text)
        said = " ".join(text.split()) if isinstance(error, YAMLError) else text
        sys.exit(str(advise(said, PROJECT_ROOT / "conf")))


if __name__ == "__main__":
    from moe_exp.errors import InputError
    from moe_exp.experiment.choices import check_choices
    from moe_exp.experiment.config import register
    from moe_exp.program import print_in_any_encoding
    from moe_exp.sweeps.callback import sweeping

    print_in_any_encoding()
    register(PROJECT_ROOT)
    try:
        check_choices(sys.argv)
    except InputError as error:
        sys.exit(str(error))
    with sweeping(), without_tracebacks():
        main()
