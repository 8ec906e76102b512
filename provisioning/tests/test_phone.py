import argparse
import base64
import hashlib
import json
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

import httpx
import pytest

from provisioning import ProvisionError
from provisioning.__main__ import main
from provisioning.authority import Authority
from provisioning.phone_door import DIGITS, Door
from provisioning.phone_server import Page, server
from provisioning.record import is_signed
from provisioning.register import Register
from provisioning.verbs.phone import page_of

WEB = Path(__file__).parents[1] / "web"
PLACE = {"label": "park-0001", "thing": "spot-0001", "longitude": 13.7294, "latitude": 45.5481, "source": "gnss"}


class Laptop:
    """A page that is served, the codes it showed, and a client that trusts the city's authority."""

    def __init__(self, page: Page, directory: Path, codes: list[str], port: int) -> None:
        self.page = page
        self.directory = directory
        self.codes = codes
        self.port = port

    def phone(self, host: str = "localhost") -> httpx.Client:
        context = ssl.create_default_context(cafile=str(self.directory / "ca/ca.pem"))
        return httpx.Client(base_url=f"https://{host}:{self.port}", verify=context, timeout=60)

    def entered(self) -> httpx.Client:
        phone = self.phone()
        assert phone.post("/api/enter", json={"code": self.codes[-1]}).status_code == 200
        return phone


@pytest.fixture
def laptop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Laptop]:
    assert main(["quickstart", str(tmp_path), "--mqtt-port", "18883"]) == 0
    options = argparse.Namespace(directory=tmp_path, host="127.0.0.1", url=None, token_file=None, by="ana")
    page = page_of(options)
    codes: list[str] = []
    page = page._replace(door=Door(codes.append))
    with server(page, "127.0.0.1", 0) as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield Laptop(page, tmp_path, codes, made.server_address[1])
        made.shutdown()
        thread.join(10)


def test_a_phone_commissions_a_board_with_its_photo(laptop: Laptop) -> None:
    phone = laptop.entered()
    names = phone.get("/api/names").json()
    assert (names["boards"], names["things"], names["open"]) == (["park-0001"], ["spot-0001"], [])
    photo = {"photo": base64.b64encode(b"a picture").decode()}
    answer = phone.post("/api/commission", json={"mounting": PLACE | {"height": 3.5}} | photo)
    assert answer.status_code == 200, answer.text
    signed = answer.json()
    assert signed["record"]["photo"] == hashlib.sha256(b"a picture").hexdigest()
    assert signed["record"]["by"] == "ana"
    assert is_signed(**signed, trusted=[Authority(laptop.directory).certificate])
    assert Register(laptop.directory).standing().subjects["board:park-0001"]["commissioning"] == signed
    assert phone.get("/api/names").json()["open"] == ["park-0001"]


def test_nothing_is_told_or_done_without_the_code(laptop: Laptop) -> None:
    phone = laptop.phone()
    for answer in (
        phone.get("/api/names"),
        phone.post("/api/commission", json={"mounting": PLACE}),
        phone.post("/api/finish", json={"board": "park-0001"}),
        phone.get("/api/names", headers={"Cookie": "senzorika-phone=guessed"}),
        phone.get("/api/names", headers={"Cookie": 'a="; senzorika-phone='}),
    ):
        assert answer.status_code == 401
        assert answer.json() == {"message": "code: type the one on the laptop"}
    assert "status" not in Register(laptop.directory).standing().subjects["board:park-0001"]


def test_a_code_lets_one_phone_in(laptop: Laptop) -> None:
    first = laptop.codes[-1]
    assert re.fullmatch(rf"\d{{{DIGITS}}}", first)
    phone = laptop.entered()
    assert laptop.phone().post("/api/enter", json={"code": first}).status_code == 403
    assert len(laptop.codes) == 2
    assert phone.get("/api/names").status_code == 200
    (cookie,) = phone.cookies.jar
    assert cookie.secure
    assert cookie.has_nonstandard_attr("HttpOnly")
    assert cookie.get_nonstandard_attr("SameSite") == "Strict"


