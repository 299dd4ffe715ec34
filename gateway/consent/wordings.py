"""The exact words a person is shown before she answers, each version known by its digest."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gateway.errors import Invalid

_FILE = Path(__file__).with_name("wordings.toml")


@dataclass(frozen=True)
class Wording:
    """One version of what is said: what this is, the question, and what follows from each answer."""

    version: str
    kind: str
    language: str
    about: tuple[str, ...]
    question: str
    limits: tuple[str, ...]
    change: str
    sha256: str
    if_no: str = ""


def current(kind: str, language: str = "en") -> Wording:
    """Give the newest wording of `kind` ("views", "consent", "mandate"); raise Invalid when there is none."""
    found = [wording for wording in _all().values() if (wording.kind, wording.language) == (kind, language)]
    if not found:
        raise Invalid(
            "There are no agreed words for this question.", fields={"language": "Choose a language we have."}
        )
    return found[-1]


def by_version(version: str) -> Wording:
    """Give one version, current or past; raise Invalid when it was never agreed."""
    wording = _all().get(version)
    if wording is None:
        raise Invalid(
            "These words were never agreed.", fields={"wording_version": "Choose a version that is listed."}
        )
    return wording


@cache
def _all() -> Mapping[str, Wording]:
    listed = tomllib.loads(_FILE.read_text(encoding="utf-8"))["wording"]
    return {entry["version"]: _wording(entry) for entry in listed}


def _wording(entry: Mapping[str, str | list[str]]) -> Wording:
    canonical = json.dumps(entry, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return Wording(
        version=str(entry["version"]),
        kind=str(entry["kind"]),
        language=str(entry["language"]),
        about=tuple(entry["about"]),
        question=str(entry["question"]),
        limits=tuple(entry["limits"]),
        change=str(entry["change"]),
        if_no=str(entry.get("if_no", "")),
        sha256=hashlib.sha256(canonical.encode()).hexdigest(),
    )
