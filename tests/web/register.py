"""A small register to test the shell with: one partnership, one agency, one post for each face and a leaver."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pytest
from sqlmodel import Session

from gateway.assembly import Gateway
from gateway.registry.models import Agency, Face, Partnership, Person, Post
from gateway.store.tables import new_id

BEGUN = date(2026, 1, 5)


@dataclass(frozen=True)
class Register:
    """Ids of what was registered."""

    partnership_id: str
    agency_id: str
    staff: str
    governance: str
    advocacy: str
    leaver: str
    people: dict[str, str]


@pytest.fixture
def register(sqlite_gateway: Gateway) -> Register:
    """The register, stored."""
    with sqlite_gateway.store.writing() as unit:
        return fill(unit.session)


def fill(session: Session) -> Register:
    """Store the register in a session."""
    partnership_id, agency_id = new_id(), new_id()
    session.add(
        Partnership(
            id=partnership_id, partnership_id=partnership_id, code="meadow", name="Meadow", nation="EW"
        )
    )
    session.flush()
    session.add(
        Agency(
            id=agency_id,
            partnership_id=partnership_id,
            code="probation",
            name="Meadow Probation",
            agency_type="probation",
        )
    )
    session.flush()
    people: dict[str, str] = {}
    posts = {name: _post(session, partnership_id, agency_id, people, name) for name in (*Face, "leaver")}
    session.flush()
    return Register(partnership_id, agency_id, **posts, people=people)


def _post(session: Session, partnership_id: str, agency_id: str, people: dict[str, str], name: str) -> str:
    person = Person(partnership_id=partnership_id, name=f"Person in {name}")
    session.add(person)
    session.flush()
    post = Post(
        partnership_id=partnership_id,
        person_id=person.id,
        agency_id=agency_id,
        role="offender_manager",
        face=name if name in set(Face) else Face.STAFF,
        orientation="neutral",
        starts_on=BEGUN,
        ends_on=date(2026, 6, 30) if name == "leaver" else None,
    )
    session.add(post)
    people[name] = person.id
    return post.id
