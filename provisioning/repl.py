"""What does the interpreter of a board say of itself and of its files? mpremote, started as a program of its own."""

import json
import sys
from typing import Any

from provisioning import programs
from provisioning.esptool import BoardError

_DEADLINE = 60.0  # s; a board that is silent would hold mpremote for ever
_NO_REPL, _TRIES = "could not enter raw repl", 3  # a board that was just starting again does not hear us
_MARK = "senzorika:"
_ABOUT = f"""
import sys, json
try:
    with open("/node.json") as file:
        node = json.load(file)
except Exception:
    node = None
release = None
try:
    with open("/slot.json") as file:
        slot = json.load(file)["active"]
except Exception:
    slot = "a"
try:
    with open("/" + slot + "/manifest.json") as file:
        release = json.load(file)["release"]
except Exception:
    pass
print("{_MARK}" + json.dumps({{
    "micropython": ".".join([str(part) for part in sys.implementation.version[:3]]),
    "machine": getattr(sys.implementation, "_machine", ""),
    "publisher": node and node.get("publisher"),
    "release": release,
}}))
"""
_DIGESTS = f"""
import binascii, hashlib, json, os
buffer = bytearray(4096)
view = memoryview(buffer)
found = {{}}
def visit(folder):
    for name, kind, *_ in os.ilistdir(folder or "/"):
        path = folder + "/" + name
        if kind == 0x4000:
            visit(path)
        else:
            digest = hashlib.sha256()
            with open(path, "rb") as file:
                size = file.readinto(buffer)
                while size:
                    digest.update(view[:size])
                    size = file.readinto(buffer)
            found[path[1:]] = str(binascii.hexlify(digest.digest()), "ascii")
visit("")
print("{_MARK}" + json.dumps(found))
"""


async def about(port: str) -> dict[str, Any]:
    """``micropython``, ``machine``, ``publisher`` and ``release``; the last two are None on a board without a node."""
    return await _ask(port, _ABOUT)


async def digests(port: str) -> dict[str, str]:
    """SHA-256 of every file, as the board itself reads it; then the board starts again, with its application."""
    return await _ask(port, _DIGESTS, "reset")


async def _ask(port: str, script: str, *then: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "mpremote", "connect", port, "exec", script, *then]
    for _ in range(_TRIES):
        ended = await programs.run(command, _DEADLINE)
        if _NO_REPL not in ended.text:
            break
    line = next((line for line in ended.text.splitlines() if _MARK in line), None)
    if ended.status != 0 or line is None:
        said = [line for line in ended.text.splitlines() if line.strip()]
        why = f"no answer within {_DEADLINE:.0f} s" if ended.status is None else (said[-1] if said else "no answer")
        raise BoardError(f"MicroPython: {why}")
    answer: dict[str, Any] = json.loads(line.partition(_MARK)[2])
    return answer
