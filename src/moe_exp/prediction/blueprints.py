"""Objects as plain values and back: the class and the options of a dataclass, and of the dataclasses that it holds."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from importlib import import_module
from typing import Any

from moe_exp.codes import Code
from moe_exp.errors import InputError

CLASS, OPTIONS = "class", "options"


def draw(thing: Any) -> Any:
    """Return plain values that `build` makes the same object of, fitted attributes left out."""
    if is_dataclass(thing) and not isinstance(thing, type):
        options = {option.name: draw(getattr(thing, option.name)) for option in fields(thing)}
        return {CLASS: name_class(thing), OPTIONS: options}
    if isinstance(thing, Mapping):
        return {key: draw(value) for key, value in thing.items()}
    return [draw(value) for value in thing] if isinstance(thing, list | tuple) else thing


def build(blueprint: Any) -> Any:
    """Return the object that `draw` was given.

    Raises
    ------
    InputError
        If a class is no longer there, is no dataclass, or has other options.
    """
    if isinstance(blueprint, Mapping) and set(blueprint) == {CLASS, OPTIONS}:
        made_by = find_class(blueprint[CLASS])
        if not is_dataclass(made_by):
            raise InputError(Code.MODEL_UNFIT, f"{blueprint[CLASS]} is no dataclass, as every part of a mixture is.")
        try:
            return made_by(**{name: build(value) for name, value in blueprint[OPTIONS].items()})
        except TypeError as error:
            raise InputError(
                Code.MODEL_UNFIT, f"{blueprint[CLASS]} has other options in this version: {error}."
            ) from error
    if isinstance(blueprint, Mapping):
        return {key: build(value) for key, value in blueprint.items()}
    return [build(value) for value in blueprint] if isinstance(blueprint, list) else blueprint


def name_class(thing: Any) -> str:
    """Return the name by which `find_class` finds the class of an object."""
    made_by = type(thing)
    return f"{made_by.__module__}:{made_by.__qualname__}"


def find_class(name: str, kind: type = object) -> type[Any]:
    """Import a class by its name.

    Raises
    ------
    InputError
        If it is not there, or derives from another class than `kind`.
    """
    module, _, path = name.partition(":")
    try:
        found: Any = import_module(module)
        for part in path.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise InputError(Code.MODEL_UNFIT, f"The class {name} cannot be imported: {error}.") from error
    if not isinstance(found, type) or not issubclass(found, kind):
        raise InputError(Code.MODEL_UNFIT, f"{name} is no class of the kind {kind.__name__}.")
    return found
