"""When two spellings of a name, a date or a number are one: what a person is matched by."""

from __future__ import annotations

import unicodedata
from datetime import date

from gateway.errors import Invalid

_DATES = frozenset({"date_of_birth", "date"})
_NATIONAL_NUMBERS = frozenset(
    {"nhs_number", "pnc_id", "cro_number", "prison_number", "crn", "reference", "postcode"}
)


def normalise(kind: str, value: str) -> str:
    """Give the form in which two spellings of one thing are equal; raise Invalid when nothing is left.

    Names lose case, accents, spaces and punctuation; dates must be ISO 8601; numbers keep letters and digits.
    """
    text = unicodedata.normalize("NFKC", value).strip()
    if kind in _DATES:
        return _iso_date(text)
    bare = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    folded = unicodedata.normalize("NFKC", bare.casefold())
    kept = "".join(c for c in folded if c.isalnum())
    if kind == "nhs_number":
        kept = "".join(c for c in kept if c.isdigit())
    if not kept:
        raise Invalid("There is nothing to match by in this value.", fields={kind: "Enter a value."})
    return kept.upper() if kind in _NATIONAL_NUMBERS else kept


def _iso_date(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise Invalid(
            "A date must be written as year-month-day.", fields={"date": "Enter a real date."}
        ) from error
