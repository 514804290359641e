"""What tests of generated input ask of every refusal."""

from collections.abc import Callable

from moe_exp.errors import InputError


def refusal(act: Callable[[], object]) -> str:
    """Return the one line by which an act is refused, without its code; nothing if it is not refused."""
    try:
        act()
    except InputError as error:
        said = error.message
    else:
        return ""
    assert said.strip(), "a refusal without words"
    assert "\n" not in said, said
    return said
