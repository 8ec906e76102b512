"""How are receivers read that write text? One line per telegram."""

from collections.abc import Callable

from edge.wmbus.receivers import Received

_LONGEST = 2048


class Lines:
    """Cuts a stream into lines; ``parse`` returns what a line says, None for any other line."""

    def __init__(self, parse: Callable[[str], Received | None]) -> None:
        self.dropped = 0
        self._parse = parse
        self._rest = b""

    def feed(self, octets: bytes) -> list[Received]:
        *lines, self._rest = (self._rest + octets).split(b"\n")
        if len(self._rest) > _LONGEST:
            self.dropped += len(self._rest)
            self._rest = b""
        heard: list[Received] = []
        for line in lines:
            found = self._parse(line.decode("ascii", "replace").strip())
            if found:
                heard.append(found)
            elif line.strip():
                self.dropped += len(line)
        return heard


def hexadecimal(text: str) -> bytes:
    """The bytes; none when it is something else."""
    try:
        return bytes.fromhex(text) if text.isalnum() else b""
    except ValueError:
        return b""
