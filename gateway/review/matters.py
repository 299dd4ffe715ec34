"""The kinds of acts grouped by what they are to the person: asked, decided, shared, not shared, opened and so on."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from gateway.ledger.entries import EntryKind


class Matter(StrEnum):
    """What an entry is about, seen from the person's side; these are the codes of the log's filter."""

    ASKED = "asked"
    DECIDED = "decided"
    SHARED = "shared"
    NOT_SHARED = "not_shared"
    OPENED = "opened"
    ONWARD = "onward"
    STOPPED = "stopped"
    OUTSIDE = "outside"
    SAID = "said"
    CONCERN = "concern"
    REGISTER = "register"
    READ = "read"


IN_WORDS: Mapping[Matter, str] = MappingProxyType(
    {
        Matter.ASKED: "Asked for or offered",
        Matter.DECIDED: "Decided",
        Matter.SHARED: "Shared",
        Matter.NOT_SHARED: "Not shared",
        Matter.OPENED: "Opened or handed over",
        Matter.ONWARD: "Passed on",
        Matter.STOPPED: "Stopped, recalled or destroyed",
        Matter.OUTSIDE: "Went round the gateway",
        Matter.SAID: "What the person said",
        Matter.CONCERN: "Concerns",
        Matter.REGISTER: "Records and access",
        Matter.READ: "Who read this log",
    }
)

_PREFIXES = (
    ("request.", Matter.ASKED),
    ("circumstance.", Matter.DECIDED),
    ("decision.", Matter.DECIDED),
    ("authorisation.", Matter.DECIDED),
    ("emergency.", Matter.DECIDED),
    ("task.", Matter.DECIDED),
    ("release.made", Matter.SHARED),
    ("undertaking.", Matter.SHARED),
    ("release.", Matter.NOT_SHARED),
    ("parcel.opened", Matter.OPENED),
    ("parcel.opening_failed", Matter.OPENED),
    ("parcel.delivered", Matter.OPENED),
    ("onward.", Matter.ONWARD),
    ("parcel.", Matter.STOPPED),
    ("recall.", Matter.STOPPED),
    ("approach.", Matter.OUTSIDE),
    ("spoken.", Matter.OUTSIDE),
    ("views.", Matter.SAID),
    ("consent.", Matter.SAID),
    ("mandate.", Matter.SAID),
    ("concern.", Matter.CONCERN),
    ("log.", Matter.READ),
    ("data.", Matter.READ),
)


def matter_of(kind: EntryKind) -> Matter:
    """Give the matter an act belongs to; what has no other is a matter of records and access."""
    return next((matter for prefix, matter in _PREFIXES if kind.startswith(prefix)), Matter.REGISTER)


KINDS_OF: Mapping[Matter, tuple[EntryKind, ...]] = MappingProxyType(
    {matter: tuple(kind for kind in EntryKind if matter_of(kind) is matter) for matter in Matter}
)
