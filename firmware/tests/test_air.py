"""What an air node makes of its sensors: means of what is sure, marks on what is doubtful, nothing before its time."""

from firmware.air import station
from firmware.air.cells import Cells
from firmware.air.certificates import certificates
from firmware.air.memory import Memory
from firmware.air.particles import Particles
from firmware.drivers import DriverError
from firmware.nodes import air
from firmware.tests.fake_board import Board, Pin, finish, has_floats, settings

NO2 = {"working_zero": 225, "auxiliary_zero": 245, "sensitivity": -315, "gain": -730}


class Sensor:
    """Gives ``values``, or raises what ``fails`` names; ``raw`` counts, as if it were measuring."""

    STUCK_AFTER = 30

    def __init__(self, values: dict) -> None:
        self.values = values
        self.fails = ""
        self.raw = 0
        self.is_frozen = False

    async def read(self) -> dict:
        if self.fails:
            raise DriverError(self.fails)
        self.raw += not self.is_frozen
        return self.values


class Dust(Sensor):
    """A particle sensor that writes down what it was told."""

    WARM_UP_MS, MEASURE_MS = 30000, 0
    CLEAN_EVERY_S, CLEANING_MS, LIFE_H = 604800, 12000, 8000

    def __init__(self, values: dict) -> None:
        super().__init__(values)
        self.told = []
        self.is_on = False

    async def start(self) -> bool:
        if self.fails == "no_answer":
            raise DriverError(self.fails)
        had_been_off, self.is_on = not self.is_on, True
        self.told.append("start")
        return had_been_off

    async def rest(self) -> None:
        self.is_on = False
        self.told.append("rest")

    async def clean(self) -> None:
        self.told.append("clean")


class City:
    """An air node around sensors of this file; ``run`` lets time go on."""

    def __init__(self, sensors: dict, dust=None, cells=None, note: bytes = b"", wires=None, **changes) -> None:
        changes.setdefault("period_ms", 60000)
        self.board = Board(wires or {})
        self.settings = settings(air, **changes)
        self.memory = Memory(note, self.settings["pm_exchanges"], self.settings["cell_exchanges"])
        particles = None
        if dust is not None:
            measure_ms = self.settings["pm_measure_ms"]
            particles = Particles(dust, self.memory, self.settings["period_ms"], measure_ms)
        made = None if cells is None else Cells(self.board, certificates("cells", cells), self.memory)
        self.kind = station.Air(self.settings, self.board, self.memory, sensors, particles, made)

    def run(self, periods: int = 1) -> list:
        """The samples of so many periods; of many, the last eight."""
        found = []
        end = self.board.ms // self.settings["period_ms"] * self.settings["period_ms"]
        end += periods * self.settings["period_ms"]
        while self.board.ms < end:
            found = (found + self.step())[-8:]
        for sample in found:
            assert set(sample.values) <= set(air.QUANTITIES)
        return found

    def step(self) -> list:
        self.board.ms += self.kind.period_ms
        return finish(self.kind.sample())


CLIMATE = {"temperature": (2150, -2), "relative_humidity": (5500, -2), "air_pressure": (1013250, -3)}
DUST = {"pm1": (800, -2), "pm2_5": (1200, -2), "pm4": (1500, -2), "pm10": (2000, -2)}
WILD = dict.fromkeys(DUST, (99900, -2))


def test_a_period_has_the_mean_of_its_samples_and_says_how_long_it_was():
    sensor = Sensor(CLIMATE)
    city = City({"climate": sensor})
    for number in range(6):
        sensor.values = dict(CLIMATE)
        sensor.values["temperature"] = (2150 + number, -2)
        told = city.step()
    averages, state = told
    assert averages.values["temperature"] == (21525, -3)
    assert averages.values["relative_humidity"] == (55000, -3)
    assert (averages.period, averages.quality, averages.note) == (60000, {}, None)
    assert (state.values, state.period) == ({"air_flags": 0}, None)
    assert not has_floats(averages.values)


def test_dust_is_published_as_measured_and_without_its_water():
    city = City({"climate": Sensor(CLIMATE)}, Dust(DUST))
    city.run()
    averages, state = city.run()
    assert averages.values["pm2_5"] == (12000, -3)
    # 12 / (1 + 0.4 / 1.65 * 0.55 / 0.45) = 9.256
    assert averages.values["pm2_5_corrected"] == (9257, -3)
    assert averages.values["pm4"] == (15000, -3)
    assert "pm4_corrected" not in averages.values
    assert averages.quality == {}
    assert state.values["air_flags"] == 0
    assert not has_floats(averages.values)


