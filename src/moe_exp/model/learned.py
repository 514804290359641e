"""What a fitted estimator learnt, as arrays by name: all that has to be kept of it, beside its options."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from moe_exp.codes import Code
from moe_exp.errors import InputError

PLAIN = (bool, int, float, str, np.generic)


def read_learned(estimator: Any, *, apart: Collection[str] = ()) -> dict[str, np.ndarray]:
    """Return the attributes that a fit set, those that end in an underscore, as arrays; numbers have no axes.

    Parameters
    ----------
    estimator : object
    apart : collection of str
        Attributes that are left out.

    Raises
    ------
    InputError
        If one is neither numbers nor text.
    """
    found = {name: value for name, value in vars(estimator).items() if name.endswith("_") and name not in apart}
    others = [name for name, value in found.items() if not isinstance(value, (*PLAIN, tuple, np.ndarray))]
    arrays = {name: np.asarray(value) for name, value in found.items() if name not in others}
    others += [name for name, array in arrays.items() if array.dtype.kind not in "biufU"]
    if others:
        kind = type(estimator)
        raise InputError(
            Code.PART_NOT_KEPT,
            f"{kind.__module__}.{kind.__qualname__} learnt {', '.join(others)}, neither numbers nor text, which no "
            f"model file holds: let its methods learned and recall turn them into arrays and back.",
        )
    return arrays


def write_learned(estimator: Any, arrays: Mapping[str, np.ndarray]) -> None:
    """Give an estimator the attributes that `read_learned` returned; text with one axis becomes a tuple."""
    for name, array in arrays.items():
        if array.ndim == 0:
            setattr(estimator, name, array.item())
        elif array.dtype.kind == "U":
            setattr(estimator, name, tuple(array.tolist()))
        else:
            setattr(estimator, name, array)
