"""Why is a request not answered as it was asked? One class for each answer of HTTP; the text names what is wrong."""


class AskedWrongError(Exception):
    """The request can't be answered as it was asked; the text names the option or name (HTTP 400)."""


class NotThereError(Exception):
    """There is no such entity or path (HTTP 404)."""


class NotForHereError(Exception):
    """What was asked is never done there; the text says what to do instead (HTTP 405)."""


class ConflictError(Exception):
    """What was asked stands against what is there, or against who owns it; the text says which (HTTP 409)."""


class TooLargeError(Exception):
    """The body is over what is taken; the text says how much is (HTTP 413)."""
