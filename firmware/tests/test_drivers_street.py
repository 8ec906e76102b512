"""What the sensors of streets, meters and underpasses say becomes numbers; noise and silence never do.

Runs on both interpreters. Frames are written out in the layout of each datasheet.
"""

from firmware.drivers import (
    DriverError,
    float_switch,
    framing,
    jsn_sr04t,
    ld2410,
    mmc5603,
    pressure,
    qmc5883l,
    qmc5883p,
    stuck,
    vl53l1x,
)


def fault(function, *arguments) -> str:
    try:
        function(*arguments)
    except DriverError as error:
        return str(error)
    raise AssertionError("taken for a number")


# ---- JSN-SR04T


def test_a_distance_is_read_from_its_frame():
    assert jsn_sr04t.distance_mm(b"\xff\x01\x9c\x9c") == 412
    assert jsn_sr04t.distance_mm(b"\xff\x07\xa1\xa7") == 1953


def test_silence_a_wrong_sum_no_echo_and_a_stuck_line_are_no_distance():
    assert fault(jsn_sr04t.distance_mm, b"") == "no_answer"
    assert fault(jsn_sr04t.distance_mm, b"\xff\x01") == "no_answer"
    assert fault(jsn_sr04t.distance_mm, b"\xff\x01\x9c\x9d") == "bad_checksum"
    assert fault(jsn_sr04t.distance_mm, b"\xfe\x01\x9c\x9b") == "bad_checksum"
    assert fault(jsn_sr04t.distance_mm, b"\xff\x00\x00\xff") == "no_echo"
    assert fault(jsn_sr04t.distance_mm, b"\xff\xff\xff\xfd") == "out_of_range"
    assert fault(jsn_sr04t.distance_mm, b"\xff\xff\xff\xff") == "bad_checksum"
    assert fault(jsn_sr04t.distance_mm, b"\x00\x00\x00\x00") == "bad_checksum"


# ---- QMC5883L


def test_a_field_of_one_gauss_is_three_thousand_steps_of_a_qmc5883l():
    assert qmc5883l.field_nt(b"\xb8\x0b\x48\xf4\x00\x00") == (100000, -100000, 0)
    assert qmc5883l.field_nt(b"\x01\x00\xff\xff\x03\x00") == (33, -33, 100)


def test_a_qmc5883l_is_known_by_a_register_that_keeps_what_is_written():
    assert qmc5883l.is_chip(b"\xff", b"\x18")
    assert not qmc5883l.is_chip(b"\xff", b"\xff")  # a bus that is pulled up and answers nothing else
    assert not qmc5883l.is_chip(b"\x00", b"\x00")
    assert not qmc5883l.is_chip(b"\x48", b"\x18")
    assert not qmc5883l.is_chip(None, None)


def test_a_saturated_dead_or_absent_qmc5883l_gives_no_field():
    assert qmc5883l.is_ready(b"\x01")
    assert not qmc5883l.is_ready(b"\x00")
    assert not qmc5883l.is_ready(b"\x04")  # data were skipped: they are still the newest
    assert fault(qmc5883l.is_ready, b"\x03") == "overflow"
    assert fault(qmc5883l.is_ready, b"\xff") == "dead_bus"
    assert fault(qmc5883l.is_ready, None) == "no_answer"
    assert fault(qmc5883l.field_nt, None) == "no_answer"
    assert fault(qmc5883l.field_nt, b"\x01\x00") == "no_answer"
    assert fault(qmc5883l.field_nt, b"\xff" * 6) == "dead_bus"


def test_a_qmc5883l_tells_changes_of_temperature():
    assert qmc5883l.temperature_c(b"\xd0\x07") == 20
    assert qmc5883l.temperature_c(b"\x18\xfc") == -10
    assert qmc5883l.temperature_c(None) is None


# ---- QMC5883P


