"""Asking through the API: cases, requests, what became of them, and changing, cancelling or answering one."""

from __future__ import annotations

from dataclasses import replace

from flask import request

from gateway.api.blueprint import blueprint
from gateway.api.bodies import (
    CaseOut,
    CasesOut,
    Detail,
    PostOut,
    Received,
    RequestChange,
    RequestIn,
    SubjectOut,
    Summaries,
    WordsIn,
)
from gateway.api.operations import Query, operation
from gateway.api.paging import PAGED, page_asked, paged, summaries
from gateway.api.shown import line_of, summary_of
from gateway.disclosure import ask, lists, onward, reading
from gateway.disclosure.asked import asked as asked_before
from gateway.disclosure.asking import Asking
from gateway.errors import Invalid
from gateway.registry import caseload, cases, subjects
from gateway.registry.actors import Actor
from gateway.registry.cases import CaseView
from gateway.registry.paging import After
from gateway.store.unit_of_work import Unit
from gateway.web.access import current_actor, current_gateway

_MINE = Query("waiting|needs_more|decided|overdue", "Choose one of waiting, needs_more, decided and overdue.")


@operation(blueprint, "GET", "/cases", summary="The cases this post is on", gives=CasesOut, query=dict(PAGED))
def list_cases() -> CasesOut:
    """The open cases this post is on; the newest in the register first."""
    actor, page = current_actor(), page_asked()
    with current_gateway().store.reading() as unit:
        found = caseload.newest_of_my_cases(unit, actor, page)
        total = caseload.how_many_cases(unit, actor)
        shown, part = paged(found, page, total, lambda one: After(one.registered_at, one.case_id))
        return CasesOut(cases=[_case(unit, one) for one in shown], page=part)


@operation(
    blueprint,
    "POST",
    "/requests",
    summary="Ask for information, or offer it",
    takes=RequestIn,
    gives=Received,
    status=202,
    idempotent_by_key=True,
    problems=(409,),
)
def make_request(body: RequestIn) -> Received:
    """Ask or offer; the same Idempotency-Key always yields the same request."""
    with current_gateway().store.writing() as unit:
        asked = ask.ask(unit, current_actor(), body.asking(), idempotency_key=idempotency_key())
    return Received(request_id=asked.request_id, reference=asked.reference, decided=asked.shown)


@operation(
    blueprint,
    "GET",
    "/requests",
    summary="Requests of this post",
    gives=Summaries,
    query={"tab": _MINE, **PAGED},
)
def list_requests() -> Summaries:
    """Requests of this post: waiting, needs_more, decided or overdue; the newest first."""
    actor, tab, page = current_actor(), request.args.get("tab", "waiting"), page_asked()
    with current_gateway().store.reading() as unit:
        found = lists.my_requests(unit, actor, tab, page)
        total = lists.how_many_of_mine(unit, actor, tab)
    return summaries(found, page, total, by=lambda one: one.created_at)


@operation(blueprint, "GET", "/requests/<id:request_id>", summary="One request with its lines", gives=Detail)
def read_request(request_id: str) -> Detail:
    """One request with its lines, as this post may read it."""
    actor = current_actor()
    with current_gateway().store.reading() as unit:
        found = reading.request_for(unit, actor, request_id)
        before = asked_before(unit, actor, request_id) if found.mine else None
    # Whoever isn't on the case finds none of their own words again, so there is no whole request to send back.
    own = RequestIn.of(before) if before and before.case_id else None
    lines = [line_of(line) for line in found.lines]
    return Detail(request=summary_of(found.summary), asked=own, lines=lines, may=sorted(found.may))


@operation(
    blueprint,
    "POST",
    "/requests/<id:request_id>/amendment",
    summary="Change an open request; what isn't named is kept",
    takes=RequestChange,
    gives=Received,
    status=202,
    idempotent_by_key=True,
    problems=(409,),
)
def amend_request(request_id: str, body: RequestChange) -> Received:
    """Replace a request of this post by the same with some answers changed; the first is cancelled."""
    actor, key = current_actor(), idempotency_key()
    with current_gateway().store.writing() as unit:
        changed = body.laid_over(asked_before(unit, actor, request_id))
        asked = _amended(unit, actor, request_id, changed, key)
    return Received(request_id=asked.request_id, reference=asked.reference, decided=asked.shown)


def _amended(unit: Unit, actor: Actor, request_id: str, changed: Asking, key: str) -> ask.Asked:
    if changed.onward_of_parcel_id is None:
        return ask.amend(unit, actor, request_id, changed, idempotency_key=key)
    onwards = replace(changed, replaces_request_id=request_id)
    return onward.ask_onward(unit, actor, changed.onward_of_parcel_id, onwards, idempotency_key=key)


@operation(
    blueprint,
    "POST",
    "/requests/<id:request_id>/cancellation",
    summary="Cancel a request",
    status=204,
    problems=(409,),
)
def cancel_request(request_id: str) -> None:
    """Cancel a request of this post."""
    with current_gateway().store.writing() as unit:
        ask.cancel(unit, current_actor(), request_id)


@operation(
    blueprint,
    "POST",
    "/requests/<id:request_id>/answers",
    summary="Answer what the holder asked",
    takes=WordsIn,
    status=204,
    problems=(409,),
)
def answer_request(request_id: str, body: WordsIn) -> None:
    """Answer what the holder still needed to know."""
    with current_gateway().store.writing() as unit:
        ask.answer(unit, current_actor(), request_id, body.words)


def idempotency_key() -> str:
    """The client's Idempotency-Key.

    Raises:
        Invalid: it is missing or not 8 to 100 characters long.
    """
    key = request.headers.get("Idempotency-Key", "")
    if not 8 <= len(key) <= 100 or not key.isascii() or not key.isprintable():
        raise Invalid(
            "An Idempotency-Key is needed.",
            fields={"Idempotency-Key": "Send a header of 8 to 100 plain characters, new for each request."},
        )
    return key


def _case(unit: Unit, case: CaseView) -> CaseOut:
    return CaseOut(
        case_id=case.case_id,
        reference=case.reference,
        arrangement=case.arrangement_kind,
        subjects=[
            SubjectOut(subject_id=view.subject_id, reference=view.reference, role=view.role)
            for view in subjects.subjects_of(unit, case.case_id)
        ],
        posts=[
            PostOut(post_id=post.post_id, agency_id=post.agency_id, role=post.role)
            for post in cases.assigned_posts(unit, case.case_id)
        ],
    )
