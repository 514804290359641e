"""What decides a run's numbers: two runs of one identity are the same run."""

from moe_exp.cache.code import code_digest
from moe_exp.cache.stages import cache_key
from moe_exp.experiment.config import GROUPS, Experiment


def identify(experiment: Experiment) -> str:
    """Return a hash of all that decides a run's numbers: configuration, data files, code; not where it is tracked."""
    apart = ("tracking", "cache_dir", "cache_limit_gb", "trusted_modules", "hypotheses")
    values = {key: value for key, value in experiment.values.items() if key not in apart}
    lists = (experiment.metrics, experiment.figures, experiment.externals)
    stages = [getattr(experiment, group) for group in GROUPS if group not in apart]
    stages += [each for chosen in lists for each in chosen.values()]
    modules = {"moe_exp.experiment.pipeline", *(type(stage).__module__ for stage in stages)}
    code = {module: code_digest(module) for module in sorted(modules)}
    files = {name: stars.fingerprint(f"externals.{name}") for name, stars in experiment.externals.items()}
    return cache_key({"values": values, "files": [experiment.data.fingerprint(), files], "code": code})
