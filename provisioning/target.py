"""Where do files and commands for a gateway go? To a Raspberry Pi over SSH, onto a card, or into a second root.

Everything passes through one ``sh`` there: a card that is mounted on the laptop and a Pi that runs differ by the words
before the script, and by ``root``.
"""

import hashlib
import shlex
import subprocess
from typing import NamedTuple

from provisioning import ProvisionError

_DEADLINE_S = 60.0
_HEAD = "set -eu; umask 077; ROOT={root}; export ROOT; "
_IS_IT = (
    'f="$ROOT"{path}; [ -f "$f" ] && [ "$(sha256sum <"$f" | cut -c 1-64) $(stat -c %a "$f")" = "{sha256} {mode:o}" ]'
)
# Written beside, made durable, renamed: a cut leaves the old file or the new one.
_PUT = (
    "if " + _IS_IT + "; then echo same; else "
    '(umask 022; mkdir -p "$(dirname "$f")"); cat >"$f.new"; '
    'chmod {mode:o} "$f.new"; sync "$f.new"; mv -f "$f.new" "$f"; sync "$(dirname "$f")"; echo new; fi'
)
_LOOK = f"if {_IS_IT}; then echo same; else echo new; fi"


class Failed(ProvisionError):  # noqa: N818 - what happened, not what is wrong with us
    """A script did not end with 0; ``said`` is what it wrote."""

    def __init__(self, what: str, status: int, said: str) -> None:
        last = (said.strip().splitlines() or [f"exit status {status}"])[-1]
        super().__init__(f"{what}: {last}")
        self.status = status
        self.said = said


class Target(NamedTuple):
    """``command`` takes a script as its last argument; ``is_running``: whether its services can be spoken to."""

    command: tuple[str, ...]
    root: str = ""
    is_running: bool = True
    is_quoted: bool = False

    def run(self, what: str, script: str, octets: bytes = b"", seconds: float = _DEADLINE_S) -> str:
        """What the script writes. Raises ProvisionError, beginning with ``what``."""
        whole = _HEAD.format(root=shlex.quote(self.root)) + script
        last = shlex.quote(whole) if self.is_quoted else whole
        try:
            done = subprocess.run(
                [*self.command, last], input=octets, capture_output=True, timeout=seconds, check=False
            )
        except FileNotFoundError:
            raise ProvisionError(f"{self.command[0]}: is not installed") from None
        except subprocess.TimeoutExpired:
            raise ProvisionError(f"{what}: not done in {seconds:.0f} s") from None
        said = done.stdout.decode(errors="replace")
        if done.returncode:
            raise Failed(what, done.returncode, done.stderr.decode(errors="replace") or said)
        return said

    def put(self, path: str, content: bytes, mode: int = 0o644, *, dry: bool = False) -> bool:
        """Whether the file is, or would be, another one than was there."""
        script = (_LOOK if dry else _PUT).format(
            path=shlex.quote(path), sha256=hashlib.sha256(content).hexdigest(), mode=mode
        )
        return self.run(path, script, b"" if dry else content).strip() != "same"


def over_ssh(host: str, options: tuple[str, ...] = (), *, sudo: bool) -> Target:
    """``host`` as ssh takes it; with ``sudo`` each script runs as root, without a question."""
    shell = ("sudo", "-n", "sh", "-c") if sudo else ("sh", "-c")
    ssh = ("ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", *options, host)
    return Target((*ssh, *shell), is_quoted=True)  # ssh joins its words with spaces, for another shell to part them
