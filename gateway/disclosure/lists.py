"""Lists of requests, a page at a time: one's own and those of colleagues one stands in for, and an agency's desk.

However many requests there are, a page takes the same few statements.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, or_
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from gateway.disclosure.models import Line, LineState, Request, RequestKind, RequestState
from gateway.errors import NotFound
from gateway.registry import people, subjects, walls
from gateway.registry.actors import Actor
from gateway.registry.models import Agency, Arrangement, Case, Face, Post, Wall, WallKind
from gateway.registry.paging import Page, in_part
from gateway.store.unit_of_work import Unit

SIZE = 50
WAITING = frozenset({RequestState.OPEN, RequestState.RECEIVED})
DONE = frozenset({RequestState.CLOSED, RequestState.CANCELLED})
_OPEN_LINES = (LineState.REFERRED, LineState.TO_RELEASE)
Clause = ColumnElement[bool]


@dataclass(frozen=True)
class RequestSummary:
    """One request in a list: references, codes and dates; no name of the person it is about.

    `for_colleague` names the one off duty who made it, where whoever reads the list stands in for them.
    """

    request_id: str
    reference: str
    kind: str
    arrangement: str | None
    case_reference: str | None
    purpose: str
    state: str
    outcome: str | None
    due_at: datetime
    overdue: bool
    urgent: bool
    created_at: datetime
    holder_agency: str
    requester_agency: str
    chased_at: datetime | None
    escalated_at: datetime | None
    for_colleague: str | None = None


def my_requests(unit: Unit, actor: Actor, tab: str, page: Page | None = None) -> list[RequestSummary]:
    """The post's own requests and those it covers: `waiting`, `needs_more`, `decided` or `overdue`; newest first.

    All of them where no `page` is asked for.

    Raises:
        NotFound: there is no such list.
    """
    rows = in_part(_mine(unit, actor, tab), page, col(Request.created_at), col(Request.id))
    return summaries(unit, actor, unit.session.exec(rows).all(), own=True)


def how_many_of_mine(unit: Unit, actor: Actor, tab: str) -> int:
    """How many requests are in one of the post's own lists. Raises NotFound."""
    return _count(unit, _mine(unit, actor, tab))


def inbox(unit: Unit, actor: Actor, tab: str, page: Page | None = None) -> list[RequestSummary]:
    """What was put to the actor's agency: `to_release`, `waiting`, `done` or `overdue`; soonest due first.

    All of it where no `page` is asked for.

    Raises:
        NotFound: there is no such list.
    """
    rows = in_part(_desk(unit, actor, tab), page, col(Request.due_at), col(Request.id), newest_first=False)
    return summaries(unit, actor, unit.session.exec(rows).all(), own=False)


def how_many_on_desk(unit: Unit, actor: Actor, tab: str) -> int:
    """How many requests are in one of the desk's lists. Raises NotFound."""
    return _count(unit, _desk(unit, actor, tab))


def state_shown(request: Request) -> RequestState:
    """How a request stands for its maker: one from outside is received until they cancel it, whatever was matched."""
    state = RequestState(request.state)
    if not request.from_outside or state == RequestState.CANCELLED:
        return state
    return RequestState.RECEIVED


def summaries(unit: Unit, actor: Actor, rows: Sequence[Request], *, own: bool) -> list[RequestSummary]:
    """Requests as a list shows them; `own` to their maker, who learns nothing of one made from outside (DESIGN 3.8)."""
    arrangements = _names(unit, Arrangement, Arrangement.name, {row.arrangement_id for row in rows})
    references = _names(unit, Case, Case.reference, {row.case_id for row in rows})
    agencies = _names(
        unit,
        Agency,
        Agency.name,
        {row.holder_agency_id for row in rows} | {row.requester_agency_id for row in rows},
    )
    open_ones = _with_open_lines(unit, [row.id for row in rows])
    covered = _colleagues(unit, actor, {row.requester_post_id for row in rows}) if own else {}
    found = []
    for row in rows:
        hidden = own and row.from_outside
        state = state_shown(row) if own else RequestState(row.state)
        late = state in WAITING and row.due_at <= unit.now
        found.append(
            RequestSummary(
                request_id=row.id,
                reference=row.reference,
                kind=row.kind,
                arrangement=None if hidden else arrangements.get(row.arrangement_id or ""),
                case_reference=None if hidden else references.get(row.case_id or ""),
                purpose=row.purpose,
                state=state,
                outcome=None if hidden else row.outcome,
                due_at=row.due_at,
                overdue=late and (hidden or row.id in open_ones),
                urgent=row.urgent,
                created_at=row.created_at,
                holder_agency=agencies[row.holder_agency_id],
                requester_agency=agencies[row.requester_agency_id],
                chased_at=row.chased_at,
                escalated_at=row.escalated_at,
                for_colleague=covered.get(row.requester_post_id),
            )
        )
    return found


def _mine(unit: Unit, actor: Actor, tab: str) -> SelectOfScalar[Request]:
    chosen = _MINE.get(tab)
    if chosen is None:
        raise _no_such_list()
    own = col(Request.requester_post_id) == actor.post_id
    return select(Request).where(or_(own, _covered(unit, actor)), chosen(unit.now))


