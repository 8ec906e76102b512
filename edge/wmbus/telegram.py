"""What does a radio telegram say? From the link frame through extended link, authentication and transport layer.

EN 13757-4 12 (extended link layer), EN 13757-7 (AFL, TPL), OMS volume 2. The records are those of wired M-Bus.
"""

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from edge.errors import DeviceError
from edge.keys import Keys
from edge.mbus import record
from edge.mbus.telegram import HEADER_SIZES, LONG_HEADER, NO_HEADER, Header, Telegram, header_of
from edge.wmbus import security
from edge.wmbus.compact import Formats
from edge.wmbus.frame import Frame, crc
from edge.wmbus.security import BLOCK, CHECK

State = Literal["open", "decrypted", "no_key", "wrong_key", "repeated_counter", "unknown_format", "unknown_mode"]

# CI fields of EN 13757-3 for frames whose DIF and VIF are elsewhere, and of those that bring them: bytes of the header.
_COMPACT = {0x79: 0, 0x7B: 4, 0x73: 12}
_FORMAT = {0x69: 0, 0x6A: 4, 0x6B: 12}
_SIZES = {**HEADER_SIZES, **_COMPACT, **_FORMAT}
_MANUFACTURER_SPECIFIC = range(0xA0, 0xB8)
_AFL = 0x90
# CI of the extended link layer: bytes of (CC, ACC), whether M2 A2 follow, whether the session number and a CRC do.
_EXTENDED = {0x8C: (False, False), 0x8D: (False, True), 0x8E: (True, False), 0x8F: (True, True)}
_HOP_AND_REPEATED = 0x12  # bits of CC that a repeater changes
_MAC_SIZES = {3: 2, 4: 4, 5: 8, 6: 12, 7: 16}  # by authentication type of the AFL
_MODE5, _MODE7 = 5, 7


class Heard(NamedTuple):
    """One telegram; it has records only when ``state`` is open or decrypted."""

    telegram: Telegram
    state: State


def _as_they_are(octets: bytes) -> bytes:
    return octets


class _Layer(NamedTuple):
    """What is left to read, and who sent it: M, A as sent, 8 bytes; ``records`` makes records of what was opened."""

    address: bytes
    octets: bytes
    access_number: int | None = None
    failed: State | None = None
    records: Callable[[bytes], bytes | None] = _as_they_are


class _Afl(NamedTuple):
    message_control: int
    counter: bytes
    length: bytes
    mac: bytes


