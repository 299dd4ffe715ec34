"""Plain text: one encoding, one form of each character, and no character that hides or turns what is read."""

from __future__ import annotations

import unicodedata

from gateway.sealing.washing.washed import Unwashable, Washed

_JOINERS = "\u200c\u200d"
_KEPT_CONTROLS = "\n\t"
_ASCII = 128
_SAVE_AS_TEXT = "Save it as plain text (UTF-8), or as PDF, and send that."


def wash_text(data: bytes) -> Washed:
    """Give UTF-8 in NFC with plain line ends.

    Controls that turn or hide text (Unicode categories Cc, Cf, Co, Cs) are taken out; the two joiners stay between
    letters of scripts that need them. Raises Unwashable when it isn't text.
    """
    text = _decoded(data).replace("\r\n", "\n").replace("\r", "\n")
    text = unicodedata.normalize("NFC", text)
    kept = "".join(character for at, character in enumerate(text) if _may_stay(text, at))
    removed = ("characters that can't be seen",) if kept != text else ()
    return Washed(kept.encode(), removed=removed, text=kept)


def _decoded(data: bytes) -> str:
    encoding = "utf-16" if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    # What Windows programs save as "text" is still often in this code page.
    for candidate in (encoding, "cp1252"):
        try:
            text = data.decode(candidate)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise Unwashable("This isn't plain text.", _SAVE_AS_TEXT)


def _may_stay(text: str, at: int) -> bool:
    character = text[at]
    if character in _KEPT_CONTROLS:
        return True
    if character in _JOINERS:
        around = text[max(at - 1, 0) : at] + text[at + 1 : at + 2]
        return len(around) == len(_JOINERS) and all(ord(one) >= _ASCII for one in around)
    return unicodedata.category(character) not in {"Cc", "Cf", "Co", "Cs"}