def test_guessing_ends_after_five_codes(laptop: Laptop) -> None:
    phone = laptop.phone()
    wrong = "0" * DIGITS if laptop.codes[-1] != "0" * DIGITS else "1" * DIGITS
    for _ in range(5):
        assert phone.post("/api/enter", json={"code": wrong}).json()["message"] == "code: is not the one on the laptop"
    shut = phone.post("/api/enter", json={"code": laptop.codes[-1]})
    assert shut.status_code == 403
    assert shut.json()["message"] == "code: too many wrong ones; start the page again on the laptop"


def test_a_door_that_was_opened_forgets_wrong_codes() -> None:
    codes: list[str] = []
    door = Door(codes.append)
    for _ in range(3):
        for _ in range(4):
            with pytest.raises(ProvisionError, match="is not the one"):
                door.enter(None)
        assert door.knows(door.enter(codes[-1]))


def test_the_page_asks_nobody_else_for_anything(laptop: Laptop) -> None:
    phone = laptop.phone()
    for path in ("/", "/page.js", "/words.js", "/page.css"):
        answer = phone.get(path)
        assert answer.status_code == 200
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert not re.search(r"https?://", answer.text)
    page = phone.get("/").text
    for reference in re.findall(r'(?:src|href)="([^"]+)"', page):
        assert phone.get(f"/{reference}").status_code == 200
    assert phone.get("/ca.crt").content == (laptop.directory / "ca/ca.der").read_bytes()
    assert phone.get("/../ca/ca.key").status_code == 404
    assert phone.get("/api/other").status_code == 404


def test_another_name_for_the_laptop_is_refused(laptop: Laptop) -> None:
    answer = laptop.phone().get("/", headers={"Host": f"evil.example:{laptop.port}"})
    assert answer.status_code == 421


