"""Who may use the page for phones? Whoever types the code that stands on the laptop; each code lets one phone in."""

import hmac
import secrets
import threading
from collections.abc import Callable

from provisioning import ProvisionError

DIGITS = 8
MOST_WRONG = 5


class Door:
    """``announce`` shows a new code on the laptop: at the start, and after one was used."""

    def __init__(self, announce: Callable[[str], None]) -> None:
        self._announce = announce
        self._lock = threading.Lock()
        self._wrong = 0
        self._tokens: set[str] = set()
        self._code = ""
        self._renew()

    def enter(self, code: object) -> str:
        """Return the token of a session; raise ProvisionError for a wrong code. After five wrong ones it stays shut."""
        with self._lock:
            if self._wrong >= MOST_WRONG:
                raise ProvisionError("code: too many wrong ones; start the page again on the laptop")
            if not isinstance(code, str) or not hmac.compare_digest(code.encode(), self._code.encode()):
                self._wrong += 1
                raise ProvisionError("code: is not the one on the laptop")
            self._wrong = 0
            token = secrets.token_urlsafe(32)
            self._tokens.add(token)
            self._renew()
            return token

    def knows(self, token: str) -> bool:
        with self._lock:
            return any(hmac.compare_digest(token.encode(), one.encode()) for one in self._tokens)

    def _renew(self) -> None:
        self._code = "".join(secrets.choice("0123456789") for _ in range(DIGITS))
        self._announce(self._code)
