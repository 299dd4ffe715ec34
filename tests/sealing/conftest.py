"""Node, for what must be the same in the browser's own language; tests that want it skip where it is absent."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

STATIC = Path(__file__).resolve().parents[2] / "gateway" / "web" / "static"


class Node:
    """Runs a piece of module code beside copies of the browser's modules."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program = program
        self.folder = folder

    def run(self, code: str, argument: Any) -> str:
        """Give what the code prints; it reads `argument` as JSON from process.argv[1]."""
        script = self.folder / "test.mjs"
        script.write_text(code.replace("process.argv[1]", "process.argv[2]"))
        command = [self._program, str(script), json.dumps(argument)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.folder)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def node(tmp_path: Path) -> Node:
    """Node with the browser's modules in its folder."""
    program = shutil.which("node")
    if program is None:
        pytest.skip("Node.js is not here; the same code is tried in the browser")
    if not (STATIC / "vendor" / "jose").is_dir():
        pytest.skip("the browser assets are not built: python hatch_build.py")
    for name in ("js", "vendor/jose", "vendor/words"):
        shutil.copytree(STATIC / name, tmp_path / name)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    return Node(program, tmp_path)