def test_without_humidity_dust_is_not_corrected():
    city = City({}, Dust(DUST))
    city.run()
    averages, _ = city.run()
    assert sorted(averages.values) == ["pm1", "pm10", "pm2_5", "pm4"]


def test_dust_in_very_humid_air_is_suspect_and_told():
    climate = dict(CLIMATE)
    climate["relative_humidity"] = (9800, -2)
    city = City({"climate": Sensor(climate)}, Dust(DUST))
    city.run()
    averages, state = city.run()
    assert averages.quality == dict.fromkeys(("pm1_corrected", "pm2_5_corrected", "pm10_corrected"), "suspect")
    assert state.values["air_flags"] == station.TOO_HUMID


def test_what_dust_sensors_say_while_they_warm_up_is_not_published():
    dust = Dust(WILD)
    city = City({}, dust, period_ms=30000)
    first = city.run()
    assert [sample.values["air_flags"] for sample in first] == [station.NO_DUST]
    dust.values = DUST
    (averages, _) = city.run(2)[-2:]
    assert averages.values["pm10"] == (20000, -3)
    assert dust.told == ["start"]


def test_a_sensor_that_lost_its_power_is_started_and_warms_up_again():
    dust = Dust(DUST)
    city = City({}, dust)
    city.run(2)
    dust.is_on, dust.fails = False, "not_measuring"
    city.step()
    dust.fails, dust.values = "", WILD
    city.step()
    assert dust.told == ["start", "start"]
    city.step()  # still warming up
    dust.values = DUST
    for averages in [sample for sample in city.run() if sample.period]:
        assert averages.values["pm2_5"] == (12000, -3)
    assert city.kind.faults == {"pm_not_measuring": 1}


def test_a_sensor_that_only_missed_some_questions_does_not_warm_up_again():
    dust = Dust(DUST)
    city = City({}, dust)
    city.run(2)
    dust.fails = "bad_checksum"
    for _ in range(3):
        city.step()
    dust.fails = ""
    city.step()
    averages, _ = city.run()
    assert averages.values["pm2_5"] == (12000, -3)
    assert dust.told == ["start", "start"]
    assert city.kind.faults == {"pm_bad_checksum": 3}


def test_silence_gives_no_number_and_is_counted_by_name():
    climate, dust = Sensor(CLIMATE), Dust(DUST)
    climate.fails, dust.fails = "no_answer", "no_answer"
    city = City({"climate": climate}, dust)
    (state,) = city.run()
    assert state.values["air_flags"] == station.NO_DUST
    assert city.kind.faults == {"climate_no_answer": 6, "pm_no_answer": 6}


def test_the_fan_is_cleaned_once_a_week_of_running_over_power_cuts():
    dust = Dust(DUST)
    city = City({}, dust, period_ms=3600000, sample_ms=600000)
    note = b""
    for _ in range(3):  # three power cuts, 60 hours apart
        city = City({}, dust, note=note, period_ms=3600000, sample_ms=600000)
        note = city.run(60)[-1].note
    cleanings = dust.told.count("clean")
    assert cleanings == 1
    memory = Memory(note, 0, 0)
    assert 178 * 3600 < memory.fan_s <= 180 * 3600
    assert memory.uncleaned_s < 14 * 3600


def test_what_is_measured_during_a_cleaning_is_thrown_away_and_told():
    dust = Dust(DUST)
    note = Memory(b"", 0, 0)
    note.fan_s = note.uncleaned_s = 604790
    city = City({}, dust, note=note.note())
    while "clean" not in dust.told:
        city.step()
    dust.values = WILD
    city.step()  # ten seconds after the beginning
    dust.values = DUST
    averages, state = city.run()
    assert averages.values["pm2_5"] == (12000, -3)
    assert state.values["air_flags"] & station.CLEANING


def test_a_cleaning_is_flagged_in_its_period():
    note = Memory(b"", 0, 0)
    note.fan_s = note.uncleaned_s = 604790
    city = City({}, Dust(DUST), note=note.note())
    flags = [sample.values["air_flags"] for sample in city.run(3) if sample.note]
    assert sum(flag & station.CLEANING for flag in flags) == station.CLEANING


