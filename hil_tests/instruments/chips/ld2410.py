"""What does an HLK-LD2410 send? Reports, and answers to commands, in the layout of Hi-Link's protocol V1.02."""

import struct

_REPORT, _REPORT_END = b"\xf4\xf3\xf2\xf1", b"\xf8\xf7\xf6\xf5"
MOVING, STATIC = 1, 2


def report(
    state: int, moving: tuple[int, int] = (0, 0), static: tuple[int, int] = (0, 0), gates: bytes | None = None
) -> bytes:
    """A report; ``moving`` and ``static`` are (cm, %), ``gates`` the energies of 9 moving and 9 static gates."""
    detected = moving[0] if state & MOVING else static[0]
    body = struct.pack("<BHBHBH", state, *moving, *static, detected)
    if gates is None:
        return _frame(b"\x02\xaa" + body + b"\x55\x00")
    return _frame(b"\x01\xaa" + body + b"\x08\x08" + gates + b"\x00\x00" + b"\x55\x00")


def _frame(body: bytes) -> bytes:
    return _REPORT + struct.pack("<H", len(body)) + body + _REPORT_END
