"""An entry as an officer finds and reads it: what it says, whether it is held back, and what she may decide."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.errors import Erased, Invalid, NotFound
from gateway.ledger import read
from gateway.ledger.entries import EntryKind
from gateway.ledger.read import Filter, LoggedEntry
from gateway.registry.actors import Actor
from gateway.review import holding
from gateway.review.holding import HoldView
from gateway.review.log import record_view
from gateway.review.matters import KINDS_OF, Matter
from gateway.review.officers import answers_for, entry_of, missing, parties
from gateway.review.telling import Teller, Told
from gateway.store.unit_of_work import Unit

_ID = re.compile(r"[0-9a-f]{32}")
_NUMBER = re.compile(r"[0-9]{1,18}")
_SHOWN = tuple(kind for kind in EntryKind if kind not in KINDS_OF[Matter.READ])


@dataclass(frozen=True)
class SeenEntry:
    """One entry with what an officer may do: hold, keep_holding, reveal."""

    told: Told
    hold: HoldView | None
    may: frozenset[str]


def look(unit: Unit, actor: Actor, entry_id: str) -> SeenEntry:
    """Give one entry to an officer who answers for it or reviews it, and record that it was read.

    Raises NotFound, the same for a foreign entry and none; Erased to whoever answered for one that was erased.
    """
    about, hold = _seen(unit, actor, entry_id)
    # That one was read must not tell whom an entry is about that is held back.
    for subject_id in () if hold else about.subject_ids:
        record_view(unit, actor, {subject_id}, "entry", entry_id)
    if hold or not about.subject_ids:
        record_view(unit, actor, (), "entry", entry_id)
    return SeenEntry(Teller(unit).whole(about), hold, _may(unit, actor, about, hold))


def find(unit: Unit, actor: Actor, asked: str) -> str:
    """Give the id of the entry with this number or id, if the officer may read it.

    Raises Invalid for what is neither, and the same for a number that is no entry of hers.
    """
    wanted = asked.strip().lower().replace(",", "")
    if _ID.fullmatch(wanted):
        candidates = [wanted]
    elif _NUMBER.fullmatch(wanted):
        candidates = read.entries_at(unit, int(wanted))
    else:
        raise Invalid(
            "This is no number of an entry.", fields={"find": "Enter the number of an entry, such as 57"}
        )
    for one in candidates:
        if _may_see(unit, actor, one):
            return one
    raise Invalid(
        "There is no such entry.",
        fields={"find": "You can read no entry with this number. Check the number"},
    )


def of_request(unit: Unit, actor: Actor, request_id: str) -> tuple[Sequence[Told], int]:
    """Give what the log says of a request, to an officer who answers for it, and how much of that is held back.

    The newest comes first; who read about it is left out.
    """
    found = read.entries_for_request(unit, request_id, Filter(kinds=_SHOWN, limit=read.MOST_AT_ONCE))
    mine = [one for one in found.entries if answers_for(actor, one)]
    return [Teller(unit).brief(one) for one in mine], len(found.held) if mine else 0


def _seen(unit: Unit, actor: Actor, entry_id: str) -> tuple[LoggedEntry, HoldView | None]:
    about = entry_of(unit, actor, entry_id)
    hold = holding.of_entry(unit, actor, about)
    if not answers_for(actor, about) and not (hold and hold.hers_to_review):
        raise missing()
    return about, hold


def _may_see(unit: Unit, actor: Actor, entry_id: str) -> bool:
    try:
        _seen(unit, actor, entry_id)
    except NotFound:
        return False
    except Erased:
        return True  # its page says so
    return True


def _may(unit: Unit, actor: Actor, about: LoggedEntry, hold: HoldView | None) -> frozenset[str]:
    if hold is not None:
        return frozenset({"keep_holding", "reveal"} if hold.hers_to_review else ())
    free = answers_for(actor, about) and actor.person_id not in parties(unit, about).persons
    if free and holding.can_be_held(about) and not holding.was_held(unit, about.entry_id):
        return frozenset({"hold"})
    return frozenset()
