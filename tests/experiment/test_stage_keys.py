"""Which keys, digests and identities follow which option and which file, and that no other does."""

import shutil
from dataclasses import fields

import h5py
import pytest
from hydra.utils import get_class
from omegaconf import OmegaConf

from moe_exp.experiment.config import GROUPS, flatten
from moe_exp.runs.identity import identify
from moe_exp.spectra.files import WAVELENGTH
from moe_exp.spectra.medium import MEDIUM
from tests.conftest import PROJECT_ROOT, write_stars
from tests.experiment.identities import (
    BASELINE,
    EXPERTS,
    FILES,
    FLUX,
    INPUTS,
    NOTHING,
    RUN,
    SIMULATED,
    STARS,
    differences,
    identities_of,
)

QUANTILES = (*FILES, "bins=quantiles")
CLASSIFY = (*FILES, "gate=classify")
CONTINUUM = (*FILES, "preprocessing=continuum")
RESOLUTION = (*FILES, "preprocessing=resolution", "preprocessing.fwhm=12.0", "preprocessing.native_resolution=1000.0")
FWHM = (*FILES, "preprocessing=resolution", "preprocessing.fwhm=12.0", "preprocessing.native_fwhm=8.0")
BOTH = (*FILES, "preprocessing=resolution_and_continuum", "preprocessing.resolution.native_resolution=1000.0")
BOTH_FWHM = (*FILES, "preprocessing=resolution_and_continuum", "preprocessing.resolution.native_fwhm=8.0")
WINDOW = "{name: Ca II, line: [8530.0, 8555.0], side_bands: [[8500.0, 8520.0]]}"
WITH_WINDOW = (*FILES, f"features.windows=[{WINDOW}]")


