"""What the sensors for air say becomes numbers; noise and damage never do. Runs on both interpreters."""

import struct

from firmware.drivers import (
    DriverError,
    bme280,
    electrochemical,
    pms5003,
    scd41,
    sds011,
    sensirion,
    shdlc,
    sht4x,
    sps30,
    sps30_i2c,
)


def fault(function, *arguments) -> str:
    try:
        function(*arguments)
    except DriverError as error:
        return str(error)
    raise AssertionError("taken for a number")


def octets(text: str) -> bytes:
    return bytes([int(two, 16) for two in text.split()])


# ---- Sensirion's words


def test_the_checksum_is_that_of_the_datasheets():
    assert sensirion.crc8(b"\xbe\xef") == 0x92
    assert sensirion.command(0x0010, 0x0300) == octets("00 10 03 00 AC")  # the start of an SPS30


def test_words_are_refused_when_absent_short_or_damaged():
    assert sensirion.words(octets("BE EF 92 00 00 81"), 2) == [0xBEEF, 0]
    assert fault(sensirion.words, None, 1) == "no_answer"
    assert fault(sensirion.words, octets("BE EF"), 1) == "bad_length"
    assert fault(sensirion.words, octets("BE EF 93"), 1) == "bad_checksum"


# ---- SPS30


def test_the_frames_that_ask_an_sps30_are_those_of_its_datasheet():
    assert sps30.REQUEST_START == octets("7E 00 00 02 01 03 F9 7E")
    assert sps30.REQUEST_STOP == octets("7E 00 01 00 FE 7E")
    assert sps30.REQUEST_READ == octets("7E 00 03 00 FC 7E")
    assert sps30.REQUEST_CLEAN == octets("7E 00 56 00 A9 7E")


def sps30_frame(data: bytes, command: int = sps30.READ, state: int = 0) -> bytes:
    content = bytes((0, command, state, len(data))) + data
    content += bytes((~sum(content) & 0xFF,))
    for special in (0x7D, 0x7E, 0x11, 0x13):
        content = content.replace(bytes((special,)), bytes((0x7D, special ^ 0x20)))
    return b"\x7e" + content + b"\x7e"


DUST = struct.pack(">10f", 1.5, 12.25, 13.0, 400.125, 1.0, 2.0, 3.0, 4.0, 5.0, 0.5)


def test_an_sps30_answers_with_four_concentrations():
    (frame,) = shdlc.finder().feed(sps30_frame(DUST))
    values = sps30.concentrations(shdlc.answer(frame, sps30.READ))
    assert values == {"pm1": (150, -2), "pm2_5": (1225, -2), "pm4": (1300, -2), "pm10": (40013, -2)}


def single(number: float) -> float:
    """As the chip keeps it: 32 bits."""
    return struct.unpack("<f", struct.pack("<f", number))[0]


def test_an_sps30s_hundredths_are_the_same_with_floats_of_32_bits():
    for hundredths in range(0, 200000, 37):
        number = single(hundredths / 100)
        data = struct.pack(">4f", number, number, number, number) + DUST[16:]
        chip = int(single(single(number * 100) + 0.5))
        assert sps30.concentrations(data)["pm1"][0] == hundredths
        assert chip == hundredths


def test_octets_that_look_like_delimiters_are_escaped_and_come_back():
    data = octets("7E 7D 11 13") * 10
    framed = sps30_frame(data)
    assert framed.count(b"\x7e") == 2
    (frame,) = shdlc.finder().feed(framed)
    assert shdlc.answer(frame, sps30.READ) == data
    asked = shdlc.request(0x99, octets("7E 7D 11 13"))
    assert asked == octets("7E 00 99 04 7D 5E 7D 5D 7D 31 7D 33 43 7E")


def test_an_sps30_that_was_not_started_or_refuses_says_so():
    def answered(state: int, command: int = sps30.READ) -> bytes:
        return shdlc.finder().feed(sps30_frame(b"", command, state))[0]

    assert fault(shdlc.answer, answered(0x43), sps30.READ) == "not_measuring"
    assert fault(shdlc.answer, answered(0x02), sps30.READ) == "refused"
    assert fault(shdlc.answer, answered(0, sps30.START), sps30.READ) == "other_answer"
    assert shdlc.answer(answered(0x80), sps30.READ) == b""  # a device error flag alone is no refusal
    assert fault(sps30.concentrations, b"") == "not_ready"
    assert fault(sps30.concentrations, DUST[:-1]) == "bad_length"
    for number in (float("nan"), float("inf"), -1.0, 1e30):
        assert fault(sps30.concentrations, struct.pack(">f", number) + DUST[4:]) == "bad_value"


