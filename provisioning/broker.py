"""What each identity may publish and hear, as the configuration of nats-server and of mosquitto.

Rights follow the role a certificate was issued for (ARCHITECTURE: broker rights). Both brokers take the identity
from the client certificate. nats-server has no revocation list: a revoked name loses its user, and a reload drops
its live connection. mosquitto refuses the certificate by the revocation list and silences a live session by denial.
"""

import getpass
import json
import os
import signal
from pathlib import Path
from typing import Literal, NamedTuple

from provisioning import ProvisionError
from provisioning.authority import Authority, Issued, Role

Kind = Literal["nats", "mosquitto"]
MAX_PACKET = 256 * 1024  # a gateway's message has at most 64 KiB


class Rights(NamedTuple):
    """Topic filters behind the name of the city; ``{name}`` is the identity itself."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]


_PUBLISHER = Rights(
    publish=("v1/{name}/reading", "v1/{name}/state", "v1/{name}/result"),
    subscribe=("v1/{name}/receipt", "v1/{name}/command", "v1/{name}/config", "v1/collector/state"),
)
_ALL_THAT_IS_MEASURED = ("v1/+/reading", "v1/+/state", "v1/+/result")
_COPIES = "v1.1/#"
"""Observations that anyone may see, as SensorThings has them: the collector's word, and nobody else's."""
RIGHTS: dict[Role, Rights] = {
    "node": _PUBLISHER,
    "gateway": _PUBLISHER,
    "collector": Rights(
        ("v1/+/receipt", "v1/+/command", "v1/+/config", "v1/collector/state", _COPIES), _ALL_THAT_IS_MEASURED
    ),
    "center": Rights(("v1/+/command", "v1/+/config"), _ALL_THAT_IS_MEASURED),
    "reader": Rights((), (*_ALL_THAT_IS_MEASURED, _COPIES)),
}


def write(directory: Path, city: str, port: int, host: str = "127.0.0.1") -> dict[Kind, Path]:
    """Write the configuration of both brokers below ``DIR/broker`` and return where they are."""
    directory = directory.resolve()
    issued = Authority(directory).issued()
    # One user for each name, also where a name has an old and a new certificate.
    holders = list({e.name: e for e in issued if not e.revoked and e.role in RIGHTS}.values())
    folder = directory / "broker"
    files = {
        "nats.conf": _nats(directory, city, host, port, holders),
        "mosquitto.conf": _mosquitto(directory, host, port),
        "mosquitto.acl": _mosquitto_acl(city, holders, issued),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            new = folder / f"{name}.new"
            new.write_text(text)
            # mosquitto wants its rights unreadable for others
            new.chmod(0o600)
            new.replace(folder / name)
    except OSError as error:
        raise ProvisionError(f"{folder}: {error.strerror}") from None
    return {"nats": folder / "nats.conf", "mosquitto": folder / "mosquitto.conf"}


def port_of(directory: Path) -> int:
    """The MQTT port that the configuration in this directory has now."""
    text = _read(directory / "broker" / "mosquitto.conf")
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("listener "))


def has_rights(directory: Path, name: str) -> bool:
    """Whether a name stands in the configuration as it was written last."""
    return f'{{user: "CN={name}",' in _read(directory / "broker" / "nats.conf")


def reload(directory: Path) -> int | None:
    """Tell the running broker of this directory to read its rights again; return its process id, None if none runs."""
    for name, program in (("nats.pid", "nats-server"), ("mosquitto.pid", "mosquitto")):
        try:
            process = int((directory / "broker" / name).read_text())
            if not _is_running(process, program):  # a broker that was killed leaves its number, perhaps to a stranger
                continue
            os.kill(process, signal.SIGHUP)
        except (FileNotFoundError, ValueError, ProcessLookupError):
            continue
        except PermissionError:
            raise ProvisionError(f"broker/{name}: the broker belongs to another user; reload it yourself") from None
        return process
    return None


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as error:
        raise ProvisionError(f"{path}: {error.strerror}; run quickstart first") from None


def _is_running(process: int, program: str) -> bool:
    try:
        return Path(f"/proc/{process}/comm").read_text().strip() == program
    except FileNotFoundError:
        return not Path("/proc/self").exists()  # without /proc the number is all there is


def _filters(rights: tuple[str, ...], city: str, name: str) -> list[str]:
    return [f"{city}/{right.format(name=name)}" for right in rights]


def _subjects(topic_filter: str) -> list[str]:
    """The filter as nats-server has it inside, where a dot is two slashes; ``#`` stands for the level above it too."""
    subject = ".".join(level.replace(".", "//") for level in topic_filter.split("/"))
    subject = subject.replace("+", "*").replace("#", ">")
    return [subject, subject.removesuffix(".>")] if subject.endswith(".>") else [subject]


