"""Start the application of the active slot; whatever ends it, start again."""

import sys
import time

_PAUSE_MS = 1000  # a version that fails at once must not wear the flash with its attempts


def prepare(folder: str) -> bool:
    """Make the application of the right slot importable, and forget how; whether it is on trial."""
    from rom import mount
    from slots import Slots

    slots = Slots(folder)
    slot = slots.start(_is_wake())
    print("boot: slot " + slot + (", trial " + str(slots.trial) if slots.trial else ""))
    mount(slots, slot)
    for name in ("rom", "slots", "durable"):  # their code would take the application's heap
        sys.modules.pop(name, None)
    return slots.trial is not None


def run(folder: str) -> None:
    """Returns when the board shall start again."""
    is_trial = False
    try:
        is_trial = prepare(folder)
        from firmware.main import main

        main(folder)
    except SystemExit:
        if not is_trial:  # a version on trial that refuses this board's node.json has failed a start
            raise
    except Exception as error:  # noqa: BLE001 - the outermost edge: the watchdog of last resort
        sys.print_exception(error)  # pyright: ignore[reportAttributeAccessIssue]
    time.sleep_ms(_PAUSE_MS)  # pyright: ignore[reportAttributeAccessIssue]


def _is_wake() -> bool:
    if sys.platform != "esp32":
        return False
    import machine

    return machine.reset_cause() == machine.DEEPSLEEP_RESET


def restart() -> None:
    if sys.platform == "esp32":
        import machine

        machine.reset()
    sys.exit(75)


run(sys.argv[1] if len(sys.argv) > 1 else ".")
restart()
