"""Who asks, and what may they see and do? Centers, roles, tokens, openness, pseudonyms, and the log of it all."""


class UnauthenticatedError(Exception):
    """Nobody is known by what was shown, or nothing was shown where it is needed (HTTP 401)."""


class ForbiddenError(Exception):
    """Whoever asks is known and may not do this; the text names the role that may (HTTP 403)."""
