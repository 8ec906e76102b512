"""How does a Raspberry Pi become a gateway, and get new versions and configurations that it can go back from?

Everything is looked at before it is changed, so doing it again changes nothing. A version is a folder
``/opt/senzorika-VERSION`` with a link ``/opt/senzorika`` to it, a configuration ``gateway-NUMBER.toml`` with a link
``gateway.toml``; two of each are kept. The gateway itself judges what is new (``switching.sh``): it stays, or the link
goes back, whether or not the laptop is still there.
"""

import io
import re
import shlex
import tarfile
import time
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from provisioning import ProvisionError
from provisioning.gateway_files import CONFIG, HOME, File
from provisioning.target import Target

APPLICATION = "/opt/senzorika"
_STATE = "/var/lib/senzorika-update"
_VERSION = re.compile(r"[0-9][0-9a-z.+]{0,31}")
_INSTALL_S = 1800.0  # a Pi Zero unpacks for long


class Judging(NamedTuple):
    """It must be healthy for ``hold`` of at most ``patience`` seconds; ``url`` "" asks no health page."""

    hold: int = 30
    patience: int = 180
    url: str = ""


class Outcome(NamedTuple):
    """``is_new``: what was wanted runs; else ``reason`` says why it went back."""

    is_new: bool
    runs: str
    reason: str = ""


def certificates(directory: Path, name: str) -> list[File]:
    """What ``issue`` made for it, and whom it may believe."""
    folder = directory / "certificates"
    wanted = [
        (directory / "ca" / "ca.pem", "ca.pem", 0o644),
        (folder / f"{name}.pem", f"{name}.pem", 0o644),
        (folder / f"{name}.key", f"{name}.key", 0o600),
    ]
    if (folder / "collector.pem").is_file():
        wanted.append((folder / "collector.pem", "collector.pem", 0o644))
    try:
        return [File(f"{HOME}/{called}", path.read_bytes(), mode) for path, called, mode in wanted]
    except OSError as error:
        raise ProvisionError(f"{error.filename}: {error.strerror}; issue {name} with --role gateway") from None


def put(target: Target, wanted: list[File], tell: Callable[[str], None], *, dry: bool) -> list[str]:
    """The paths that changed."""
    changed = []
    for file in wanted:
        is_changed = target.put(file.path, file.content, file.mode, dry=dry)
        tell(
            f"{file.path}: {'written' if is_changed and not dry else 'would be written' if is_changed else 'as it is'}"
        )
        if is_changed:
            changed.append(file.path)
    return changed


def configuration(content: bytes, number: int) -> File:
    """Beside the one that runs."""
    return File(f"{HOME}/gateway-{number}.toml", content, 0o600)


def enable(target: Target) -> None:
    """The first configuration is linked, and the service starts: now where it runs, at its first boot on a card."""
    target.run(CONFIG, f'cd "$ROOT{HOME}"; [ -L gateway.toml ] || ln -s gateway-0.toml gateway.toml; sync .')
    if target.is_running:
        script = (
            "systemd-sysusers; systemd-tmpfiles --create; systemctl daemon-reload; "
            "systemctl try-restart systemd-timesyncd || true; systemctl enable senzorika-gateway"
        )
        target.run("systemd", script)
    else:
        wants = "/etc/systemd/system/multi-user.target.wants"
        script = (
            f'mkdir -m 755 -p "$ROOT{wants}"; ln -sf ../senzorika-gateway.service "$ROOT{wants}/"; sync "$ROOT{wants}"'
        )
        target.run(wants, script)


def current(target: Target, link: str) -> str:
    """Where the link points to; "": there is none."""
    script = f'l="$ROOT{link}"; if [ -e "$l" ] && [ ! -L "$l" ]; then exit 9; fi; readlink "$l" || true'
    try:
        return target.run(link, script).strip()
    except ProvisionError as error:
        if getattr(error, "status", 0) == 9:
            raise ProvisionError(f"{link}: is no link, so there is no way back; rename it to {link}-VERSION") from None
        raise


