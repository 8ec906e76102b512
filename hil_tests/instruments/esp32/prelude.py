"""Runs on MicroPython before anything of a board: its flash becomes the root, then boot.py and main.py are run.

Arguments: the flash file, offset and size of the file system in it, and 1 when main.py shall run. A board that starts
again ends this process by signal 9; what ends it with 0 is a soft reset.
"""

import os
import sys

import vfs

_BLOCK = 4096


class Flash:
    """The block device of a part of the flash file."""

    def __init__(self, path: str, offset: int, size: int) -> None:
        self._file = open(path, "r+b")
        self._offset = offset
        self._blocks = size // _BLOCK

    def readblocks(self, number, buffer, offset=0):
        self._file.seek(self._offset + number * _BLOCK + offset)
        self._file.readinto(buffer)

    def writeblocks(self, number, buffer, offset=0):
        self._file.seek(self._offset + number * _BLOCK + offset)
        self._file.write(buffer)
        self._file.flush()

    def ioctl(self, operation, argument):
        if operation == 4:
            return self._blocks
        if operation == 5:
            return _BLOCK
        if operation == 6:
            self.writeblocks(argument, b"\xff" * _BLOCK)
        return 0


class Machine:
    """What mpremote asks of ``machine``."""

    @staticmethod
    def reset():
        os.system("kill -9 $PPID")  # the shell's parent is this interpreter


def start(path: str, offset: str, size: str, runs_main: str) -> None:
    flash = Flash(path, int(offset), int(size))
    sys.modules["machine"] = Machine
    try:
        system = vfs.VfsLfs2(flash)
    except OSError:
        print("Performing initial setup")
        vfs.VfsLfs2.mkfs(flash)
        system = vfs.VfsLfs2(flash)
    vfs.umount("/")
    vfs.mount(system, "/")
    os.chdir("/")
    sys.path[:] = ["", ".frozen", "/lib"]
    sys.stdout.write("\0")  # from now on a ^C interrupts what runs, and does not end the interpreter
    for name in ("boot.py", "main.py") if runs_main == "1" else ("boot.py",):
        try:
            with open(name) as file:
                text = file.read()
        except OSError:
            continue
        try:
            exec(compile(text, name, "exec"), {"__name__": "__main__"})
        except KeyboardInterrupt:
            print("KeyboardInterrupt")
            break
        except SystemExit:
            Machine.reset()
        except Exception as error:
            sys.print_exception(error)


_arguments = sys.argv[1:]
del sys.argv[:]
start(*_arguments)
