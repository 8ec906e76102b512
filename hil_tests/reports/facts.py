"""What was tested? Which versions of what, on which rig: for every report."""

import re
import subprocess
from platform import python_version

from hil_tests.bench.devices import Bench
from hil_tests.instruments.process import BenchError, find

UNKNOWN = "unknown"


def facts_of(bench: Bench) -> dict[str, str]:
    """What the devices and the collector say of themselves; ``unknown`` where they have not said it."""
    found = {
        "rig": bench.rig.name,
        "broker": _broker(bench),
        "collector": _collector(bench),
        "Python": python_version(),
    }
    if bench.rig.is_virtual:
        found["store"] = bench.city.plan.store
        found["MicroPython"] = _micropython()
    for node in bench.rig.node:
        found[f"firmware of {node.name}"] = _firmware(bench, node.name)
    return found


def _broker(bench: Bench) -> str:
    """A virtual one says its version when it starts."""
    if not bench.rig.is_virtual:
        return f"external, of {bench.rig.directory}"
    said = re.search(r"[Vv]ersion:? +(\S+)", bench.city.programs["broker"].log.read_text(errors="replace"))
    return f"{bench.city.plan.broker} {said[1] if said else UNKNOWN}"


def _firmware(bench: Bench, node: str) -> str:
    try:
        said = bench.last(node, "firmware_version")
    except ConnectionError:
        return UNKNOWN
    return str(said[1]) if said else UNKNOWN


def _collector(bench: Bench) -> str:
    try:
        return str(bench.door.get("/openapi.json").json()["info"]["version"])
    except (ConnectionError, ValueError, KeyError):
        return UNKNOWN


def _micropython() -> str:
    try:
        command = [find("micropython"), "-c", "import sys; print(sys.version)"]
        return (
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=10)
            .stdout.split("; ")[-1]
            .strip()
        )
    except (BenchError, OSError, subprocess.SubprocessError):
        return UNKNOWN
