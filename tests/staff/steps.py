"""Steps that people take: through the pages where the pages are what is tested, through the flow to get somewhere."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

from werkzeug.test import TestResponse

from gateway.assembly import Gateway
from gateway.disclosure import ask, content, release
from gateway.disclosure import open as opening
from gateway.disclosure.asking import Asking, Basis, NamedRecipient
from gateway.disclosure.models import RequestKind, Task
from gateway.disclosure.reading import request_for
from gateway.registry.actors import actor_for_post
from gateway.web.staff import journey as journeys
from tests.staff.world import World, add
from tests.web.pages import Page, Web

AS_OF = {"data_as_of-day": "20", "data_as_of-month": "11", "data_as_of-year": "2026"}
CONTENT = {
    "text": "The level is high.",
    **AS_OF,
    "verified": "yes",
    "fact_or_opinion": "fact",
    "action": "Plan the release by Friday: the offender manager.",
}
WHY = "To plan how the risk is managed after release, which needs the assessment itself."


def script(web: Web, page: str, url: str, body: object) -> TestResponse:
    """What a script on a page sends: JSON with the page's own token."""
    token = re.findall(r'name="csrf_token" value="([^"]+)"', web.client.get(page).text)[0]
    return web.client.post(url, json=body, headers={"Accept": "application/json", "X-CSRFToken": token})


def begun(web: Web, kind: str = "ask") -> str:
    """Begin a draft; gives its address."""
    return web.submit(web.page("/staff/ask"), {"kind": kind}).path


def answers(world: World) -> dict[str, dict[str, Any]]:
    """An answer to every question, by its place in the address."""
    return {
        "case": {"case_id": world.case},
        "holder": {"holder_agency_id": world.meadow.police},
        "people": {"subject_ids": [world.meadow.perpetrator]},
        "purpose": {"purpose": "public_protection"},
        "basis": {},
        "information": {"categories": ["risk_assessment", "convictions"]},
        "why": {"why": WHY},
        "recipients": {"recipients": [world.asker]},
        "needed-by": {},
        "circumstances": {},
    }


def filled_in(web: Web, draft: str, given: dict[str, dict[str, Any]]) -> Page:
    """Answer the questions of a draft one after the other; gives the page after the last."""
    shown = web.page(draft)
    for slug, data in given.items():
        shown = web.submit(web.page(f"{draft}/{slug}"), data)
    return shown


def drafted(gateway: Gateway, world: World, by: str = "", kind: str = "ask", **changed: Any) -> str:
    """A draft with every question answered, kept through the journey; gives its address."""
    kept: dict[str, dict[str, Any]] = {
        "case": {"case_id": world.case, "case_reference": ""},
        "holder": {"holder_agency_id": world.meadow.police},
        "people": {"subject_ids": [world.meadow.perpetrator]},
        "purpose": {"purpose": "public_protection"},
        "basis": {
            "powers": ["cja2003_s325"],
            "dp_regime": "part3",
            "dp_condition": "s35_sch8_para1_statutory",
            "confidence_basis": "public_interest",
        },
        "information": {"categories": ["risk_assessment"]},
        "why": {"why": WHY, "keep_findings": False},
        "recipients": {"recipients": [world.asker]},
        "needed-by": {"needed_by": None},
        "circumstances": {"declarations": []},
    }
    with gateway.store.writing() as unit:
        actor = actor_for_post(unit, by or world.asker)
        return f"/staff/ask/{journeys.begin(unit, actor, RequestKind(kind), kept={**kept, **changed})}"


def put(gateway: Gateway, world: World, by: str = "", **changed: Any) -> str:
    """Ask through the flow, as the offender manager unless told; gives the request's id."""
    asking = Asking(
        kind=RequestKind.ASK,
        case_id=world.case,
        holder_agency_id=world.meadow.police,
        subject_ids=(world.meadow.perpetrator,),
        categories=("risk_assessment",),
        purpose="public_protection",
        basis=Basis(("cja2003_s325",), "part3", "s35_sch8_para1_statutory", "public_interest"),
        why=WHY,
        recipients=(NamedRecipient(post_id=by or world.asker),),
    )
    with gateway.store.writing() as unit:
        actor = actor_for_post(unit, by or world.asker)
        return ask.ask(unit, actor, replace(asking, **changed)).request_id


def put_from_outside(
    gateway: Gateway, world: World, reference: str = "P-001", person: str = "AB, 1990"
) -> str:
    """Ask through the flow as somebody who isn't on the case."""
    who = (NamedRecipient(post_id=world.outsider),)
    off = {
        "case_id": None,
        "subject_ids": (),
        "case_reference": reference,
        "person": person,
        "recipients": who,
    }
    return put(gateway, world, world.outsider, **off)


def lines_of(gateway: Gateway, world: World, request_id: str, by: str = "") -> list[str]:
    """The ids of a request's lines."""
    with gateway.store.reading() as unit:
        detail = request_for(unit, actor_for_post(unit, by or world.holder), request_id)
    return [line.line_id for line in detail.lines]


def sent(gateway: Gateway, world: World, **changed: Any) -> str:
    """Ask and release through the flow; gives the parcel's id."""
    line_id = lines_of(gateway, world, put(gateway, world, **changed))[0]
    prepared = content.prepare(content.Content(text="The level is high."), "risk_assessment")
    with gateway.store.writing() as unit:
        about = release.About(unit.now.date() - timedelta(days=1), True, "fact", "Plan by Friday")
        done = release.release(unit, actor_for_post(unit, world.holder), line_id, prepared, about)
    assert isinstance(done, release.Released)
    return done.parcel_id


def read(gateway: Gateway, world: World, parcel_id: str) -> None:
    """Open a parcel through the flow."""
    with gateway.store.writing() as unit:
        actor = actor_for_post(unit, world.asker)
        accepts = frozenset(opening.parcel_for(unit, actor, parcel_id).undertakings)
        assert isinstance(opening.open_parcel(unit, actor, parcel_id, accepts=accepts), opening.Opened)


def owed(gateway: Gateway, world: World, request_id: str, kind: str, line_id: str | None = None) -> str:
    """A task of the holder's agency; gives its id."""
    with gateway.store.writing() as unit:
        task = Task(
            partnership_id=world.meadow.partnership_id,
            request_id=request_id,
            line_id=line_id,
            kind=kind,
            owner_agency_id=world.meadow.police,
            due_at=unit.now + timedelta(days=1),
        )
        return add(unit, task)
