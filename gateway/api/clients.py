"""An agency's systems: one officer registers a system, another approves it, either ends it at once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from sqlmodel import col, select

from gateway.api.models import ApiClient
from gateway.errors import Conflict, Invalid, NotFound
from gateway.ledger.entries import EntryKind
from gateway.registry import governing, people
from gateway.registry.actors import Actor
from gateway.registry.acts import act, must_differ, person_of
from gateway.registry.models import Face, Post
from gateway.registry.people import PostView, in_words
from gateway.store.unit_of_work import Unit

_PUBLIC_MEMBERS = {"kty", "crv", "x", "y"}
_NOT_A_KEY = "Give a public P-256 key as a JWK with kty, crv, x and y."


class SystemState(StrEnum):
    """Where a system stands; IDLE is one that was approved, and whose post is over."""

    WAITING = "waiting"
    ACTIVE = "active"
    IDLE = "idle"
    REFUSED = "refused"
    ENDED = "ended"


@dataclass(frozen=True)
class SystemView:
    """A system as an officer sees it; `approvers` are those who may approve it now, by their posts.

    `thumbprint` is that of its key (RFC 7638).
    """

    client_id: str
    name: str
    post: PostView
    post_is_current: bool
    thumbprint: str
    state: SystemState
    registered_by: str
    registered_at: datetime
    approved_by: str
    ended_at: datetime | None
    approvers: Mapping[str, str] = field(default_factory=dict)

    @property
    def stuck(self) -> bool:
        """Whether it waits and nobody can approve it."""
        return self.state is SystemState.WAITING and not self.approvers


def register(unit: Unit, actor: Actor, *, post_id: str, name: str, jwk: Mapping[str, str]) -> str:
    """Register a system with its public P-256 key, to act in a post of the officer's agency; gives the client id.

    It counts once another officer has approved it (loosening takes two).

    Raises:
        NotFound: the actor isn't an IG officer, or the post isn't of her agency.
        Forbidden: it would act in a post of her own.
        Invalid: the post isn't a current one of staff, or the key isn't a public P-256 key, or was registered before.
    """
    post = unit.session.get(Post, post_id)
    if post is None or not actor.answers_for(post.partnership_id, post.agency_id):
        raise NotFound("There is no such post in your agency.")
    must_differ(actor, post.person_id)
    if post.face != Face.STAFF or not people.is_current(unit, post_id):
        raise Invalid(
            "A system acts in a current post of staff only.", fields={"post": "Choose a post of staff."}
        )
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
    unit.session.flush()
    _record(unit, actor, row, "registered")
    return row.id


def read_key(text: str) -> Mapping[str, str]:
    """Read the text of a JWK; raises Invalid where it is none. Whether it can be used is for `register` to say."""
    try:
        read = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Invalid("This isn't JSON.", fields={"jwk": _NOT_A_KEY}) from error
    if not isinstance(read, dict) or not all(isinstance(value, str) for value in read.values()):
        raise Invalid("This isn't a key.", fields={"jwk": _NOT_A_KEY})
    return read


def approve(unit: Unit, actor: Actor, client_id: str) -> None:
    """Approve a system that someone else registered.

    Raises:
        NotFound: no such system waits in the officer's agency.
        Forbidden: the actor registered it, or it would act in a post of her own.
        Conflict: it was answered meanwhile, or the post it would act in is over.
    """
    row = _of_agency(unit, actor, client_id)
    must_differ(actor, person_of(unit, row.registered_by_post_id))
    must_differ(actor, person_of(unit, row.post_id))
    if row.approved_by_post_id is not None or row.ended_at is not None:
        raise Conflict("This was already answered.", next_step="Look at the list again.")
    if not people.is_current(unit, row.post_id):
        raise Conflict("The post it would act in is over.", next_step="Refuse it.")
    row.approved_by_post_id = actor.post_id
    unit.session.add(row)
    _record(unit, actor, row, "approved")


def end(unit: Unit, actor: Actor, client_id: str) -> None:
    """End a system at once, with its tokens; or refuse one that waits.

    Raises:
        NotFound: no such system in the officer's agency.
        Conflict: it has ended already.
    """
    row = _of_agency(unit, actor, client_id)
    if row.ended_at is not None:
        raise Conflict("This has already ended.", next_step="Look at the list again.")
    row.ended_at = unit.now
    unit.session.add(row)
    _record(unit, actor, row, "ended" if row.approved_by_post_id else "refused")


def systems(unit: Unit, actor: Actor) -> list[SystemView]:
    """Give the systems that an officer answers for, newest first: of her agency, or of all if she governs."""
    return [view(unit, row) for row in _rows(unit, actor)]


def system(unit: Unit, actor: Actor, client_id: str) -> SystemView:
    """Give one system. Raises NotFound."""
    return view(unit, _of_agency(unit, actor, client_id, lock=False))


def to_answer(unit: Unit, actor: Actor) -> list[SystemView]:
    """Give what waits for an officer: systems to approve, or to find somebody for who can approve them."""
    waiting = [
        view(unit, row)
        for row in _rows(unit, actor)
        if row.approved_by_post_id is None and row.ended_at is None
    ]
    return [one for one in waiting if one.stuck or actor.post_id in one.approvers]


def asked(unit: Unit, client_id: str) -> list[str]:
    """Give the posts of those who may approve a system that waits."""
    row = unit.session.get(ApiClient, client_id)
    return list(view(unit, row).approvers) if row else []


def of_partnership(unit: Unit, partnership_id: str) -> list[SystemView]:
    """Give the systems of a partnership, newest first: for the operator."""
    rows = select(ApiClient).where(ApiClient.partnership_id == partnership_id)
    return [view(unit, row) for row in unit.session.exec(rows.order_by(col(ApiClient.created_at).desc()))]


def view(unit: Unit, row: ApiClient) -> SystemView:
    """Give a row as a view."""
    state, current = _state(unit, row), people.is_current(unit, row.post_id)
    return SystemView(
        client_id=row.id,
        name=row.name,
        post=people.post_view(unit, row.partnership_id, row.post_id),
        post_is_current=current,
        thumbprint=row.thumbprint,
        state=state,
        registered_by=people.post_in_words(unit, row.partnership_id, row.registered_by_post_id),
        registered_at=row.created_at,
        approved_by=people.post_in_words(unit, row.partnership_id, row.approved_by_post_id),
        ended_at=row.ended_at,
        approvers=_approvers(unit, row) if current and state is SystemState.WAITING else {},
    )


def _state(unit: Unit, row: ApiClient) -> SystemState:
    if row.ended_at is not None:
        return SystemState.ENDED if row.approved_by_post_id else SystemState.REFUSED
    if row.approved_by_post_id is None:
        return SystemState.WAITING
    return SystemState.ACTIVE if people.is_current(unit, row.post_id) else SystemState.IDLE


def _approvers(unit: Unit, row: ApiClient) -> dict[str, str]:
    """The officers of its agency and those who govern, without whoever registered it or holds its post."""
    hands = (person_of(unit, row.registered_by_post_id), person_of(unit, row.post_id))
    found = governing.officers(unit, row.partnership_id, apart={one for one in hands if one})
    near = [post for post in found if post.governs or post.agency_id == row.agency_id]
    return {one.post_id: in_words(one) for one in people.post_views(unit, near)}


def _checked(jwk: Mapping[str, str]) -> tuple[str, str]:
    refused = Invalid("The key can't be used.", fields={"jwk": _NOT_A_KEY})
    if jwk.get("kty") != "EC" or jwk.get("crv") != "P-256" or "d" in jwk:
        raise refused
    public: dict[str, str | list[str]] = {name: jwk[name] for name in sorted(_PUBLIC_MEMBERS) if name in jwk}
    try:
        key = ECKey.import_key(public)
        return json.dumps(public, sort_keys=True), key.thumbprint()
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise refused from error


def _rows(unit: Unit, actor: Actor) -> list[ApiClient]:
    if actor.face is not Face.GOVERNANCE:
        return []
    rows = select(ApiClient).where(ApiClient.partnership_id == actor.partnership_id)
    if not actor.governs:
        rows = rows.where(ApiClient.agency_id == actor.agency_id)
    return list(unit.session.exec(rows.order_by(col(ApiClient.created_at).desc())))


def _of_agency(unit: Unit, actor: Actor, client_id: str, *, lock: bool = True) -> ApiClient:
    query = select(ApiClient).where(ApiClient.id == client_id)
    row = unit.session.exec(query.with_for_update() if lock else query).first()
    if row is None or not actor.answers_for(row.partnership_id, row.agency_id):
        raise NotFound("There is no such system in your agency.")
    return row


def _record(unit: Unit, actor: Actor, row: ApiClient, step: str) -> None:
    act(
        unit,
        actor,
        EntryKind.AGENCY_CHANGED,
        controller_agency_id=row.agency_id,
        refs={"client": row.id, "post": row.post_id},
        codes={"system": step, "thumbprint": row.thumbprint},
        words={"name": row.name},
    )
