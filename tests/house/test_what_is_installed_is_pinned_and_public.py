"""Supply: every package is pinned by hash to the public index, and casbin comes once, as pycasbin."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any
from urllib.parse import urlsplit

from tests.shared import CHECKOUT

PUBLIC = {"pypi.org", "files.pythonhosted.org"}


def locked() -> list[dict[str, Any]]:
    packages: list[dict[str, Any]] = tomllib.loads((CHECKOUT / "uv.lock").read_text(encoding="utf-8"))[
        "package"
    ]
    return packages


def test_the_lock_names_only_the_public_index() -> None:
    text = (CHECKOUT / "uv.lock").read_text(encoding="utf-8")
    assert {urlsplit(url).hostname for url in re.findall(r'https?://[^"\s]+', text)} == PUBLIC


def test_every_file_in_the_lock_has_a_hash() -> None:
    for package in locked():
        files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
        assert files or set(package["source"]) & {"editable", "virtual"}, package["name"]
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", file["hash"]) for file in files), package["name"]


def test_casbin_comes_as_pycasbin_and_only_once() -> None:
    """The distribution `casbin` stopped at 1.43; both install the module `casbin`, and the last one wins."""
    names = {package["name"] for package in locked()}
    assert "pycasbin" in names
    assert "casbin" not in names


def test_browser_packages_are_pinned_by_hash_and_name_no_other_registry() -> None:
    lock = json.loads((CHECKOUT / "frontend" / "package-lock.json").read_text(encoding="utf-8"))
    fetched = {name: package for name, package in lock["packages"].items() if name}
    assert fetched
    for name, package in fetched.items():
        assert package["integrity"].startswith("sha512-"), name
        assert (
            urlsplit(package.get("resolved", "https://registry.npmjs.org")).hostname == "registry.npmjs.org"
        ), name
