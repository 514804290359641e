"""The one exception that users see as a plain message."""


class InputError(ValueError):
    """Something the user gave is wrong; the message says what, how much, where and what to do."""
