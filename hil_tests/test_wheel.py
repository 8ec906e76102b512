"""The wheel is what people install: it must work outside the checkout and carry what the programs read."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(folder),
        ".",
    ]
    subprocess.run(build, cwd=CHECKOUT, check=True)
    (wheel,) = folder.glob("senzorika-*.whl")
    target = folder / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    return target


def run(installed: Path, *code: str) -> str:
    """Run with the wheel first on the path and the checkout nowhere on it."""
    environment = {"PYTHONPATH": str(installed), "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        [sys.executable, "-P", *code], cwd=installed, env=environment, capture_output=True, text=True, check=True
    ).stdout


@pytest.mark.parametrize(
    "package", ["firmware.contract", "edge.gateway", "collector.api.app", "provisioning.quickstart"]
)
def test_a_package_is_imported_from_the_wheel(installed: Path, package: str) -> None:
    found = run(installed, "-c", f"import {package}; print({package}.__file__)")
    assert Path(found.strip()).is_relative_to(installed)


@pytest.mark.parametrize("module", ["collector", "edge", "provisioning"])
def test_every_command_explains_itself(installed: Path, module: str) -> None:
    assert run(installed, "-m", module, "--help").startswith(f"usage: senzorika-{_COMMANDS[module]}")


_COMMANDS = {"collector": "collector", "edge": "gateway", "provisioning": "provision"}


def test_the_wheel_carries_meters_migrations_c_source_page_and_chart_but_no_tests(installed: Path) -> None:
    assert list(installed.glob("edge/meters/*.toml"))
    assert list(installed.glob("collector/migrations/versions/*.py"))
    assert list(installed.glob("collector/**/*.c"))
    assert not list(installed.glob("collector/**/*.so"))  # it is compiled where it runs: one wheel for every machine
    assert (installed / "collector/web/index.html").is_file()
    assert (installed / "collector/web/vendor/uPlot.iife.min.js").is_file()
    assert not list(installed.rglob("test_*.py"))
    assert not list(installed.rglob("node_modules"))
