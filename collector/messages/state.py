"""What does a publisher's state say about the publisher as a thing?"""

from typing import Any

from collector.observation import Observation, Series
from firmware import contract

ONLINE = "online"
# Key of the state -> quantity of the publisher.
_QUANTITIES = {
    ONLINE: "online",
    "firmware": "firmware_version",
    "boot": "boot_count",
    "reset": "reset_cause",
    "clock": "clock",
    "heap_free": "heap_free",
    "outbox_depth": "outbox_depth",
    "signal_strength": "signal_strength",
    "battery_voltage": "battery_voltage",
}


def observe_state(publisher: str, state: dict[str, Any], last: Observation | None, received: int) -> list[Observation]:
    """Return the observations of one state that the contract accepted; ``last`` is the last known ``online``.

    A will was written at CONNECT, so it is never newer than the state that followed: such a state says *offline*
    at its time of receipt, and nothing else, since the rest of it was true long ago. Raises ContractError.
    """
    if last is not None and not state[ONLINE] and state["at"] <= last.at:
        if last.value == "offline":
            return []  # a retained will, delivered once more
        return [Observation(Series(publisher, ONLINE), max(received, last.at + 1), "offline")]
    values = {
        quantity: _value(key, state[key])
        for key, quantity in _QUANTITIES.items()
        if key in state and state[key] is not None
    }
    contract.check_reading({"thing": publisher, "at": state["at"], "values": values})
    return [Observation(Series(publisher, quantity), state["at"], value) for quantity, value in values.items()]


def _value(key: str, value: Any) -> Any:
    if key == ONLINE:
        return "online" if value else "offline"
    return float(value) if type(value) is int else value
