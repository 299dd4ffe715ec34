"""Which officers have to do with an entry: who answers for it, and whom it names and so keeps from deciding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlmodel import col, select

from gateway.disclosure.models import Request, RequestRecipient
from gateway.errors import Erased, NotFound
from gateway.ledger import read
from gateway.ledger.models import LedgerErasure
from gateway.ledger.read import LoggedEntry
from gateway.registry.actors import Actor
from gateway.registry.models import Face, Person, Post
from gateway.store.unit_of_work import Unit


@dataclass(frozen=True)
class Parties:
    """Whom an entry names of the staff, as persons, and the agencies that answer for what it says or did it."""

    persons: frozenset[str]
    agencies: frozenset[str]


def missing() -> NotFound:
    """The one answer for an entry that isn't there or isn't hers (promise 8)."""
    return NotFound("There is no such entry.", next_step="Go back to the list of entries.")


def answers_for(actor: Actor, about: LoggedEntry) -> bool:
    """Tell whether she is an officer of the agency that answers for an entry, or governs its partnership."""
    return actor.answers_for(about.partnership_id, about.controller_agency_id)


def entry_of(unit: Unit, actor: Actor, entry_id: str) -> LoggedEntry:
    """Give an entry of the actor's partnership, held or not.

    Raises NotFound, and Erased to whoever answered for it.
    """
    try:
        about = read.entry(unit, entry_id, reviewing=True)
    except Erased:
        gone = unit.session.get_one(LedgerErasure, entry_id)
        if not answers_for(actor, read.entry(unit, gone.by_entry_id)):
            raise missing() from None
        raise
    if actor.face is not Face.GOVERNANCE or about.partnership_id != actor.partnership_id:
        raise missing()
    return about


def parties(unit: Unit, about: LoggedEntry) -> Parties:
    """Give whom an entry names: who did it, whom its record refers to, and who has a part in its request."""
    named = {*_ids(about.refs), *_ids(about.codes), *filter(None, [about.actor_post_id])}
    request = unit.session.get(Request, about.request_id) if about.request_id else None
    if request is not None:
        recipients = unit.session.exec(
            select(RequestRecipient).where(RequestRecipient.request_id == request.id)
        )
        among = [request.requester_post_id, request.holder_post_id]
        among += [one for row in recipients for one in (row.post_id, row.delivering_post_id)]
        named |= {one for one in among if one}
    posts = unit.session.exec(select(Post.person_id).where(col(Post.id).in_(named)))
    persons = unit.session.exec(select(Person.id).where(col(Person.id).in_(named)))
    agencies = {about.controller_agency_id, *filter(None, [about.actor_agency_id])}
    return Parties(frozenset({*posts, *persons}), frozenset(agencies))


def _ids(said: Any) -> Iterator[str]:
    """Whatever stands in a record's references and codes and may be an id, alone or after a colon."""
    values = said.values() if hasattr(said, "values") else said
    for value in values:
        if isinstance(value, str):
            yield value.rsplit(":", maxsplit=1)[-1]
        elif isinstance(value, list | tuple):
            yield from _ids(value)
