"""Registering an agency's system: one officer registers it, another approves, either ends it at once."""

from __future__ import annotations

import json
from collections.abc import Mapping

from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from sqlmodel import col, select

from gateway.api.models import ApiClient
from gateway.errors import Forbidden, Invalid, NotFound
from gateway.ledger import append
from gateway.ledger.entries import Entry, EntryKind
from gateway.registry.actors import Actor
from gateway.registry.models import Face, Post
from gateway.store.unit_of_work import Unit

_PUBLIC_MEMBERS = {"kty", "crv", "x", "y"}


def register(unit: Unit, actor: Actor, *, post_id: str, name: str, jwk: Mapping[str, str]) -> str:
    """Register a system with its public P-256 key, to act in a post of the officer's agency; gives the client id.

    It counts once another officer has approved it (loosening takes two).

    Raises:
        NotFound: the actor isn't an IG officer, or the post isn't of her agency.
        Invalid: the key isn't a public P-256 key, or was registered before.
    """
    post = unit.session.get(Post, post_id)
    if post is None or not _answers_for(actor, post.partnership_id, post.agency_id):
        raise NotFound("There is no such post in your agency.")
    if post.face != Face.STAFF:
        raise Invalid("A system acts in a post of staff only.", fields={"post": "Choose a post of staff."})
    public, thumbprint = _checked(jwk)
    if unit.session.exec(select(ApiClient).where(ApiClient.thumbprint == thumbprint)).first() is not None:
        raise Invalid("This key was registered before.", fields={"jwk": "Make a new key for this system."})
    if not 1 <= len(name.strip()) <= 100:
        raise Invalid("The system needs a name.", fields={"name": "Use between 1 and 100 characters."})
    row = ApiClient(
        partnership_id=actor.partnership_id,
        agency_id=post.agency_id,
        post_id=post.id,
        name=name.strip(),
        jwk=public,
        thumbprint=thumbprint,
        registered_by_post_id=actor.post_id,
    )
    unit.session.add(row)
    _record(unit, actor, row, "registered")
    return row.id


def approve(unit: Unit, actor: Actor, client_id: str) -> None:
    """Approve a system that someone else registered.

    Raises:
        NotFound: no such system waits in the officer's agency.
        Forbidden: the actor registered it, or it would act in her own post.
    """
    row = _of_agency(unit, actor, client_id)
    author = unit.session.get_one(Post, row.registered_by_post_id).person_id
    beneficiary = unit.session.get_one(Post, row.post_id).person_id
    if actor.person_id in {author, beneficiary}:
        raise Forbidden("Someone else has to approve this.", next_step="Ask another officer of your agency.")
    row.approved_by_post_id = actor.post_id
    unit.session.add(row)
    _record(unit, actor, row, "approved")


def end(unit: Unit, actor: Actor, client_id: str) -> None:
    """End a system at once, with its tokens.

    Raises:
        NotFound: no such system in the officer's agency.
    """
    row = _of_agency(unit, actor, client_id)
    row.ended_at = row.ended_at or unit.now
    unit.session.add(row)
    _record(unit, actor, row, "ended")


def of_partnership(unit: Unit, partnership_id: str) -> list[ApiClient]:
    """The systems of a partnership, newest first."""
    rows = select(ApiClient).where(ApiClient.partnership_id == partnership_id)
    return list(unit.session.exec(rows.order_by(col(ApiClient.created_at).desc())))


def _checked(jwk: Mapping[str, str]) -> tuple[str, str]:
    refused = Invalid(
        "The key can't be used.", fields={"jwk": "Give a public P-256 key as a JWK with kty, crv, x and y."}
    )
    if jwk.get("kty") != "EC" or jwk.get("crv") != "P-256" or "d" in jwk:
        raise refused
    public: dict[str, str | list[str]] = {name: jwk[name] for name in sorted(_PUBLIC_MEMBERS) if name in jwk}
    try:
        key = ECKey.import_key(public)
        return json.dumps(public, sort_keys=True), key.thumbprint()
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise refused from error


def _of_agency(unit: Unit, actor: Actor, client_id: str) -> ApiClient:
    row = unit.session.get(ApiClient, client_id)
    if row is None or not _answers_for(actor, row.partnership_id, row.agency_id):
        raise NotFound("There is no such system in your agency.")
    return row


def _answers_for(actor: Actor, partnership_id: str, agency_id: str) -> bool:
    """An officer answers for her own agency; one who governs, for every agency of her partnership."""
    if actor.face is not Face.GOVERNANCE or actor.partnership_id != partnership_id:
        return False
    return actor.governs or actor.agency_id == agency_id


def _record(unit: Unit, actor: Actor, row: ApiClient, step: str) -> None:
    entry = Entry(
        kind=EntryKind.AGENCY_CHANGED,
        partnership_id=row.partnership_id,
        controller_agency_id=row.agency_id,
        actor_post_id=actor.post_id,
        actor_agency_id=actor.agency_id,
        refs={"client": row.id, "post": row.post_id},
        codes={"system": step, "thumbprint": row.thumbprint},
        words={"name": row.name},
    )
    append.record(unit, entry)
