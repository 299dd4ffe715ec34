"""Words that can be read by eye: what a form takes, and what it shows again of what it can't take."""

from __future__ import annotations

import unicodedata

from wtforms import Field

UNREADABLE = "Take out characters that cannot be seen, and type it again as plain text"
# Characters that turn the direction of text make a page show something else than was typed (Unicode TR 36, 3.2).
_TURNS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_ALLOWED_CONTROLS = frozenset("\n\t")


def is_plain(text: str) -> bool:
    """Whether text holds only characters that a reader sees as they are."""
    return not any(_is_unreadable(character) for character in text.replace("\r\n", "\n"))


def texts_of(field: Field) -> list[str]:
    """Everything that was typed into a field: a date in three boxes has three texts."""
    parts: dict[str, str] | None = getattr(field, "parts", None)
    if parts is not None:
        return list(parts.values())
    data = field.data
    if isinstance(data, str):
        return [data]
    return [item for item in data if isinstance(item, str)] if isinstance(data, list | tuple) else []


def show_readable(field: Field) -> None:
    """Leave in a field what can be read, so that it can be put right on the page."""
    parts: dict[str, str] | None = getattr(field, "parts", None)
    if parts is not None:
        field.parts = {name: _readable(part) for name, part in parts.items()}
    elif isinstance(field.data, str):
        field.data = _readable(field.data)


def _is_unreadable(character: str) -> bool:
    return character in _TURNS or (
        unicodedata.category(character) in {"Cc", "Cs"} and character not in _ALLOWED_CONTROLS
    )


def _readable(text: str) -> str:
    return "".join(character for character in text if not _is_unreadable(character))
