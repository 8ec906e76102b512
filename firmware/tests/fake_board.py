"""A board of a few lines for tests of node kinds: what is wired answers from memory, and time stands until it is moved.

Runs on both interpreters, and no coroutine ever waits.
"""


def finish(coroutine):
    """The result of a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as stopped:
        return stopped.value
    raise AssertionError("it waited")


class Wire:
    """A serial sensor that gives the answers it was told, in order, then ``always``: silence."""

    def __init__(self, *answers, always: bytes = b"") -> None:
        self.answers = list(answers)
        self.always = always

    async def exchange(self, _request: bytes, _size: int, _timeout_ms: int) -> bytes:
        return self.answers.pop(0) if self.answers else self.always

    async def receive(self, size: int, _timeout_ms: int) -> bytes:
        if not self.answers:
            return b""
        octets = self.answers.pop(0)
        if len(octets) > size:
            self.answers.insert(0, octets[size:])
        return octets[:size]


class Pin:
    """An input, digital or analogue, at ``level``; None: dead."""

    def __init__(self, level=None) -> None:
        self.level = level

    async def read(self):
        return self.level

    read_mv = read


class Closings:
    """The edges of a contact that closes for 60 ms at each of ``times`` (us), made when they are asked for."""

    def __init__(self, times) -> None:
        self._times = times

    def __len__(self) -> int:
        return 2 * len(self._times)

    def __getitem__(self, number: int) -> tuple:
        return self._times[number // 2] + number % 2 * 60000, number % 2


class Recorder:
    """An input that records edges, (us, level); ``memory`` bounds what it keeps, ``answer`` what it gives at once."""

    outlives_reset = True

    def __init__(self, edges=(), memory: int = 10**9, answer: int = 10**9) -> None:
        self.edges = edges
        self.now_us = 0
        self.is_dead = False
        self._memory = memory
        self._answer = answer
        self._happened = 0

    def happened(self) -> int:
        """How many edges there have been."""
        while self._happened < len(self.edges) and self.edges[self._happened][0] <= self.now_us:
            self._happened += 1
        return self._happened

    async def since(self, cursor: int, _timeout_ms: int, most: int = 10**9):
        if self.is_dead:
            return None
        happened = self.happened()
        first = max(cursor, happened - self._memory)
        end = min(happened, first + self._answer, first + most)
        given = [self.edges[number] for number in range(first, end)]
        return first, self.now_us if end == happened else given[-1][0], given


class ForgetfulRecorder(Recorder):
    """As on the chip: a start begins with no edges, and numbers them from the first cursor that it is asked for."""

    outlives_reset = False

    def __init__(self, edges=()) -> None:
        super().__init__(edges)
        self._offset = None
        self._forgotten = 0

    def restart(self) -> None:
        """What has happened until now is gone."""
        self._offset = None
        self._forgotten = self.happened()

    async def since(self, cursor: int, _timeout_ms: int):
        if self._offset is None:
            self._offset = cursor - self._forgotten
        given = [self.edges[number] for number in range(cursor - self._offset, self.happened())]
        return cursor, self.now_us, given


class Bus:
    """An I2C bus with ``chips``: address -> object with ``exchange(request, size)`` -> bytes."""

    def __init__(self, chips: dict) -> None:
        self.chips = chips

    async def exchange(self, address: int, request: bytes, size: int):
        chip = self.chips.get(address)
        return None if chip is None else chip.exchange(request, size)


class Chip:
    """Registers of 8 bits: what is written is kept, and ``measure(self)`` runs when ``trigger`` is written."""

    def __init__(self, registers: dict, trigger: bytes, measure) -> None:
        self.registers = dict(registers)
        self._trigger = trigger
        self._measure = measure

    def exchange(self, request: bytes, size: int) -> bytes:
        if size:
            return bytes([self.registers.get(request[0] + place, 0) for place in range(size)])
        self.registers[request[0]] = request[1]
        if request == self._trigger:
            self._measure(self)
        return b""

    def put(self, register: int, octets: bytes) -> None:
        for place, octet in enumerate(octets):
            self.registers[register + place] = octet


class Board:
    """``wires``: name -> what is wired there. ``ms`` since the start, ``utc_ms`` at the start or None."""

    def __init__(self, wires: dict, utc_ms=None) -> None:
        self._wires = wires
        self.ms = 0
        self.utc_ms = utc_ms

    def has(self, name: str) -> bool:
        return name in self._wires

    def _opened(self, name: str, *_settings):
        return self._wires[name]

    uart = i2c = pulses = input = output = analog = _opened

    def monotonic_ms(self) -> int:
        return self.ms

    def now_ms(self):
        return None if self.utc_ms is None else self.utc_ms + self.ms

    async def sleep_ms(self, duration: int) -> None:
        self.ms += duration


def settings(kind, **changes) -> dict:
    """The settings of a kind as node.json would have them, with every default."""
    made = {key: default for key, (_check, default) in kind.OPTIONAL.items()}
    made["period_ms"] = 1000
    made.update(changes)
    return made


def has_floats(values: dict) -> bool:
    """Whether a float has come in anywhere: on the chip it would have 24 bits."""
    numbers = []
    for value in values.values():
        numbers += value if type(value) is tuple else (value,)
    return float in map(type, numbers)
