"""A compiled part is made once, of its source, and is missed only in speed."""

import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector import compiled
from collector.compiled import CompilerError, compile_source, library
from collector.influx import lines
from collector.messages.ordinary import reader

SOURCES = {"reader.c": (reader, "test_bulk.py"), "lines.c": (lines, "test_influx_lines.py")}
SANITIZED = "cc -fsanitize=address,undefined -fno-sanitize-recover=all"
HOSTILE = """
import sys
from importlib import import_module
from pathlib import Path
import pytest
import_module(sys.argv[1]).C_SOURCE = Path(sys.argv[2])
sys.exit(pytest.main(["-q", "-s", "-p", "no:cacheprovider", "-p", "no:xdist", sys.argv[3]]))
"""


@pytest.fixture(params=SOURCES)
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A copy, with nothing compiled beside it."""
    module, _ = SOURCES[request.param]
    for file in (module.C_SOURCE, *module.C_SOURCE.parent.glob("*.h")):
        shutil.copy(file, tmp_path)
    yield tmp_path / request.param
    library.cache_clear()


def made(source: Path) -> list[Path]:
    return sorted((source.parent / "__pycache__").iterdir())


def test_it_is_compiled_once_and_kept(source: Path) -> None:
    assert library(source)
    (kept,) = made(source)
    when = kept.stat().st_mtime_ns
    library.cache_clear()
    assert library(source)
    assert made(source) == [kept]
    assert kept.stat().st_mtime_ns == when


def test_another_source_is_compiled_anew_and_the_older_one_goes(source: Path) -> None:
    assert library(source)
    (older,) = made(source)
    source.write_text(source.read_text() + "\n")
    library.cache_clear()
    assert library(source)
    assert len(made(source)) == 1
    assert made(source) != [older]


@pytest.mark.parametrize("left", [0, 4096, -1])
def test_half_a_file_is_compiled_anew(source: Path, left: int) -> None:
    """As a power cut leaves one, which would end the process that loads it."""
    assert library(source)
    (kept,) = made(source)
    whole = kept.read_bytes()
    kept.write_bytes(whole[:left] + bytes(len(whole[left:]) if left > 0 else 0))
    library.cache_clear()
    assert library(source)
    assert kept.read_bytes() == whole


def test_where_nothing_may_be_written_it_is_compiled_all_the_same(source: Path) -> None:
    (source.parent / "__pycache__").write_text("no folder")
    assert library(source)


def test_without_a_compiler_it_is_missed_and_said(
    source: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("CC", "no-such-compiler -O2")
    with caplog.at_level(logging.WARNING):
        assert library(source) is None
    assert f"without {source.name} everything is right" in caplog.text
    assert "there is no C compiler no-such-compiler -O2" in caplog.text
    assert not (source.parent / "__pycache__").exists()


def test_what_the_compiler_refuses_is_told_in_its_words(source: Path, tmp_path: Path) -> None:
    source.write_text('#error "not this one"\n')
    with pytest.raises(CompilerError, match=rf"cc: .*{source.name}:1:2: error: #error"):
        compile_source(source, tmp_path / "out.so")


def test_it_compiles_without_a_warning(source: Path, tmp_path: Path) -> None:
    warnings = ["-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-pedantic", "-Werror"]
    compile_source(source, tmp_path / "out.so", warnings)


def test_nothing_makes_it_read_or_write_where_it_may_not(source: Path) -> None:
    """All of its tests, ten thousand damaged messages among them, under the sanitizers of address and behaviour."""
    found = [
        subprocess.run(["cc", f"-print-file-name={name}"], capture_output=True, text=True, check=True).stdout.strip()
        for name in ("libasan.so", "libubsan.so")
    ]
    module, tests = SOURCES[source.name]
    done = subprocess.run(
        [sys.executable, "-c", HOSTILE, module.__name__, str(source), f"collector/tests/{tests}"],
        env=os.environ | {"CC": SANITIZED, "LD_PRELOAD": " ".join(found), "ASAN_OPTIONS": "detect_leaks=0"},
        cwd=Path(compiled.__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (
        "__asan_init"
        in subprocess.run(["nm", "-D", str(made(source)[0])], capture_output=True, text=True, check=True).stdout
    )
