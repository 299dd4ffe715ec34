"""What was asked, as its maker gave it: so that one answer can be changed and all the others are kept."""

from __future__ import annotations

from gateway.disclosure import ask, judge, papers, record
from gateway.disclosure.asking import Asking, Basis, NamedRecipient
from gateway.disclosure.models import Request, RequestKind, RequestRecipient
from gateway.registry.actors import Actor
from gateway.store.unit_of_work import Unit


def asked(unit: Unit, actor: Actor, request_id: str) -> Asking:
    """A request of one's own as it was asked, to be sent again with changes.

    Somebody not on the case doesn't find the words of it: those about a person who was erased are gone, and that must
    not show, so they say them again (DESIGN 3.8). What a holder made of it doesn't show, either; nor does what others
    declared about it since, which is theirs to say again (DESIGN 3.3).

    Raises:
        NotFound: not this actor's request.
    """
    request = ask.own_request(unit, actor, request_id)
    from_outside = request.from_outside
    lines = [] if from_outside else judge.lines_of(unit, request.id)
    return Asking(
        kind=RequestKind(request.kind),
        holder_agency_id=request.holder_agency_id,
        categories=tuple(request.categories),
        purpose=request.purpose,
        basis=Basis(tuple(request.powers), request.dp_regime, request.dp_condition, request.confidence_basis),
        why=""
        if from_outside
        else record.sealed_words(unit, request, request.why, f"request.why|{request.id}"),
        recipients=tuple(_named(unit, request, row) for row in papers.recipients_of(unit, request.id)),
        case_id=None if from_outside else request.case_id,
        subject_ids=tuple(dict.fromkeys(line.subject_id for line in lines)),
        needed_by=request.needed_by,
        declarations=_declared(unit, request),
        onward_of_parcel_id=request.onward_of_parcel_id,
    )


def _named(unit: Unit, request: Request, row: RequestRecipient) -> NamedRecipient:
    if row.post_id is not None:
        return NamedRecipient(post_id=row.post_id)
    if request.from_outside:
        return NamedRecipient(agency_type=row.agency_type, delivering_post_id=row.delivering_post_id)
    said = record.sealed_words(unit, request, row.described, f"request_recipient.described|{row.id}")
    # Who and in what role are kept as one text; wherever it is parted, sent again it is the same text.
    described, _, role = said.rpartition(", ")
    return NamedRecipient(
        agency_type=row.agency_type,
        role=role,
        described=described,
        delivering_post_id=row.delivering_post_id,
    )


def _declared(unit: Unit, request: Request) -> dict[str, str]:
    return {
        row.circumstance: "" if request.from_outside else words
        for row, words in record.declarations_of(unit, request)
        if row.declared_by_post_id == request.requester_post_id
    }