def test_damaged_frames_are_refused_and_the_next_good_one_is_found():
    good = sps30_frame(DUST)
    assert fault(shdlc.answer, good[:10] + b"\x55" + good[11:], sps30.READ) == "bad_checksum"
    assert fault(shdlc.answer, b"\x7e\x00\x7e", sps30.READ) == "bad_length"
    for garbage in (
        b"\x00\x7e\x01",
        b"\x7e",
        good[:20],
        good[5:],
        b"\x7e\x7e\x7e",
        b"\x7d" * 300,
        b"\x7e" + bytes(300),
    ):
        finder = shdlc.finder()
        assert finder.feed(garbage + good) + finder.feed(good) != [], garbage
        assert finder.feed(good) == [good], garbage


def test_an_sps30_gives_the_same_over_i2c():
    answer = b""
    for start in range(0, 40, 2):
        answer += DUST[start : start + 2] + bytes((sensirion.crc8(DUST[start : start + 2]),))
    assert sps30.concentrations(sps30_i2c.data(answer))["pm10"] == (40013, -2)
    assert fault(sps30_i2c.data, answer[:-1] + b"\x00") == "bad_checksum"
    assert fault(sps30_i2c.data, None) == "no_answer"
    assert sps30_i2c.is_ready(octets("00 01 B0"))
    assert not sps30_i2c.is_ready(octets("00 00 81"))


# ---- PMS5003

# Layout of Plantower's manual: 28 octets follow, CF=1 5/7/9, atmospheric 11/22/33, six counts, version and error, sum.
PMS = octets("42 4D 00 1C 00 05 00 07 00 09 00 0B 00 16 00 21 03 A2 01 0D 00 3C 00 0A 00 02 00 01 97 00 02 95")


def test_a_pms5003_gives_the_atmospheric_concentrations():
    assert sum(PMS[:30]) == PMS[30] << 8 | PMS[31]
    assert pms5003.concentrations(PMS) == {"pm1": (11, 0), "pm2_5": (22, 0), "pm10": (33, 0)}


def test_the_commands_of_a_pms5003_carry_their_sum():
    assert pms5003.PASSIVE == octets("42 4D E1 00 00 01 70")
    assert pms5003.ACTIVE == octets("42 4D E1 00 01 01 71")
    assert pms5003.READ == octets("42 4D E2 00 00 01 71")
    assert pms5003.SLEEP == octets("42 4D E4 00 00 01 73")
    assert pms5003.WAKE == octets("42 4D E4 00 01 01 74")


def test_a_pms5003_is_found_again_after_garbage_and_its_acknowledgements_are_no_dust():
    acknowledged = octets("42 4D 00 04 E1 00 01 74")
    finder = pms5003.finder()
    frames = finder.feed(b"\x42\x42" + PMS[:7] + acknowledged + b"\x4d" + PMS[:20])
    assert frames == [acknowledged]
    assert not pms5003.is_measurement(frames[0])
    assert finder.feed(PMS[20:] + PMS) == [PMS, PMS]
    assert fault(pms5003.concentrations, b"") == "no_answer"
    assert fault(pms5003.concentrations, PMS[:-1]) == "bad_length"
    assert fault(pms5003.concentrations, PMS[:-1] + b"\x00") == "bad_checksum"


# ---- SDS011

SDS = octets("AA C0 D4 04 3A 0A A1 60 1D AB")  # the protocol's own example: 123.6 and 261.8 ug/m3


def test_an_sds011_gives_tenths():
    assert sds011.concentrations(SDS) == {"pm2_5": (1236, -1), "pm10": (2618, -1)}


def test_the_commands_of_an_sds011_are_those_of_its_protocol():
    zeros = " 00" * 10
    assert sds011.ON_REQUEST == octets("AA B4 02 01 01" + zeros + " FF FF 02 AB")
    assert sds011.READ == octets("AA B4 04 00 00" + zeros + " FF FF 02 AB")
    assert sds011.SLEEP == octets("AA B4 06 01 00" + zeros + " FF FF 05 AB")
    assert sds011.WAKE == octets("AA B4 06 01 01" + zeros + " FF FF 06 AB")


