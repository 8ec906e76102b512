"""``python -m hil_tests.instruments.esp32 FLASH PORT``: one virtual board, until it is killed or unplugged."""

import argparse
import signal
from pathlib import Path

from hil_tests.instruments.esp32 import faults
from hil_tests.instruments.esp32.board import Board, plugged
from hil_tests.instruments.esp32.flash import Flash
from hil_tests.instruments.esp32.loader import Loader
from hil_tests.instruments.esp32.port import Port
from hil_tests.instruments.esp32.pty_port import PtyPort
from hil_tests.instruments.esp32.registers import Chip, Registers
from hil_tests.instruments.esp32.rfc2217_port import Rfc2217Port


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m hil_tests.instruments.esp32", description=__doc__)
    parser.add_argument("flash", type=Path, help="the flash image file; made where there is none")
    parser.add_argument("port", help="a path that becomes a symbolic link to a pty, or a TCP port for RFC 2217")
    parser.add_argument("--size", type=int, default=4, metavar="MB")
    parser.add_argument("--mac", default="24:6f:28:00:00:01")
    parser.add_argument("--heap", default="1M", help="of the interpreter")
    parser.add_argument("--fault", type=faults.parse, action="append", default=[], metavar="NAME[:ADDRESS]")
    options = parser.parse_args()
    flash = Flash(options.flash, options.size << 20)
    chip: Chip = "esp32s2" if any(fault.name == "wrong-chip" for fault in options.fault) else "esp32"
    registers = Registers(bytes.fromhex(options.mac.replace(":", "")), flash.size, chip)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    port: Port = Rfc2217Port(int(options.port)) if options.port.isdecimal() else PtyPort(Path(options.port))
    print(f"board: {options.mac} at {port.name}", flush=True)
    plugged(Board(flash, Loader(flash, registers, options.fault), port, options.heap))


if __name__ == "__main__":
    main()
