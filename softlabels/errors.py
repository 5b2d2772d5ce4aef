"""The error for input that the user can mend."""


class InputError(ValueError):
    """Input that the user can mend: a command shows its message alone.

    The message names the value, the place and the remedy.
    """