class Listener:
    """Keeps what must be remembered between telegrams: formats of compact frames, counters of mode 7."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._formats = Formats()
        self._counters: dict[str, int] = {}

    def hear(self, frame: Frame) -> Heard:
        """What this frame says; DeviceError says where it is broken."""
        layer = self._link(frame)
        if layer.failed:
            return _hidden(layer, Header(access_number=layer.access_number), layer.failed)
        afl, octets = _authentication(layer.octets)
        if not octets:
            raise DeviceError("radio telegram: no CI field behind the link layer")
        return self._application(layer, afl, octets)

    def _application(self, layer: _Layer, afl: _Afl | None, octets: bytes) -> Heard:
        ci, body = octets[0], octets[1:]
        header = Header(access_number=layer.access_number)
        if ci in _MANUFACTURER_SPECIFIC:
            return _hidden(layer, header, "unknown_format")
        if ci not in _SIZES:
            raise DeviceError(f"radio telegram: CI field {ci:02x} is not known")
        if ci in _COMPACT:
            layer = layer._replace(records=self._formats.full)
        elif ci in _FORMAT:
            layer = layer._replace(records=self._formats.learn_format)
        size = _SIZES[ci]
        rest = body[size:]
        if size:
            header = header_of(body[:size], size, is_reversed=ci in (0x76, 0x7E))
        elif ci == NO_HEADER:
            self._formats.learn(rest)
        if size == HEADER_SIZES[LONG_HEADER]:
            layer = layer._replace(address=body[4:6] + body[:4] + body[6:8])
        return self._transport(layer, header, rest, afl, octets)

    # ---- extended link layer

    def _link(self, frame: Frame) -> _Layer:
        octets = frame.payload
        if octets[0] not in _EXTENDED:
            return _Layer(frame.address, octets)
        has_address, has_session = _EXTENDED[octets[0]]
        size = 3 + 8 * has_address + 6 * has_session
        if len(octets) < size:
            raise DeviceError(f"extended link layer: truncated, {len(octets)} of {size} bytes")
        control, access_number = octets[1], octets[2]
        address = octets[3:11] if has_address else frame.address
        if not has_session:
            return _Layer(address, octets[3 + 8 * has_address :], access_number)
        return self._session(_Layer(address, octets[3 + 8 * has_address :], access_number), control)

    def _session(self, layer: _Layer, control: int) -> _Layer:
        session, hidden = layer.octets[:4], layer.octets[4:]
        encryption = session[3] >> 5
        if encryption == 0:
            return layer._replace(octets=_checked(hidden))
        key = self._keys.of(layer.address[2:6][::-1].hex())
        if encryption != 1 or key is None:
            return layer._replace(octets=b"", failed="unknown_mode" if encryption != 1 else "no_key")
        for sent in (control, control & ~_HOP_AND_REPEATED):
            plain = security.extended_link(key, layer.address, sent, session, hidden)
            if crc(plain[2:]).to_bytes(2, "little") == plain[:2]:
                return layer._replace(octets=plain[2:])
        return layer._replace(octets=b"", failed="wrong_key")

    # ---- transport layer

    def _transport(self, layer: _Layer, header: Header, body: bytes, afl: _Afl | None, octets: bytes) -> Heard:
        mode = header.configuration >> 8 & 0x1F
        blocks = header.configuration >> 4 & 0x0F
        if mode == 0 or body[:2] == CHECK:  # somebody on the way has decrypted it already
            return _open(layer, header, body[1:] if mode == _MODE7 and body[1:3] == CHECK else body, "open")
        if mode == _MODE7 and body[1:3] == CHECK:
            return _open(layer, header, body[1:], "open")
        if mode not in (_MODE5, _MODE7):
            return _hidden(layer, header, "unknown_mode")
        identification = layer.address[2:6][::-1].hex()
        key = self._keys.of(identification)
        if key is None:
            return _hidden(layer, header, "no_key")
        if mode == _MODE5:
            return _decrypted(
                layer,
                header,
                body,
                blocks,
                lambda hidden: security.mode5(key, layer.address, header.access_number or 0, hidden),
            )
        return self._mode7(layer, header, body, blocks, afl, octets, key)

    def _mode7(  # noqa: PLR0913, PLR0917 - the layers that the key derivation joins
        self, layer: _Layer, header: Header, body: bytes, blocks: int, afl: _Afl | None, octets: bytes, key: bytes
    ) -> Heard:
        if afl is None or len(afl.counter) != 4:
            raise DeviceError("radio telegram: security mode 7 without an AFL message counter")
        if not afl.mac:
            raise DeviceError("radio telegram: security mode 7 without a MAC proves nothing")
        encryption_key, authentication_key = security.mode7_keys(key, layer.address[2:6], afl.counter)
        proof = bytes((afl.message_control,)) + afl.counter + afl.length + octets
        if security.cmac(authentication_key, proof)[: len(afl.mac)] != afl.mac:
            return _hidden(layer, header, "wrong_key")
        identification = layer.address[2:6][::-1].hex()
        counter = int.from_bytes(afl.counter, "little")
        if counter <= self._counters.get(identification, -1):
            return _hidden(layer, header, "repeated_counter")
        heard = _decrypted(layer, header, body[1:], blocks, lambda hidden: security.mode7(encryption_key, hidden))
        if heard.state == "decrypted":
            self._counters[identification] = counter
        return heard


def _authentication(octets: bytes) -> tuple[_Afl | None, bytes]:
    """The AFL, if there is one, and what follows it (EN 13757-7 6)."""
    if not octets or octets[0] != _AFL:
        return None, octets
    length = octets[1] if len(octets) > 1 else 0
    fields, rest = octets[2 : 2 + length], octets[2 + length :]
    if len(fields) < max(length, 2):
        raise DeviceError(f"AFL: truncated, {len(fields)} of {max(length, 2)} bytes")
    control, at = int.from_bytes(fields[:2], "little"), 2
    if control & 0x4000 or control & 0xFF > 1:
        raise DeviceError("AFL: fragmented messages are not read")
    found: dict[str, bytes] = {}
    message_control = fields[at] if control & 0x2000 and at < len(fields) else 0
    sizes: Mapping[str, tuple[int, int]] = {
        "mcl": (0x2000, 1),
        "key": (0x0200, 2),
        "counter": (0x0800, 4),
        "mac": (0x0400, _MAC_SIZES.get(message_control & 0x0F, 8)),
        "length": (0x1000, 2),
    }
    for name, (bit, size) in sizes.items():
        if control & bit:
            found[name], at = fields[at : at + size], at + size
    if at > len(fields):
        raise DeviceError(f"AFL: truncated, {len(fields)} of {at} bytes")
    return _Afl(message_control, found.get("counter", b""), found.get("length", b""), found.get("mac", b"")), rest


def unrepeated(payload: bytes) -> bytes:
    """The payload as the meter sent it, without the bits that a repeater sets in the extended link layer."""
    if len(payload) < 2 or payload[0] not in _EXTENDED:
        return payload
    return payload[:1] + bytes((payload[1] & ~_HOP_AND_REPEATED,)) + payload[2:]


def _checked(octets: bytes) -> bytes:
    """What follows the payload CRC of the extended link layer; DeviceError when it is another."""
    if len(octets) < 3 or crc(octets[2:]).to_bytes(2, "little") != octets[:2]:
        raise DeviceError("extended link layer: the CRC of the payload is wrong")
    return octets[2:]


def _decrypted(layer: _Layer, header: Header, body: bytes, blocks: int, decrypt: Callable[[bytes], bytes]) -> Heard:
    hidden, rest = body[: BLOCK * blocks], body[BLOCK * blocks :]
    if not hidden:
        return _open(layer, header, body, "open")
    if len(hidden) < BLOCK * blocks:
        raise DeviceError(f"radio telegram: {len(hidden)} bytes of {blocks} encrypted blocks")
    plain = decrypt(hidden)
    if plain[:2] != CHECK:
        return _hidden(layer, header, "wrong_key")
    return _open(layer, header, plain + rest, "decrypted")


def _open(layer: _Layer, header: Header, octets: bytes, state: State) -> Heard:
    records = layer.records(octets)
    if records is None:
        return _hidden(layer, header, "unknown_format")
    found = record.decode(records)
    telegram = _telegram(layer, header)
    return Heard(Telegram(*telegram, "", found.records, found.manufacturer_block, found.more_follows), state)


def _hidden(layer: _Layer, header: Header, state: State) -> Heard:
    return Heard(Telegram(*_telegram(layer, header), state, (), b"", more_follows=False), state)


def _telegram(layer: _Layer, header: Header) -> tuple[str, str, int, str, int | None, int]:
    sender = Frame(0, layer.address, b"")
    return (
        sender.identification,
        sender.manufacturer,
        sender.version,
        sender.medium,
        header.access_number,
        header.status,
    )
