"""How is a QMC5883L asked? One measurement at a time, asleep between them."""

from firmware.drivers import qmc5883l as driver


async def find(registers) -> tuple:
    """(Whether it is this chip, whether anything answered)."""
    registers.address = driver.ADDRESS
    if await registers.read(driver.STANDBY, 0) is None:
        return False, False
    identity = await registers.read(driver.IDENTITY, 1)
    kept = await registers.read(bytes((driver.CONTROL,)), 1)
    return driver.is_chip(identity, kept), True


async def measure(registers) -> tuple:
    """((x, y, z) in nT, degrees from an unknown zero). Raises DriverError."""
    await registers.write(driver.SET_RESET_PERIOD)
    await registers.write(driver.MEASURE)
    await registers.ready(driver.STATUS, driver.is_ready, driver.SETTLE_MS)
    field = driver.field_nt(await registers.read(driver.DATA, driver.DATA_SIZE))
    celsius = driver.temperature_c(await registers.read(driver.TEMPERATURE, 2))
    await registers.write(driver.STANDBY)
    return field, celsius
