"""How is an MMC5603 asked? Its coil is set and reset, and the offset goes with the difference."""

from firmware.drivers import mmc5603 as driver


async def find(registers) -> tuple:
    """(Whether it is this chip, whether anything answered)."""
    registers.address = driver.ADDRESS
    identity = await registers.read(driver.IDENTITY, 1)
    return driver.is_chip(identity), identity is not None


async def measure(registers) -> tuple:
    """((x, y, z) in nT, degrees Celsius). Raises DriverError."""
    await registers.write(driver.MEASURE_TEMPERATURE)
    await registers.ready(driver.STATUS, _temperature_is_ready, driver.SETTLE_MS)
    celsius = driver.temperature_c(await registers.read(driver.TEMPERATURE, 1))
    counts = []
    for coil in (driver.SET, driver.RESET):
        await registers.write(coil)
        await registers.sleep_ms(driver.COIL_MS)
        await registers.write(driver.MEASURE)
        await registers.ready(driver.STATUS, _field_is_ready, driver.SETTLE_MS)
        counts.append(driver.counts(await registers.read(driver.DATA, driver.DATA_SIZE)))
    return driver.field_nt(counts[0], counts[1]), celsius


def _temperature_is_ready(status: bytes | None) -> bool:
    return driver.is_ready(status, driver.TEMPERATURE_DONE)


def _field_is_ready(status: bytes | None) -> bool:
    return driver.is_ready(status, driver.FIELD_DONE)