def test_a_short_lived_sensor_rests_for_most_of_the_period():
    dust = Dust(DUST)
    dust.MEASURE_MS = 30000
    city = City({}, dust, period_ms=900000, sample_ms=5000)
    samples = [sample for sample in city.run(4) if sample.period]
    assert [sample.values["pm2_5"] for sample in samples] == [(12000, -3)] * 4
    assert dust.told == ["rest"] + ["start", "rest"] * 3 + ["start"]
    assert 200 <= city.memory.fan_s <= 260  # of 3600
    hours = samples and city.run()[-1].values
    assert hours["fan_hours"] == (city.memory.fan_s // 36, -2)
    assert 4900 <= hours["sensor_life"] <= 5000  # 8000 h at one minute of fifteen


def test_a_new_sensor_begins_a_new_life():
    old = Memory(b"", 0, 0)
    old.fan_s, old.uncleaned_s, old.gas_s = 8000 * 3600, 1000, 730 * 86400
    worn = City({}, Dust(DUST), note=old.note())
    state = worn.run()[-1].values
    assert state["sensor_life"] == 0
    assert state["air_flags"] & station.WORN_OUT
    renewed = City({}, Dust(DUST), note=old.note(), pm_exchanges=1)
    state = renewed.run()[-1].values
    assert state["sensor_life"] == 333
    assert not state["air_flags"] & station.WORN_OUT
    assert Memory(old.note(), 1, 0).gas_s == 730 * 86400
    assert Memory(old.note(), 0, 1).gas_s == 0


def test_a_sensor_that_repeats_itself_is_suspect_and_told():
    climate = Sensor(CLIMATE)
    city = City({"climate": climate}, sample_ms=1000)
    city.run()
    climate.is_frozen = True
    averages, state = city.run()
    assert averages.quality == dict.fromkeys(CLIMATE, "suspect")
    assert state.values["air_flags"] == station.STUCK
    assert city.kind.faults["climate_stuck"] >= 29


def test_a_value_outside_its_range_is_published_and_suspect():
    climate = Sensor({"temperature": (21000, -2)})
    averages, _ = City({"climate": climate}).run()
    assert averages.values["temperature"] == (210000, -3)
    assert averages.quality == {"temperature": "suspect"}


def electrodes(working: int, auxiliary: int, gas: str = "no2") -> dict:
    return {gas + "_working": Pin(working), gas + "_auxiliary": Pin(auxiliary)}


def test_gas_is_computed_from_the_electrodes_means_and_the_temperature():
    climate = {"temperature": (2000, -2)}
    city = City({"climate": Sensor(climate)}, None, {"no2": NO2}, wires=electrodes(240, 250))
    averages, state = city.run()
    assert averages.values["electrode_working.u1"] == (2400000, -4)
    assert averages.values["electrode_auxiliary.u1"] == (2500000, -4)
    assert averages.values["no2"] == (998, -1)
    assert averages.quality == {"no2": "suspect"}  # the cell has not been under power for two hours
    assert state.values["air_flags"] == station.COLD_CELLS
    assert not has_floats(averages.values)
    averages, state = city.run(120)[-2:]
    assert averages.quality == {}
    assert state.values["air_flags"] == 0
    assert state.values["sensor_life"] == 730


def test_without_temperature_or_certificate_only_the_electrodes_are_published():
    for cells, sensors in (({"no2": NO2}, {}), ({}, {"climate": Sensor({"temperature": (2000, -2)})})):
        averages, _ = City(sensors, None, cells, wires=electrodes(240, 250)).run()
        assert "no2" not in averages.values
        assert "electrode_working.u1" in averages.values


def test_ozone_is_told_only_with_nitrogen_dioxide():
    ox = {"working_zero": 230, "auxiliary_zero": 240, "sensitivity": -400, "gain": -730, "no2_sensitivity": -430}
    wires = electrodes(240, 250)
    wires.update(electrodes(262, 240, "o3"))
    climate = Sensor({"temperature": (2000, -2)})
    averages, _ = City({"climate": climate}, None, {"no2": NO2, "o3": ox}, wires=wires).run()
    assert (averages.values["no2"], averages.values["o3"]) == ((998, -1), (1067, -1))
    wires["no2_working"].level = None
    city = City({"climate": climate}, None, {"no2": NO2, "o3": ox}, wires=wires)
    averages, _ = city.run()
    assert "o3" not in averages.values
    assert city.kind.faults == {"no2_no_answer": 6}


def test_less_than_no_gas_is_suspect_even_when_warm():
    city = City({"climate": Sensor({"temperature": (2000, -2)})}, None, {"no2": NO2}, wires=electrodes(220, 245))
    averages, _ = city.run(121)[-2:]
    assert averages.values["no2"][0] < 0
    assert averages.quality == {"no2": "suspect"}


def test_the_pressure_is_told_to_the_sensor_for_co2():
    co2 = Sensor({"co2": (650, 0)})
    co2.pressure = 0
    City({"climate": Sensor(CLIMATE), "co2": co2}).run()
    assert co2.pressure == 1013
