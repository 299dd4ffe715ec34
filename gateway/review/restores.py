"""Restores that officers declared: what each says, where it stands, and who may answer it.

The second officer is of another agency where one has an officer: the lost time may hide something that one agency did,
and two colleagues answer to the same manager.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gateway_verify.errors import Unverified
from sqlmodel import col, func, select

from gateway.consent.models import Answer, Consent, Mandate
from gateway.errors import Forbidden, NotFound
from gateway.ledger import epoch
from gateway.ledger.journal import journal_of
from gateway.ledger.lag import moment
from gateway.ledger.witness import disputed
from gateway.registry import governing, people
from gateway.registry.actors import Actor
from gateway.registry.acts import person_of
from gateway.registry.models import Face, Post
from gateway.review.models import RestoreDeclaration, RestoreState
from gateway.sealing.models import CopyOf, Parcel, ParcelState
from gateway.store.unit_of_work import Unit
from gateway.store.vault import Scope

LAPSES_AFTER = timedelta(hours=24)
SALT = 32
OPEN = (RestoreState.WAITING, RestoreState.AGREED)


@dataclass(frozen=True)
class Frozen:
    """How much of the partnership's waits, once the log begins anew, until somebody confirms it."""

    parcels: int
    consents: int
    mandates: int


@dataclass(frozen=True)
class DeclarationView:
    """A restore as it was declared; `may` is what the officer who looks can do about it."""

    declaration_id: str
    reference: str
    state: RestoreState
    lapsed: bool
    lapses_at: datetime
    witnessed_size: int
    held: int
    reasons: str
    declared_by: str
    declared_at: datetime
    agreed_by: str = ""
    agreed_at: datetime | None = None
    refused_by: str = ""
    refused_at: datetime | None = None
    seconds: tuple[str, ...] = ()
    may: frozenset[str] = field(default_factory=frozenset)


def declared(unit: Unit, actor: Actor) -> list[DeclarationView]:
    """Give the restores that officers of the partnership declared, newest first."""
    must_be_officer(actor)
    rows = select(RestoreDeclaration).where(RestoreDeclaration.partnership_id == actor.partnership_id)
    ordered = unit.session.exec(rows.order_by(col(RestoreDeclaration.declared_at).desc()))
    return [_view(unit, actor, row) for row in ordered]


def declared_as(unit: Unit, actor: Actor, declaration_id: str, to: str) -> DeclarationView:
    """Give one that this officer may answer so; raise NotFound where it isn't hers, Forbidden where she may not."""
    found = next((one for one in declared(unit, actor) if one.declaration_id == declaration_id), None)
    if found is None:
        raise missing()
    if to not in found.may:
        raise Forbidden(
            "You can't answer this restore so.",
            next_step="Go back to the page about restores: it says where it stands, and who can agree.",
        )
    return found


def waits_for(unit: Unit, actor: Actor) -> int:
    """Give 1 while the log is stopped by a witness and this officer has an act to do about it, else 0."""
    if disputed(journal_of(unit)) is None:
        return 0
    opened = [one for one in declared(unit, actor) if not one.lapsed and one.state in OPEN]
    return int(not opened or any("agree" in one.may for one in opened))


def told(unit: Unit, actor: Actor) -> str:
    """Say how the log began again after its last restore and who declared it; nothing where it never did."""
    try:
        found = epoch.last_begun(unit)
    except Unverified as error:
        return f"This log began again, and {error}. Do not rely on it until that is explained."
    if found is None:
        return ""
    at = moment(epoch.frozen_before(unit) or unit.now)
    first, second = (_agency(unit, actor, post_id) for post_id in found.officers)
    lost = max(found.witnessed - found.held, 0)
    signed = "signed that" if found.keys else "are named in it, without their signatures"
    return (
        f"This log began again at {at}, after a backup was restored: {lost} of the {found.witnessed} entries that its "
        f"witnesses had seen were lost. An information-governance officer of {first} declared it and one of {second} "
        f"agreed; they {signed}."
    )


