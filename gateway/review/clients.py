"""Whose log an advocate may read: the people who gave her a mandate that counts today, and nobody else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from gateway.consent import mandates
from gateway.consent.models import Mandate
from gateway.ledger import read
from gateway.ledger.entries import EntryKind
from gateway.ledger.read import Filter
from gateway.registry import subjects
from gateway.registry.actors import Actor
from gateway.registry.models import Face, Subject
from gateway.review.matters import KINDS_OF, Matter
from gateway.store.unit_of_work import Unit

# An advocate who doesn't look is an advocate who may have been locked out: someone must notice.
UNREAD_FOR = timedelta(days=14)
_COUNTED_AT_MOST = 500
_NEWS = tuple(kind for matter, kinds in KINDS_OF.items() if matter is not Matter.READ for kind in kinds)


@dataclass(frozen=True)
class Client:
    """A person whose log may be read, by reference; `case_ids` None means every case of hers."""

    subject_id: str
    reference: str
    known_as: frozenset[str]
    case_ids: frozenset[str] | None
    ends_on: date


@dataclass(frozen=True)
class ClientNews:
    """A client with what happened since the advocate last looked; `alarm` when that is too long ago."""

    client: Client
    last_read_at: datetime | None
    new_entries: int
    alarm: bool


def client(unit: Unit, actor: Actor, subject_id: str) -> Client:
    """Give a client of the advocate.

    Raises NotFound, the same for nobody, somebody else's client and a mandate that ended (promise 8).
    """
    row = unit.session.get(Subject, subject_id)
    if actor.face is not Face.ADVOCACY or row is None or row.partnership_id != actor.partnership_id:
        raise mandates.missing()
    known = subjects.known_as(unit, subject_id)
    held = mandates.require(unit, actor.post_id, subject_id, known)
    return Client(
        subject_id=subject_id,
        reference=row.reference,
        known_as=known,
        case_ids=mandates.cases_open(held),
        ends_on=max(mandate.expires_on for mandate in held),
    )


def my_clients(unit: Unit, actor: Actor) -> list[ClientNews]:
    """Give the advocate's clients, those she hasn't looked at for too long first, then by reference."""
    seen: dict[str, ClientNews] = {}
    for mandate in mandates.current(unit, actor.post_id):
        found = client(unit, actor, mandate.subject_id)
        first = subjects.canonical(unit, mandate.subject_id)
        seen.setdefault(first, _news(unit, actor, found, mandate))
    return sorted(seen.values(), key=lambda news: (not news.alarm, news.client.reference))


def last_read(unit: Unit, actor: Actor, found: Client) -> datetime | None:
    """Give when this post last looked at a client's log, or None."""
    looked = read.entries_by_post(
        unit, actor.post_id, Filter(kinds=(EntryKind.LOG_VIEWED,), limit=_COUNTED_AT_MOST)
    )
    return next((one.at for one in looked.entries if found.known_as & set(one.subject_ids)), None)


def _news(unit: Unit, actor: Actor, found: Client, mandate: Mandate) -> ClientNews:
    looked_at = last_read(unit, actor, found)
    since = looked_at or mandate.confirmed_at
    new = sum(
        len(
            read.entries_for_subject(
                unit, known, Filter(kinds=_NEWS, since=since, limit=_COUNTED_AT_MOST)
            ).entries
        )
        for known in found.known_as
    )
    late = since is not None and unit.now - since > UNREAD_FOR
    return ClientNews(found, looked_at, new, alarm=late and new > 0)
