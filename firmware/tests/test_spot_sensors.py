"""Each sensor of a spot is found, asked in its own way, and missed when it dies. Runs on both interpreters."""

import struct

from firmware.drivers import DriverError, mmc5603, qmc5883l, qmc5883p, vl53l1x
from firmware.nodes import parking
from firmware.spot.magnetometer import Magnetometer
from firmware.spot.time_of_flight import TimeOfFlight
from firmware.tests.fake_board import Board, Bus, Chip, Wire, finish, settings


def fault(coroutine) -> str:
    try:
        finish(coroutine)
    except DriverError as error:
        return str(error)
    raise AssertionError("measured")


# ---- magnetometers

FIELD = (20000, -3000, 43000)


class Coil:
    """An MMC5603 with an offset, which its coil turns against the field."""

    def __init__(self, offset: int) -> None:
        self.offset = offset
        self.sign = 0
        self.noise = 0

    def exchange(self, request: bytes, size: int) -> bytes:
        if request == mmc5603.SET:
            self.sign = 1
        elif request == mmc5603.RESET:
            self.sign = -1
        self.noise = (self.noise + 7) % 11
        axes = [axis * 16384 // 100000 * self.sign + self.offset + self.noise + 2**19 for axis in FIELD]
        data = b"".join([bytes((raw >> 12, raw >> 4 & 0xFF)) for raw in axes])
        data += bytes([(raw & 15) << 4 for raw in axes])
        return {b"\x39": b"\x10", b"\x18": b"\xd0", b"\x09": b"\x7d", b"\x00": data}[request] if size else b""


def qmc_p() -> Chip:
    def measure(chip: Chip) -> None:
        noise = chip.registers[0x01] & 1 ^ 1
        chip.put(0x01, struct.pack("<hhh", *[axis * 3 // 80 + noise for axis in FIELD]))
        chip.put(0x09, b"\x01")

    return Chip({0x00: 0x80, 0x01: 0}, qmc5883p.MEASURE, measure)


def qmc_l(**broken) -> Chip:
    def measure(chip: Chip) -> None:
        noise = chip.registers.get(0, 0) & 1 ^ 1
        raw = [axis * 3 // 100 + noise for axis in FIELD]
        chip.put(0, struct.pack("<hhhBh", raw[0], raw[1], raw[2], broken.get("status", 1), 1800))

    return Chip({0x0D: broken.get("identity", 0xFF)}, qmc5883l.MEASURE, measure)


def near(field: tuple) -> bool:
    return max([abs(found - there) for found, there in zip(field, FIELD)]) < 200


def test_each_magnetometer_is_found_by_what_it_says_of_itself():
    for chips, degrees in (
        ({0x30: Coil(-70000)}, 25),
        ({0x30: Coil(70000), 0x0D: qmc_l()}, 25),
        ({0x2C: qmc_p()}, None),
        ({0x0D: qmc_l()}, 18),
    ):
        sensor = Magnetometer(Bus(chips), Board({}).sleep_ms)
        for _ in range(3):
            field, celsius = finish(sensor.measure())
            assert near(field)
            assert celsius == degrees


class Floating:
    """A bus that is pulled up: whatever is read is 0xFF, whatever is written seems to be taken."""

    async def exchange(self, _address: int, _request: bytes, size: int) -> bytes:
        return b"\xff" * size


def test_a_bus_without_a_magnetometer_gives_no_field():
    sleep_ms = Board({}).sleep_ms
    assert fault(Magnetometer(Bus({}), sleep_ms).measure()) == "no_answer"
    assert fault(Magnetometer(Floating(), sleep_ms).measure()) == "wrong_chip"
    assert fault(Magnetometer(Bus({0x0D: qmc_l(identity=0x48)}), sleep_ms).measure()) == "wrong_chip"


def test_a_magnetometer_that_is_saturated_or_never_ready_gives_no_field():
    board = Board({})
    assert fault(Magnetometer(Bus({0x0D: qmc_l(status=3)}), board.sleep_ms).measure()) == "overflow"
    assert fault(Magnetometer(Bus({0x0D: qmc_l(status=0)}), board.sleep_ms).measure()) == "not_ready"
    assert board.ms < 200


def test_a_magnetometer_that_repeats_itself_is_stuck():
    chip = qmc_l()
    sensor = Magnetometer(Bus({0x0D: chip}), Board({}).sleep_ms)
    finish(sensor.measure())
    chip._measure = lambda _chip: None
    for _ in range(19):
        finish(sensor.measure())
    assert fault(sensor.measure()) == "stuck"
    assert fault(sensor.measure()) == "stuck"


def test_a_magnetometer_that_comes_back_is_looked_for_and_found():
    bus = Bus({0x30: Coil(0)})
    sensor = Magnetometer(bus, Board({}).sleep_ms)
    finish(sensor.measure())
    bus.chips = {}
    assert fault(sensor.measure()) == "no_answer"
    bus.chips = {0x2C: qmc_p()}  # mended with another one
    assert near(finish(sensor.measure())[0])


# ---- time of flight


class Ranger:
    """A VL53L1X: it measures when it is started, and says so until that is cleared."""

    def __init__(self) -> None:
        self.identity, self.booted, self.status, self.distance = b"\xea\xcc", 1, 9, 2400
        self.stream, self.ready, self.is_set_up, self.is_stuck = 0, 0, False, False
        self.written = []

    def exchange(self, request: bytes, size: int) -> bytes:
        if size:
            head = bytes((self.status, 0, self.stream)) + bytes(10)
            answers = {
                vl53l1x.IDENTITY: self.identity,
                vl53l1x.BOOTED: bytes((self.booted,)),
                vl53l1x.READY: bytes((self.ready,)),
                vl53l1x.RESULT: head + struct.pack(">HH", self.distance, 0),
            }
            return answers[request][:size]
        self.is_set_up = self.is_set_up or request == vl53l1x.DEFAULTS
        if request == vl53l1x.START and self.is_set_up:
            self.ready = 1
            self.stream = self.stream if self.is_stuck else self.stream % 255 + 1
        elif request == vl53l1x.CLEAR:
            self.ready = 0
        return b""


def ranger() -> tuple:
    chip = Ranger()
    return chip, TimeOfFlight(Bus({vl53l1x.ADDRESS: chip}), Board({}).sleep_ms)


def test_a_ranger_is_set_up_once_and_measures_when_it_is_asked():
    chip, sensor = ranger()
    assert [finish(sensor.measure()).distance_mm for _ in range(300)] == [2400] * 300
    assert chip.stream == 301 - 255  # one measurement more, for the reference


def test_a_ranger_that_is_another_absent_or_not_booted_gives_no_distance():
    chip, sensor = ranger()
    chip.booted = 0
    assert fault(sensor.measure()) == "not_ready"
    chip.identity = b"\xff\xff"
    assert fault(sensor.measure()) == "wrong_chip"
    assert fault(TimeOfFlight(Bus({}), Board({}).sleep_ms).measure()) == "no_answer"


def test_a_range_without_a_target_is_a_fault_of_its_name():
    chip, sensor = ranger()
    finish(sensor.measure())
    chip.status = 4
    assert fault(sensor.measure()) == "signal_fail"
    chip.status = 9
    assert finish(sensor.measure()).distance_mm == 2400


def test_a_ranger_whose_count_stands_still_is_stuck():
    chip, sensor = ranger()
    finish(sensor.measure())
    chip.is_stuck = True
    finish(sensor.measure())
    assert fault(sensor.measure()) == "stuck"


def test_a_ranger_that_lost_its_power_is_set_up_again():
    chip, sensor = ranger()
    finish(sensor.measure())
    chip.is_set_up, chip.ready = False, 0
    assert fault(sensor.measure()) == "not_ready"
    assert finish(sensor.measure()).distance_mm == 2400


# ---- all together


def report(state: int, centimetres: int, energy: int) -> bytes:
    body = struct.pack("<BBBHBHBH", 2, 0xAA, state, centimetres, energy, centimetres, energy, centimetres)
    return b"\xf4\xf3\xf2\xf1\x0d\x00" + body + b"\x55\x00\xf8\xf7\xf6\xf5"


def look(node, board: Board, times: int) -> list:
    found = []
    for _ in range(times):
        found += finish(node.sample())
        board.ms += 1000
    return found


def test_a_radar_alone_tells_a_spot_from_its_newest_report():
    wire = Wire()
    board = Board({"radar": wire})
    node = parking.make(settings(parking, heartbeat_ms=1, debounce=1), board, b"")
    wire.answers = [b"\x00\xf4" + report(0, 0, 0) + report(2, 150, 80)]
    (sample,) = look(node, board, 1)
    assert sample.values == {"radar_distance": (150, -2), "radar_energy": 80, "occupancy": "occupied"}
    wire.answers = [report(2, 150, 20)]  # weak: the last answer stays
    assert look(node, board, 1)[0].values["occupancy"] == "occupied"
    wire.answers = [report(0, 0, 0)[:10], report(0, 0, 0)[10:]]
    assert look(node, board, 1)[0].values["occupancy"] == "free"
    wire.answers = [b"\x55" * 40]
    assert look(node, board, 1) == []
    assert look(node, board, 1) == []
    assert node.faults == {"no_frame": 1, "no_answer": 1}


def test_noise_without_an_end_ends_the_listening():
    class Storm(Wire):
        async def receive(self, size: int, _timeout_ms: int) -> bytes:
            return b"\xf4\xf3" * (size // 2)

    board = Board({"radar": Storm()})
    node = parking.make(settings(parking), board, b"")
    assert look(node, board, 1) == []
    assert node.faults == {"no_frame": 1}


def test_four_sensors_answer_together_and_each_gives_its_evidence():
    chip = Ranger()
    ultrasonic, radar = Wire(always=b"\xff\x07\xd0\xd6"), Wire()
    board = Board(
        {"magnetometer": Bus({0x30: Coil(0)}), "sensor": ultrasonic, "radar": radar, "tof": Bus({0x29: chip})}
    )
    node = parking.make(settings(parking, heartbeat_ms=1), board, b"")
    for _ in range(14):
        radar.answers = [report(0, 0, 0)]
        (sample,) = look(node, board, 1)
    assert sample.quality == {}
    assert set(sample.values) == set(parking.QUANTITIES)
    assert sample.values["occupancy"] == "free"
    assert (sample.values["distance"], sample.values["distance.u2"]) == ((2000, -3), (2400, -3))
    chip.distance = 300  # a leaf on the window: three others know better
    radar.answers = [report(0, 0, 0)] * 3
    assert [one.values["occupancy"] for one in look(node, board, 3)] == ["free"] * 3
    ultrasonic.always = b"\xff\x01\x90\x90"
    radar.answers = [report(3, 40, 90)] * 3
    assert [one.values["occupancy"] for one in look(node, board, 3)] == ["free", "free", "occupied"]
