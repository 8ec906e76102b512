"""The compiled part is made once, of this source, and is missed only in speed."""

import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.ordinary import compiled
from collector.ordinary.compiled import SOURCE, CompilerError, compile_source

SANITIZED = "cc -fsanitize=address,undefined -fno-sanitize-recover=all"
HOSTILE = """
import sys
from pathlib import Path
import pytest
from collector.ordinary import compiled
compiled.SOURCE = Path(sys.argv[1])
sys.exit(pytest.main(["-q", "-s", "-p", "no:cacheprovider", "-p", "no:xdist", "collector/tests/test_bulk.py"]))
"""


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy, with nothing compiled beside it."""
    copy = tmp_path / SOURCE.name
    for file in (SOURCE, SOURCE.with_name("words.h")):
        shutil.copy(file, tmp_path)
    monkeypatch.setattr(compiled, "SOURCE", copy)
    compiled.library.cache_clear()
    yield copy
    compiled.library.cache_clear()


def made(source: Path) -> list[Path]:
    return sorted((source.parent / "__pycache__").iterdir())


def test_it_is_compiled_once_and_kept(source: Path) -> None:
    assert compiled.library()
    (kept,) = made(source)
    when = kept.stat().st_mtime_ns
    compiled.library.cache_clear()
    assert compiled.library()
    assert made(source) == [kept]
    assert kept.stat().st_mtime_ns == when


def test_another_source_is_compiled_anew_and_the_older_one_goes(source: Path) -> None:
    assert compiled.library()
    (older,) = made(source)
    source.write_text(source.read_text() + "\n")
    compiled.library.cache_clear()
    assert compiled.library()
    assert len(made(source)) == 1
    assert made(source) != [older]


@pytest.mark.parametrize("left", [0, 4096, -1])
def test_half_a_file_is_compiled_anew(source: Path, left: int) -> None:
    """As a power cut leaves one, which would end the process that loads it."""
    assert compiled.library()
    (kept,) = made(source)
    whole = kept.read_bytes()
    kept.write_bytes(whole[:left] + bytes(len(whole[left:]) if left > 0 else 0))
    compiled.library.cache_clear()
    assert compiled.library()
    assert kept.read_bytes() == whole


def test_where_nothing_may_be_written_it_is_compiled_all_the_same(source: Path) -> None:
    (source.parent / "__pycache__").write_text("no folder")
    assert compiled.library()


def test_without_a_compiler_it_is_missed_and_said(
    source: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("CC", "no-such-compiler -O2")
    with caplog.at_level(logging.WARNING):
        assert compiled.library() is None
    assert "there is no C compiler no-such-compiler -O2" in caplog.text
    assert not (source.parent / "__pycache__").exists()


def test_what_the_compiler_refuses_is_told_in_its_words(source: Path, tmp_path: Path) -> None:
    source.write_text('#error "not this one"\n')
    with pytest.raises(CompilerError, match=r"cc: .*reader\.c:1:2: error: #error"):
        compile_source(tmp_path / "out.so")


def test_it_compiles_without_a_warning(tmp_path: Path) -> None:
    compile_source(tmp_path / "out.so", ["-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-pedantic", "-Werror"])


def test_no_message_makes_it_read_or_write_where_it_may_not(source: Path) -> None:
    """All of ``test_bulk``, ten thousand damaged messages among it, under the sanitizers of address and behaviour."""
    found = [
        subprocess.run(["cc", f"-print-file-name={name}"], capture_output=True, text=True, check=True).stdout.strip()
        for name in ("libasan.so", "libubsan.so")
    ]
    done = subprocess.run(
        [sys.executable, "-c", HOSTILE, str(source)],
        env=os.environ | {"CC": SANITIZED, "LD_PRELOAD": " ".join(found), "ASAN_OPTIONS": "detect_leaks=0"},
        cwd=SOURCE.parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (
        "__asan_init"
        in subprocess.run(["nm", "-D", str(made(source)[0])], capture_output=True, text=True, check=True).stdout
    )
