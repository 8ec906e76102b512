import ssl
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from provisioning import ProvisionError, offered, release_server
from provisioning.__main__ import main
from provisioning.rollout_link import tls
from provisioning.tests.test_offered import IMAGE, lay


def get(url: str, context: ssl.SSLContext) -> bytes:
    found: bytes = urllib.request.urlopen(url, context=context).read()  # noqa: S310 - ours
    return found


@pytest.fixture
def city(tmp_path: Path) -> Path:
    assert main(["quickstart", str(tmp_path / "city"), "--mqtt-port", "18883"]) == 0
    return tmp_path / "city"


def test_a_node_of_the_city_gets_the_release_and_nothing_else(city: Path, tmp_path: Path) -> None:
    folder = lay(tmp_path / "12")
    (folder / "secret").write_text("not in the manifest")
    with release_server.serving(city, folder, "broker", "127.0.0.1", 0) as port:
        url, context = f"https://localhost:{port}", tls(city, "park-0001")
        offered.check_served(folder, url, context)
        assert get(f"{url}/app.rom", context) == IMAGE
        for path in ("secret", "../city/ca/ca.key", ""):
            with pytest.raises(urllib.error.HTTPError, match="404"):
                get(f"{url}/{path}", context)
        stranger = ssl.create_default_context(cafile=str(city / "ca/ca.pem"))
        with pytest.raises(OSError, match=r"certificate required|reset|EOF"):
            get(f"{url}/app.rom", stranger)
        with pytest.raises(ProvisionError, match=f"--url {url}/13: the server says 404"):
            offered.check_served(folder, f"{url}/13", context)
        other = lay(tmp_path / "13", release=13)
        with pytest.raises(ProvisionError, match="serves another release than"):
            offered.check_served(other, url, context)


def test_a_certificate_that_is_missing_or_a_port_that_is_taken_is_named(city: Path, tmp_path: Path) -> None:
    folder = lay(tmp_path / "12")
    with release_server.serving(city, folder, "broker", "127.0.0.1", 0) as port:
        for name, wanted in (("nobody", 0), ("broker", port)):
            with (
                pytest.raises(ProvisionError, match=f"{name}.pem, 127.0.0.1:{wanted}: "),
                release_server.serving(city, folder, name, "127.0.0.1", wanted),
            ):
                pass