CHANGES = [
    (FILES, "data.path=OTHER", {"train stars", *FLUX}),
    (FILES, "data.val_path=OTHER", {"gate stars", "gate inputs", *RUN}),
    (FILES, "data.test_path=OTHER", {"test stars", "test inputs", *RUN}),
    (FILES, "data.n_train=700", {"train stars", *FLUX}),
    (FILES, "data.n_val=90", {"gate stars", "gate inputs", *RUN}),
    (FILES, "data.n_test=90", {"test stars", "test noise", "test inputs", *RUN}),
    (FILES, "data.noise_level=0.3", FLUX),
    (FILES, "noise.correlation=[0.3,0.1]", {"test noise", *FLUX}),
    (FILES, "data.label=M_H", FLUX),
    (FILES, "data.seed=1", {"test noise", *FLUX}),
    (FILES, "data.shuffle=true", {"train stars", "gate stars", "test stars", "test noise", *FLUX}),
    (SIMULATED, "data.n_train=700", RUN),
    (SIMULATED, "data.n_val=90", RUN),
    (SIMULATED, "data.n_test=90", RUN),
    (SIMULATED, "data.noise_level=0.3", RUN),
    (SIMULATED, "data.seed=1", STARS),
    (SIMULATED, "data.device=cuda", STARS),
    (SIMULATED, "device=cpu", RUN),
    (SIMULATED, "data.simulator.teff=[3800.0,6000.0]", STARS),
    (SIMULATED, "data.simulator.logg=[1.0,4.5]", STARS),
    (SIMULATED, "data.simulator.m_h=[-2.0,0.75]", STARS),
    (SIMULATED, "data.simulator.mh_beta=1.3", STARS),
    (SIMULATED, "data.simulator.a_m=[-0.25,0.4]", STARS),
    (SIMULATED, "data.simulator.c_m=[-0.75,0.4]", STARS),
    (SIMULATED, "data.simulator.mag=[20.5,22.0]", STARS),
    (SIMULATED, "data.simulator.rv_max=10.0", STARS),
    (SIMULATED, "data.simulator.flux_norm=mag", STARS),
    (SIMULATED, "data.simulator.resolution=4000.0", STARS),
    (SIMULATED, "data.simulator.wavelength_min=7200.0", STARS),
    (SIMULATED, "data.simulator.wavelength_max=8800.0", STARS),
    (SIMULATED, "data.simulator.n_pixels=2048", STARS),
    (SIMULATED, "data.simulator.microturbulence=1.5", STARS),
    (SIMULATED, "data.simulator.n_depths=20", STARS),
    (SIMULATED, "data.simulator.velocity_step=3.0", STARS),
    (SIMULATED, "data.simulator.cn=false", STARS),
    (SIMULATED, "data.simulator.tio=false", STARS),
    (SIMULATED, "data.simulator.star_electrons=150.0", STARS),
    (SIMULATED, "data.simulator.sky_electrons=700.0", STARS),
    (SIMULATED, "data.simulator.read_variance=90.0", STARS),
    (SIMULATED, "data.simulator.oh_scale=0.5", STARS),
    (FILES, "preprocessing=continuum", FLUX),
    (CONTINUUM, "preprocessing.method=running", FLUX),
    (CONTINUUM, "preprocessing.scale=100.0", FLUX),
    (CONTINUUM, "preprocessing.low_reject=1.5", FLUX),
    (CONTINUUM, "preprocessing.high_reject=5.0", FLUX),
    (CONTINUUM, "preprocessing.n_iterations=5", FLUX),
    (RESOLUTION, "preprocessing.fwhm=14.0", FLUX),
    (RESOLUTION, "preprocessing.native_resolution=900.0", FLUX),
    (FWHM, "preprocessing.native_fwhm=9.0", FLUX),
    (BOTH, "preprocessing.resolution.fwhm=14.0", FLUX),
    (BOTH, "preprocessing.resolution.native_resolution=900.0", FLUX),
    (BOTH_FWHM, "preprocessing.resolution.native_fwhm=9.0", FLUX),
    (BOTH, "preprocessing.continuum.method=running", FLUX),
    (BOTH, "preprocessing.continuum.scale=100.0", FLUX),
    (BOTH, "preprocessing.continuum.low_reject=1.5", FLUX),
    (BOTH, "preprocessing.continuum.high_reject=5.0", FLUX),
    (BOTH, "preprocessing.continuum.n_iterations=5", FLUX),
    (FILES, "bins.teff_edges=[3750.0,4600.0,5250.0,6000.0]", EXPERTS),
    (FILES, "bins.m_h_edges=[-2.0,-1.1,0.0,0.5]", EXPERTS),
    (FILES, "bins.teff_names=[A,B,C]", EXPERTS),
    (FILES, "bins.m_h_names=[A,B,C]", EXPERTS),
    (QUANTILES, "bins.n_teff=2", EXPERTS),
    (QUANTILES, "bins.n_m_h=2", EXPERTS),
    (QUANTILES, "bins.n_stars=400", EXPERTS),
    (QUANTILES, "bins.teff_names=[A,B,C]", EXPERTS),
    (QUANTILES, "bins.m_h_names=[A,B,C]", EXPERTS),
    (FILES, f"features.windows=[{WINDOW}]", INPUTS),
    (WITH_WINDOW, "+features.sums={Ca: [Ca II]}", INPUTS),
    (FILES, "features.n_components=5", EXPERTS),
    (FILES, "features.continuum_percentile=60.0", INPUTS),
    (FILES, "features.medium=vacuum", INPUTS),
    (FILES, "data.medium=air", RUN),
    (FILES, "data.mask=mask", {"train stars", "gate stars", "test stars", *FLUX}),
    (FILES, "data.ivar=ivar", {"train stars", "gate stars", "test stars", *FLUX}),
    (FILES, "data.sentinel=-999.0", RUN),
    (FILES, "data.max_masked=0.3", RUN),
    (FILES, "data.too_masked=drop", RUN),
    (FILES, "experts.alpha_min=1e-2", EXPERTS),
    (FILES, "experts.alpha_max=1e4", EXPERTS),
    (FILES, "experts.n_alphas=8", EXPERTS),
    (FILES, "experts.n_folds=4", EXPERTS),
    (FILES, "experts.clip=false", RUN),
    (FILES, "baseline.n_trees=400", BASELINE),
    (FILES, "baseline.learning_rate=0.1", BASELINE),
    (FILES, "baseline.n_leaves=30", BASELINE),
    (FILES, "baseline.max_bin=60", BASELINE),
    (FILES, "gate.hidden=32", RUN),
    (CLASSIFY, "gate.C=2.0", RUN),
    (CLASSIFY, "gate.tol=1e-3", RUN),
    (CLASSIFY, "gate.max_iter=1000", RUN),
    (FILES, "training.learning_rate=0.01", RUN),
    (FILES, "training.lr_factor=0.5", RUN),
    (FILES, "training.n_lr_drops=3", RUN),
    (FILES, "training.batch_size=256", RUN),
    (FILES, "training.max_epochs=50", RUN),
    (FILES, "training.patience=20", RUN),
    (FILES, "training.min_improvement=1e-3", RUN),
    (FILES, "training.holdout_fraction=0.2", RUN),
    (FILES, "evaluation.n_resamples=500", RUN),
    (FILES, "evaluation.confidence=0.9", RUN),
    (FILES, "evaluation.n_worst_stars=4", RUN),
    (FILES, "tracking.uri=sqlite:////tmp/elsewhere.db", NOTHING),
    (FILES, "tracking.artifacts=/tmp/elsewhere", NOTHING),
    (FILES, "tracking.experiment=elsewhere", NOTHING),
    (FILES, "tracking.run_name=mine", NOTHING),
    (FILES, "tracking.resume=false", NOTHING),
    (FILES, "tracking.figure_formats=[]", NOTHING),
    (FILES, "tracking.outbox=/tmp/elsewhere", NOTHING),
    (FILES, "tracking.patience_s=1.0", NOTHING),
    (FILES, "hypothesis=[more_stars]", NOTHING),
    (FILES, "data.star_id=star", {"train stars", "gate stars", "test stars", *FLUX}),
    (FILES, "seed=1", FLUX),
    (FILES, "device=cpu", RUN),
    (FILES, "cache_dir=ELSEWHERE", NOTHING),
    (FILES, "cache_limit_gb=1.0", NOTHING),
    (FILES, "trusted_modules=[mine]", NOTHING),
]
"""A base configuration, an option with another value, and exactly what that changes."""

