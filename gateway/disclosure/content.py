"""What a holder is about to release: cleaned in memory, searched for what could lead someone to a door."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.errors import Invalid
from gateway.sealing.envelope import Item
from gateway.vocabulary import Category, Sensitivity, vocabulary

TEXT_AT_MOST = 20_000
NOTHING_HELD = "Nothing is held that answers this."


@dataclass(frozen=True)
class Content:
    """Text, a file, or both, as the holder gave them."""

    text: str | None = None
    filename: str | None = None
    data: bytes | None = None


@dataclass(frozen=True)
class Prepared:
    """Cleaned items, what cleaning took out, and locating data found in what is left; never stored."""

    items: tuple[Item, ...]
    removed: tuple[str, ...]
    findings: tuple[str, ...]


def prepare(content: Content, category: str) -> Prepared:
    """Clean content before any transaction begins; its plaintext stays in memory (DESIGN 3.5).

    Locating data is a finding unless the line is for that kind of information in the first place.

    Raises:
        Invalid: nothing was given, it is too long, or the file can't be cleaned; says what to send instead.
    """
    text = (content.text or "").strip()
    if not text and not content.data:
        raise Invalid("There is nothing to release.", fields={"text": "Enter text or choose a file."})
    if len(text) > TEXT_AT_MOST:
        raise Invalid(
            "The text is too long.", fields={"text": f"Use up to {TEXT_AT_MOST} characters, or a file."}
        )
    from gateway.sealing import clean

    cleaned = []
    if text:
        cleaned.append(clean.clean(text.encode(), "text.txt"))
    if content.data:
        cleaned.append(clean.clean(content.data, content.filename or "file"))
    items = tuple(Item(one.media_type, one.name, one.data, one.text) for one in cleaned)
    removed = tuple(dict.fromkeys(found for one in cleaned for found in one.removed))
    return Prepared(items, removed, _findings(cleaned, category))


def nothing_held() -> Prepared:
    """The answer that nothing is held, sealed like any other."""
    from gateway.sealing import clean

    cleaned = clean.clean(NOTHING_HELD.encode(), "text.txt")
    return Prepared((Item(cleaned.media_type, cleaned.name, cleaned.data, cleaned.text),), (), ())


def _findings(cleaned: list, category: str) -> tuple[str, ...]:
    if vocabulary().categories[Category(category)].sensitivity is Sensitivity.S4:
        return ()
    from gateway.sealing import marks

    found = [finding.kind for one in cleaned for finding in marks.locating_data(one.text)]
    return tuple(dict.fromkeys(found))
