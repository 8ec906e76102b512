"""Is a folder a release that nodes can take, and does the address that they are told serve the same one?"""

import hashlib
import http.client
import ssl
from pathlib import Path
from typing import Any

from firmware import release
from firmware.contract import ContractError
from firmware.download import DownloadError, split_url
from provisioning import ProvisionError

_DEADLINE_S = 15


def load(folder: Path) -> dict[str, Any]:
    """The manifest, when it is signed by somebody and every file is as it says."""
    try:
        manifest: dict[str, Any] = release.decode((folder / "manifest.json").read_bytes())
        for file in manifest["files"]:
            octets = (folder / file["path"]).read_bytes()
            if len(octets) != file["size"] or hashlib.sha256(octets).hexdigest() != file["sha256"]:
                raise ProvisionError(f"{folder / file['path']}: is not the file that manifest.json describes")
    except OSError as error:
        raise ProvisionError(f"{error.filename}: {error.strerror}") from None
    except ContractError as error:
        raise ProvisionError(f"{folder / 'manifest.json'}: {error}") from None
    if not manifest.get("signature"):
        raise ProvisionError(f"{folder / 'manifest.json'}: signature: missing; no node takes it")
    return manifest


def check_served(folder: Path, url: str, context: ssl.SSLContext) -> None:
    """Ask as a node will, before any node does."""
    try:
        host, port, path = split_url(f"{url}/manifest.json")
        connection = http.client.HTTPSConnection(host, port, context=context, timeout=_DEADLINE_S)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            octets = answer.read(release.LARGEST + 1)
        finally:
            connection.close()
    except (DownloadError, OSError, http.client.HTTPException) as error:
        raise ProvisionError(f"--url {url}: {error or type(error).__name__}") from None
    if answer.status != http.client.OK:
        raise ProvisionError(f"--url {url}: the server says {answer.status} {answer.reason}")
    if octets != (folder / "manifest.json").read_bytes():
        raise ProvisionError(f"--url {url}: serves another release than {folder}")
