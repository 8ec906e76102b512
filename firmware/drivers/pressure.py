"""What pressure does a transmitter of 0.5 to 4.5 V report?

Below and above that span it says that a wire is broken or shorted; a tenth of the span is left for its tolerance.
"""

from firmware.drivers import DriverError


def pressure_mbar(voltage_mv: int | None, span_mv: tuple, range_mbar: tuple) -> int:
    """Millibar, rounded; ``span_mv`` are the voltages at both ends of ``range_mbar``. Raises DriverError."""
    if voltage_mv is None:
        raise DriverError("no_answer")
    low, high = span_mv
    margin = (high - low) // 10
    if voltage_mv < low - margin:
        raise DriverError("broken_wire")
    if voltage_mv > high + margin:
        raise DriverError("short_circuit")
    bottom, top = range_mbar
    return bottom + ((voltage_mv - low) * (top - bottom) * 2 + (high - low)) // (2 * (high - low))
