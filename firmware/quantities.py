"""Which quantities does the city know, in which unit, and what is plausible?

One row per quantity, and one closed grammar of qualifiers. A quantity the city has never measured adds a row here:
on purpose, the city should notice. Runs unchanged on CPython and on MicroPython.
"""

# Kinds of value:
#   gauge        a number that goes up and down
#   counter      an index that only accumulates (until roll-over or meter exchange)
#   sound_level  a number in dB: means are energy means
#   code         one of the closed list in CODES
#   flags        an integer of bits, 0 = nothing to report
#   position     [longitude, latitude] or [longitude, latitude, height in m], WGS 84
#   text         at most 256 bytes of UTF-8
NUMBER_KINDS = ("gauge", "counter", "sound_level")

# name, UCUM unit, kind, lowest and highest plausible value. One string, because a node uses ten rows of a hundred and
# has no room for the others as objects.
_TABLE = """
# parking and traffic
occupancy 1 code
distance m gauge 0 100
vehicle_count {vehicle} counter 0 1e9
# water, gas, heat
water_volume m3 counter 0 1e9
water_flow m3/h gauge -10000 10000
gas_volume m3 counter 0 1e9
volume m3 counter 0 1e9
volume_flow m3/h gauge -10000 10000
mass kg counter 0 1e12
mass_flow kg/h gauge -1e7 1e7
pressure bar gauge -1 100
heat_energy kW.h counter 0 1e10
# a meter that counts in joules keeps its own index, exactly
heat_energy_gj GJ counter 0 1e8
cooling_energy kW.h counter 0 1e10
cooling_energy_gj GJ counter 0 1e8
heat_power kW gauge -1e6 1e6
flow_temperature Cel gauge -50 250
return_temperature Cel gauge -50 250
temperature_difference K gauge -200 200
operating_time h counter 0 1e6
# a meter that counts in seconds or minutes, exactly
operating_time_s s counter 0 4e9
on_time h counter 0 1e6
on_time_s s counter 0 4e9
averaging_duration s gauge 0 4e9
actuality_duration s gauge 0 4e9
energy kW.h counter 0 1e10
energy_gj GJ counter 0 1e8
energy_gcal Gcal counter 0 1e8
power kW gauge -1e6 1e6
power_gj GJ/h gauge -10000 10000
cumulated_power kW counter 0 1e9
temperature_limit Cel gauge -50 250
dimensionless 1 gauge -1e15 1e15
heat_cost_units 1 counter 0 1e9
pulse_count {pulse} counter 0 1e12
# electricity
active_energy_import kW.h counter 0 1e10
active_energy_export kW.h counter 0 1e10
reactive_energy_import kW.h{var} counter 0 1e10
reactive_energy_export kW.h{var} counter 0 1e10
active_power W gauge -1e9 1e9
reactive_power W{var} gauge -1e9 1e9
apparent_power V.A gauge 0 1e9
voltage V gauge 0 500000
current A gauge -100000 100000
frequency Hz gauge 0 500
power_factor 1 gauge -1 1
apparent_energy kV.A.h counter 0 1e10
voltage_angle deg gauge -360 360
current_angle deg gauge -360 360
# air and weather
temperature Cel gauge -60 200
relative_humidity % gauge 0 100
air_pressure hPa gauge 850 1100
co2 [ppm] gauge 0 40000
pm1 ug/m3 gauge 0 2000
pm2_5 ug/m3 gauge 0 2000
pm4 ug/m3 gauge 0 2000
pm10 ug/m3 gauge 0 5000
no2 ug/m3 gauge 0 2000
o3 ug/m3 gauge 0 1000
rain mm gauge 0 500
wind_speed m/s gauge 0 90
wind_gust m/s gauge 0 120
wind_direction deg gauge 0 360
# noise (IEC 61672 names)
laeq dB[SPL]{A} sound_level 20 150
lafmax dB[SPL]{A} sound_level 20 150
lafmin dB[SPL]{A} sound_level 10 150
la10 dB[SPL]{A} sound_level 10 150
la50 dB[SPL]{A} sound_level 10 150
la90 dB[SPL]{A} sound_level 10 150
# levels and actuators
level m gauge -50 500
valve_position % gauge 0 100
relay_state 1 code
# devices and publishers
battery_voltage V gauge 0 60
battery_level % gauge 0 100
signal_strength dB{mW} gauge -140 30
status_code 1 code
error_flags 1 flags
# EN 13757-3 table 5: 4 is power low, 8 a permanent error
meter_status 1 flags
digital_input 1 flags
digital_output 1 flags
battery_operating_time h counter 0 1e6
battery_remaining d gauge 0 36500
reset_count 1 counter 0 1e9
stop_count 1 counter 0 1e9
# a meter's own clock, which is local time; with .s1: the date that its stored values belong to
meter_time 1 text
meter_date 1 text
next_billing_date 1 text
fabrication_number 1 text
online 1 code
clock 1 code
boot_count {boot} counter 0 1e9
heap_free By gauge 0 1e12
outbox_depth {message} gauge 0 1e12
dropped_count {message} counter 0 1e12
location deg position
notice 1 text
firmware_version 1 text
reset_cause 1 text
"""
_rows = {}  # the rows that were asked for

