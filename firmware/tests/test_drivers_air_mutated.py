"""A hundred thousand damaged answers per sensor for air: none with a wrong checksum is taken, nothing else breaks.

Each is a good answer with flipped bits, cut, lengthened or replaced by noise. The checksums are written a second time
here, so a driver can't be its own judge. Runs on both interpreters.
"""

import struct

from firmware.drivers import DriverError, bme280, pms5003, scd41, sds011, sensirion, shdlc, sht4x, sps30, sps30_i2c

TIMES = 100000


class Noise:
    """Numbers that look random and are the same on every interpreter (xorshift, 32 bit)."""

    def __init__(self, seed: int) -> None:
        self._state = seed

    def below(self, limit: int) -> int:
        state = self._state
        state ^= state << 13 & 0xFFFFFFFF
        state ^= state >> 17
        self._state = state ^ (state << 5 & 0xFFFFFFFF)
        return (self._state >> 8) % limit

    def damaged(self, good: bytes) -> bytes:
        kind, octets = self.below(8), bytearray(good)
        if kind == 0:  # cut
            return bytes(octets[: self.below(len(octets))])
        if kind == 1:  # something before it
            return bytes([self.below(256) for _ in range(1 + self.below(3))]) + good
        if kind == 2:  # nothing of it is left
            return bytes([self.below(256) for _ in range(len(octets))])
        if kind == 3:  # a piece is missing in the middle
            at = self.below(len(octets))
            return bytes(octets[:at] + octets[at + 1 :])
        for _ in range(1 + self.below(3)):
            octets[self.below(len(octets))] ^= 1 << self.below(8)
        return bytes(octets)


def crc_bit_by_bit(octets: bytes) -> int:
    """The same CRC as a division of polynomials: the initial value is xored into the first octet."""
    rest = (octets[0] ^ 0xFF) << 8 | octets[1]
    for bit in range(15, 7, -1):
        if rest >> bit & 1:
            rest ^= 0x131 << bit - 8
    return _shifted(rest & 0xFF)


def _shifted(rest: int) -> int:
    rest <<= 8
    for bit in range(15, 7, -1):
        if rest >> bit & 1:
            rest ^= 0x131 << bit - 8
    return rest & 0xFF


def words_are_right(octets: bytes) -> bool:
    triples = [octets[start : start + 3] for start in range(0, len(octets), 3)]
    return all(crc_bit_by_bit(triple[:2]) == triple[2] for triple in triples)


def judge_words(seed: int, good: bytes, read) -> None:
    """``read`` either gives values for an answer whose words are all right, or raises DriverError."""
    assert read(good)
    noise, taken = Noise(seed), 0
    for _ in range(TIMES):
        bad = noise.damaged(good)
        try:
            read(bad)
        except DriverError:
            continue
        taken += 1
        assert len(bad) == len(good)
        assert words_are_right(bad), bad
    assert taken < TIMES // 50


def word_answer(*numbers: int) -> bytes:
    answer = b""
    for number in numbers:
        pair = bytes((number >> 8, number & 0xFF))
        answer += pair + bytes((sensirion.crc8(pair),))
    return answer


def test_no_damaged_answer_of_an_sht4x_is_taken():
    judge_words(1, word_answer(0x6666, 0x8000), sht4x.measurement)


def test_no_damaged_answer_of_an_scd41_is_taken():
    judge_words(2, word_answer(415, 0x6666, 0x8000), scd41.measurement)


def test_no_damaged_answer_of_an_sps30_on_i2c_is_taken():
    numbers = struct.unpack(">20H", struct.pack(">10f", 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5, 0.5))
    judge_words(3, word_answer(*numbers), lambda answer: sps30.concentrations(sps30_i2c.data(answer)))


def judge_frames(seed: int, good: bytes, finder, is_right, read) -> None:
    """Damaged frames, one after the other in pieces; after them a good one is found."""
    noise, found = Noise(seed), finder()
    assert read(good)
    for _ in range(TIMES):
        bad = noise.damaged(good)
        at = noise.below(len(bad) + 1)
        for frame in found.feed(bad[:at]) + found.feed(bad[at:]):
            assert is_right(frame), frame
            try:
                read(frame)
            except DriverError:
                pass
        try:
            read(bad)
        except DriverError:
            continue
        assert is_right(bad), bad
    assert good in found.feed(good) + found.feed(good) + found.feed(good) + found.feed(good)


def test_no_damaged_frame_of_a_pms5003_is_taken():
    good = b"BM\x00\x1c" + struct.pack(">13H", 5, 7, 9, 11, 22, 33, 930, 269, 60, 10, 2, 1, 0x9700)
    good += struct.pack(">H", sum(good))

    def is_right(frame: bytes) -> bool:
        length, total = struct.unpack(">H", frame[2:4])[0], 0
        for octet in frame[:-2]:
            total += octet
        return frame[:2] == b"BM" and len(frame) == length + 4 and struct.unpack(">H", frame[-2:])[0] == total

    judge_frames(4, good, pms5003.finder, is_right, pms5003.concentrations)


def test_no_damaged_frame_of_an_sds011_is_taken():
    good = bytes([0xAA, 0xC0, 0xD4, 0x04, 0x3A, 0x0A, 0xA1, 0x60, 0x1D, 0xAB])

    def is_right(frame: bytes) -> bool:
        total = 0
        for octet in frame[2:8]:
            total = (total + octet) % 256
        return len(frame) == 10 and frame[0] == 0xAA and frame[9] == 0xAB and frame[8] == total

    judge_frames(5, good, sds011.finder, is_right, sds011.concentrations)


def test_no_damaged_frame_of_an_sps30_on_a_serial_line_is_taken():
    data = struct.pack(">10f", 1.5, 12.25, 13.0, 400.125, 1.0, 2.0, 3.0, 4.0, 5.0, 0.5)
    content = bytes((0, 3, 0, 40)) + data
    good = b"\x7e" + content + bytes((~sum(content) & 0xFF,)) + b"\x7e"
    assert good.count(b"\x7e") == 2

    def is_right(frame: bytes) -> bool:
        inside, total, at = [], 0, 1
        while at < len(frame) - 1:
            octet = frame[at]
            if octet == 0x7D:
                at += 1
                octet = frame[at] ^ 0x20
            inside.append(octet)
            total += octet
            at += 1
        return total & 0xFF == 0xFF and inside[3] == len(inside) - 5

    def read(frame: bytes) -> dict:
        return sps30.concentrations(shdlc.answer(frame, sps30.READ))

    judge_frames(6, good, shdlc.finder, is_right, read)


def test_no_damaged_answer_of_a_bme280_breaks_it():
    """It has no checksum: what comes out may be wrong, but it is a number in its place or our own error."""
    noise = Noise(7)
    low = struct.pack(
        "<HhhHhhhhhhhhBB", 27504, 26435, -1000, 36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000, 0, 75
    )
    high = b"\x6a\x01\x00\x13\x2b\x03\x1e"
    raw = b"\x65\x5a\xc0\x7e\xed\x00\x65\x90"
    for _ in range(TIMES // 5):
        try:
            trim = bme280.trim(noise.damaged(low), noise.damaged(high))
        except DriverError:
            trim = bme280.trim(low, high)
        for _ in range(5):
            try:
                values = bme280.measurement(trim, noise.damaged(raw), True)
            except DriverError:
                continue
            assert sorted(values) == ["air_pressure", "relative_humidity", "temperature"]
            assert 0 <= values["relative_humidity"][0] <= 10000