def _nats(directory: Path, city: str, host: str, port: int, holders: list[Issued]) -> str:
    def allow(rights: tuple[str, ...], name: str) -> str:
        subjects = [subject for one in _filters(rights, city, name) for subject in _subjects(one)]
        return f"{{allow: {json.dumps(subjects)}}}" if subjects else '{deny: [">"]}'

    users = "\n".join(
        f'    {{user: "CN={holder.name}", allowed_connection_types: ["MQTT"], permissions: {{'
        f"publish: {allow(RIGHTS[holder.role].publish, holder.name)}, "
        f"subscribe: {allow(RIGHTS[holder.role].subscribe, holder.name)}}}}}"
        for holder in holders
    )
    return f"""# Written by `senzorika-provision broker`: change the identities there, not here.
server_name: {json.dumps(city)}
listen: "127.0.0.1:-1"  # its own protocol can't be switched off: a random port of the loopback, and no user may use it
pid_file: {json.dumps(str(directory / "broker" / "nats.pid"))}
max_payload: {MAX_PACKET}
jetstream {{
  store_dir: {json.dumps(str(directory / "broker" / "jetstream"))}
  sync_interval: "1s"
  max_file_store: 10GB
  limits {{ default_max_consumers: -1 }}  # else the 1001st QoS 1 subscription is refused
}}
authorization {{
  users: [
{users}
  ]
}}
mqtt {{
  host: {json.dumps(host)}
  port: {port}
  ack_wait: "10s"
  max_ack_pending: 10000
  tls {{
    cert_file: {json.dumps(str(directory / "certificates" / "broker.pem"))}
    key_file: {json.dumps(str(directory / "certificates" / "broker.key"))}
    ca_file: {json.dumps(str(directory / "ca" / "ca.pem"))}
    verify_and_map: true
    timeout: 5
  }}
}}
"""


def _mosquitto(directory: Path, host: str, port: int) -> str:
    return f"""# Written by `senzorika-provision broker`: change the identities there, not here.
user {getpass.getuser()}
pid_file {directory / "broker" / "mosquitto.pid"}
listener {port} {host}
cafile {directory / "ca" / "ca.pem"}
certfile {directory / "certificates" / "broker.pem"}
keyfile {directory / "certificates" / "broker.key"}
crlfile {directory / "ca" / "crl.pem"}
require_certificate true
use_identity_as_username true
# nobody takes over another's session by its client identifier
use_username_as_clientid true
allow_anonymous false
acl_file {directory / "broker" / "mosquitto.acl"}
persistence true
persistence_location {directory / "broker"}/
autosave_interval 5
# the default keeps 1000 messages and forgets the rest after acknowledging them
max_queued_messages 0
max_inflight_messages 1000
max_packet_size {MAX_PACKET}
set_tcp_nodelay true
log_dest stderr
log_type error
log_type warning
log_type notice
"""


def _mosquitto_acl(city: str, holders: list[Issued], issued: list[Issued]) -> str:
    valid = {holder.name for holder in holders}
    lines = ["# Written by `senzorika-provision broker`: change the identities there, not here."]
    for holder in holders:
        rights = RIGHTS[holder.role]
        lines += ["", f"user {holder.name}"]
        lines += [f"topic write {f}" for f in _filters(rights.publish, city, holder.name)]
        lines += [f"topic read {f}" for f in _filters(rights.subscribe, city, holder.name)]
    for name in dict.fromkeys(entry.name for entry in issued if entry.revoked):
        if name not in valid:
            lines += ["", f"user {name}", "topic deny #"]
    return "\n".join(lines) + "\n"
