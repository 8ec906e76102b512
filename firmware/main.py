"""Which node is this board? node.json says it; this starts it: ``micropython -m firmware.main [FOLDER]``.

What puts the node together is forgotten before it runs: its code would take a fifth of the heap.
"""

import asyncio
import gc
import sys


def main(folder: str) -> None:
    """Run the node of ``folder``/node.json until something breaks; a bad setting is one line and exit code 2."""
    node = _assembled(folder)
    gc.collect()
    gc.threshold(8192)  # collect early: what lives long stays together, and large pieces stay free
    asyncio.run(node.run())


def _assembled(folder: str):
    from firmware.assembly import build
    from firmware.settings import SettingsError

    try:
        return build(folder)
    except SettingsError as error:
        print("node.json: " + str(error))
        sys.exit(2)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else ".")
