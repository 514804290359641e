"""Whose classes a configuration may name: to find a class its module is imported, which runs whatever stands there."""

from collections.abc import Sequence
from dataclasses import is_dataclass
from typing import Any

from hydra.utils import get_class

from moe_exp.codes import Code
from moe_exp.errors import InputError

OWN = "moe_exp"
"""The package whose classes need no word of the user."""


def find_class(group: str, target: str, trusted_modules: Sequence[str]) -> Any:
    """Return the dataclass that one group names; nothing is imported but of this package and of trusted modules.

    Parameters
    ----------
    group : str
        Which part of the configuration names it.
    target : str
        Module and class, as in ``my_gates.DeepGate``.
    trusted_modules : sequence of str
        Modules, and packages with all that they hold.

    Raises
    ------
    InputError
        If the module is not trusted, or there is no such dataclass in it.
    """
    if not any(target.startswith(f"{module}.") for module in (OWN, *trusted_modules)):
        module = target.rpartition(".")[0] or target
        raise InputError(
            Code.UNTRUSTED_MODULE,
            f"{group}._target_={target}: to use it would run the code of {module}, which is not among trusted_modules. "
            f"If you know that code, type 'trusted_modules=[{module}]', or add {module} to trusted_modules in "
            f"conf/config.yaml.",
        )
    try:
        found = get_class(target)
    except (ImportError, ValueError) as error:
        raise InputError(
            Code.NO_SUCH_CLASS, f"{group}._target_={target} cannot be imported: {str(error).splitlines()[0]}"
        ) from error
    if not is_dataclass(found):
        raise InputError(
            Code.NO_SUCH_CLASS,
            f"{group}._target_={target} is not a dataclass; its fields are the options of the YAML file.",
        )
    return found
