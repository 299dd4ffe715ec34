"""Erasing what an entry says, by two officers: its place stays, and the log says who decided it and why."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.errors import Invalid
from gateway.ledger import erase as ledger
from gateway.ledger.entries import Entry, EntryKind
from gateway.registry.actors import Actor
from gateway.registry.acts import a_reason
from gateway.review.officers import answers_for, entry_of, missing
from gateway.store.unit_of_work import Unit


def erase(unit: Unit, actor: Actor, second: Actor, entry_ids: Sequence[str], reasons: str) -> str:
    """Erase what entries say, by two officers who answer for them; give the id of the entry that says so.

    Raises NotFound for an entry that isn't theirs, Invalid when the second officer is the first or too few words are
    given, Conflict for what accounts for others.
    """
    if second.person_id == actor.person_id:
        raise Invalid("Erasing an entry takes two officers.", fields={"second": "Name a second person."})
    abouts = [entry_of(unit, actor, one) for one in entry_ids]
    if not abouts:
        raise Invalid("Say which entries are erased.")
    if not all(answers_for(actor, one) and answers_for(second, one) for one in abouts):
        raise missing()
    words = {
        "reasons": a_reason(reasons, "reasons"),
        "actor": f"{actor.name}, {actor.role} at {actor.agency_name}",
        "seconded_by": f"{second.name}, {second.role} at {second.agency_name}",
    }
    decided = Entry(
        EntryKind.ENTRY_ERASED,
        abouts[0].partnership_id,
        abouts[0].controller_agency_id,
        actor.post_id,
        actor.agency_id,
        refs={"second_officer": second.post_id},
        words=words,
    )
    return ledger.erase(unit, entry_ids, decided)