def install(target: Target, version: str, wheels: Path) -> str:
    """Put a version beside the one that runs, from a folder of wheels and without a network; the name of its folder."""
    if not _VERSION.fullmatch(version):
        raise ProvisionError(f"--version {version}: expected a version such as 1.5.0")
    packed = _packed(wheels, version)
    base, cache = f'"$ROOT{APPLICATION}-{version}"', f'"$ROOT/var/cache/senzorika/{version}"'
    # "complete" is written last: a folder without it is what a cut has left.
    script = (
        f"umask 022; if [ -f {base}/complete ]; then exit 0; fi; rm -rf {base} {cache}; mkdir -p {cache}; "
        f"tar -x -C {cache}; python3 -m venv {base}; "
        f"{base}/bin/pip install --quiet --disable-pip-version-check --no-index --find-links {cache} "
        f"'senzorika[edge]=={version}'; rm -rf {cache}; sync; touch {base}/complete; sync {base}/complete"
    )
    target.run(f"version {version}", script, packed, _INSTALL_S)
    return f"senzorika-{version}"


def check(target: Target, folder: str, config: str) -> None:
    """Ask a version whether it can run a configuration. What it says of lines and meters (1) is not about either."""
    program = f'"$ROOT/opt/{folder}/bin/senzorika-gateway"'
    try:
        target.run("check", f'{program} check "$ROOT{HOME}/{config}"')
    except ProvisionError as error:
        if getattr(error, "status", 0) != 1:
            raise ProvisionError(f"{folder} can't run {config}: {error}") from None


def switch(target: Target, link: str, new: str, judging: Judging, tell: Callable[[str], None]) -> Outcome:
    """Point the link to what is new, and wait for the gateway's own verdict."""
    script = files("provisioning").joinpath("switching.sh").read_bytes()
    target.put(f"{_STATE}/switching.sh", script)
    _finish_what_was_cut_short(target, judging, tell)
    if current(target, link) == new:
        return Outcome(True, new)
    _begin(target, link, new, judging)
    return _verdict(target, link, judging, tell)


def tidy(target: Target, kept: set[str]) -> None:
    """Of the versions, those that run or ran last are kept."""
    words = " ".join(shlex.quote(f"senzorika-{one.removeprefix('senzorika-')}") for one in sorted(kept) if one)
    script = (
        f'cd "$ROOT/opt"; for found in senzorika-*; do case " {words} " in *" $found "*) ;; '
        '*) [ -d "$found" ] && rm -rf "$found";; esac; done; true'
    )
    target.run("tidy", script)


def _finish_what_was_cut_short(target: Target, judging: Judging, tell: Callable[[str], None]) -> None:
    pending = target.run("pending", f'cat "$ROOT{_STATE}/pending" 2>/dev/null || true').split()
    if len(pending) == 3:
        link, old, new = pending
        tell(f"{link}: the switch from {old} to {new} was cut short; it is judged again")
        _begin(target, link, new, judging)
        _verdict(target, link, judging, tell)


def _begin(target: Target, link: str, new: str, judging: Judging) -> None:
    words = " ".join(shlex.quote(word) for word in (link, new, str(judging.hold), str(judging.patience), judging.url))
    state = f'"$ROOT{_STATE}"'
    script = (
        f'rm -f {state}/result; setsid nohup sh {state}/switching.sh "$ROOT" {words} '
        f">{state}/switching.log 2>&1 </dev/null & sleep 1"
    )
    target.run(link, script)


def _verdict(target: Target, link: str, judging: Judging, tell: Callable[[str], None]) -> Outcome:
    deadline = time.monotonic() + 2 * judging.patience * 7 + 60  # each look at the health page may take five seconds
    while True:
        said = target.run(link, f'cat "$ROOT{_STATE}/result" 2>/dev/null || true').strip()
        if said:
            break
        if time.monotonic() > deadline:
            raise ProvisionError(f"{link}: the gateway gives no verdict; see {_STATE}/switching.log there")
        tell("waiting for the gateway's verdict")
        time.sleep(1)
    word, _, reason = said.partition(" ")
    return Outcome(word == "done", current(target, link), reason if word != "lost" else f"and does not run: {reason}")


def _packed(wheels: Path, version: str) -> bytes:
    found = sorted(wheels.glob("*.whl"))
    if not any(wheel.name.startswith(f"senzorika-{version}-") for wheel in found):
        raise ProvisionError(f"--wheels {wheels}: has no wheel of senzorika {version}")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for wheel in found:
            archive.add(wheel, wheel.name)
    return packed.getvalue()