def test_an_sds011_is_found_again_after_garbage_and_its_replies_are_no_dust():
    asleep = octets("AA C5 06 01 00 00 A1 60 08 AB")
    finder = sds011.finder()
    assert finder.feed(b"\xaa" + SDS[:6] + b"\xab" + asleep + SDS[:4]) == [asleep]
    assert not sds011.is_measurement(asleep)
    assert finder.feed(SDS[4:]) == [SDS]
    assert fault(sds011.concentrations, asleep) == "bad_length"
    assert fault(sds011.concentrations, b"") == "no_answer"
    assert fault(sds011.concentrations, SDS[:8] + b"\x1e\xab") == "bad_checksum"


# ---- SCD41, SHT4x


def test_an_scd41_gives_the_example_of_its_datasheet():
    values = scd41.measurement(octets("01 F4 33 66 67 A2 5E B9 3C"))
    assert values == {"co2": (500, 0), "temperature": (2500, -2), "relative_humidity": (3700, -2)}
    assert fault(scd41.measurement, octets("01 F4 33 66 67 A2 5E B9 3D")) == "bad_checksum"
    assert fault(scd41.measurement, None) == "no_answer"


def test_an_scd41_is_ready_when_one_of_eleven_bits_is_set():
    assert not scd41.is_ready(octets("80 00 A2"))
    assert scd41.is_ready(octets("80 06 04"))
    assert scd41.pressure(987) == octets("E0 00 03 DB 42")  # the datasheet's example


def test_an_sht4x_gives_degrees_and_percent_and_crops_the_ends():
    def answer(temperature: int, humidity: int) -> bytes:
        made = b""
        for word in (temperature, humidity):
            pair = bytes((word >> 8, word & 0xFF))
            made += pair + bytes((sensirion.crc8(pair),))
        return made

    # -45 + 175/65535 * 0x6666 = 24.999; -6 + 125/65535 * 0x8000 = 56.501
    assert sht4x.measurement(answer(0x6666, 0x8000)) == {"temperature": (2500, -2), "relative_humidity": (5650, -2)}
    assert sht4x.measurement(answer(0, 0)) == {"temperature": (-4500, -2), "relative_humidity": (0, -2)}
    assert sht4x.measurement(answer(0xFFFF, 0xFFFF)) == {"temperature": (13000, -2), "relative_humidity": (10000, -2)}
    assert fault(sht4x.measurement, answer(1, 2)[:5]) == "bad_length"
    assert fault(sht4x.measurement, answer(1, 2)[:5] + b"\x00") == "bad_checksum"


# ---- BME280

# Bosch's worked example (datasheet of the BMP280, section 3.12): 25.08 degrees, 100653.27 Pa.
TRIM = struct.pack(
    "<HhhHhhhhhhhhBB", 27504, 26435, -1000, 36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000, 0, 75
)
# H2 = 362, H3 = 0, H4 = 315, H5 = 50, H6 = 30: 4 and 5 share an octet
TRIM_HUMIDITY = octets("6A 01 00 13 2B 03 1E")


def raw(temperature: int, pressure: int, humidity: int) -> bytes:
    return bytes(
        (pressure >> 12, pressure >> 4 & 0xFF, pressure << 4 & 0xF0)
        + (temperature >> 12, temperature >> 4 & 0xFF, temperature << 4 & 0xF0)
        + (humidity >> 8, humidity & 0xFF)
    )


def test_a_bme280_gives_boschs_own_example():
    trim = bme280.trim(TRIM, TRIM_HUMIDITY)
    values = bme280.measurement(trim, raw(519888, 415148, 26000), True)
    assert values["temperature"] == (2508, -2)
    assert values["air_pressure"] == (1006533, -3)


def test_the_nibbles_of_the_humidity_trim_go_where_they_belong():
    assert bme280.trim(TRIM, TRIM_HUMIDITY)[2] == (75, 362, 0, 315, 50, 30)
    assert bme280.trim(TRIM, octets("6A 01 00 FF 2F 80 80"))[2] == (75, 362, 0, -1, -2046, -128)


