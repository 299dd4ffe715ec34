"""Locating data: what in a text could lead someone to a door, shown to the holder before anything is sealed.

It finds what has a form (postcodes, numbers, addresses, coordinates). What has none ("the school by the mill") it can't
find; the pages say so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_NUMBER = r"\b[0-9]{1,4}[a-z]?,? "
_STREETS = (
    "street|st|road|rd|avenue|ave|lane|ln|crescent|cres|gardens|gdns|grove|mews|terrace|wynd|brae|cottages?"
)
# Words that mean other things as well; they count behind names: "12 Mill House", not "12 in the house".
_ALSO_STREETS = (
    "Close|Court|Drive|Green|Hill|Park|Place|Rise|Row|Square|Walk|Way|Yard|Quay|View|Vale|Parade|House|Gate"
)
_BYTE = r"(?:25[0-5]|2[0-4][0-9]|1?[0-9]{1,2})"
_DEGREES = r"[-+]?[0-9]{1,3}\.[0-9]{3,}\N{DEGREE SIGN}?"
_MAPS = r"maps\.(?:google|apple)\.|goo\.gl/maps|maps\.app\.goo\.gl|openstreetmap\.org|what3words\.com|bing\.com/maps"
_FORMS: tuple[tuple[str, str], ...] = (
    ("postcode", r"\b(?:GIR ?0AA|[A-Z]{1,2}[0-9][A-Z0-9]? ?[0-9][A-Z]{2})\b"),
    ("street address", r"\b(?:flat|unit|apartment|apt|room)\.? ?[0-9]{1,4}[a-z]?\b"),
    ("street address", rf"{_NUMBER}(?:[a-z'.-]{{1,40}} ){{1,4}}(?:{_STREETS})\b"),
    ("street address", rf"{_NUMBER}(?-i:(?:[A-Z][A-Za-z'.-]{{1,40}} ){{1,4}}(?:{_ALSO_STREETS}))\b"),
    ("e-mail address", r"\b[\w.+'-]{1,64}@[\w-]{1,63}(?:\.[\w-]{2,63}){1,4}\b"),
    ("telephone number", r"(?<![\w.])(?:\+44|0044|0)(?:[ .()-]{0,3}[0-9]){9,10}(?![0-9])"),
    ("telephone number", r"(?<![\w.])\+(?!44)[1-9][0-9]{0,2}(?:[ .()-]{0,2}[0-9]){7,12}(?![0-9])"),
    ("coordinates", rf"(?<![\w.]){_DEGREES}\s{{0,2}}[NS]?\s{{0,2}}[,;/ ]\s{{0,2}}{_DEGREES}(?![0-9])"),
    (
        "coordinates",
        r"\b[0-9]{1,2}\N{DEGREE SIGN}\s?[0-9]{1,2}['\N{PRIME}](?:\s?[0-9.]{1,7}[\"\N{DOUBLE PRIME}])?\s?[NS]\b",
    ),
    ("grid reference", r"\b[HNOST][A-HJ-Z] ?(?:[0-9]{5} ?[0-9]{5}|[0-9]{4} ?[0-9]{4}|[0-9]{3} ?[0-9]{3})\b"),
    ("three-word location", r"///[a-z]{2,}\.[a-z]{2,}\.[a-z]{2,}\b"),
    ("map link", rf"\b(?:{_MAPS})\S{{0,200}}"),
    ("vehicle registration", r"\b[A-Z]{2}[0-9]{2} ?[A-Z]{3}\b"),
    ("network address", rf"(?<![\w.])(?:{_BYTE}\.){{3}}{_BYTE}(?![\w.])"),
)
# Codes written in capitals are looked for in capitals as well as in small letters, but for those that look like words.
_CAPITALS_ONLY = frozenset({"grid reference", "vehicle registration"})
_PATTERNS = tuple(
    (kind, re.compile(form, 0 if kind in _CAPITALS_ONLY else re.IGNORECASE)) for kind, form in _FORMS
)
_MOST_FINDINGS = 200


@dataclass(frozen=True)
class Finding:
    """One place in a text: the kind of locating data in words, what was found, and where (characters from 0)."""

    kind: str
    found: str
    start: int
    end: int


def locating_data(text: str) -> list[Finding]:
    """Give what in `text` has the form of locating data, in the order of the text; 200 at most.

    The forms are those of the United Kingdom where they differ by country.
    """
    findings: list[Finding] = []
    for kind, pattern in _PATTERNS:
        for match in pattern.finditer(text):
            findings.append(Finding(kind, match.group(), match.start(), match.end()))
            if len(findings) >= _MOST_FINDINGS:
                return sorted(findings, key=_place)
    return sorted(findings, key=_place)


def _place(finding: Finding) -> tuple[int, int]:
    return finding.start, finding.end
