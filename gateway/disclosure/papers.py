"""The papers of a request: written when it is made, and read together where something is decided on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import select

from gateway.disclosure import record
from gateway.disclosure.asking import Asking, NamedRecipient
from gateway.disclosure.models import (
    Authorisation,
    Declaration,
    Line,
    LineState,
    Request,
    RequestRecipient,
    RequestState,
)
from gateway.registry.actors import Actor
from gateway.registry.models import Agency, Case, Post
from gateway.store.tables import new_id, new_reference
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import Circumstance

_OUTSIDE = "outside"


@dataclass(frozen=True)
class Papers:
    """All that is kept about one request: read together, or as the unit at work has just made it."""

    lines: Sequence[Line]
    recipients: Sequence[RequestRecipient]
    declarations: Sequence[Declaration] = ()
    authorisations: Sequence[Authorisation] = ()

    def posts(self) -> list[str]:
        """The posts that would receive or deliver."""
        named = [post for row in self.recipients for post in (row.post_id, row.delivering_post_id)]
        return [post for post in named if post is not None]


def papers_of(unit: Unit, request_id: str) -> Papers:
    """The papers of a request as they stand now; where they decide something, under the lock on its subjects."""
    read = unit.session.exec
    return Papers(
        lines=read(select(Line).where(Line.request_id == request_id)).all(),
        recipients=read(select(RequestRecipient).where(RequestRecipient.request_id == request_id)).all(),
        declarations=read(select(Declaration).where(Declaration.request_id == request_id)).all(),
        authorisations=read(select(Authorisation).where(Authorisation.request_id == request_id)).all(),
    )


def recipients_of(unit: Unit, request_id: str) -> list[RequestRecipient]:
    """The named recipients of a request."""
    return list(unit.session.exec(select(RequestRecipient).where(RequestRecipient.request_id == request_id)))


def keep_request(unit: Unit, actor: Actor, asking: Asking, *, on_case: bool, due_at: datetime) -> Request:
    """Keep what was asked; from someone not on the case, the words by which they meant case and person as well."""
    case = unit.session.get_one(Case, asking.case_id) if on_case else None
    request = Request(
        id=new_id(),
        partnership_id=actor.partnership_id,
        reference=new_reference(),
        kind=asking.kind,
        state=RequestState.OPEN if on_case else RequestState.RECEIVED,
        arrangement_id=case.arrangement_id if case else None,
        case_id=case.id if case else None,
        requester_post_id=actor.post_id,
        requester_agency_id=actor.agency_id,
        holder_agency_id=asking.holder_agency_id,
        purpose=asking.purpose,
        powers=list(asking.basis.powers),
        dp_regime=asking.basis.dp_regime,
        dp_condition=asking.basis.dp_condition,
        confidence_basis=asking.basis.confidence_basis,
        categories=list(asking.categories),
        why=b"",
        urgent=Circumstance.IMMINENT_THREAT_TO_LIFE in asking.declarations,
        needed_by=asking.needed_by,
        due_at=due_at,
        onward_of_parcel_id=asking.onward_of_parcel_id,
        replaces_request_id=asking.replaces_request_id,
    )
    request.why = record.seal_words(unit, request, asking.why, f"request.why|{request.id}")
    if not on_case:
        meant = f"{asking.case_reference or ''}\n{asking.person or ''}".strip()
        request.person = record.seal_words(unit, request, meant, f"request.person|{request.id}")
    unit.session.add(request)
    unit.session.flush()
    return request


def keep_recipients(unit: Unit, request: Request, asking: Asking) -> list[RequestRecipient]:
    """Keep the named recipients: a post with its role and body of today, or someone outside in sealed words."""
    rows = []
    for named in asking.recipients:
        row = (
            post_as_recipient(unit, request, named.post_id)
            if named.post_id is not None
            else _outside_recipient(unit, request, named)
        )
        unit.session.add(row)
        rows.append(row)
    return rows


def post_as_recipient(unit: Unit, request: Request, post_id: str) -> RequestRecipient:
    """A post as a recipient, with its role and its agency's kind of today; the caller adds it."""
    post = unit.session.get_one(Post, post_id)
    return RequestRecipient(
        id=new_id(),
        partnership_id=request.partnership_id,
        request_id=request.id,
        post_id=post.id,
        agency_type=unit.session.get_one(Agency, post.agency_id).agency_type,
        role=post.role,
    )


def _outside_recipient(unit: Unit, request: Request, named: NamedRecipient) -> RequestRecipient:
    row = RequestRecipient(
        id=new_id(),
        partnership_id=request.partnership_id,
        request_id=request.id,
        agency_type=named.agency_type or "",
        role=_OUTSIDE,
        delivering_post_id=named.delivering_post_id,
    )
    # In what role somebody outside receives it is typed in words, so it is sealed with the rest of them.
    said = ", ".join(part for part in (named.described, named.role) if part)
    row.described = record.seal_words(unit, request, said, f"request_recipient.described|{row.id}")
    return row


def keep_declaration(unit: Unit, actor: Actor, request: Request, code: str, words: str) -> Declaration:
    """Keep a circumstance that a named person asserts, with the words it rests on."""
    row = Declaration(
        id=new_id(),
        partnership_id=request.partnership_id,
        request_id=request.id,
        circumstance=code,
        declared_by_post_id=actor.post_id,
        words=b"",
    )
    row.words = record.seal_words(unit, request, words, f"declaration.words|{row.id}")
    unit.session.add(row)
    return row


def make_lines(
    unit: Unit, request: Request, subject_ids: tuple[str, ...], recipients: list[RequestRecipient]
) -> list[Line]:
    """One line for each subject, kind of information and recipient."""
    unit.session.flush()
    lines = [
        Line(
            id=new_id(),
            partnership_id=request.partnership_id,
            request_id=request.id,
            subject_id=subject_id,
            category=category,
            recipient_id=recipient.id,
            controller_agency_id=request.holder_agency_id,
            state=LineState.REFERRED,
        )
        for subject_id in subject_ids
        for category in request.categories
        for recipient in recipients
    ]
    unit.session.add_all(lines)
    unit.session.flush()
    return lines