REFUSED: dict[str, tuple[str, Any, str]] = {
    "a key": ("/api/commission", {"mounting": PLACE | {"latitude": 95}}, "latitude: expected a number"),
    "no photo": ("/api/commission", {"mounting": PLACE, "photo": "§"}, "photo: expected base64"),
    "photo of another type": ("/api/commission", {"mounting": PLACE, "photo": 7}, "photo: expected base64"),
    "more": ("/api/commission", {"mounting": PLACE, "more": 1}, "expected mounting and photo"),
    "a list": ("/api/commission", [], "expected mounting and photo"),
    "another board": ("/api/commission", {"mounting": PLACE | {"label": "park-0009"}}, "park-0009: has no valid"),
    "no board": ("/api/finish", {}, "board: expected text"),
    "no collector": ("/api/finish", {"board": "park-0001"}, "no collector was named"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_phone_says_is_checked(case: str, laptop: Laptop) -> None:
    path, told, message = REFUSED[case]
    answer = laptop.entered().post(path, json=told)
    assert answer.status_code == 422
    assert message in answer.json()["message"]


def test_a_body_that_is_no_json_or_too_large_or_of_another_page(laptop: Laptop) -> None:
    phone = laptop.entered()
    json_type = {"Content-Type": "application/json"}
    assert phone.post("/api/commission", content=b"{", headers=json_type).status_code == 422
    assert phone.post("/api/commission", content=b"[" * 100_000, headers=json_type).status_code == 422
    in_pieces = phone.post("/api/commission", content=iter([b"{}"]), headers=json_type)
    assert "expected a Content-Length" in in_pieces.json()["message"]
    context = ssl.create_default_context(cafile=str(laptop.directory / "ca/ca.pem"))
    connection = HTTPSConnection("localhost", laptop.port, context=context, timeout=60)
    connection.putrequest("POST", "/api/commission")
    cookie = f"senzorika-phone={phone.cookies['senzorika-phone']}"
    for name, value in (json_type | {"Cookie": cookie, "Content-Length": str(10**9)}).items():
        connection.putheader(name, value)
    connection.endheaders()
    assert "at most 32 MiB" in json.load(connection.getresponse())["message"]
    connection.close()
    assert phone.post("/api/commission", content=b"{}", headers={"Content-Type": "text/plain"}).status_code == 415


def test_a_phone_that_stalls_stops_nobody(laptop: Laptop) -> None:
    with socket.create_connection(("127.0.0.1", laptop.port)):
        assert laptop.phone().get("/").status_code == 200


def test_a_collector_that_is_out_of_reach_leaves_it_open(laptop: Laptop) -> None:
    options = argparse.Namespace(
        directory=laptop.directory, host="127.0.0.1", url="http://127.0.0.1:9", token_file=None, by="ana"
    )
    work = page_of(options).work
    work.commission({"mounting": PLACE})
    assert work.finish({"board": "park-0001"})["record"]["status"] == "open"


def test_another_address_gets_another_certificate(laptop: Laptop) -> None:
    options = argparse.Namespace(directory=laptop.directory, host="192.168.7.1", url=None, token_file=None, by="ana")
    before = Authority(laptop.directory).certificate_of("phone")
    page_of(options)
    authority = Authority(laptop.directory)
    assert "192.168.7.1" in authority.hosts_of("phone")
    page_of(options)
    assert authority.certificate_of("phone") != before
    assert sum(entry.name == "phone" for entry in authority.issued()) == 2


def test_no_address_in_particular_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["phone", str(tmp_path), "--host", "::"]) == 2
    assert "--host: '::' is no address that a phone can ask" in capsys.readouterr().err


def test_the_verb_serves_until_it_is_stopped(tmp_path: Path) -> None:
    assert main(["quickstart", str(tmp_path), "--mqtt-port", "18883"]) == 0
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main(["phone", str(tmp_path), "--port", str(taken.getsockname()[1])]) == 2
    command = [sys.executable, "-m", "provisioning", "phone", str(tmp_path), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as program:
        try:
            said = ""
            for line in program.stderr:
                said += line
                if found := re.search(r"https://127\.0\.0\.1:(\d+)/", line):
                    break
            context = ssl.create_default_context(cafile=str(tmp_path / "ca/ca.pem"))
            code = re.search(r"code for the next phone: (\d{8})", said)[1]
            url = f"https://127.0.0.1:{found[1]}/api/enter"
            assert httpx.post(url, json={"code": code}, verify=context).status_code == 200
            program.send_signal(signal.SIGINT)
            assert program.wait(60) == 0
        finally:
            program.kill()  # one that did not stop


NODE = shutil.which("node")


@pytest.mark.skipif(NODE is None, reason="node is not installed")
@pytest.mark.parametrize("file", ["page.js", "words.js"])
def test_the_script_is_whole(file: str, tmp_path: Path) -> None:
    copy = tmp_path / file.replace(".js", ".mjs")
    copy.write_text((WEB / file).read_text())
    verdict = subprocess.run([str(NODE), "--check", copy], capture_output=True, text=True, check=False)
    assert verdict.returncode == 0, verdict.stderr


@pytest.mark.skipif(NODE is None, reason="node is not installed")
def test_every_word_stands_in_every_language() -> None:
    program = f'import("{(WEB / "words.js").as_uri()}").then((m) => console.log(JSON.stringify(m.words)))'
    printed = subprocess.run([str(NODE), "-e", program], capture_output=True, text=True, check=True).stdout
    words = json.loads(printed)
    assert set(words) == {"sl", "it", "en"}
    used = set(re.findall(r'data-word="(\w+)"', (WEB / "page.html").read_text()))
    used |= set(re.findall(r'word\("(\w+)"\)', (WEB / "page.js").read_text()))
    for language, own in words.items():
        assert set(own) == used, language
        assert all(own.values())
