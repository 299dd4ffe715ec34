"""What a holder is about to release: cleaned in memory, searched for what could lead someone to a door."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.errors import Invalid
from gateway.sealing import clean, marks
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

    cleaned = []
    if text:
        cleaned.append(clean.clean(text.encode(), "text.txt"))
    if content.data:
        cleaned.append(clean.clean(content.data, content.filename or "file"))
    items = tuple(_item(one) for one in cleaned)
    removed = tuple(dict.fromkeys(found for one in cleaned for found in one.removed))
    return Prepared(items, removed, _findings(cleaned, category))


def nothing_held() -> Prepared:
    """The answer that nothing is held, sealed like any other."""
    cleaned = clean.clean(NOTHING_HELD.encode(), "text.txt")
    return Prepared((_item(cleaned),), (), ())


def _item(cleaned: clean.Cleaned) -> Item:
    # A page shows text, PDF and pictures by themselves; a document's text goes beside it.
    beside = cleaned.text if "officedocument" in cleaned.media_type else ""
    return Item(cleaned.media_type, cleaned.name, cleaned.data, beside)


def _findings(cleaned: list[clean.Cleaned], category: str) -> tuple[str, ...]:
    if vocabulary().categories[Category(category)].sensitivity is Sensitivity.S4:
        return ()
    found = [finding.kind for one in cleaned for finding in marks.locating_data(one.text)]
    look_at = [said for one in cleaned for said in one.look_at]
    return tuple(dict.fromkeys([*found, *look_at]))
