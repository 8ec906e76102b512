"""What does a virtual M-Bus meter answer? A recorded frame of a real one, whose indexes advance.

``frames/mbus.jsonl`` carries the frames with source and licence, and for each record that is a quantity of the city its
register content and exponent, taken from the recording and not from any profile of the gateway.
"""

import json
from pathlib import Path
from typing import Any

from edge.mbus import address, frame, record, telegram
from edge.mbus.session import Answers
from edge.mbus.telegram import HEADER_SIZES, LONG_HEADER
from edge.mbus.value import encode_number
from hil_tests.instruments.moving import Moving, truth_number

FRAMES = Path(__file__).with_name("frames") / "mbus.jsonl"


def recorded() -> dict[str, dict[str, Any]]:
    """Every frame there is, by name."""
    lines = FRAMES.read_text("utf-8").splitlines()
    return {entry["name"]: entry for entry in map(json.loads, lines)}


class MbusMeter:
    """One meter at one primary address; not moving, it replays the recording byte for byte, its address included.

    ``identification`` (eight digits) makes several meters of one recording; ``baud`` is the speed it starts at.
    """

    def __init__(
        self,
        name: str,
        primary_address: int,
        *,
        is_moving: bool = True,
        identification: str | None = None,
        baud: int = 2400,
    ) -> None:
        entry = recorded()[name]
        self._frame = frame.decode(bytes.fromhex(entry["hex"]))
        self._values = entry["values"]
        self._status_code = entry["status_code"]
        self._primary_address = primary_address
        self._is_moving = is_moving
        ci = self._frame.ci
        if ci is None:
            raise ValueError(f"{name}: not a telegram")
        if identification is not None:
            if ci != LONG_HEADER:
                raise ValueError(f"{name}: its telegram has no identification to replace")
            number = bytes.fromhex(identification)[::-1]
            self._frame = self._frame._replace(payload=number + self._frame.payload[len(number) :])
        own = telegram.decode(self._frame)
        self._answers = Answers(primary_address, address.of_telegram(own), baud)
        self._header = HEADER_SIZES[ci]
        found = record.decode(self._frame.payload[self._header :])
        self._records = found.records
        # Some recordings are the first telegram of several; the one behind it says nothing and ends the chain.
        last = self._frame._replace(primary_address=primary_address, payload=self._frame.payload[: self._header])
        self._status = own.status
        self._rest = [frame.encode(last)] if found.more_follows else []

    @property
    def baud(self) -> int:
        """The speed it hears and speaks at."""
        return self._answers.baud

    def answer(self, request: bytes, seconds: float) -> tuple[bytes, dict[str, object]]:
        """The bytes to send, none when it is not asked, and the values they give, none for an acknowledgement."""
        first, values = self._telegram(seconds)
        octets = self._answers.answer(request, [first, *self._rest])
        return octets, values if octets == first else {}

    def _telegram(self, seconds: float) -> tuple[bytes, dict[str, object]]:
        payload = bytearray(self._frame.payload)
        values: dict[str, object] = {"status_code": self._status_code, "meter_status": self._status}
        for row in self._values:
            integer = row["integer"]
            if self._is_moving and ("rate" in row or "sway" in row):
                integer = Moving(integer, row.get("rate", 0.0), row.get("sway", 0)).at(seconds)
                place = self._records[row["record"]]
                start = self._header + place.offset
                payload[start : start + place.size] = encode_number(place.coding, integer)
            values[row["quantity"]] = truth_number(integer, row["exponent"])
        address = self._primary_address if self._is_moving else self._frame.primary_address
        return frame.encode(self._frame._replace(primary_address=address, payload=bytes(payload))), values
