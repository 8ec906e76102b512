"""What mpy-cross refuses makes no image."""

import subprocess
from pathlib import Path

import pytest

from provisioning import release


def test_a_source_that_cannot_be_compiled_ends_it(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("def (:\n")
    with pytest.raises(subprocess.CalledProcessError, match="mpy-cross"):
        release.compile_file(tmp_path / "bad.py", tmp_path / "bad.mpy", "bad")
    assert not (tmp_path / "bad.mpy").exists()
