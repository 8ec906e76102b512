"""What does an air node remember over power cuts? How long its sensors have run; one note of 17 octets."""

import struct

_NOTE = "<BIIIHH"
_VERSION = 1


class Memory:
    """Seconds. A sensor that was exchanged begins at zero: its number of exchanges is a setting."""

    def __init__(self, note: bytes, particle_exchanges: int, gas_exchanges: int) -> None:
        self.is_new = len(note) != struct.calcsize(_NOTE) or note[0] != _VERSION
        self._exchanges = particle_exchanges, gas_exchanges
        self.fan_s = self.uncleaned_s = self.gas_s = 0
        if not self.is_new:
            _, fan, uncleaned, gas, particles, gases = struct.unpack(_NOTE, note)
            if particles == particle_exchanges:
                self.fan_s, self.uncleaned_s = fan, uncleaned
            if gases == gas_exchanges:
                self.gas_s = gas

    def note(self) -> bytes:
        return struct.pack(_NOTE, _VERSION, self.fan_s, self.uncleaned_s, self.gas_s, *self._exchanges)