def would_freeze(unit: Unit, actor: Actor) -> Frozen:
    """Count what of the partnership's would wait until somebody confirms it."""
    must_be_officer(actor)
    own = actor.partnership_id
    parcels = select(func.count()).where(
        Parcel.partnership_id == own,
        Parcel.state == ParcelState.SEALED,
        Parcel.copy_of == CopyOf.RECIPIENT,
        col(Parcel.expires_at) > unit.now,
    )
    consents = select(func.count()).where(
        Consent.partnership_id == own, Consent.answer == Answer.GIVEN, col(Consent.withdrawn_at).is_(None)
    )
    mandates = select(func.count()).where(
        Mandate.partnership_id == own,
        col(Mandate.confirmed_at).is_not(None),
        col(Mandate.revoked_at).is_(None),
    )
    return Frozen(*(unit.session.exec(one).one() for one in (parcels, consents, mandates)))


def must_be_officer(actor: Actor) -> None:
    """Raise NotFound for anyone but an information-governance officer."""
    if actor.face is not Face.GOVERNANCE:
        raise missing()


def missing() -> NotFound:
    """The one answer for a restore that is not there or not hers (promise 8)."""
    return NotFound("There is no such restore.", next_step="Go back to the page about restores.")


def has_lapsed(unit: Unit, row: RestoreDeclaration) -> bool:
    """Whether it was left too long to be answered or carried out."""
    return row.state in OPEN and unit.now >= lapses_at(row)


def lapses_at(row: RestoreDeclaration) -> datetime:
    """When it lapses: each step has a day."""
    return (row.agreed_at or row.declared_at) + LAPSES_AFTER


def seconds_of(unit: Unit, row: RestoreDeclaration) -> list[Post]:
    """Officers who may agree: other persons, of agencies where the first holds no post while one of those is free."""
    first = person_of(unit, row.declared_by_post_id) or ""
    free = governing.officers(unit, row.partnership_id, apart=[first])
    hers = people.agencies_of(unit, first)
    return [post for post in free if not hers & people.agencies_of(unit, post.person_id)] or free


def _agency(unit: Unit, actor: Actor, post_id: str) -> str:
    post = unit.session.get(Post, post_id)
    if post is None or post.partnership_id != actor.partnership_id:
        return "another partnership"
    return people.view_of(unit, post).agency_name


def _view(unit: Unit, actor: Actor, row: RestoreDeclaration) -> DeclarationView:
    lapsed = has_lapsed(unit, row)
    opened = row.state in OPEN and not lapsed
    waits = opened and row.state == RestoreState.WAITING
    free = seconds_of(unit, row) if waits else []
    may = {"refuse"} if opened else set()
    if actor.post_id in {post.id for post in free}:
        may.add("agree")
    return DeclarationView(
        declaration_id=row.id,
        reference=row.reference,
        state=RestoreState(row.state),
        lapsed=lapsed,
        lapses_at=lapses_at(row),
        witnessed_size=row.witnessed_size,
        held=row.held,
        reasons=reasons_of(unit, row)[1],
        declared_by=people.post_in_words(unit, row.partnership_id, row.declared_by_post_id),
        declared_at=row.declared_at,
        agreed_by=people.post_in_words(unit, row.partnership_id, row.agreed_by_post_id),
        agreed_at=row.agreed_at,
        refused_by=people.post_in_words(unit, row.partnership_id, row.refused_by_post_id),
        refused_at=row.refused_at,
        seconds=tuple(people.in_words(one) for one in people.post_views(unit, free)),
        may=frozenset(may),
    )


def reasons_of(unit: Unit, row: RestoreDeclaration) -> tuple[bytes, str]:
    """Give the salt of the digest of its reasons, and the reasons."""
    opened = unit.vault.open_bytes(
        unit.session, Scope.PARTNERSHIP, row.partnership_id, row.reasons, where=place_of(row.id)
    )
    return opened[:SALT], opened[SALT:].decode()


def place_of(row_id: str) -> str:
    """Give under what place its reasons are sealed."""
    return f"restore_declaration|reasons|{row_id}"
