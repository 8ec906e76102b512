"""Where does a packet of the serial loader begin and end? SLIP, RFC 1055, as Espressif's loaders use it."""

_END, _ESCAPE = b"\xc0", b"\xdb"
_ESCAPED_END, _ESCAPED_ESCAPE = b"\xdb\xdc", b"\xdb\xdd"


def framed(packet: bytes) -> bytes:
    """The packet between two ends."""
    return _END + packet.replace(_ESCAPE, _ESCAPED_ESCAPE).replace(_END, _ESCAPED_END) + _END


class Frames:
    """Bytes in as they come, packets out as they are whole; what stands between packets is passed over."""

    def __init__(self) -> None:
        self._inside: bytes | None = None

    def feed(self, octets: bytes) -> list[bytes]:
        found = []
        first, *others = octets.split(_END)
        if self._inside is not None:
            self._inside += first
        for part in others:
            if self._inside:
                found.append(self._inside.replace(_ESCAPED_END, _END).replace(_ESCAPED_ESCAPE, _ESCAPE))
                self._inside = None
            else:
                self._inside = b""  # an end after nothing begins a packet
            if self._inside is not None:
                self._inside += part
        return found