def test_a_field_of_one_gauss_is_3750_steps_of_a_qmc5883p():
    assert qmc5883p.field_nt(b"\xa6\x0e\x5a\xf1\x00\x00") == (100000, -100000, 0)


def test_a_qmc5883p_is_known_by_its_identity():
    assert qmc5883p.is_chip(b"\x80")
    for other in (b"\xff", b"\x00", b"", None):
        assert not qmc5883p.is_chip(other)


def test_a_saturated_dead_or_absent_qmc5883p_gives_no_field():
    assert qmc5883p.is_ready(b"\x01")
    assert not qmc5883p.is_ready(b"\x00")
    assert fault(qmc5883p.is_ready, b"\x03") == "overflow"
    assert fault(qmc5883p.is_ready, b"\xff") == "dead_bus"
    assert fault(qmc5883p.is_ready, b"") == "no_answer"
    assert fault(qmc5883p.field_nt, b"\x01") == "no_answer"
    assert fault(qmc5883p.field_nt, b"\xff" * 6) == "dead_bus"


# ---- MMC5603

AFTER_SET = b"\x84\x00\x7f\x00\x80\x01\x00\x50\x00"  # x 1 G above the centre, y 0.25 G below, z just above
AFTER_RESET = b"\x7c\x00\x81\x00\x80\x01\x00\x50\x00"


def test_the_twenty_bits_of_an_mmc5603_lie_in_three_registers():
    assert mmc5603.counts(AFTER_SET) == (16384, -4091, 16)
    assert mmc5603.counts(AFTER_RESET) == (-16384, 4101, 16)


def test_set_and_reset_take_out_the_offset_of_the_chip():
    assert mmc5603.field_nt((16384, -4091, 16), (-16384, 4101, 16)) == (100000, -25000, 0)
    for offset in (-40000, -1, 7, 40000):
        moved = [tuple([axis + offset for axis in axes]) for axes in ((8192, 0, -820), (-8192, 0, 820))]
        assert mmc5603.field_nt(moved[0], moved[1]) == (50000, 0, -5005)


def test_a_saturated_dead_or_absent_mmc5603_gives_no_field():
    assert fault(mmc5603.counts, b"\xff\xff" + AFTER_SET[2:6] + b"\xf0" + AFTER_SET[7:]) == "overflow"
    assert fault(mmc5603.counts, b"\x00" * 9) == "overflow"
    assert fault(mmc5603.counts, b"\xff" * 9) == "overflow"
    assert fault(mmc5603.counts, None) == "no_answer"
    assert fault(mmc5603.counts, AFTER_SET[:8]) == "no_answer"
    assert fault(mmc5603.is_ready, None, mmc5603.FIELD_DONE) == "no_answer"
    assert fault(mmc5603.is_ready, b"\xff", mmc5603.FIELD_DONE) == "dead_bus"
    assert mmc5603.is_ready(b"\x50", mmc5603.FIELD_DONE)
    assert not mmc5603.is_ready(b"\x10", mmc5603.FIELD_DONE)
    assert mmc5603.is_chip(b"\x10")
    assert not mmc5603.is_chip(b"\xff")


def test_an_mmc5603_knows_the_temperature():
    assert mmc5603.temperature_c(b"\x7d") == 25  # 125 * 0.8 - 75
    assert mmc5603.temperature_c(b"\x50") == -11
    assert mmc5603.temperature_c(None) is None


# ---- LD2410

# The examples of Hi-Link's protocol V1.02 (from memory): a basic report, 81 cm, a static energy of 59
BASIC = b"\xf4\xf3\xf2\xf1\x0d\x00\x02\xaa\x02\x51\x00\x00\x00\x00\x3b\x00\x00\x55\x00\xf8\xf7\xf6\xf5"
# ... and its engineering report
GATES = b"\x3c\x22\x05\x03\x03\x04\x03\x06\x05" + b"\x00\x00\x39\x10\x13\x06\x06\x06\x08"
ENGINEERING = (
    b"\xf4\xf3\xf2\xf1\x23\x00\x01\xaa\x03\x1e\x00\x3c\x00\x00\x39\x00\x00\x08\x08"
    + GATES
    + b"\x03\x05\x55\x00\xf8\xf7\xf6\xf5"
)


