"""Where an officer begins: what waits for her, in counts, and the way to it."""

from __future__ import annotations

from collections.abc import Callable, Sized
from dataclasses import dataclass

from flask import url_for
from flask.typing import ResponseReturnValue

from gateway.api import clients
from gateway.disclosure import keyring, lists, oversight, policies, reading
from gateway.disclosure.tasks import tasks_of
from gateway.registry import authorities, lending, memberships, proposals, subject_changes, wall_records
from gateway.registry.actors import Actor
from gateway.review import concerns, erasing, holding, restores, second_agency
from gateway.store.unit_of_work import Unit
from gateway.web.access import Face, allow, current_actor, current_gateway, may_enter
from gateway.web.forms import page
from gateway.web.governance.blueprint import blueprint
from gateway.web.governance.parts import SECTIONS

Count = Callable[[Unit, Actor], int]


@dataclass(frozen=True)
class Job:
    """Something that waits: what, how much of it, and where."""

    text: str
    number: int
    href: str
    action: str


@blueprint.get("/")
@allow(Face.GOVERNANCE)
def home() -> ResponseReturnValue:
    """What needs doing."""
    actor = current_actor()
    with current_gateway().store.reading() as unit:
        counted = [(text, endpoint, action, number(unit, actor)) for text, endpoint, action, number in _JOBS]
    jobs = [
        Job(text, found, url_for(name), action) for text, name, action, found in counted if may_enter(name)
    ]
    return page("governance/home.html", jobs=jobs, sections=SECTIONS)


def _how_many(find: Callable[[Unit, Actor], Sized]) -> Count:
    return lambda unit, actor: len(find(unit, actor))


def _walls(unit: Unit, actor: Actor) -> int:
    return sum(wall_records.needs_doing(one) for one in wall_records.walls(unit, actor))


def _overdue_walls(unit: Unit, actor: Actor) -> int:
    return sum(one.overdue for one in wall_records.walls(unit, actor))


def _authorities(unit: Unit, actor: Actor) -> int:
    return sum(one.waiting for one in authorities.authorities(unit, actor))


def _settings(unit: Unit, actor: Actor) -> int:
    if not actor.governs:
        return 0
    return sum(bool(one.missing) for one in memberships.arrangements(unit, actor.partnership_id))


def _concerns(unit: Unit, actor: Actor) -> int:
    return sum(one.answered_at is None for one in concerns.to_answer(unit, actor))


def _to_review(unit: Unit, actor: Actor) -> int:
    return sum(one.hers_to_review for one in holding.held(unit, actor))


def _overdue_reviews(unit: Unit, actor: Actor) -> int:
    views = holding.held(unit, actor)
    return sum(one.overdue and (one.hers_to_review or one.held_by_her) for one in views)


_JOBS: tuple[tuple[str, str, str, Count], ...] = (
    ("Restores to declare or answer", "governance.restore_list", "Answer", restores.waits_for),
    ("Concerns to answer", "governance.concerns", "Answer", _concerns),
    ("Decisions that need you", "staff.to_authorise", "Decide", _how_many(reading.to_authorise)),
    (
        "Decisions that nobody can make until you name a post or cover",
        "governance.undecidable_list",
        "See them",
        _how_many(oversight.undecidable),
    ),
    ("Entries held back that you look at again", "governance.entry_list", "See them", _to_review),
    ("Entries held back whose review is overdue", "governance.entry_list", "See them", _overdue_reviews),
    ("Erasures of entries to approve", "governance.entry_list", "Answer", _how_many(erasing.to_approve)),
    ("Walls to look at", "governance.wall_list", "Look", _walls),
    ("Walls whose review is overdue", "governance.wall_list", "Review", _overdue_walls),
    ("Changes to records of people", "governance.subject_list", "Answer", _how_many(subject_changes.changes)),
    ("Authorities to approve", "governance.authority_list", "Answer", _authorities),
    (
        "Authorities lent to a stand-in to agree to",
        "governance.authority_list",
        "Answer",
        _how_many(lending.to_agree),
    ),
    (
        "Changes of the register to approve or look at",
        "governance.proposal_list",
        "Answer",
        _how_many(proposals.to_answer),
    ),
    ("Keys to approve", "governance.key_list", "Answer", _how_many(keyring.to_approve)),
    ("Systems to approve", "governance.system_list", "Answer", _how_many(clients.to_answer)),
    ("Changes of the policy to look at", "governance.policies_drafts", "Look", policies.waiting),
    ("Reviews and tasks of your agency", "governance.task_list", "See them", _how_many(tasks_of)),
    (
        "Requests your agency has not answered in time",
        "governance.overdue_list",
        "See them",
        lambda unit, actor: lists.how_many_on_desk(unit, actor, "overdue"),
    ),
    ("Requests escalated to you", "governance.escalated_list", "See them", _how_many(oversight.escalated)),
    ("Mandates to confirm", "governance.mandate_list", "Answer", _how_many(second_agency.waiting)),
    ("Arrangements without all local settings", "governance.arrangement_list", "Set them", _settings),
)
