"""The Meadow partnership at work: a MAPPA case, its policy in force, people who authorise, and keys that open."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

from joserfc import jwe
from joserfc.jwk import ECKey

from gateway.assembly import Gateway
from gateway.disclosure import keyring
from gateway.policy import lifecycle
from gateway.registry.actors import actor_for_post
from gateway.registry.models import (
    Arrangement,
    Case,
    CaseAssignment,
    CaseSubject,
    Face,
    Membership,
    Person,
    Post,
    PostAuthority,
    RiskRating,
)
from gateway.store.tables import Row
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import vocabulary
from tests.meadow import START, Meadow, make_meadow

ALGORITHMS = ["ECDH-ES+A256KW", "A256GCM"]


UNTIL = date(2027, 12, 31)


@dataclass
class World:
    """Ids of what a test of the staff pages stands on."""

    meadow: Meadow
    case: str = ""
    authoriser: str = ""
    second: str = ""
    outsider: str = ""
    officers: dict[str, str] = field(default_factory=dict)
    keys: dict[str, ECKey] = field(default_factory=dict)

    @property
    def asker(self) -> str:
        """Probation's offender manager, who asks and receives."""
        return self.meadow.offender_manager

    @property
    def holder(self) -> str:
        """The police officer at the holder's desk."""
        return self.meadow.officer


def make_world(gateway: Gateway) -> World:
    """Make it in the store of a gateway."""
    world = World(make_meadow(gateway.store))
    with gateway.store.writing() as unit:
        _posts(unit, world)
        _case(unit, world)
        lifecycle.activate_shipped(unit, world.meadow.partnership_id, world.meadow.police, ("mappa", "marac"))
    for post_id in (world.asker, world.holder):
        make_keys(gateway, world, post_id)
    return world


def make_keys(gateway: Gateway, world: World, post_id: str) -> None:
    """Enrol, prove and approve two keys of a post."""
    made = [ECKey.generate_key("P-256") for _ in range(2)]
    with gateway.store.writing() as unit:
        actor = actor_for_post(unit, post_id)
        sent = [{name: key.as_dict(private=False)[name] for name in ("kty", "crv", "x", "y")} for key in made]
        challenges = keyring.enrol(unit, actor, sent)
        for given, key in zip(challenges, made, strict=True):
            world.keys[given.kid] = key
            keyring.prove(unit, actor, given.key_id, opened(given.jwe, key).decode())
    with gateway.store.writing() as unit:
        officer = actor_for_post(unit, world.officers[actor.agency_id])
        for key_row in keyring.to_approve(unit, officer):
            keyring.approve(unit, officer, key_row.id)


def opened(sealed: str, key: ECKey) -> bytes:
    """What a compact JWE holds."""
    plaintext: bytes | None = jwe.decrypt_compact(sealed, key, algorithms=ALGORITHMS).plaintext
    assert plaintext is not None
    return plaintext


def _posts(unit: Unit, world: World) -> None:
    meadow = world.meadow
    for name in ("officer", "offender_manager"):
        person = unit.session.get_one(Person, meadow.people[name])
        person.trained_until = person.vetted_until = UNTIL
        unit.session.add(person)
    posts = (
        ("authoriser", meadow.police, "lead_agency_manager", Face.STAFF),
        ("second", meadow.police, "lead_agency_manager", Face.STAFF),
        ("outsider", meadow.housing, "housing_officer", Face.STAFF),
        ("probation_governance", meadow.probation, "ig_officer", Face.GOVERNANCE),
    )
    made = {name: _post(unit, meadow, name, agency, role, face) for name, agency, role, face in posts}
    world.authoriser, world.second, world.outsider = made["authoriser"], made["second"], made["outsider"]
    world.officers = {meadow.police: meadow.police_governance, meadow.probation: made["probation_governance"]}
    for post_id in (world.authoriser, world.second):
        for role, term in vocabulary().roles.items():
            if term.authorises:
                add(unit, authority(meadow, post_id, str(role)))


def authority(meadow: Meadow, post_id: str, role: str) -> PostAuthority:
    """That a post may decide what goes to a role; given by one officer, approved by another."""
    return PostAuthority(
        partnership_id=meadow.partnership_id,
        post_id=post_id,
        role_code=role,
        starts_on=START,
        granted_by_post_id=meadow.police_governance,
        approved_by_post_id=meadow.housing_governance,
    )


def _post(unit: Unit, meadow: Meadow, name: str, agency_id: str, role: str, face: Face) -> str:
    person = Person(
        partnership_id=meadow.partnership_id, name=f"Name of {name}", trained_until=UNTIL, vetted_until=UNTIL
    )
    post = Post(
        partnership_id=meadow.partnership_id,
        person_id=add(unit, person),
        agency_id=agency_id,
        role=role,
        face=face,
        orientation="neutral",
        starts_on=START,
    )
    return add(unit, post)


def _case(unit: Unit, world: World) -> None:
    meadow = world.meadow
    arrangement = add(
        unit,
        Arrangement(
            partnership_id=meadow.partnership_id,
            code="mappa",
            kind="MAPPA",
            name="Meadow MAPPA",
            area="Meadow",
            jurisdiction="EW",
            protocol_reference="P1",
            chair_post_id=world.authoriser,
            retention_days=90,
            dpia_reference="D1",
        ),
    )
    for agency_id in (meadow.police, meadow.probation):
        membership = Membership(
            partnership_id=meadow.partnership_id,
            arrangement_id=arrangement,
            agency_id=agency_id,
            standing="responsible_authority",
            authority="CJA 2003 s325(1)",
            starts_on=START,
        )
        add(unit, membership)
    world.case = add(
        unit,
        Case(
            partnership_id=meadow.partnership_id,
            arrangement_id=arrangement,
            reference="P-001",
            lead_agency_id=meadow.police,
            level=2,
            category=2,
            jurisdiction="EW",
            opened_on=START,
        ),
    )
    for subject_id, role in ((meadow.perpetrator, "perpetrator"), (meadow.victim, "victim")):
        part = CaseSubject(
            partnership_id=meadow.partnership_id,
            case_id=world.case,
            subject_id=subject_id,
            role=role,
            starts_on=START,
        )
        add(unit, part)
    for post_id in (world.asker, world.holder):
        assigned = CaseAssignment(
            partnership_id=meadow.partnership_id, case_id=world.case, post_id=post_id, starts_on=START
        )
        add(unit, assigned)
    add(
        unit,
        RiskRating(
            partnership_id=meadow.partnership_id,
            case_id=world.case,
            subject_id=meadow.perpetrator,
            controller_agency_id=meadow.police,
            level="high",
            tool="OASys",
            basis="assessment",
            assessed_on=unit.now.date() - timedelta(days=10),
            assessed_by_post_id=world.holder,
        ),
    )


def add(unit: Unit, row: Row) -> str:
    """Store a row and give its id."""
    unit.session.add(row)
    unit.session.flush()
    return row.id
