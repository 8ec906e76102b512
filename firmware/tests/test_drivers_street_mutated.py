"""A hundred thousand damaged answers per sensor of streets and meters: no wrong number, no error but our own.

Where there is a checksum, it is computed a second time here. Where there is none, a number that comes out must be one
that the sensor could have sent. Runs on both interpreters.
"""

import random

from firmware.drivers import DriverError, framing, jsn_sr04t, ld2410, mmc5603, pressure, qmc5883l, qmc5883p, vl53l1x

TIMES = 100000
BASIC = b"\xf4\xf3\xf2\xf1\x0d\x00\x02\xaa\x02\x51\x00\x00\x00\x00\x3b\x00\x00\x55\x00\xf8\xf7\xf6\xf5"
GATES = b"\x3c\x22\x05\x03\x03\x04\x03\x06\x05\x00\x00\x39\x10\x13\x06\x06\x06\x08\x03\x05"
ENGINEERING = (
    b"\xf4\xf3\xf2\xf1\x23\x00\x01\xaa\x03\x1e\x00\x3c\x00\x00\x39\x00\x00\x08\x08"
    + GATES
    + b"\x55\x00\xf8\xf7\xf6\xf5"
)
RANGE = b"\x09\x00\x07\x10\x00\x05\x80\x00\x40\x00\x22\x09\x99\x04\xd2\x00\x00"


def damaged(good: bytes) -> bytes:
    octets, kind = bytearray(good), random.getrandbits(3)
    if kind == 0:
        return bytes(octets[: random.randrange(len(octets))])
    if kind == 1:
        return bytes([random.getrandbits(8)]) + good
    if kind == 2:
        return bytes([random.getrandbits(8) for _ in octets])
    if kind == 3:
        at = random.randrange(len(octets))
        return bytes(octets[:at] + octets[at + 1 :])
    for _ in range(1 + random.getrandbits(1)):
        octets[random.randrange(len(octets))] ^= 1 << random.getrandbits(3)
    return bytes(octets)


def outcomes(good: tuple, read) -> list:
    """How many damaged answers were taken, and how many refused; the rest would have ended this test."""
    random.seed(4)
    taken = refused = 0
    for number in range(TIMES):
        answer = damaged(good[number % len(good)])
        try:
            read(answer)
            taken += 1
        except DriverError:
            refused += 1
    return [taken, refused]


def test_no_damaged_distance_with_a_wrong_sum_is_taken():
    def read(answer: bytes) -> None:
        distance = jsn_sr04t.distance_mm(answer)
        assert len(answer) == 4
        assert (0xFF + answer[1] + answer[2]) % 256 == answer[3]
        assert distance == answer[1] * 256 + answer[2] <= 8000

    taken, refused = outcomes((b"\xff\x01\x9c\x9c", b"\xff\x07\xa1\xa7"), read)
    assert 0 < taken < TIMES // 50  # a sum of eight bits, and bits that were flipped twice
    assert taken + refused == TIMES


def test_every_damaged_report_that_is_taken_could_have_been_sent():
    def read(answer: bytes) -> None:
        report = ld2410.report(answer)
        body = answer[6:-4]
        assert answer[:4] == b"\xf4\xf3\xf2\xf1"
        assert answer[-4:] == b"\xf8\xf7\xf6\xf5"
        assert len(body) == answer[4] + answer[5] * 256
        assert body[1] == 0xAA
        assert body[-2:] == b"\x55\x00"
        assert report.state <= 3
        assert max(report.moving_cm, report.static_cm, report.detection_cm) <= 675
        assert max(report.moving_energy, report.static_energy) <= 100
        assert max(report.moving_gates + report.static_gates + b"\x00") <= 100

    taken, refused = outcomes((BASIC, ENGINEERING), read)
    assert taken < TIMES // 2
    assert refused > TIMES // 2


def test_good_reports_are_found_between_damaged_ones():
    random.seed(5)
    finder, found = framing.FrameFinder(ld2410.HEAD, ld2410.size_of, ld2410.is_frame), 0
    for _ in range(TIMES // 20):
        noise = b"".join([damaged(BASIC), damaged(ENGINEERING), b"\x00" * 64])
        assert finder.feed(noise) is not None
        found += finder.feed(ENGINEERING)[-1:] == [ENGINEERING]
    assert found == TIMES // 20


def test_damaged_answers_of_magnetometers_give_a_field_in_range_or_none():
    def read_l(answer: bytes) -> None:
        assert qmc5883l.is_ready(answer[:1]) in (True, False)
        assert max([abs(axis) for axis in qmc5883l.field_nt(answer)]) <= 1092267

    def read_p(answer: bytes) -> None:
        assert qmc5883p.is_ready(answer[:1]) in (True, False)
        assert max([abs(axis) for axis in qmc5883p.field_nt(answer)]) <= 873814

    def read_mmc(answer: bytes) -> None:
        counts = mmc5603.counts(answer)
        assert max([abs(axis) for axis in mmc5603.field_nt(counts, (0, 0, 0))]) <= 1600000

    data = b"\x01\x0b\x48\xf4\x00\x00"
    for good, read in ((data, read_l), (data, read_p), (b"\x84\x00\x7f\x00\x80\x01\x00\x50\x00", read_mmc)):
        taken, refused = outcomes((good,), read)
        assert taken
        assert refused


def test_damaged_ranges_are_valid_or_refused():
    def read(answer: bytes) -> None:
        found = vl53l1x.measured(answer)
        assert answer[0] & 0x1F == 9
        assert found.distance_mm == answer[13] * 256 + answer[14] > 0

    taken, refused = outcomes((RANGE,), read)
    assert taken
    assert refused


def test_any_voltage_is_a_pressure_within_its_tolerance_or_a_fault():
    for voltage in range(-100, 5100):
        try:
            mbar = pressure.pressure_mbar(voltage, (500, 4500), (0, 10000))
        except DriverError:
            mbar = None
        assert (mbar is None) == (not 100 <= voltage <= 4900), voltage
        assert mbar is None or abs(2 * mbar - (voltage - 500) * 5) <= 1, voltage
