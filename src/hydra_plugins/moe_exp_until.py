"""Hydra's side of `until=decided`: it launches one round of jobs after the other; `moe_exp.sweeps.until` says which.

Hydra looks for sweepers in this package alone, and imports it at every start.
"""

from pathlib import Path

from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf


class UntilDecidedSweeper(Sweeper):
    """Launches rounds of jobs, by whatever launcher was chosen."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Make the launcher."""
        self.hydra_context, self.config = hydra_context, config
        self.launcher: Launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> None:
        """Launch all rounds; a job that failed is raised once its round has ended.

        The grid that `arguments` hold was read when the sweep's run was opened.
        """
        from moe_exp.sweeps.callback import open_rounds

        assert self.config is not None
        folder = Path(self.config.hydra.sweep.dir)
        folder.mkdir(parents=True, exist_ok=True)
        OmegaConf.save(self.config, folder / "multirun.yaml")
        n_launched = 0
        for jobs in open_rounds():
            self.validate_batch_is_legal(jobs)
            for job in self.launcher.launch(jobs, initial_job_idx=n_launched):
                _ = job.return_value  # raises what the job did
            n_launched += len(jobs)
