"""The layout: rooms on floors, a folder of tests per room, modules that fit a head, nothing where it doesn't belong."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.shared import CHECKOUT

PACKAGE = CHECKOUT / "gateway"
ROOMS = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
GIVEN_TOP = {"gateway", "policies", "keys", "config", "tests", "Dockerfile", "pyproject.toml", "README.md"}
TOP = GIVEN_TOP | {
    ".ci", ".dockerignore", ".gitignore", "docs", "frontend", "hatch_build.py", "LICENSE", "Makefile", "SECURITY.md",
    "uv.lock", "verifier",
}  # fmt: skip
MOST_LINES = 480
WALL_CLOCKS = {
    "bench_flow.py": "a machine client, whose signed claims say when they were made",
    "clock.py": "it is the ground's clock",
    "signin.py": "a provider's wall clock is compared with ours",
    "witness_log.py": "the witness is a program of its own",
}
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "base", "core", "manager", "shared"}


def sources() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if "versions" not in path.parts)


def tracked() -> list[str]:
    done = subprocess.run(
        ["git", "ls-files", "-z"], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip("this isn't a git checkout")
    return [name for name in done.stdout.split("\0") if name and (CHECKOUT / name).exists()]


def test_the_top_level_is_the_given_one() -> None:
    assert {name.split("/")[0] for name in tracked()} <= TOP
    assert {path for path in GIVEN_TOP if (CHECKOUT / path).exists()} == GIVEN_TOP


def test_rooms_import_only_from_floors_below() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]


def test_an_import_upward_is_seen(tmp_path: Path) -> None:
    """Planted fault: the store imports a face."""
    package = tmp_path / "gateway"
    for room in ("store", "web"):
        (package / room).mkdir(parents=True)
        (package / room / "__init__.py").write_text("")
    (package / "__init__.py").write_text("")
    (package / "store" / "bad.py").write_text("import gateway.web\n")
    (tmp_path / ".importlinter").write_text(
        "[importlinter]\nroot_package = gateway\n[importlinter:contract:1]\n"
        "name = floors\ntype = layers\nlayers =\n  gateway.web\n  gateway.store\n"
    )
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "gateway.store.bad" in done.stdout


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_every_room_says_what_it_is_for(room: str) -> None:
    assert ast.get_docstring(ast.parse((PACKAGE / room / "__init__.py").read_text(encoding="utf-8")))


def test_modules_fit_a_head_and_say_their_one_idea() -> None:
    for path in sources():
        text = path.read_text(encoding="utf-8")
        name = str(path.relative_to(CHECKOUT))
        assert len(text.splitlines()) <= MOST_LINES, name
        assert path.name == "__init__.py" or ast.get_docstring(ast.parse(text)), name


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [path for path in sources() if path.stem in VAGUE] == []


def test_nothing_is_left_to_do_and_nothing_names_where_it_was_made() -> None:
    unfinished = re.compile(r"\b(TODO|FIXME|XXX|NotImplemented)\b")
    for path in sources():
        assert not unfinished.search(path.read_text(encoding="utf-8")), path.name


def test_time_and_chance_come_from_the_ground() -> None:
    """Promise of the clock: no room reads the machine's time or the weak random generator."""
    forbidden = re.compile(
        r"\bdatetime\.(now|utcnow|today)\(|\bdate\.today\(|\btime\.time\(|^(import|from) random\b"
    )
    readers = {
        path.name
        for path in sources()
        if any(forbidden.search(line) for line in path.read_text(encoding="utf-8").splitlines())
    }
    assert readers <= set(WALL_CLOCKS)


def test_wheel_and_image_carry_what_the_code_reads_at_run_time() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
    carried = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert set(carried) == {"config", "keys", "policies"}


def test_every_room_with_code_has_its_tests() -> None:
    folders = {path.name for path in (CHECKOUT / "tests").iterdir() if any(path.glob("test_*.py"))}
    small = {"notices"}
    assert ROOMS - small <= folders