def test_a_basic_report_says_where_something_moves_or_stands():
    report = ld2410.report(BASIC)
    assert (report.state, report.moving_cm, report.moving_energy) == (ld2410.STATIC, 81, 0)
    assert (report.static_cm, report.static_energy, report.detection_cm) == (0, 59, 0)
    assert (report.moving_gates, report.static_gates) == (b"", b"")


def test_an_engineering_report_adds_the_energy_of_each_gate():
    report = ld2410.report(ENGINEERING)
    assert (report.state, report.moving_cm, report.moving_energy) == (ld2410.MOVING | ld2410.STATIC, 30, 60)
    assert report.moving_gates == b"\x3c\x22\x05\x03\x03\x04\x03\x06\x05"
    assert report.static_gates == b"\x00\x00\x39\x10\x13\x06\x06\x06\x08"


def changed(frame: bytes, place: int, octet: int) -> bytes:
    return frame[:place] + bytes((octet,)) + frame[place + 1 :]


def test_a_report_must_be_right_in_everything_that_can_be_checked():
    assert fault(ld2410.report, b"") == "bad_length"
    assert fault(ld2410.report, BASIC[:-1]) == "bad_length"
    assert fault(ld2410.report, BASIC + b"\x00") == "bad_length"
    assert fault(ld2410.report, changed(BASIC, 6, 1)) == "bad_length"  # says it is an engineering report
    assert fault(ld2410.report, changed(ENGINEERING, 6, 2)) == "bad_length"
    assert fault(ld2410.report, changed(ENGINEERING, 17, 9)) == "bad_length"  # a tenth gate
    assert fault(ld2410.report, changed(BASIC, 0, 0)) == "bad_frame"
    assert fault(ld2410.report, changed(BASIC, 6, 3)) == "bad_frame"
    assert fault(ld2410.report, changed(BASIC, 7, 0xAB)) == "bad_frame"
    assert fault(ld2410.report, changed(BASIC, 17, 0x54)) == "bad_frame"
    assert fault(ld2410.report, changed(BASIC, 22, 0xF4)) == "bad_frame"
    assert fault(ld2410.report, changed(BASIC, 8, 4)) == "out_of_range"  # it calibrates itself: no target
    assert fault(ld2410.report, changed(BASIC, 10, 3)) == "out_of_range"  # 849 cm
    assert fault(ld2410.report, changed(BASIC, 14, 101)) == "out_of_range"
    assert fault(ld2410.report, changed(ENGINEERING, 20, 101)) == "out_of_range"


def radar() -> framing.FrameFinder:
    return framing.FrameFinder(ld2410.HEAD, ld2410.size_of, ld2410.is_frame)


def test_reports_are_found_in_garbage_however_the_stream_is_cut():
    garbage = (b"", b"\xf4", b"\xf4\xf3\xf2", b"\x00\xff\x55", BASIC[:12], b"\xf4\xf3\xf2\xf1\xff\xff", b"\xf4" * 9)
    stream = b"".join([rubbish + frame for rubbish in garbage for frame in (BASIC, ENGINEERING)])
    for size in (1, 2, 3, 7, 23, 64, len(stream)):
        finder, found = radar(), []
        for start in range(0, len(stream), size):
            found += finder.feed(stream[start : start + size])
        assert found == [BASIC, ENGINEERING] * len(garbage), size
        assert finder.skipped == 2 * sum([len(rubbish) for rubbish in garbage])


def test_a_finder_keeps_no_more_than_one_frame_of_noise():
    finder = radar()
    for _ in range(1000):
        finder.feed(b"\xf4\xf3\xf2\xf1\x30\x00")
    assert finder.skipped > 5900
    assert finder.feed(bytes(64) + BASIC) == [BASIC]


