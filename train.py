"""Run one experiment, or a sweep of them: compose the configuration, run the stages, log to MLflow."""

import atexit
import gc
import logging
import sys
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import CompactHydraException
from hydra.types import RunMode
from omegaconf import DictConfig

# What imports make stays until the end: to search it for garbage on the way, and again at exit, would cost two seconds.
gc.set_threshold(100_000)
atexit.register(gc.freeze)

PROJECT_ROOT = Path(__file__).resolve().parent
log = logging.getLogger("moe_exp.train")


@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(config: DictConfig) -> float:
    """Run one job; sweepers that optimise minimise what it returns, its gate's hold-out loss."""
    from moe_exp.errors import InputError
    from moe_exp.experiment.config import build
    from moe_exp.runs.job import run_job  # late: --help and tab completion need neither torch nor MLflow

    hydra = HydraConfig.get()
    try:
        return run_job(build(config, hydra.runtime.choices, hydra.overrides.task), PROJECT_ROOT)
    except (InputError, OSError) as error:
        log.error("%s", error)
        if hydra.mode == RunMode.RUN:
            sys.exit(1)  # said once; in a sweep Hydra has to hear of it
        raise CompactHydraException(str(error)) from None


if __name__ == "__main__":
    from moe_exp.experiment.config import register
    from moe_exp.program import print_in_any_encoding
    from moe_exp.sweeps.callback import sweeping

    print_in_any_encoding()
    register(PROJECT_ROOT)
    with sweeping():
        main()
