"""A manifest that says anything but what a release is, is refused with the place; and so is an address."""

import json

from firmware import release
from firmware.contract import ContractError
from firmware.download import DownloadError, split_url

FILE = {"path": "app.rom", "size": 71234, "sha256": "0f" * 32}
GOOD = {"release": 12, "version": "1.5.0", "files": [FILE], "by": "releases", "signature": "x"}


def refusal(message: object) -> str:
    try:
        release.decode(json.dumps(message).encode())
    except ContractError as error:
        return str(error)
    raise AssertionError(message)


def changed(**changes: object) -> dict:
    message = dict(GOOD)
    message.update(changes)
    return message


def with_file(**changes: object) -> dict:
    file = dict(FILE)
    file.update(changes)
    return changed(files=[file])


def test_a_good_one_is_taken_as_it_is():
    assert release.decode(json.dumps(GOOD).encode()) == GOOD
    assert release.total(changed(files=[FILE, {"path": "b", "size": 6, "sha256": "00" * 32}])) == 71240


def test_each_wrong_part_is_named():
    for wrong, said in (
        ([], "expected an object"),
        (changed(release=0), "release: expected a whole number from 1 to 2147483648"),
        (changed(release=True), "release: expected a whole number from 1 to 2147483648"),
        (changed(version=None), "version: expected at most 256 bytes of text"),
        (changed(by="../keys"), "by: expected 1 to 64 of a-z 0-9 -"),
        (changed(url="x"), "url: unknown key"),
        (changed(files=[]), "files: expected 1 to 16"),
        (changed(files=[FILE] * 17), "files: expected 1 to 16"),
        (changed(files=[FILE, FILE]), "files: a path stands twice"),
        (changed(files=[7]), "files.0: expected an object"),
        (with_file(mode=7), "files.0.mode: unknown key"),
        (with_file(size=0), "files.0.size: expected a whole number from 1 to 1048576"),
        (with_file(size=2**20 + 1), "files.0.size: expected a whole number from 1 to 1048576"),
        (with_file(sha256="0f" * 31), "files.0.sha256: expected 64 hexadecimal digits"),
        (with_file(sha256="0F" * 32), "files.0.sha256: expected 64 hexadecimal digits"),
        (with_file(path="manifest.json"), "files.0.path: manifest.json is taken"),
        (with_file(path="app.new"), "files.0.path: app.new is taken"),
    ):
        assert refusal(wrong) == said, wrong


def test_no_path_leads_out_of_the_slot():
    for path in ("../node.json", "/key.der", "a/b", "..", ".", ".x", "", "A", "a\\b", "a\0b", "x" * 33, "é", 7, None):
        assert refusal(with_file(path=path)) == "files.0.path: expected a file name of a-z 0-9 _ - .", path


def test_an_address_is_https_with_a_path():
    assert split_url("https://localhost:8443/releases/12") == ("localhost", 8443, "/releases/12")
    assert split_url("https://updates.koper.si/") == ("updates.koper.si", 443, "/")
    for url in (
        "http://localhost/x",
        "https://localhost",
        "https:///x",
        "https://h:port/x",
        "https://h:/x",
        "https://h/x y",
        "https://h/x\r\nHost: other",
        "https://h/x\nHost: other",
        "",
        "ftp://h/x",
    ):
        try:
            split_url(url)
        except DownloadError:
            continue
        raise AssertionError(url)
