"""What do the fields behind a value information field change: number, unit, validity or meaning (EN 13757-3 6.4.6)?"""

from dataclasses import dataclass, field

from edge.mbus.vif import DATES, MANUFACTURER, PLAIN_TEXT, SECOND_EXTENSION, SHORT_DURATION, Measurand

# Orthogonal VIFE whose value keeps its number and unit.
MODIFIERS = {
    0x12: "average", 0x13: "inverse_compact_profile", 0x14: "relative_deviation", 0x1D: "standard_conform",
    0x1E: "compact_profile_with_registers", 0x1F: "compact_profile", 0x3A: "uncorrected", 0x3B: "forward",
    0x3C: "reverse", 0x3D: "non_metric", 0x3E: "at_base_conditions", 0x3F: "obis", 0x40: "lower_limit",
    0x48: "upper_limit", 0x68: "during_lower_limit_exceed", 0x69: "leakage", 0x6C: "during_upper_limit_exceed",
    0x6D: "overflow", 0x7E: "future",
}  # fmt: skip
# Behind VIFE FC.
SECOND_MODIFIERS = {
    0x01: "l1", 0x02: "l2", 0x03: "l3", 0x04: "neutral", 0x05: "l1_l2", 0x06: "l2_l3", 0x07: "l3_l1", 0x08: "q1",
    0x09: "q2", 0x0A: "q3", 0x0B: "q4", 0x0C: "import_export_difference", 0x10: "absolute", 0x11: "unsigned",
    0x12: "boolean", 0x13: "to_meter", 0x14: "from_meter",
}  # fmt: skip
# 8.4: the meter says why it has no value.
RECORD_ERRORS = {
    0x01: "too many DIFE", 0x02: "storage number not implemented", 0x03: "subunit not implemented",
    0x04: "tariff not implemented", 0x05: "function not implemented", 0x06: "data class not implemented",
    0x07: "data size not implemented", 0x0B: "too many VIFE", 0x0C: "illegal VIF group",
    0x0D: "illegal VIF exponent", 0x0E: "VIF does not fit DIF", 0x0F: "action not implemented",
    0x15: "no data available", 0x16: "data overflow", 0x17: "data underflow", 0x18: "data error",
    0x1C: "premature end of record",
}  # fmt: skip
# The value counts per (or times) this.
_PER = {
    0x20: "s", 0x21: "min", 0x22: "h", 0x23: "d", 0x24: "wk", 0x25: "mo", 0x26: "a", 0x27: "{revolution}",
    0x28: "{input_pulse_0}", 0x29: "{input_pulse_1}", 0x2A: "{output_pulse_0}", 0x2B: "{output_pulse_1}",
    0x2C: "l", 0x2D: "m3", 0x2E: "kg", 0x2F: "K", 0x30: "kWh", 0x31: "GJ", 0x32: "kW", 0x33: "(K.l)", 0x34: "V",
    0x35: "A",
}  # fmt: skip
_TIMES = {0x36: "s", 0x37: "s/V", 0x38: "s/A"}
_ENDS = ("begin", "end")
_WHICH = ("first", "last")
_LIMITS = ("lower", "upper")


def _meanings() -> dict[int, Measurand]:
    table = {
        0x39: Measurand("start_date"),
        0x41: Measurand("lower_limit_exceeds"),
        0x49: Measurand("upper_limit_exceeds"),
    }
    for f, which in enumerate(_WHICH):
        for b, end in enumerate(_ENDS):
            table[0x6A | f << 2 | b] = Measurand(f"{end}_of_{which}_date")  # E110 1f1b
        for nn, unit in enumerate(SHORT_DURATION):
            table[0x60 | f << 2 | nn] = Measurand(f"duration_of_{which}", unit)  # E110 0fnn
        for u, limit in enumerate(_LIMITS):
            exceed = f"{which}_{limit}_limit_exceed"
            for b, end in enumerate(_ENDS):
                table[0x42 | u << 3 | f << 2 | b] = Measurand(f"{end}_of_{exceed}_date")  # E100 uf1b
            for nn, unit in enumerate(SHORT_DURATION):
                table[0x50 | u << 3 | f << 2 | nn] = Measurand(f"duration_of_{exceed}", unit)  # E101 ufnn
    return table


_MEANINGS = _meanings()  # counts, dates and durations that a VIFE makes of any VIF; they have a unit of their own


@dataclass(slots=True)
class Chain:
    """What the VIFE of one record add up to; ``take`` them in order."""

    measurand: Measurand
    modifiers: list[str]
    is_own: bool  # behind a manufacturer's VIF or VIFE, VIFE mean what the manufacturer says
    exponent: int = 0
    addends: list[int] = field(default_factory=list)  # powers of ten that are added, in the unit
    error: str = ""
    _is_second_table: bool = False

    def take(self, vife: int) -> None:
        """One VIFE without its extension bit."""
        if self.is_own:
            self.modifiers.append(f"manufacturer_{vife:02x}")
        elif self._is_second_table:
            self.modifiers.append(SECOND_MODIFIERS.get(vife, f"vife_fc_{vife:02x}"))
            self._is_second_table = False
        elif vife == MANUFACTURER:
            self.is_own = True
            self.modifiers.append("manufacturer")
        elif vife == PLAIN_TEXT:
            self._is_second_table = True
        elif vife in RECORD_ERRORS:
            self.error = self.error or RECORD_ERRORS[vife]
        elif 0x70 <= vife <= 0x77:
            self.exponent += vife - 0x76
        elif 0x78 <= vife <= 0x7B:
            self.addends.append(vife - 0x7B)
        elif vife == SECOND_EXTENSION:
            self.exponent += 3
        elif not self._takes_meaning(vife) and vife:
            self.modifiers.append(MODIFIERS.get(vife, f"vife_{vife:02x}"))

    def _takes_meaning(self, vife: int) -> bool:
        """Whether the value is no longer in the unit of its VIF."""
        found = _MEANINGS.get(vife)
        if found:
            self.measurand = Measurand(f"{self.measurand.name}_{found.name}", found.unit)
        elif vife in _PER:
            self.measurand = self.measurand._replace(unit=f"{self.measurand.unit}/{_PER[vife]}")
            self.modifiers.append(f"per_{_PER[vife]}")
        elif vife in _TIMES:
            self.measurand = self.measurand._replace(unit=f"{self.measurand.unit}.{_TIMES[vife]}")
            self.modifiers.append(f"times_{_TIMES[vife]}")
        else:
            return False
        return True


def is_date(measurand: Measurand) -> bool:
    """Whether the value is a date or a time, by its VIF or by a VIFE."""
    return measurand.name in DATES or measurand.name.endswith("_date")
