"""OGC SensorThings API 1.1 (18-088), the part that reads."""


class AskedWrongError(Exception):
    """The request can't be answered as it was asked; the text names the option or name (HTTP 400)."""


class NotThereError(Exception):
    """There is no such entity or path (HTTP 404)."""
