"""The one exception that users see as a plain message."""

from moe_exp.credentials import redact


class InputError(ValueError):
    """Something the user gave is wrong; the message says what, how much, where and what to do, and no password."""

    def __init__(self, message: str = "") -> None:
        super().__init__(redact(message))
