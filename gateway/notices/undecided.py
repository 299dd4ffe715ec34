"""Whom a decision waits for: those who may make it, or where nobody can, the officers who may name somebody."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement
from sqlmodel import col, or_, select

from gateway.disclosure import deciders
from gateway.disclosure.models import Line, LineState, Request
from gateway.ledger.entries import EntryKind
from gateway.ledger.read import LoggedEntry
from gateway.registry.models import Face, Post, PostAuthority
from gateway.store.unit_of_work import Unit

_TAKES_AWAY = {"authority_ended", "off_duty"}
_GIVES = {"authority_approved": "post", "cover_agreed": "cover"}


def deciders_or_officers(unit: Unit, entry: LoggedEntry) -> set[str | None]:
    """For what a decision referred: the posts that may decide it, and the officers where none of them can."""
    found: set[str | None] = set()
    for request, line in _referred(unit, Line.request_id == entry.request_id):
        found |= {view.post_id for view in deciders.holders(unit, request, line)}
        found |= _officers_if_left(unit, request, line)
    return found


def whom_a_post_leaves(unit: Unit, entry: LoggedEntry) -> set[str | None]:
    """Where a post ended, is away or lost a role: the officers, if something now waits for nobody."""
    if entry.codes.get("change", "") not in _TAKES_AWAY and entry.kind is not EntryKind.POST_ENDED:
        return set()
    held = select(PostAuthority.role_code).where(PostAuthority.post_id == entry.refs["post"])
    roles = set(unit.session.exec(held))
    found: set[str | None] = set()
    for request, line in _referred(unit, Line.partnership_id == entry.partnership_id):
        if roles & set(line.refer_to):
            found |= _officers_if_left(unit, request, line)
    return found


def who_decides_now(unit: Unit, entry: LoggedEntry) -> set[str | None]:
    """Where a role was given or lent: the post that has it now, if something waits for it."""
    post_id = entry.refs.get(_GIVES.get(str(entry.codes.get("change", "")), ""), "")
    lent_by = entry.refs.get("post", "")
    waits = any(
        {post_id, lent_by} & {view.post_id for view in deciders.holders(unit, request, line)}
        for request, line in (_referred(unit, Line.partnership_id == entry.partnership_id) if post_id else ())
    )
    return {post_id} if waits else set()


def _officers_if_left(unit: Unit, request: Request, line: Line) -> set[str | None]:
    if not deciders.is_left(unit, request, line, seen_by_officer=True):
        return set()
    agencies = deciders.who_names(unit, request, line)
    rows = select(Post.id).where(
        Post.partnership_id == request.partnership_id,
        Post.face == Face.GOVERNANCE,
        or_(col(Post.agency_id).in_(agencies), col(Post.governs).is_(True)),
    )
    return {*unit.session.exec(rows)}


def _referred(unit: Unit, chosen: ColumnElement[bool] | bool) -> Sequence[tuple[Request, Line]]:
    rows = select(Request, Line).join(Line, col(Line.request_id) == col(Request.id))
    return unit.session.exec(rows.where(chosen, Line.state == LineState.REFERRED)).all()
