"""The presets of conf/hydra/launcher: each names a launcher that is there, and says how many cores its jobs have."""

import re

import pytest
from hydra import compose
from hydra.core.utils import env_override
from omegaconf import OmegaConf

from moe_exp.experiment.composition import reading_conf
from moe_exp.machine import usable_cores
from tests.conftest import PROJECT_ROOT

PRESETS = {
    "parallel": ("hydra_joblib_launcher", "joblib_launcher.JoblibLauncher"),
    "slurm": ("hydra_submitit_launcher", "submitit_launcher.SlurmLauncher"),
    "slurm_local": ("hydra_submitit_launcher", "submitit_launcher.LocalLauncher"),
    "ray_jobs": ("hydra_ray_launcher", "ray_launcher.RayLauncher"),
}


def hydra_of(preset: str, *overrides: str):
    plugin, _ = PRESETS[preset]
    pytest.importorskip(f"hydra_plugins.{plugin}", reason=f"{plugin} is not installed")
    with reading_conf(PROJECT_ROOT):
        return compose("config", [f"hydra/launcher={preset}", *overrides], return_hydra_config=True).hydra


def test_every_preset_is_in_the_table_here_and_in_the_documentation():
    there = {path.stem for path in (PROJECT_ROOT / "conf" / "hydra" / "launcher").glob("*.yaml")}
    text = (PROJECT_ROOT / "docs" / "launchers.md").read_text(encoding="utf-8")
    assert there == PRESETS.keys() == set(re.findall(r"^\| `(\w+)` ", text, re.MULTILINE))


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_names_its_launcher(preset, monkeypatch):
    monkeypatch.setenv("MOE_EXP_PARENT_RUN", "abc")
    launcher = hydra_of(preset).launcher
    assert launcher._target_.endswith(PRESETS[preset][1])
    OmegaConf.resolve(launcher.get("ray", launcher))
    assert preset != "ray_jobs" or launcher.ray.init.runtime_env.env_vars.MOE_EXP_PARENT_RUN == "abc"


@pytest.mark.parametrize("preset", ["slurm", "slurm_local"])
def test_a_job_uses_the_cores_that_it_was_given(preset, monkeypatch):
    hydra = hydra_of(preset, "hydra.launcher.cpus_per_task=3")
    monkeypatch.setattr("moe_exp.machine._cores", lambda: 64)
    with env_override(OmegaConf.to_container(hydra.job.env_set, resolve=True)):
        assert usable_cores() == 3


@pytest.mark.parametrize(("told", "cores"), [("", 4), ("2", 2), ("0", 1), ("99", 4), ("2,1", 4)])
def test_a_process_uses_as_many_cores_as_it_was_told(monkeypatch, told, cores):
    monkeypatch.setattr("moe_exp.machine._cores", lambda: 4)
    monkeypatch.setenv("OMP_NUM_THREADS", told)
    assert usable_cores() == cores
