"""Is this a release that this node may run? The manifest, checked before a single file is fetched.

    {"release": 12, "version": "1.5.0", "files": [{"path": "app.rom", "size": 71234, "sha256": "…"}], "by": "releases",
     "signature": "…"}

``release`` is a number that only grows; the signature covers everything else (``orders.signed_bytes``).
"""

from firmware.contract import ContractError, check_id, check_text, check_whole, known_keys, load

LARGEST = 4096  # bytes of a manifest
_MOST_FILES = 16
_LARGEST_FILE = 1 << 20
_NAME = "abcdefghijklmnopqrstuvwxyz0123456789_-."
_HEXADECIMAL = "0123456789abcdef"


def decode(payload: bytes) -> dict:
    """Raises ContractError with the path of what is wrong. Who has signed it is another question."""
    manifest = load(payload)
    known_keys("", manifest, ("release", "version", "files", "by", "signature"))
    check_whole("release", manifest.get("release"), 1, 2**31)
    check_text("version", manifest.get("version"))
    check_id("by", manifest.get("by"))
    files = manifest.get("files")
    if type(files) is not list or not 0 < len(files) <= _MOST_FILES:
        raise ContractError("files: expected 1 to " + str(_MOST_FILES))
    names = []
    for index, file in enumerate(files):
        _check_file("files." + str(index), file)
        names.append(file["path"])
    if len(set(names)) != len(names):
        raise ContractError("files: a path stands twice")
    return manifest


def _check_file(where: str, file) -> None:
    if type(file) is not dict:
        raise ContractError(where + ": expected an object")
    known_keys(where + ".", file, ("path", "size", "sha256"))
    path, sha256 = file.get("path"), file.get("sha256")
    # One folder, no way out of it: no separators, and no name that begins with a dot.
    if type(path) is not str or not 0 < len(path) <= 32 or path[0] == "." or not all(c in _NAME for c in path):
        raise ContractError(where + ".path: expected a file name of a-z 0-9 _ - .")
    if path == "manifest.json" or path[-4:] == ".new":
        raise ContractError(where + ".path: " + path + " is taken")
    check_whole(where + ".size", file.get("size"), 1, _LARGEST_FILE)
    if type(sha256) is not str or len(sha256) != 64 or not all(c in _HEXADECIMAL for c in sha256):
        raise ContractError(where + ".sha256: expected 64 hexadecimal digits")


def total(manifest: dict) -> int:
    """Bytes of all its files."""
    return sum(file["size"] for file in manifest["files"])
