"""A small invented partnership for tests: four agencies, six people, a MARAC case with a victim and a perpetrator."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from gateway.registry.actors import Actor, actor_for_post
from gateway.registry.models import (
    Agency,
    Arrangement,
    Case,
    CaseAssignment,
    CaseSubject,
    Face,
    Partnership,
    Person,
    Post,
    Subject,
)
from gateway.store.tables import Row, new_id
from gateway.store.unit_of_work import Store, Unit
from gateway.vocabulary import AgencyType, Orientation, SubjectRole

START = date(2026, 1, 5)


@dataclass
class Meadow:
    """The ids of everything that was made."""

    partnership_id: str = ""
    police: str = ""
    probation: str = ""
    charity: str = ""
    housing: str = ""
    officer: str = ""  # police, neutral, on the case
    offender_manager: str = ""  # probation, faces the perpetrator, on the case
    advocate: str = ""  # charity, advocacy
    other_advocate: str = ""
    housing_officer: str = ""  # housing, victim-facing, on the case
    police_governance: str = ""
    housing_governance: str = ""
    arrangement: str = ""
    case: str = ""
    victim: str = ""
    perpetrator: str = ""
    stranger: str = ""  # a subject of no case
    people: dict[str, str] = field(default_factory=dict)

    def actor(self, unit: Unit, name: str) -> Actor:
        """The actor of a post, by its name here."""
        return actor_for_post(unit, getattr(self, name))


def make_meadow(store: Store) -> Meadow:
    """Make the partnership in a store."""
    made = Meadow()
    with store.writing() as unit:
        _bodies(unit, made)
        _posts(unit, made)
        _case(unit, made)
    return made


def _add(unit: Unit, row: Row) -> str:
    unit.session.add(row)
    unit.session.flush()
    return row.id


def _bodies(unit: Unit, made: Meadow) -> None:
    made.partnership_id = new_id()
    _add(
        unit,
        Partnership(
            id=made.partnership_id,
            partnership_id=made.partnership_id,
            code="meadow",
            name="Meadow",
            nation="england_and_wales",
        ),
    )
    bodies = {
        "police": ("Meadow Police", AgencyType.POLICE),
        "probation": ("Meadow Probation", AgencyType.PROBATION),
        "charity": ("Safe Steps", AgencyType.VICTIM_ADVOCACY),
        "housing": ("Meadow Housing", AgencyType.LA_HOUSING),
    }
    for code, (name, kind) in bodies.items():
        setattr(
            made,
            code,
            _add(unit, Agency(partnership_id=made.partnership_id, code=code, name=name, agency_type=kind)),
        )


def _posts(unit: Unit, made: Meadow) -> None:
    for name, agency, role, face, orientation in (
        ("officer", made.police, "police_officer", Face.STAFF, Orientation.NEUTRAL),
        ("offender_manager", made.probation, "offender_manager", Face.STAFF, Orientation.PERPETRATOR_FACING),
        ("housing_officer", made.housing, "housing_officer", Face.STAFF, Orientation.VICTIM_FACING),
        ("advocate", made.charity, "idva", Face.ADVOCACY, Orientation.VICTIM_FACING),
        ("other_advocate", made.charity, "idva", Face.ADVOCACY, Orientation.VICTIM_FACING),
        ("police_governance", made.police, "ig_officer", Face.GOVERNANCE, Orientation.NEUTRAL),
        ("housing_governance", made.housing, "ig_officer", Face.GOVERNANCE, Orientation.NEUTRAL),
    ):
        person = _add(
            unit, Person(partnership_id=made.partnership_id, name=f"Name of {name.replace('_', ' ')}")
        )
        made.people[name] = person
        columns: dict[str, Any] = {"person_id": person, "agency_id": agency, "role": role, "face": face}
        post = Post(partnership_id=made.partnership_id, orientation=orientation, starts_on=START, **columns)
        setattr(made, name, _add(unit, post))


def _case(unit: Unit, made: Meadow) -> None:
    made.arrangement = _add(
        unit,
        Arrangement(
            partnership_id=made.partnership_id,
            code="marac",
            kind="MARAC",
            name="Meadow MARAC",
            area="Meadow",
            jurisdiction="EW",
        ),
    )
    made.case = _add(
        unit,
        Case(
            partnership_id=made.partnership_id,
            arrangement_id=made.arrangement,
            reference="M-001",
            lead_agency_id=made.police,
            jurisdiction="EW",
            opened_on=START,
        ),
    )
    for name, reference in (("victim", "K7Q2-M4XD"), ("perpetrator", "C3DF-G4HJ"), ("stranger", "T2VW-X3YC")):
        subject = Subject(
            partnership_id=made.partnership_id, reference=reference, controller_agency_id=made.police
        )
        setattr(made, name, _add(unit, subject))
    roles = ((made.victim, SubjectRole.VICTIM), (made.perpetrator, SubjectRole.PERPETRATOR))
    for subject_id, role in roles:
        _add(
            unit,
            CaseSubject(
                partnership_id=made.partnership_id,
                case_id=made.case,
                subject_id=subject_id,
                role=role,
                starts_on=START,
            ),
        )
    for post in (made.officer, made.offender_manager, made.housing_officer):
        _add(
            unit,
            CaseAssignment(
                partnership_id=made.partnership_id, case_id=made.case, post_id=post, starts_on=START
            ),
        )
