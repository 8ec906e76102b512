"""Where are boards plugged in? Serial ports by name, or by the serial number of their USB adapter."""

from collections.abc import Iterable

from serial.tools import list_ports

from provisioning import ProvisionError

_BY_SERIAL = "serial:"


def usb_ports() -> dict[str, str]:
    """Serial number, or where it is plugged in, -> port, of every USB adapter, in the order of the numbers."""
    found = {(one.serial_number or one.location or one.device): one.device for one in list_ports.comports() if one.vid}
    return dict(sorted(found.items()))


def resolved(port: str) -> str:
    """``serial:0001A2`` as the port that it is now; any other name as it is."""
    if not port.startswith(_BY_SERIAL):
        return port
    number = port.removeprefix(_BY_SERIAL)
    found = usb_ports()
    if number not in found:
        raise ProvisionError(f"--port {port}: not plugged in; there are {' '.join(found) or 'no USB adapters'}")
    return found[number]


def assigned(names: Iterable[str], taken: dict[str, str]) -> dict[str, str]:
    """Each name and a port of its own: what is ``taken`` as it is, the others in the order of the serial numbers."""
    names = list(names)
    fixed = {name: resolved(port) for name, port in taken.items()}
    free = [port for port in usb_ports().values() if port not in fixed.values()]
    waiting = [name for name in names if name not in fixed]
    if len(free) < len(waiting):
        missing = waiting[len(free) :]
        raise ProvisionError(f"{' '.join(missing)}: no port left; give NAME=PORT, or plug in {len(missing)} more")
    found = fixed | dict(zip(waiting, free, strict=False))
    doubled = {port for port in found.values() if list(found.values()).count(port) > 1}
    if doubled:
        raise ProvisionError(f"{' '.join(sorted(doubled))}: named for two boards")
    return {name: found[name] for name in names}