SET_ELSEWHERE = {"gate.training"}
"""A field of stage classes that is no option: the group `training`."""

NAMED = {"hypotheses", "externals", "metrics", "figures"}
"""Options that have entries by name, whatever these are."""

NESTED = {"data.simulator", "preprocessing.resolution", "preprocessing.continuum"}
"""Fields that hold options of their own."""


def option_of(override: str) -> str:
    return override.partition("=")[0].removeprefix("+")


@pytest.mark.parametrize(("base", "override", "expected"), CHANGES, ids=[option_of(row[1]) for row in CHANGES])
def test_an_option_changes_what_depends_on_it_and_nothing_else(compute, files, tmp_path, base, override, expected):
    override = override.replace("OTHER", str(files["other"])).replace("ELSEWHERE", str(tmp_path / "cache"))
    assert differences(compute(base), compute(base, override)) == expected


def options_of_the_configuration() -> set[str]:
    """Return the dotted names of all options of all YAML files and of the fields of the classes that these name."""
    conf = PROJECT_ROOT / "conf"
    values = OmegaConf.to_container(OmegaConf.load(conf / "config.yaml"), resolve=False)
    names = set(values) - {"defaults", "hydra", *NAMED} | {"hypothesis"}
    for group in GROUPS:
        for path in (conf / group).glob("*.yaml"):
            options = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
            options.pop("defaults", None)
            if "_target_" in options:
                names |= {f"{group}.{field.name}" for field in fields(get_class(options["_target_"]))}
            names |= set(flatten({key: value for key, value in options.items() if key != "sums"}, {}, f"{group}."))
    return names - SET_ELSEWHERE - NESTED


def test_every_option_is_in_the_table():
    assert options_of_the_configuration() == {option_of(override) for _, override, _ in CHANGES} - {"preprocessing"}


def test_stars_that_are_only_predicted_change_the_run_and_nothing_else(compute, configure, files):
    paths = {"path": "train", "val_path": "gate", "test_path": "test"}
    base = (*FILES, *(f"data.{option}={files[name]}" for option, name in paths.items()))
    external = ("external=[stelib]", f"externals.stelib.path={files['other']}")
    before = compute(FILES)
    with_stars = identities_of(configure(*base, *external))
    assert differences(before, with_stars) == RUN
    for other in (
        "path=" + str(files["test"]),
        "fwhm=2.5",
        "medium=air",
        "other_logg=null",
        "title=Mine",
        "star_id=HD",
    ):
        assert differences(with_stars, identities_of(configure(*base, *external, f"externals.stelib.{other}"))) == RUN


def test_other_stars_in_a_file_that_is_only_predicted_change_the_run(configure, tmp_path, many_stars):
    path = write_stars(tmp_path / "external.h5", 50, seed=1)
    external = ("external=[stelib]", f"externals.stelib.path={path}")
    experiment = configure("data=hdf5", f"data.path={many_stars}", *external)
    before = identify(experiment)
    write_stars(path, 50, seed=2)
    assert identify(experiment) != before


def test_the_device_changes_what_is_computed_on_it(compute):
    assert differences(compute(FILES), compute(FILES, device="cuda")) == EXPERTS - RUN


@pytest.mark.parametrize(
    ("options", "expected"), [(WITH_WINDOW, INPUTS), ((*WITH_WINDOW, "preprocessing=continuum"), FLUX)]
)
def test_the_medium_of_files_that_do_not_say_it_changes_what_gates_see(configure, files, tmp_path, options, expected):
    path = shutil.copy(files["train"], tmp_path / "silent.h5")
    with h5py.File(path, "a") as file:
        del file[WAVELENGTH].attrs[MEDIUM]
    air, vacuum = (
        identities_of(configure(*options, f"data.path={path}", f"data.medium={medium}", "data.n_train=600"))
        for medium in ("air", "vacuum")
    )
    assert differences(air, vacuum) == expected


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("train", {"train stars", *FLUX}),
        ("gate", {"gate stars", "gate inputs", *RUN}),
        ("test", {"test stars", "test inputs", *RUN}),
    ],
)
def test_a_file_with_other_stars_changes_what_is_made_of_them(configure, tmp_path, file, expected):
    sizes = {"train": 900, "gate": 120, "test": 120}
    paths = {name: tmp_path / f"{name}.h5" for name in sizes}
    for seed, (name, n_stars) in enumerate(sizes.items()):
        write_stars(paths[name], n_stars, random_order=True, seed=seed)
    splits = (f"data.path={paths['train']}", f"data.val_path={paths['gate']}", f"data.test_path={paths['test']}")
    before = identities_of(configure(*FILES, *splits))
    write_stars(paths[file], sizes[file], random_order=True, seed=9)
    assert differences(before, identities_of(configure(*FILES, *splits))) == expected