# ---- VL53L1X


def result(status: int, distance: int, stream: int = 7) -> bytes:
    head = bytes((status, 0, stream)) + b"\x10\x00" + b"\x05\x80" + b"\x00\x40" + b"\x00\x22" + b"\x09\x99"
    return head + bytes((distance >> 8, distance & 0xFF)) + b"\x00\x00"


def test_a_range_is_a_distance_with_a_valid_status():
    found = vl53l1x.measured(result(0x09, 1234))
    assert (found.distance_mm, found.stream, found.signal, found.ambient, found.sigma_mm) == (1234, 7, 0x580, 64, 8)
    assert vl53l1x.measured(result(0xE9, 40)).distance_mm == 40  # the upper bits say nothing of the range


def test_a_range_without_a_valid_status_is_no_distance():
    for status, name in (
        (4, "signal_fail"),
        (6, "sigma_fail"),
        (5, "out_of_bounds"),
        (7, "wraparound"),
        (3, "hardware"),
    ):
        assert fault(vl53l1x.measured, result(status, 1234)) == name
    assert fault(vl53l1x.measured, result(8, 20)) == "min_range"
    assert fault(vl53l1x.measured, result(17, 1234)) == "bad_status"
    assert fault(vl53l1x.measured, result(9, 0)) == "min_range"


def test_an_absent_or_dead_vl53l1x_gives_no_distance():
    assert fault(vl53l1x.measured, None) == "no_answer"
    assert fault(vl53l1x.measured, result(9, 1234)[:-1]) == "no_answer"
    assert fault(vl53l1x.measured, b"\xff" * 17) == "dead_bus"
    assert fault(vl53l1x.measured, b"\x00" * 17) == "dead_bus"
    assert vl53l1x.is_chip(b"\xea\xcc")
    assert not vl53l1x.is_chip(b"\xff\xff")


def test_the_defaults_fill_the_registers_up_to_the_start():
    assert len(vl53l1x.DEFAULTS) == 2 + 0x87 - 0x2D + 1
    assert vl53l1x.DEFAULTS[-1] == 0  # not started


# ---- inputs


def test_a_float_is_up_at_the_level_of_its_contact():
    assert [float_switch.position(level, 0) for level in (0, 1)] == ["on", "off"]
    assert [float_switch.position(level, 1) for level in (0, 1)] == ["off", "on"]
    assert fault(float_switch.position, None, 0) == "no_answer"


def test_a_pressure_lies_between_the_ends_of_its_span():
    span, bar = (500, 4500), (0, 10000)
    assert [pressure.pressure_mbar(mv, span, bar) for mv in (500, 2500, 4500)] == [0, 5000, 10000]
    assert pressure.pressure_mbar(2501, span, bar) == 5003  # 5002.5 is rounded up
    assert pressure.pressure_mbar(480, span, bar) == -50  # a little below is the transmitter's tolerance
    assert pressure.pressure_mbar(1667, (333, 3000), (-1000, 9000)) == 4002


def test_a_broken_or_shorted_transmitter_gives_no_pressure():
    assert fault(pressure.pressure_mbar, 99, (500, 4500), (0, 10000)) == "broken_wire"
    assert fault(pressure.pressure_mbar, 0, (500, 4500), (0, 10000)) == "broken_wire"
    assert fault(pressure.pressure_mbar, 4901, (500, 4500), (0, 10000)) == "short_circuit"
    assert fault(pressure.pressure_mbar, None, (500, 4500), (0, 10000)) == "no_answer"


def test_a_sensor_that_repeats_itself_for_too_long_is_stuck():
    watch = stuck.Stuck(3)
    assert [watch.is_stuck(answer) for answer in (1, 1, 1, 1, 1, 2, 2, 1)] == [False] * 3 + [True] * 2 + [False] * 3
