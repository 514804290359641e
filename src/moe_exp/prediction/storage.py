"""A model as two files: what it is made of (JSON), and all numbers (NumPy's npz, which holds no code).

Nothing is pickled: reading a file runs no code of the file's. The classes are those of the package, and of a user's own
modules, that are imported by name; what they learnt are arrays, and the JSON file knows their digest.
"""

import hashlib
import json
import zipfile
from collections.abc import Mapping
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator

from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.model.bins_base import Bins
from moe_exp.model.features_base import Features
from moe_exp.model.fitted_experts import FittedExperts
from moe_exp.model.gates import Gate
from moe_exp.model.learned import read_learned, write_learned
from moe_exp.model.mixture import FittedMixture
from moe_exp.model.ridge.estimator import CrossValidatedRidge
from moe_exp.model.ridge.moments import PrincipalComponents
from moe_exp.prediction.blueprints import build, draw, find_class, name_class
from moe_exp.prediction.flags import Limits
from moe_exp.prediction.intervals import Difficulty, Intervals
from moe_exp.spectra.label import Label
from moe_exp.spectra.preprocessing import Preprocessing

DESCRIPTION_FILE, NUMBERS_FILE = "mixture.json", "numbers.npz"
FORMAT = 6
"""Version of the layout; a reader knows its own alone.

It rises with every name that a file gains, loses or means otherwise: 6 since widths of preprocessing are those in air.
"""

OLD_CODE = "let mlflow.pyfunc.load_model load it, with the code that its MLflow model holds"
"""How to use a model of before models named the version that made them."""

PARTS = {"bins": Bins, "features": Features, "gate": Gate, "preprocessing": Preprocessing}
"""What a mixture has that is an object of a class of its own, which may be the user's, and from which that derives."""


class Parts(NamedTuple):
    """What a model consists of."""

    fitted: FittedMixture
    intervals: Intervals
    limits: Limits


def save_parts(folder: Path, mixture: FittedMixture, intervals: Intervals, limits: Limits) -> None:
    """Write a model into a folder, which is made; the same model gives the same bytes.

    Raises
    ------
    InputError
        If its gate or an expert learnt something that is neither numbers nor text.
    """
    judgement = {
        "intervals/quantiles": intervals.quantiles,
        **_as_numbers("difficulty", intervals.difficulty),
        **_as_numbers("limits", limits),
    }
    numbers = _collect(mixture) | judgement
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / NUMBERS_FILE, **numbers)  # type: ignore[arg-type]  # mypy takes them for allow_pickle
    description = {
        "format": FORMAT,
        "version": version("moe_exp"),
        "digests": {NUMBERS_FILE: _digest(folder / NUMBERS_FILE)},
        "label": mixture.label.option,
        "medium": mixture.medium,
        "clip": mixture.clip,
        "regressor": name_class(mixture.experts.regressors[0]),
        "parts": {name: draw(getattr(mixture, name)) for name in PARTS},
    }
    (folder / DESCRIPTION_FILE).write_text(json.dumps(description, indent=1) + "\n", encoding="utf-8")


def load_parts(folder: Path) -> Parts:
    """Read what `save_parts` wrote.

    Raises
    ------
    InputError
        If the folder holds no model, one of another version of the package, or one that is damaged.
    """
    description = _read_description(folder)
    numbers = _read_numbers(folder / NUMBERS_FILE, description.get("digests"))
    try:
        parts = _build_parts(description["parts"])
        difficulty = Difficulty(**_plain(_group(numbers, "difficulty")))
        intervals = Intervals(difficulty, numbers["intervals/quantiles"])
        limits = Limits(**_plain(_group(numbers, "limits")))
        return Parts(_assemble(description, parts, numbers), intervals, limits)
    except (InputError, KeyError, TypeError, ValueError, AttributeError) as error:
        said = error.message if isinstance(error, InputError) else error
        raise InputError(
            Code.MODEL_UNFIT,
            f"{folder}: this model does not fit this version of moe_exp ({said}). {_remedy(description)}",
        ) from error