def test_humidity_follows_the_datasheets_formula_in_floats():
    trim = bme280.trim(TRIM, TRIM_HUMIDITY)
    h1, h2, h3, h4, h5, h6 = trim[2]
    for temperature in (400000, 519888, 600000):
        fine = bme280._fine_temperature(trim[0], temperature)
        for humidity in (20000, 26000, 32000, 40000):
            offset = fine - 76800.0
            x = (humidity - (h4 * 64.0 + h5 / 16384.0 * offset)) * (
                h2 / 65536.0 * (1.0 + h6 / 67108864.0 * offset * (1.0 + h3 / 67108864.0 * offset))
            )
            expected = min(max(x * (1.0 - h1 * x / 524288.0), 0.0), 100.0)
            found = bme280.measurement(trim, raw(temperature, 415148, humidity), True)["relative_humidity"]
            assert abs(found[0] / 100 - expected) < 0.05, (found, expected)


def test_a_bmp280_has_no_humidity_and_another_chip_is_refused():
    assert bme280.has_humidity(b"\x60")
    assert not bme280.has_humidity(b"\x58")
    assert fault(bme280.has_humidity, b"\x61") == "wrong_chip"
    assert fault(bme280.has_humidity, b"\xff") == "wrong_chip"
    assert fault(bme280.has_humidity, None) == "no_answer"
    trim = bme280.trim(TRIM, TRIM_HUMIDITY)
    assert set(bme280.measurement(trim, raw(519888, 415148, 0x8000), False)) == {"temperature", "air_pressure"}


def test_what_a_bme280_has_not_measured_is_no_number():
    trim = bme280.trim(TRIM, TRIM_HUMIDITY)
    assert fault(bme280.measurement, trim, raw(0x80000, 415148, 26000), True) == "not_ready"
    assert fault(bme280.measurement, trim, raw(519888, 0x80000, 26000), True) == "not_ready"
    assert fault(bme280.measurement, trim, raw(519888, 415148, 0x8000), True) == "not_ready"
    assert fault(bme280.measurement, trim, None, True) == "no_answer"
    assert fault(bme280.measurement, trim, b"", True) == "bad_length"
    assert fault(bme280.trim, bytes(26), bytes(7)) == "bad_trim"
    assert fault(bme280.trim, b"\xff" * 26, b"\xff" * 7) == "bad_trim"
    assert fault(bme280.trim, None, bytes(7)) == "no_answer"
    assert fault(bme280.trim, b"", bytes(7)) == "bad_length"
    assert bme280.is_measuring(b"\x08")
    assert not bme280.is_measuring(b"\x00")
    assert fault(bme280.is_measuring, None) == "no_answer"


# ---- electrochemical cells

NO2 = electrochemical.Cell(225, 245, -315, -730, 0)  # 0.22995 mV/ppb
OX = electrochemical.Cell(230, 240, -400, -730, -430)


def test_the_factor_runs_in_straight_lines_between_the_steps_of_the_table():
    assert electrochemical.factor("no2", 2000) == 6000
    assert electrochemical.factor("no2", 1500) == 8000
    assert electrochemical.factor("no2", -9000) == 13000
    assert electrochemical.factor("no2", 5000) == -15000
    assert electrochemical.factor("no2", 9000) == -15000
    assert electrochemical.factor("no2", 4500) == -6500


def test_nitrogen_dioxide_is_the_working_electrode_without_its_background():
    # (240 - 225) - 0.6 * (250 - 245) = 12 mV; / 0.22995 mV/ppb = 52.18 ppb; * 1.9125 = 99.8 ug/m3
    assert electrochemical.ppb("no2", NO2, 240000, 250000, 2000) == 5218
    assert electrochemical.weight("no2", 5218) == (998, -1)


def test_ozone_is_what_is_left_after_nitrogen_dioxide():
    # (262 - 230) - 1.7 * (240 - 240) = 32 mV = 0.292 * o3 + 0.3139 * 52.18 -> o3 = 53.495 ppb
    assert electrochemical.ppb("o3", OX, 262000, 240000, 2000, 5218) == 5349
    assert electrochemical.weight("o3", 5349) == (1067, -1)


def test_clean_air_may_fall_below_zero_and_says_so():
    assert electrochemical.ppb("no2", NO2, 224000, 245000, 2000) == -435