CODES = {
    "occupancy": ("free", "occupied", "closed", "unknown"),
    "status_code": ("ok", "warning", "alarm", "fault", "unknown"),
    "relay_state": ("off", "on"),
    "online": ("online", "offline"),
    "clock": ("none", "estimated", "ntp", "rtc", "host"),
}

# What a publisher's state says becomes observations of the publisher as a thing: key of the state -> quantity.
STATE_QUANTITIES = {
    "online": "online",
    "firmware": "firmware_version",
    "boot": "boot_count",
    "reset": "reset_cause",
    "clock": "clock",
    "heap_free": "heap_free",
    "outbox_depth": "outbox_depth",
    "signal_strength": "signal_strength",
    "battery_voltage": "battery_voltage",
}

# Qualifiers stand in this order, each at most once: phase, tariff, subunit, storage, reverse, minimum or maximum.
_WORDS = {"l1": 0, "l2": 0, "l3": 0, "reverse": 4, "min": 5, "max": 5}
_NUMBERED = {"t": 1, "u": 2, "s": 3}


def row(name: str):
    """(unit, kind, lowest, highest) of a quantity, the last two None where they mean nothing; None if there is none."""
    found = _rows.get(name)
    if found is None and name and " " not in name and "\n" not in name and name[0] != "#":
        start = _TABLE.find("\n" + name + " ")
        if start >= 0:
            found = _rows[name] = _parsed(_TABLE[start + 1 : _TABLE.find("\n", start + 1)])
    return found


def kind_of(name: str) -> str:
    """gauge, counter, sound_level, code, flags, position or text; empty when there is no such quantity."""
    found = row(name)
    return found[1] if found else ""


def _parsed(line: str) -> tuple:
    parts = line.split(" ")
    low, high = (float(parts[3]), float(parts[4])) if len(parts) == 5 else (None, None)
    return parts[1], parts[2], low, high


def __getattr__(name: str):
    """``QUANTITIES``, every row by name: made when it is first asked for, which no node does."""
    if name != "QUANTITIES":
        raise AttributeError(name)
    names = [line.partition(" ")[0] for line in _TABLE.split("\n") if line and line[0] != "#"]
    table = globals()[name] = {one: row(one) for one in names}
    return table


def split_quantity(key: str) -> tuple:
    """Return (name, qualifiers) of ``water_volume.t1.s2``; raise ValueError saying what is wrong."""
    parts = key.split(".")
    if row(parts[0]) is None:
        raise ValueError("unknown quantity")
    last = -1
    for part in parts[1:]:
        rank = _rank(part)
        if rank < 0:
            raise ValueError("unknown qualifier " + part)
        if rank <= last:
            raise ValueError(
                "qualifier " + part + " out of order: phase, tariff, subunit, storage, reverse, min or max"
            )
        last = rank
    return parts[0], tuple(parts[1:])


def _rank(part: str) -> int:
    rank = _WORDS.get(part, -1)
    if rank < 0 and part[:1] in _NUMBERED:
        number = part[1:]
        if 0 < len(number) <= 13 and number[0] != "0" and all("0" <= c <= "9" for c in number):
            rank = _NUMBERED[part[:1]]
    return rank
