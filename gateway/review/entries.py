"""An entry as an officer finds and reads it: what it says, whether it is held back, and what she may decide."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.errors import Erased, Invalid, NotFound
from gateway.ledger import read
from gateway.ledger.entries import ACCOUNTS_FOR_OTHERS, EntryKind
from gateway.ledger.erase import is_erasable
from gateway.ledger.read import Filter, LoggedEntry
from gateway.registry.actors import Actor
from gateway.review import erasing, holding
from gateway.review.erasing import ErasureView
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
    """One entry, whether it is hers, and what she may do: hold, keep_holding, reveal, ask_erasure, approve, refuse."""

    told: Told
    hold: HoldView | None
    erasure: ErasureView | None
    hers: bool
    said: str
    may: frozenset[str]


def look(unit: Unit, actor: Actor, entry_id: str) -> SeenEntry:
    """Give one entry to an officer who answers for it or is asked about it, and record that it was read.

    Raises NotFound, the same for a foreign entry and none; Erased to whoever answered for one that was erased.
    """
    about, hold, erasure = _seen(unit, actor, entry_id)
    # That one was read must not tell whom an entry is about that is held back.
    for subject_id in () if hold else about.subject_ids:
        record_view(unit, actor, {subject_id}, "entry", entry_id)
    if hold or not about.subject_ids:
        record_view(unit, actor, (), "entry", entry_id)
    hers = answers_for(actor, about)
    told = Teller(unit).whole(about)
    said = str(read.words_of(unit, entry_id).get("reasons", "")) if about.kind in ACCOUNTS_FOR_OTHERS else ""
    may = _may(unit, actor, about, hold, erasure)
    return SeenEntry(told, hold, erasure, hers, "" if said in told.why else said, may)


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
            "This is not the number of an entry.", fields={"find": "Enter the number of an entry, such as 57"}
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


def _seen(unit: Unit, actor: Actor, entry_id: str) -> tuple[LoggedEntry, HoldView | None, ErasureView | None]:
    about = entry_of(unit, actor, entry_id)
    hold, erasure = holding.of_entry(unit, actor, about), erasing.of_entry(unit, about)
    asked = (hold and hold.hers_to_review) or (erasure and actor.post_id in erasure.approvers)
    if not answers_for(actor, about) and not asked:
        raise missing()
    return about, hold, erasure


def _may_see(unit: Unit, actor: Actor, entry_id: str) -> bool:
    try:
        _seen(unit, actor, entry_id)
    except NotFound:
        return False
    except Erased:
        return True  # its page says so
    return True


def _may(
    unit: Unit, actor: Actor, about: LoggedEntry, hold: HoldView | None, erasure: ErasureView | None
) -> frozenset[str]:
    return frozenset(
        {*_may_about_hold(unit, actor, about, hold), *_may_about_erasure(unit, actor, about, erasure)}
    )


def _may_about_hold(unit: Unit, actor: Actor, about: LoggedEntry, hold: HoldView | None) -> set[str]:
    if hold is not None:
        return {"keep_holding", "reveal"} if hold.hers_to_review else set()
    free = answers_for(actor, about) and actor.person_id not in parties(unit, about).persons
    held = holding.was_held(unit, about.entry_id)
    return {"hold"} if free and not held and holding.can_be_held(about) else set()


def _may_about_erasure(unit: Unit, actor: Actor, about: LoggedEntry, erasure: ErasureView | None) -> set[str]:
    if erasure is not None:
        return {"refuse", "approve"} if actor.post_id in erasure.approvers else {"refuse"}
    return {"ask_erasure"} if answers_for(actor, about) and is_erasable(unit, about.entry_id) else set()
