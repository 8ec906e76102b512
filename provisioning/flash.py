"""What becomes of one board? Identified, written, read back, started: each step durable before it is taken."""

import hashlib
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from provisioning import ProvisionError, esptool, partitions, repl
from provisioning.esptool import BoardError
from provisioning.esptool_output import Identity
from provisioning.flash_journal import FlashJournal, Step
from provisioning.image import image

Progress = Callable[[str, float], None]
"""What is being done, and which share of it, 0 to 1."""

WORK = "images-"
"""Folders of this prefix beside the journals hold images, with the keys of nodes, readable by us alone; a killed
process leaves them, the next one removes them."""

_TAKEN: tuple[Step, ...] = ("writing", "written", "done")


class Batch:
    """What the boards of a batch share. ``files_of`` gives a node's files; ``owners``: MAC -> node of earlier ones."""

    def __init__(
        self,
        journal: FlashJournal,
        interpreter: bytes,
        files_of: Callable[[str], Mapping[str, bytes]],
        owners: Mapping[str, str],
    ) -> None:
        self.journal = journal
        self._interpreter = interpreter
        self._table = partitions.of_image(interpreter, journal.plan.offset)
        self._files_of = files_of
        self._owners = owners

    async def flash(self, name: str, port: str, progress: Progress) -> None:
        """To the end, or until it fails; the journal says which, and why."""
        try:
            await self._flash(name, port, progress)
        except (BoardError, ProvisionError) as error:
            self.journal.note(name, step="failed", why=str(error))
            progress("failed", 0)

    async def _flash(self, name: str, port: str, progress: Progress) -> None:
        is_done = self.journal.states[name].step == "written" and await self._is_as_written(name, port, progress)
        if not is_done:
            await self._write(name, port, progress)
        self.journal.note(name, step="done")
        progress("done", 1)

    async def _is_as_written(self, name: str, port: str, progress: Progress) -> bool:
        """Whether a board that was cut off between writing and reading back needs only the latter."""
        progress("read back", 0)
        try:
            self._compare(self._files_of(name), await repl.digests(port))
        except BoardError:
            return False
        return True

    async def _write(self, name: str, port: str, progress: Progress) -> None:
        progress("identified", 0)
        identity = await esptool.identify(port, self.journal.plan.family)
        self._check(name, identity)
        files = self._files_of(name)
        region = partitions.file_system(self._table, identity.flash_size)
        self.journal.note(name, step="writing", port=port, mac=identity.mac, chip=identity.chip, why="")
        with tempfile.TemporaryDirectory(dir=self.journal.path.parent, prefix=WORK) as folder:
            regions = {self.journal.plan.offset: Path(folder) / "interpreter", region.offset: Path(folder) / "files"}
            regions[self.journal.plan.offset].write_bytes(self._interpreter)
            regions[region.offset].write_bytes(image(files, region.size))
            await esptool.write(port, self.journal.plan.baud, regions, lambda share: progress("written", share))
        self.journal.note(name, step="written")
        progress("read back", 0)
        self._compare(files, await repl.digests(port))

    def _check(self, name: str, identity: Identity) -> None:
        owner = self._owners.get(identity.mac, name)
        taken = {state.mac: one for one, state in self.journal.states.items() if state.step in _TAKEN}
        here = taken.get(identity.mac, name)
        for other in (owner, here):
            if other != name:
                raise BoardError(f"the board {identity.mac} is {other} already; --overwrite makes it {name}")

    @staticmethod
    def _compare(files: Mapping[str, bytes], found: Mapping[str, str]) -> None:
        wrong = [path for path, octets in files.items() if found.get(path) != hashlib.sha256(octets).hexdigest()]
        if wrong:
            raise BoardError(f"read back otherwise than written: {' '.join(wrong)}")
