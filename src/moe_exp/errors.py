"""The one exception that users see as a plain message."""

from moe_exp.codes import Code, tagged
from moe_exp.credentials import redact


class InputError(ValueError):
    """Something the user gave is wrong; the message says what, how much, where and what to do, and no password.

    Parameters
    ----------
    code : Code
        The kind of trouble; an error that only says where another came from keeps that one's.
    message : str
        Without the code, which `str` puts at its end.
    """

    def __init__(self, code: Code, message: str) -> None:
        self.code, self.message = code, redact(message)
        super().__init__(code, self.message)

    def __str__(self) -> str:
        return tagged(self.code, self.message)
