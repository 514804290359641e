from types import SimpleNamespace

from moe_exp.runs.durations import Durations, measure_durations


def make_run(data_seed: int, seed: int, **seconds: float) -> SimpleNamespace:
    parameters = {"data.seed": str(data_seed), "seed": str(seed)}
    parameters |= {"data.n_train": "600", "data.n_val": "200", "data.n_test": "200"}
    return SimpleNamespace(parameters=parameters, metrics={f"time/{stage}_s": s for stage, s in seconds.items()})


def test_what_runs_share_counts_for_each_data_seed_and_for_no_training_seed() -> None:
    runs = [make_run(data_seed, seed, inspect=1, experts=30, gate=10) for data_seed in (0, 1) for seed in (0, 1)]
    runs += [make_run(data_seed, 0, simulate=50, experts=0, gate=20) for data_seed in (0, 1)]
    runs[0].metrics["test/r2"] = 0.9
    assert measure_durations(runs) == Durations(training_seed=50, data_seed=152, star=0.05)


def test_spectra_that_no_run_made_take_no_time_that_is_known() -> None:
    assert measure_durations([make_run(0, 0, gate=7)]) == Durations(7, 7, 0)
