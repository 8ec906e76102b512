"""A gateway without a Pi: a second root directory, in which a few lines of shell stand for systemd.

What runs in it is real: versions are installed by pip from wheels into environments of their own, and a good one is
the gateway of this checkout. ``systemctl`` starts and ends that one service and knows nothing else.
"""

import os
import shlex
import signal
import stat
import sys
import zipfile
from pathlib import Path

_SYSTEMCTL = """#!/bin/sh
# Stands for systemd, for one service below $ROOT.
pid=$ROOT/run/gateway.pid
is_active() {
  number=$(cat "$pid" 2>/dev/null) && [ -r "/proc/$number/stat" ] && ! grep -q ') Z ' "/proc/$number/stat"
}
echo "$*" >>"$ROOT/run/calls"
case $1 in
  is-active) is_active ;;
  restart)
    if is_active; then kill "$number"; while is_active; do sleep 0.1; done; fi
    cd "$ROOT/var/lib/senzorika"
    setsid "$ROOT/opt/senzorika/bin/senzorika-gateway" --config "$ROOT/var/lib/senzorika/gateway.toml" \\
      >>"$ROOT/run/gateway.log" 2>&1 </dev/null 9>&- &
    echo $! >"$pid"
    ;;
esac
"""
_PROGRAM = """import os, sys, time

def main():
    if {mood!r} == "refusing":
        print("senzorika-gateway: line: this version does not know it", file=sys.stderr)
        sys.exit(2)
    if {mood!r} == "silent":
        while "check" not in sys.argv:
            time.sleep(1)
        return
    if {mood!r} == "crashing" and "check" not in sys.argv:
        sys.exit("no good")
    os.chdir({checkout!r})
    os.execv({python!r}, [{python!r}, "-m", "edge", *sys.argv[1:]])
"""


class SecondRoot:
    """Below ``folder``; ``options`` are those of ``senzorika-provision gateway``."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "pi"
        (self.root / "run").mkdir(parents=True)
        bin_ = folder / "bin"
        bin_.mkdir()
        for name, text in (
            ("systemctl", _SYSTEMCTL),
            ("systemd-sysusers", "#!/bin/sh\n"),
            ("systemd-tmpfiles", "#!/bin/sh\n"),
        ):
            (bin_ / name).write_text(text)
            (bin_ / name).chmod(0o755)
        self.path = f"{bin_}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        self.options = ["--root", str(self.root), "--shell", f"env PATH={shlex.quote(self.path)} sh -c"]

    @property
    def pid(self) -> int:
        """Of the service; 0: it never ran."""
        file = self.root / "run" / "gateway.pid"
        return int(file.read_text()) if file.exists() else 0

    def log(self) -> str:
        file = self.root / "run" / "gateway.log"
        return file.read_text() if file.exists() else ""

    def mode(self, path: str) -> int:
        return stat.S_IMODE((self.root / path).stat().st_mode)

    def stop(self) -> None:
        if self.pid:
            try:
                os.kill(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                return


def wheel(folder: Path, version: str, mood: str = "fine") -> Path:
    """A folder with a version of this ``mood``.

    "fine" is this checkout's gateway, "silent" does nothing, "crashing" ends, "refusing" takes no configuration.
    """
    folder.mkdir(parents=True, exist_ok=True)
    checkout = Path(__file__).resolve().parents[2]
    about = f"senzorika-{version}.dist-info"
    contents = {
        "senzorika_stand_in.py": _PROGRAM.format(mood=mood, checkout=str(checkout), python=sys.executable),
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: senzorika\nVersion: {version}\nProvides-Extra: edge\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: bench\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{about}/entry_points.txt": "[console_scripts]\nsenzorika-gateway = senzorika_stand_in:main\n",
    }
    contents[f"{about}/RECORD"] = "".join(f"{name},,\n" for name in [*contents, f"{about}/RECORD"])
    with zipfile.ZipFile(folder / f"senzorika-{version}-py3-none-any.whl", "w") as archive:
        for name, text in contents.items():
            archive.writestr(name, text)
    return folder
