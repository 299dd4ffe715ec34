"""Which entries are about whom, as the checked records say: a link to a person that is gone since then is missed."""

from __future__ import annotations

from collections.abc import Collection, Mapping

_ID = 16


class Filed:
    """The ids of checked entries by person, 16 bytes each."""

    def __init__(self, before: Filed | None = None) -> None:
        self._before = before
        self._entries: dict[str, bytearray] = {}

    def copy(self) -> Filed:
        """Give one that is added to by itself; this one is added to no more."""
        return Filed(self)

    def add(self, persons: Mapping[str, Collection[str]]) -> None:
        """Note entries, each with the persons it is about."""
        for entry_id, about in persons.items():
            for one in about:
                self._entries.setdefault(one, bytearray()).extend(bytes.fromhex(entry_id))

    def under(self, persons: Collection[str]) -> set[str]:
        """Give the ids of the entries that are about any of these."""
        found = self._before.under(persons) if self._before else set()
        for one in persons:
            ids = bytes(self._entries.get(one, b""))
            found |= {ids[start : start + _ID].hex() for start in range(0, len(ids), _ID)}
        return found
