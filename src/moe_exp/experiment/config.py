"""From a composed configuration to the objects that do the work; only this room, train.py and `sweeps` know Hydra.

Every YAML file of a group names a class as `_target_` and gives its parameters. The class is a dataclass, so that its
annotations are the schema: a misspelt key or a wrong type is refused here, for a user's own gate as for a built-in one.
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from moe_exp.codes import Code
from moe_exp.credentials import redact
from moe_exp.errors import InputError
from moe_exp.experiment.trusted import find_class
from moe_exp.program import remember_start

NOT_IN_NAMES = re.compile(r"[^\w.\-: /]")
"""Characters that MLflow refuses in the name of a parameter."""

SIGNIFICANT_DIGITS = 12
"""Of every real number in a configuration: ``range(0.1,0.4,0.1)`` ends at 0.30000000000000004, which is 0.3."""

TYPED_NUMBER = re.compile(r"(?<![\w.])-?\d+\.\d+(e[+-]?\d+)?(?![\w.])", re.IGNORECASE)
"""A real number within what was typed."""

PLACE_VARIABLES = ("MLFLOW_TRACKING_URI", "MOE_EXP_CACHE")
"""Environment variables by which a user says where things are kept; the YAML files read them."""

UNTIL = "until"
"""The option of sweeps, which no job has, nor the configuration that a run keeps."""

GROUPS = (
    "data",
    "noise",
    "preprocessing",
    "bins",
    "features",
    "experts",
    "baseline",
    "gate",
    "training",
    "evaluation",
    "tracking",
)

LISTS = ("metric", "figure", "external", "hypothesis")
"""Groups of which any number of files is chosen."""

PRESETS = "experiment"
"""The group whose files set options of all others."""


@dataclass
class Schema:
    """What the primary configuration holds; the groups are checked against the classes that they name."""

    data: Any = MISSING
    noise: Any = MISSING
    preprocessing: Any = MISSING
    bins: Any = MISSING
    features: Any = MISSING
    experts: Any = MISSING
    baseline: Any = MISSING
    gate: Any = MISSING
    training: Any = MISSING
    evaluation: Any = MISSING
    tracking: Any = MISSING
    metrics: dict[str, Any] = MISSING
    figures: dict[str, Any] = MISSING
    externals: dict[str, Any] = MISSING
    hypotheses: dict[str, Any] = MISSING
    seed: int = MISSING
    device: str = MISSING
    cache_dir: str = MISSING
    cache_limit_gb: float = MISSING
    trusted_modules: list[str] = MISSING
    until: Any = None
    """of sweeps alone"""


@dataclass(frozen=True)
class Experiment:
    """One configured experiment: stage objects, and the plain values that they were made from.

    Attributes
    ----------
    data, noise, preprocessing, bins, features, experts, baseline, gate, training, evaluation, tracking : stage objects
    metrics : mapping of str to Metric
        Numbers of every model beside those that every run has, by the name of their file.
    figures : mapping of str to RunFigure
        Likewise.
    externals : mapping of str to ExternalStars
        Stars that are predicted and never trained on, by the name of their file.
    hypotheses : mapping of str to Hypothesis
        Claims that a sweep is judged by, by the name of their file.
    seed : int
        Seed of everything that is trained.
    device : str
        ``auto``, ``cpu`` or ``cuda``.
    cache_dir : path
    cache_limit_gb : float
        Size above which the least recently used results of stages are removed; spectra do not count.
    choices : mapping of group to the name of its YAML file
    overrides : tuple of str
        What was typed, as in ``"gate.hidden=128"``.
    values : dict
        The resolved configuration as plain values, without credentials.
    """

    data: Any
    noise: Any
    preprocessing: Any
    bins: Any
    features: Any
    experts: Any
    baseline: Any
    gate: Any
    training: Any
    evaluation: Any
    tracking: Any
    metrics: Mapping[str, Any]
    figures: Mapping[str, Any]
    externals: Mapping[str, Any]
    hypotheses: Mapping[str, Any]
    seed: int
    device: str
    cache_dir: Path
    cache_limit_gb: float
    choices: Mapping[str, str]
    overrides: tuple[str, ...]
    values: dict[str, Any]

    @classmethod
    def of(cls, *overrides: str, project: Path | None = None) -> "Experiment":
        """Return the experiment that one would type: ``Experiment.of("gate=mlp", "data.n_train=100000")``.

        Parameters
        ----------
        *overrides : str
            As behind ``python train.py``.
        project : path, optional
            Folder that holds ``conf``; by default found from the working folder upwards, or the package's checkout.

        Raises
        ------
        InputError
            If an option is unknown, or a value is not accepted.
        """
        from moe_exp.experiment.composition import compose_in
        from moe_exp.experiment.project import find_project

        return compose_in(find_project(project), overrides)


def register(project_root: Path) -> None:
    """Tell Hydra the schema, and YAML files the root, by an environment variable, which every launcher hands on.

    A variable of the YAML files that is set to nothing counts as one that is not set.
    """
    ConfigStore.instance().store(name="schema", node=Schema)
    remember_start()
    os.environ["MOE_EXP_ROOT"] = str(project_root)
    for name in PLACE_VARIABLES:
        if not os.environ.get(name):
            os.environ.pop(name, None)


def build(config: DictConfig, choices: Mapping[str, str], overrides: Sequence[str] = ()) -> Experiment:
    """Make all stage objects of a composed configuration.

    Parameters
    ----------
    config : DictConfig
        What Hydra composed.
    choices : mapping of str to str
        Which YAML file was chosen in each group.
    overrides : sequence of str
        What was typed to get there.

    Raises
    ------
    InputError
        If a value is missing, of the wrong type, or not accepted by its stage.
    """
    try:
        OmegaConf.resolve(config)
        values: dict[str, Any] = round_numbers(OmegaConf.to_container(config, throw_on_missing=True))
    except OmegaConfBaseException as error:
        key = _find_unresolved(config) or str(error.full_key)
        group = key.partition(".")[0]
        where = f"{key} (typed, or in conf/{group}/{choices[group]}.yaml)" if group in GROUPS else key
        raise InputError(Code.WRONG_TYPE, f"{where}: {str(error).splitlines()[0]}") from error
    lacking = sorted({option.name for option in fields(Schema)} - {UNTIL, *values})
    if lacking:
        raise InputError(
            Code.WRONG_TYPE, f"{', '.join(lacking)}: every run needs a value; leave out the ~ that removes it."
        )
    unknown = sorted(set(values) - {option.name for option in fields(Schema)})
    if unknown:
        raise InputError(
            Code.UNKNOWN_OPTION,
            f"{', '.join(unknown)}: there is no such option; `python train.py --help` lists what there is.",
        )
    if values.pop(UNTIL, None) is not None:
        raise InputError(Code.UNTIL_UNFIT, "until=...: only a sweep adds seeds. Type -m, and no other sweeper.")
    if values["seed"] < 0:
        raise InputError(Code.OUT_OF_RANGE, f"seed={values['seed']}: a seed is 0 or more.")
    trusted = values["trusted_modules"]
    hypotheses = {name: make_stage(f"hypotheses.{name}", each, trusted) for name, each in values["hypotheses"].items()}
    for name, hypothesis in hypotheses.items():  # whole, so that a claim can be held against itself later
        values["hypotheses"][name] |= asdict(hypothesis)
    stages: dict[str, Any] = {}
    for kind in ("metrics", "figures", "externals"):
        made = {name: _make(f"{kind}.{name}", each, trusted) for name, each in values[kind].items()}
        stages[kind] = {name: thing for name, (thing, _) in made.items()}
        values[kind] = {name: typed for name, (_, typed) in made.items()}
    for group in GROUPS:
        stages[group], values[group] = _make(group, values[group], trusted)
    return Experiment(
        **stages,
        hypotheses=hypotheses,
        seed=values["seed"],
        device=values["device"],
        cache_dir=expand_home(values["cache_dir"], "cache_dir"),
        cache_limit_gb=values["cache_limit_gb"],
        choices={group: choices[group] for group in GROUPS},
        overrides=tuple(TYPED_NUMBER.sub(lambda number: _round_text(number[0]), text) for text in redact([*overrides])),
        values=redact(values),
    )


def _find_unresolved(node: DictConfig, place: str = "") -> str:
    """Return the name of an option that names another one which is not there, by ``${...}``; else nothing."""
    for key in map(str, node):
        child = node._get_node(key)
        if isinstance(child, DictConfig) and not (child._is_none() or child._is_interpolation()):
            if found := _find_unresolved(child, f"{place}{key}."):
                return found
            continue
        try:
            node.get(key)
        except OmegaConfBaseException:
            return f"{place}{key}"
    return ""


def round_numbers(values: Any) -> Any:
    """Return plain values with each real number as its `SIGNIFICANT_DIGITS` say it: one number has one spelling."""
    if isinstance(values, float):
        return float(f"{values:.{SIGNIFICANT_DIGITS}g}")
    if isinstance(values, Mapping):
        return {key: round_numbers(value) for key, value in values.items()}
    return [round_numbers(value) for value in values] if isinstance(values, list) else values


def _round_text(number: str) -> str:
    """Return a number as it was typed, or rounded if it has more digits than count."""
    digits = re.sub(r"e.*|\D", "", number.lower()).lstrip("0")
    return repr(round_numbers(float(number))) if len(digits) > SIGNIFICANT_DIGITS else number


def make_stage(group: str, values: Mapping[str, Any], trusted_modules: Sequence[str] = ()) -> Any:
    """Make the object that one group describes: the class of `_target_`, with the other values as its parameters."""
    return _make(group, values, trusted_modules)[0]


def read_stage(group: str, path: Path) -> Any:
    """Make the object that a YAML file describes, outside of a composition."""
    try:
        values = round_numbers(OmegaConf.to_container(OmegaConf.load(path)))
    except (YAMLError, OmegaConfBaseException) as error:
        raise InputError(Code.NOT_COMPOSED, f"{path} cannot be read as YAML: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        raise InputError(Code.NOT_COMPOSED, f"{path} must hold names and values.")
    return make_stage(group, {str(key): value for key, value in values.items()})


def _make(group: str, values: Mapping[str, Any], trusted_modules: Sequence[str]) -> tuple[Any, dict[str, Any]]:
    """Make the object of one group, and return its values with the types that they have there."""
    if "_target_" not in values:
        raise InputError(Code.NO_SUCH_CLASS, f"{group}._target_ is missing: name the class that this file configures.")
    stage = find_class(group, str(values["_target_"]), trusted_modules)
    try:
        schema = OmegaConf.structured(stage)
        _open_for_writing(schema)
        merged = OmegaConf.merge(schema, {k: v for k, v in values.items() if k != "_target_"})
        return OmegaConf.to_object(merged), _as_typed(values, OmegaConf.to_container(merged))
    except OmegaConfBaseException as error:
        said = f"{group}.{error.full_key}: {str(error).splitlines()[0]}."
        if error.full_key in values and error.full_key not in stage.__dataclass_fields__:
            known = ", ".join(field.name for field in fields(stage))
            raise InputError(Code.UNKNOWN_OPTION, f"{said} It has {known}.") from error
        raise InputError(Code.WRONG_TYPE, said) from error


def _as_typed(values: Mapping[str, Any], typed: Any) -> dict[str, Any]:
    """Return the values as the class has them, so that 1e5 and 100000 are one number."""
    found = {}
    for key, value in values.items():
        nested = isinstance(value, Mapping) and isinstance(typed.get(key), Mapping)
        found[key] = _as_typed(value, typed[key]) if nested else typed.get(key, value)
    return found


def _open_for_writing(node: DictConfig) -> None:
    """Let values into the schema of a frozen dataclass, which OmegaConf marks as read-only."""
    OmegaConf.set_readonly(node, False)
    for key in node:
        child = node._get_node(key)
        if isinstance(child, DictConfig) and not child._is_none():
            _open_for_writing(child)


def flatten(values: Mapping[str, Any], choices: Mapping[str, str], prefix: str = "") -> dict[str, str]:
    """Turn a configuration into parameters: names with dots, a group's own name for the file that was chosen.

    Returns
    -------
    dict of str to str
        For example ``{"gate": "mlp", "gate.hidden": "64", "data.n_train": "32000"}``.
    """
    flat: dict[str, str] = dict(choices)
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, {}, f"{prefix}{key}.")
        elif key != "_target_":
            flat[NOT_IN_NAMES.sub("_", prefix + str(key))] = str(value)
    return flat


def expand_home(path: str, option: str) -> Path:
    """Return a path whose ``~`` is a home folder.

    Raises
    ------
    InputError
        If there is no such user.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise InputError(Code.UNKNOWN_CHOICE, f"{option}={path}: there is no such home folder.") from error
