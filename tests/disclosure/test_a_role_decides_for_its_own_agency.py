"""A line goes to a role of one agency: another agency's officer in the same role decides nothing for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from gateway.cli.demo_stage import Stage
from gateway.disclosure import authorise, deciders, judge, reading
from gateway.disclosure.models import Line, Request
from gateway.errors import NotFound
from gateway.registry.actors import actor_for_post
from gateway.registry.models import Case, PostAuthority, RegisteredFact
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import Role, vocabulary
from tests.told import PERMITTED

REASONS = "It protects, and it is ours to say."
# A post of the holder, the asker's agency, the lead agency, an agency with a caveat on it, and one with no part in it.
POSTS = {
    "holder": "police-ig",
    "requester": "probation-ig",
    "lead_agency": "housing-officer",
    "originator": "lantern-idva",
    "nobody": "marac-deputy",
}
# Who decides in each role to which anything can be referred; a role of the arrangement is whichever agency's.
OF = {
    "ig_officer": {"holder"},
    "service_ig_lead": {"holder"},
    "caldicott_guardian": {"holder"},
    "legal_adviser": {"holder"},
    "data_protection_officer": {"holder"},
    "team_manager": {"holder"},
    "safeguarding_lead": {"holder"},
    "visor_record_owner": {"holder"},
    "police_senior_officer": {"holder"},  # which is the police here
    "police_decision_maker": {"holder"},
    "gateway_manager": {"requester"},
    "lead_agency_manager": {"lead_agency"},
    "lead_agency_case_manager": {"lead_agency"},
    "originator_contact": {"originator"},
    "mappa_chair": set(POSTS),
    "mappa_coordinator": set(POSTS),
    "marac_chair": set(POSTS),
    "panel_chair": set(POSTS),
    "responsible_authority_lead": set(POSTS),
    "professional_standards": set(POSTS),
    "on_call_authoriser": set(POSTS),
}


def referred(stage: Stage, role: str, *, caveat: bool = True) -> str:
    """A line of probation's request to police that went to a role; the case is led by housing."""
    asked = replace(PERMITTED, categories=("minutes",), recipients=("health-lead",))
    line_id = stage.ask(asked)["minutes"]

    def arrange(unit: Unit) -> None:
        line = unit.session.get_one(Line, line_id)
        line.refer_to = [role]
        case = unit.session.get_one(Case, stage.case_id(unit, "M2-0417"))
        case.lead_agency_id = stage.agency_id(unit, "housing")
        if caveat:
            unit.session.add(
                RegisteredFact(
                    partnership_id=line.partnership_id,
                    circumstance="originator_caveat",
                    case_id=case.id,
                    recorded_by_post_id=stage.post_id(unit, "lantern-idva"),
                    starts_at=unit.now,
                )
            )

    stage.do(arrange)
    return line_id


def give(stage: Stage, code: str, role: str) -> None:
    """Give a post an authority that counts."""

    def make(unit: Unit) -> None:
        unit.session.add(
            PostAuthority(
                partnership_id=stage.partnership_id(unit),
                post_id=stage.post_id(unit, code),
                role_code=role,
                starts_on=date(2026, 1, 5),
                granted_by_post_id=stage.post_id(unit, "office-ig"),
                approved_by_post_id=stage.post_id(unit, "office-ig-2"),
            )
        )

    stage.do(make)


def may(stage: Stage, line_id: str) -> set[str]:
    """Which of the posts may decide the line."""

    def read(unit: Unit) -> set[str]:
        line = unit.session.get_one(Line, line_id)
        request = unit.session.get_one(Request, line.request_id)
        found = set()
        for part, code in POSTS.items():
            actor = actor_for_post(unit, stage.post_id(unit, code))
            if authorise.decidable_by(unit, actor, request, line):
                found.add(part)
        return found

    return stage.do(read)


def test_the_table_names_every_role_that_decides() -> None:
    assert set(OF) == {str(role) for role, term in vocabulary().roles.items() if term.authorises}


@pytest.mark.parametrize("role", sorted(OF))
def test_a_role_decides_for_the_agency_it_speaks_for(quick_stage: Stage, role: str) -> None:
    line_id = referred(quick_stage, role)
    assert may(quick_stage, line_id) <= OF[role]  # what the demonstration's own authorities come to
    for code in POSTS.values():
        give(quick_stage, code, role)
    assert may(quick_stage, line_id) == OF[role]


def test_another_agencys_officer_finds_nothing_to_decide(quick_stage: Stage) -> None:
    line_id = referred(quick_stage, "ig_officer")
    assert line_id not in [one.line_id for one in quick_stage.by("probation-ig", reading.to_authorise)]
    for attempt in (
        lambda unit, actor: reading.line_to_authorise(unit, actor, line_id),
        lambda unit, actor: authorise.authorise(unit, actor, line_id, grants=True, reasons=REASONS),
    ):
        with pytest.raises(NotFound):
            quick_stage.by("probation-ig", attempt)
    # The control: the holder's own officer.
    assert line_id in [one.line_id for one in quick_stage.by("police-ig", reading.to_authorise)]
    quick_stage.by(
        "police-ig",
        lambda unit, actor: authorise.authorise(unit, actor, line_id, grants=True, reasons=REASONS),
    )


def test_without_a_caveat_the_originator_is_who_is_asked(quick_stage: Stage) -> None:
    line_id = referred(quick_stage, "originator_contact", caveat=False)
    for code in POSTS.values():
        give(quick_stage, code, "originator_contact")
    assert may(quick_stage, line_id) == {"holder"}


def test_without_a_lead_agency_nobody_speaks_for_it(quick_stage: Stage) -> None:
    line_id = referred(quick_stage, "lead_agency_manager")
    for code in POSTS.values():
        give(quick_stage, code, "lead_agency_manager")

    def lead_by_nobody(unit: Unit) -> None:
        unit.session.get_one(Case, quick_stage.case_id(unit, "M2-0417")).lead_agency_id = None

    quick_stage.do(lead_by_nobody)
    assert may(quick_stage, line_id) == set()


def test_the_holders_are_named_for_whom_it_waits(quick_stage: Stage) -> None:
    line_id = referred(quick_stage, Role.IG_OFFICER)

    def names(unit: Unit) -> list[str]:
        line = unit.session.get_one(Line, line_id)
        request = unit.session.get_one(Request, line.request_id)
        assert judge.lines_of(unit, request.id) == [line]
        return [view.post_id for view in deciders.holders(unit, request, line)]

    assert quick_stage.do(names) == [quick_stage.do(lambda unit: quick_stage.post_id(unit, "police-ig"))]
