"""How is a QMC5883P asked? One measurement at a time, asleep between them."""

from firmware.drivers import qmc5883p as driver


async def find(registers) -> tuple:
    """(Whether it is this chip, whether anything answered)."""
    registers.address = driver.ADDRESS
    identity = await registers.read(driver.IDENTITY, 1)
    return driver.is_chip(identity), identity is not None


async def measure(registers) -> tuple:
    """((x, y, z) in nT, None). Raises DriverError."""
    for request in (driver.AXES, driver.RANGE, driver.MEASURE):
        await registers.write(request)
    await registers.ready(driver.STATUS, driver.is_ready, driver.SETTLE_MS)
    field = driver.field_nt(await registers.read(driver.DATA, driver.DATA_SIZE))
    await registers.write(driver.STANDBY)
    return field, None
