"""The keys, digests and identities of an experiment, and sets of them that change together."""

from moe_exp.cache.stages import cache_key
from moe_exp.experiment.cached_stages import SharedStages
from moe_exp.experiment.config import Experiment
from moe_exp.experiment.pipeline import fit_bins, open_dataset
from moe_exp.experiment.stage_keys import identify_gate_inputs
from moe_exp.progress import Stages
from moe_exp.runs.identity import identify
from moe_exp.spectra.simulated_files import SimulatedFiles
from moe_exp.spectra.sources import SimulatedData

FILES = ("data=hdf5", "data.n_train=800", "data.n_val=100", "data.n_test=100", "features=pca", "baseline=lightgbm")
SIMULATED = ("data=simulated",)

NOTHING: set[str] = set()
RUN = {"run"}
INPUTS = {"gate inputs", "test inputs", *RUN}
EXPERTS = {"experts", *INPUTS}
BASELINE = {"baseline", *RUN}
FLUX = EXPERTS | BASELINE
STARS = {"simulated", *RUN}


def identities_of(experiment: Experiment, device: str = "cpu") -> dict[str, str]:
    """Compute every key, digest and identity of an experiment, without running it."""
    found = {"run": identify(experiment)}
    if isinstance(experiment.data, SimulatedData):
        data = experiment.data
        store = SimulatedFiles(data.simulator, seed=data.seed, cache_dir=experiment.cache_dir, device=data.device)
        return found | {"simulated": store.folder.name}
    dataset = open_dataset(experiment, Stages())
    stages = SharedStages(experiment, dataset, fit_bins(experiment, dataset), Stages(), device)
    experts = stages.identities["experts"]
    return found | {
        "train stars": dataset.train.digest,
        "gate stars": dataset.gate.digest,
        "test stars": dataset.test.digest,
        "test noise": dataset.test.noise_draw,
        "experts": cache_key(experts),
        "gate inputs": cache_key(identify_gate_inputs(experiment, dataset.gate, experts)),
        "test inputs": cache_key(identify_gate_inputs(experiment, dataset.test, experts)),
        "baseline": cache_key(stages.identities["baseline"]),
    }


def differences(before: dict[str, str], after: dict[str, str]) -> set[str]:
    assert before.keys() == after.keys()
    return {name for name in before if before[name] != after[name]}