def _collect(mixture: FittedMixture) -> dict[str, np.ndarray]:
    """Return all numbers of a mixture by name."""
    experts = mixture.experts
    regressors = {f"expert_{index}": each for index, each in enumerate(experts.regressors)}
    groups: dict[str, Mapping[str, np.ndarray]] = {
        "bins": read_learned(mixture.bins),
        "gate": mixture.gate.learned(),
        "components": experts.components._asdict(),
        "experts": {
            "names": np.array(experts.names),
            "n_stars": experts.n_stars,
            "label_range": np.array(experts.label_range),
        },
        "spectra": {
            "wavelength": mixture.wavelength,
            "template": mixture.template,
            "flux_unit": np.array(mixture.flux_unit),
        },
        **{name: read_learned(each) for name, each in {**regressors, "global_ridge": experts.global_ridge}.items()},
    }
    return {f"{group}/{name}": values for group, found in groups.items() for name, values in found.items()}


def _build_parts(blueprints: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parts of a mixture, each of its kind."""
    parts = {name: build(blueprints[name]) for name in PARTS}
    for name, kind in PARTS.items():
        if not isinstance(parts[name], kind):
            raise InputError(Code.MODEL_UNFIT, f"parts.{name} is no {kind.__name__}")
    return parts


def _assemble(
    description: Mapping[str, Any], parts: dict[str, Any], numbers: Mapping[str, np.ndarray]
) -> FittedMixture:
    group = partial(_group, numbers)
    write_learned(parts["bins"], group("bins"))
    parts["gate"].recall(group("gate"))
    of_experts, spectra = group("experts"), group("spectra")
    components = PrincipalComponents(**group("components"))
    names = tuple(of_experts["names"].tolist())
    experts = FittedExperts(
        names=names,
        regressors=tuple(
            _recall(find_class(description["regressor"], BaseEstimator), group(f"expert_{index}"))
            for index in range(len(names))
        ),
        global_ridge=_recall(CrossValidatedRidge, group("global_ridge")),
        n_stars=of_experts["n_stars"],
        label_range=tuple(of_experts["label_range"].tolist()),
        components=components,
    )
    medium, wavelength = description["medium"], spectra["wavelength"]
    parts["features"].fit(wavelength, components.mean, components.components, medium=medium)
    return FittedMixture(
        **parts,
        experts=experts,
        flux_unit=spectra["flux_unit"].item(),
        clip=description["clip"],
        wavelength=wavelength,
        medium=medium,
        template=spectra["template"],
        label=Label(description["label"]),
    )


def _as_numbers(group: str, thing: Any) -> dict[str, np.ndarray]:
    """Return the attributes of a dataclass of numbers, by names within a group."""
    return {f"{group}/{name}": np.asarray(value) for name, value in vars(thing).items()}


def _group(numbers: Mapping[str, np.ndarray], group: str) -> dict[str, np.ndarray]:
    """Return the numbers of a group by their names in it."""
    return {name.partition("/")[2]: values for name, values in numbers.items() if name.startswith(f"{group}/")}


def _plain(numbers: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Return the same with those without axes as plain numbers."""
    return {name: values if values.ndim else values.item() for name, values in numbers.items()}


def _recall(kind: type[Any], learned: Mapping[str, np.ndarray]) -> Any:
    """Return a regressor that learnt this."""
    regressor = kind()
    write_learned(regressor, learned)
    return regressor


def _read_description(folder: Path) -> dict[str, Any]:
    path = folder / DESCRIPTION_FILE
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
        found = description["format"]
    except FileNotFoundError as error:
        raise InputError(
            Code.MODEL_DAMAGED, f"{folder} holds no model of moe_exp: it has no {DESCRIPTION_FILE}."
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(Code.MODEL_DAMAGED, f"{path} cannot be read: {error}.") from error
    if found != FORMAT:
        raise InputError(
            Code.MODEL_UNFIT,
            f"{path}: the model has format {found}, and this version of moe_exp reads format {FORMAT}. "
            f"{_remedy(description)}",
        )
    return description


def _remedy(description: Mapping[str, Any]) -> str:
    """Say what to do about a model that this version cannot use."""
    made_by = f"install moe_exp {description['version']}, which made it" if "version" in description else OLD_CODE
    return f"Make its run again with this version, or {made_by}."


def _read_numbers(path: Path, digests: Any) -> dict[str, np.ndarray]:
    try:
        if not isinstance(digests, dict) or _digest(path) != digests.get(path.name):
            raise InputError(
                Code.MODEL_DAMAGED,
                f"{path} was changed or is damaged: its SHA-256 is not the one that {DESCRIPTION_FILE} has.",
            )
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return dict(stored)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(Code.MODEL_DAMAGED, f"{path} cannot be read: {error}.") from error


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
