"""What do registers behind a pointer do on I2C? A write sets it and fills from there, a read goes on from it."""


class RegisterMap:
    """``pointer_size`` octets name a register. A chip overrides ``wrote`` and ``will_read``."""

    def __init__(self, address: int, registers: dict[int, int], pointer_size: int = 1) -> None:
        self.address = address
        self.registers = registers
        self._pointer_size = pointer_size
        self._pointer = 0

    def exchange(self, request: bytes, size: int) -> bytes:
        if len(request) >= self._pointer_size:
            self._pointer = int.from_bytes(request[: self._pointer_size])
        for octet in request[self._pointer_size :]:
            self.registers[self._pointer] = octet
            self.wrote(self._pointer, octet)
            self._pointer += 1
        octets = bytearray()
        for _ in range(size):
            self.will_read(self._pointer)
            octets.append(self.registers.get(self._pointer, 0))
            self._pointer += 1
        return bytes(octets)

    def put(self, register: int, octets: bytes) -> None:
        """What the chip itself writes."""
        for place, octet in enumerate(octets):
            self.registers[register + place] = octet

    def wrote(self, register: int, octet: int) -> None:
        """Do what writing this register does."""

    def will_read(self, register: int) -> None:
        """Bring this register up to date."""
