"""What has the city told this node to do otherwise than node.json says? A numbered, signed configuration, or none.

A configuration may change ``period_ms`` and the keys of the node's kind, nothing else; what it does not name is as in
node.json. It is checked whole before it replaces the one before, and the node starts again with it, on trial: when
``ATTEMPTS`` starts end before ``confirm``, the one before is back, and this number is not tried again.

``config.json`` is the current one, ``config.old`` the last confirmed one before it; each is replaced as a whole and
carries a CRC. A damaged ``config.json`` means ``config.old``, a damaged ``config.old`` means none.

The clock plays no part: a configuration does not expire, and a number only grows, so an old one can't come back.
"""

import binascii
import json

from firmware.boot.durable import replace
from firmware.contract import ContractError

ATTEMPTS = 3
_REASON = 120  # characters that are kept of why one was given up


class Config:
    """``trust`` says whose configurations are taken.

    ``asked()`` is (what node.json says, the module of the node's kind), loaded when a configuration has to be judged by
    it. ``number`` (0: none) and ``error`` are for the state message.
    """

    def __init__(self, folder: str, asked, trust: dict) -> None:
        self._current, self._old = folder + "/config.json", folder + "/config.old"
        self._asked = asked
        self._trust = trust
        self.error = ""
        self.number, self.changes, self._digest, self._trial = 0, {}, "", None
        self._given_up = (0, "", "")  # (number, digest, why) of the last one that was given up
        self._load()

    # ---- at start

    @property
    def is_trial(self) -> bool:
        """Whether the current one has still to prove itself."""
        return self._trial is not None

    def start(self) -> dict:
        """The settings of the kind, with ``period_ms``; counts the start of one on trial. Raises SettingsError."""
        if self._trial is not None and self._trial >= ATTEMPTS:
            self.give_up("failed " + str(ATTEMPTS) + " starts")
        if self._trial is not None:
            self._trial += 1
            self._save()
        try:
            return self._resolved(self.changes)
        except ContractError as error:  # a newer firmware may want other keys
            if not self.number:
                raise
            self.give_up(str(error))
            return self._resolved(self.changes)

    def confirm(self) -> None:
        """The node works with it: it stays."""
        if self._trial is not None:
            self._trial = None
            self._save()

    def give_up(self, why: str) -> None:
        """Back to the one before, or to none; the node has to start again to apply that."""
        self._given_up = (self.number, self._digest, why[:_REASON])
        self._take_over(_read(self._old))
        self._tell_given_up()
        self._save()

    # ---- from the city

    def news(self, payload: bytes) -> tuple:
        """A message on the config topic: (the message, its digest), to be offered when its signature was judged.

        (None, "") for the current one, and for one that can't be taken whoever signed it: then ``error`` says why.
        """
        if payload:  # not a retained message that was taken away
            try:
                return self._read(payload)
            except ContractError as error:
                self._refuse(str(error))
        return None, ""

    def offer(self, message: dict, name: str, is_signed: bool) -> bool:
        """What ``news`` gave: whether it was accepted, durably; the node starts again to apply it.

        If not, ``error`` says why.
        """
        try:
            if not is_signed:
                raise ContractError("not signed by " + message["by"].split("/")[0])
            self._resolved(message["settings"])
            self._accept(message, name)
        except ContractError as error:
            self._refuse(str(error))
        except OSError as error:
            self._refuse("flash: " + str(error))
        else:
            return True
        return False

    def _refuse(self, why: str) -> None:
        self.error = why
        print("config: " + why)

    def _read(self, payload: bytes) -> tuple:
        """(The message, its digest); (None, "") when it is known. Raises ContractError, also for who may not ask."""
        from firmware.orders import decode_config
        from firmware.signature import center, digest, may

        message = decode_config(payload)
        name = str(binascii.hexlify(digest(message)), "ascii")
        if not self._is_news(message["number"], name):
            return None, ""
        if not may(self._trust, message, "config"):
            raise ContractError((center(message) or "nobody") + " may not configure here")
        return message, name

    def _is_news(self, number: int, name: str) -> bool:
        """False for what is known, and for a number that is taken."""
        if (number, name) == (self.number, self._digest):
            self.error = ""
        elif (number, name) == self._given_up[:2]:
            self._tell_given_up()
        elif number <= max(self.number, self._given_up[0]):
            newest = max(self.number, self._given_up[0])
            raise ContractError("number " + str(number) + " is not above " + str(newest))
        else:
            return True
        return False

    def _resolved(self, changes: dict) -> dict:
        from firmware.settings import SettingsError, resolved, whole

        node_json, kind = self._asked()
        given, period = dict(node_json["rest"]), node_json["period_ms"]
        for key, value in changes.items():
            if key == "period_ms":
                period = value
            elif key in kind.KEYS or key in kind.OPTIONAL:
                given[key] = value
            else:
                raise SettingsError(key[:64] + ": is not for a configuration to change")
        found = resolved(given, kind.KEYS, kind.OPTIONAL)
        found["period_ms"] = whole("period_ms", period)
        return found

    # ---- on flash

    def _accept(self, message: dict, name: str) -> None:
        """First the copy to go back to, then the new one: a cut between the two changes nothing."""
        if self._trial is None:
            _write(self._old, self._kept())
        kept = {"number": message["number"], "changes": message["settings"], "digest": name, "trial": 0}
        kept["given_up"] = list(self._given_up)
        _write(self._current, kept)
        self._take_over(kept)
        self.error = ""

    def _load(self) -> None:
        kept, old = _read(self._current), _read(self._old)
        if kept is None and old is not None:
            old["trial"] = None
            self.error = "config.json: damaged, the one before is back"
        self._take_over(old if kept is None else kept)
        if kept is not None:
            self._given_up = tuple(kept["given_up"])
            self._tell_given_up()

    def _take_over(self, kept: dict | None) -> None:
        kept = kept or {"number": 0, "changes": {}, "digest": "", "trial": None}
        self.number, self.changes = kept["number"], kept["changes"]
        self._digest, self._trial = kept["digest"], kept["trial"]

    def _tell_given_up(self) -> None:
        number, _, why = self._given_up
        self.error = "number " + str(number) + " was given up: " + why if number > self.number else ""

    def _kept(self) -> dict:
        return {
            "number": self.number,
            "changes": self.changes,
            "digest": self._digest,
            "trial": self._trial,
            "given_up": list(self._given_up),
        }

    def _save(self) -> None:
        """On a flash that can't be written, the memory goes on; the next start counts again."""
        try:
            _write(self._current, self._kept())
        except OSError as error:
            self.error = "flash: " + str(error)


def _write(path: str, kept: dict) -> None:
    text = json.dumps(kept).encode()
    replace(path, b"%08x" % _crc(text) + text)


def _read(path: str) -> dict | None:
    """None where there is none, or a damaged one."""
    try:
        with open(path, "rb") as file:
            octets = file.read()
        if int(octets[:8], 16) != _crc(octets[8:]):
            return None
        return json.loads(str(octets[8:], "utf-8"))
    except (OSError, ValueError):
        return None


def _crc(octets: bytes) -> int:
    return binascii.crc32(octets) & 0xFFFFFFFF