def _covered(unit: Unit, actor: Actor) -> Clause:
    """Requests of those the actor stands in for, but about nobody whom a wall keeps from her (`ask.is_own`)."""
    theirs = col(Request.requester_post_id).in_(people.covers(unit, actor.post_id))
    rows = select(Line.subject_id).join(Request, col(Request.id) == col(Line.request_id)).where(theirs)
    about = unit.session.exec(rows.distinct()).all()
    barred = [one for one in about if walls.walled(unit, one, actor.person_id, actor.agency_id)]
    return and_(theirs, ~_has_line(col(Line.subject_id).in_(barred)))


def _desk(unit: Unit, actor: Actor, tab: str) -> SelectOfScalar[Request]:
    chosen = _DESK.get(tab)
    if chosen is None or actor.face is Face.ADVOCACY:
        raise _no_such_list()
    put_here = select(Request).where(Request.holder_agency_id == actor.agency_id, chosen(unit.now))
    return put_here.where(~_is_hidden_from(unit, actor))


def _is_hidden_from(unit: Unit, actor: Actor) -> Clause:
    """What `desk.is_hidden_from` says of one request, for all of a list at once."""
    own_posts = select(Post.id).where(Post.person_id == actor.person_id)
    own = and_(_outside(), col(Request.requester_post_id).in_(own_posts))
    barred = _barred_from(unit, actor)
    if not barred:
        return own
    return or_(own, _has_line(col(Line.subject_id).in_(barred)))


def _barred_from(unit: Unit, actor: Actor) -> frozenset[str]:
    """The people whose exclude lists name the actor or her agency, under every id they are known by."""
    rows = select(Wall.subject_id).where(
        Wall.partnership_id == actor.partnership_id,
        Wall.kind == WallKind.EXCLUDE,
        col(Wall.lifted_at).is_(None),
        col(Wall.counts_from).is_not(None),
        or_(col(Wall.person_id) == actor.person_id, col(Wall.agency_id) == actor.agency_id),
    )
    return frozenset(one for found in set(unit.session.exec(rows)) for one in subjects.known_as(unit, found))


def _count(unit: Unit, rows: SelectOfScalar[Request]) -> int:
    return unit.session.exec(select(func.count()).select_from(rows.subquery())).one()


def _names(unit: Unit, table: Any, column: Any, ids: Collection[str | None]) -> dict[str, str]:
    wanted = {one for one in ids if one is not None}
    return dict(unit.session.exec(select(table.id, column).where(col(table.id).in_(wanted))).all())


def _with_open_lines(unit: Unit, ids: Collection[str]) -> frozenset[str]:
    """Those with a line that waits, or with none yet."""
    rows = unit.session.exec(select(Line.request_id, Line.state).where(col(Line.request_id).in_(ids))).all()
    with_lines = {request_id for request_id, _ in rows}
    waiting = {request_id for request_id, state in rows if state in _OPEN_LINES}
    return frozenset(waiting | (set(ids) - with_lines))


def _colleagues(unit: Unit, actor: Actor, post_ids: Collection[str]) -> Mapping[str, str]:
    wanted = people.covers(unit, actor.post_id).intersection(post_ids)
    if not wanted:
        return {}
    posts = unit.session.exec(select(Post).where(col(Post.id).in_(wanted))).all()
    return {view.post_id: view.name for view in people.post_views(unit, posts)}


def _outside() -> Clause:
    return col(Request.person).is_not(None)


def _has_line(*wanted: Clause) -> Clause:
    return exists().where(col(Line.request_id) == col(Request.id), *wanted)


def _open() -> Clause:
    return or_(~_has_line(), _has_line(col(Line.state).in_(_OPEN_LINES)))


def _in(states: Collection[RequestState]) -> Clause:
    return col(Request.state).in_(states)


def _shown_in(states: Collection[RequestState]) -> Clause:
    """Whether a request stands so for its maker (`state_shown`)."""
    own = and_(~_outside(), _in(states))
    from_outside = []
    if RequestState.RECEIVED in states:
        from_outside.append(and_(_outside(), ~_in({RequestState.CANCELLED})))
    if RequestState.CANCELLED in states:
        from_outside.append(and_(_outside(), _in({RequestState.CANCELLED})))
    return or_(own, *from_outside)


def _due(now: datetime) -> Clause:
    return col(Request.due_at) <= now


def _to_release(_now: datetime) -> Clause:
    unmatched = and_(_in({RequestState.RECEIVED}), col(Request.kind) == RequestKind.ASK)
    return or_(_has_line(col(Line.state) == LineState.TO_RELEASE), unmatched)


def _no_such_list() -> NotFound:
    return NotFound("There is no such list.", next_step="Choose one of the tabs.")


_Chooser = Callable[[datetime], Clause]
_MINE: dict[str, _Chooser] = {
    "waiting": lambda _: _shown_in(WAITING),
    "needs_more": lambda _: _shown_in({RequestState.NEEDS_MORE}),
    "decided": lambda _: _shown_in(DONE),
    "overdue": lambda now: and_(_shown_in(WAITING), _due(now), or_(_outside(), _open())),
}
_DESK: dict[str, _Chooser] = {
    "to_release": _to_release,
    "waiting": lambda _: _in(WAITING),
    "done": lambda _: _in(DONE),
    "overdue": lambda now: and_(_in(WAITING), _due(now), _open()),
}
