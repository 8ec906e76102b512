"""What did each device say in one test, and when? A file each, every line with its time."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from hil_tests.instruments.console import Console, Said


class Logs:
    """Every line stands in the log of one test: what was said between two tests belongs to the second."""

    def __init__(self, consoles: Mapping[str, Console]) -> None:
        self._consoles = consoles
        self._written = dict.fromkeys(consoles, 0)

    def new(self) -> dict[str, list[Said]]:
        """By device, what is not written yet."""
        return {name: list(one.said(self._written[name])) for name, one in self._consoles.items()}

    def write(self, folder: Path) -> dict[str, str]:
        """``<folder>/<device>.log`` for each; device -> file."""
        files = {}
        folder.mkdir(parents=True, exist_ok=True)
        for name, lines in self.new().items():
            file = folder / f"{name}.log"
            file.write_text("".join(f"{stamp(one.at)} {one.text}\n" for one in lines), "utf-8")
            files[name] = str(file)
            self._written[name] += len(lines)
        return files

    def forget(self) -> None:
        """The next test begins."""
        for name, lines in self.new().items():
            self._written[name] += len(lines)


def stamp(at: int) -> str:
    """``2026-11-25T23:40:01.234Z`` of ms UTC."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
