"""Promise: what a browser loads is what the lock names, with its licence, and wears no mark that isn't ours to wear."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
VENDOR = ROOT / "gateway" / "web" / "static" / "vendor"
LOCK = ROOT / "frontend" / "package-lock.json"


@pytest.fixture
def vendor() -> Path:
    if not (VENDOR / "stamp").is_file():
        pytest.skip("the browser assets are not built: python hatch_build.py")
    return VENDOR


def test_the_lock_names_digests_and_no_registry() -> None:
    packages = json.loads(LOCK.read_text())["packages"]
    assert all("resolved" not in entry for entry in packages.values())
    assert all(entry["integrity"].startswith("sha512-") for name, entry in packages.items() if name)


def test_every_package_in_use_has_its_version_and_licence(vendor: Path) -> None:
    told = (vendor / "THIRD-PARTY.txt").read_text()
    packages = json.loads(LOCK.read_text())["packages"]
    for name in packages[""]["dependencies"]:
        entry = packages[f"node_modules/{name}"]
        assert f"{name} {entry['version']} ({entry['license']})" in told
    assert told.count("Permission is hereby granted") >= 3
    assert "Apache License" in told


def test_no_font_and_no_crest_of_the_state(vendor: Path) -> None:
    for sheet in vendor.rglob("*.css"):
        text = sheet.read_text()
        assert not re.search(r"@font-face|GDS Transport|crest\.svg|sourceMappingURL|url\(/", text)
    names = [file.name.lower() for file in vendor.rglob("*") if file.is_file()]
    assert not [name for name in names if re.search(r"crest|crown|\.woff|govuk-icon|apple-touch", name)]


def test_no_script_has_a_source_map_or_calls_out(vendor: Path) -> None:
    for script in [*vendor.rglob("*.js"), *vendor.rglob("*.mjs")]:
        assert "sourceMappingURL" not in script.read_text()


def test_our_own_scripts_write_no_html_and_run_no_text() -> None:
    """Trusted Types are enforced where a browser knows them; this holds where it doesn't."""
    scripts = list((VENDOR.parent / "js").rglob("*.js"))
    assert scripts
    for script in scripts:
        text = script.read_text()
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|localStorage", text
        )
