"""Receiving through the API: keys, parcels, their conditions, openings, and asking to pass on."""

from __future__ import annotations

from flask import request

from gateway.api.asking import idempotency_key
from gateway.api.blueprint import blueprint
from gateway.api.bodies import (
    CollectedOut,
    ConditionsOut,
    OnwardIn,
    OpenedOut,
    OpenIn,
    ParcelOut,
    ParcelsOut,
    Received,
)
from gateway.api.key_bodies import AnswerIn, ChallengeOut, ChallengesOut, KeyOut, KeysIn, KeysOut
from gateway.api.operations import Query, operation
from gateway.api.paging import PAGED, page_asked, paged
from gateway.disclosure import keyring, onward
from gateway.disclosure import open as opening
from gateway.errors import Conflict
from gateway.registry.paging import After
from gateway.web.access import current_actor, current_gateway

_SIZE = Query("[0-9]{1,15}", "Give the log's size as last seen.")


@operation(
    blueprint, "GET", "/parcels", summary="What was sealed to this post", gives=ParcelsOut, query=dict(PAGED)
)
def list_parcels() -> ParcelsOut:
    """What was sealed to this post, newest first."""
    actor, page = current_actor(), page_asked()
    with current_gateway().store.reading() as unit:
        found = opening.parcels_for(unit, actor, page)
        total = opening.how_many_parcels(unit, actor)
    shown, part = paged(found, page, total, lambda one: After(one.sealed_at, one.parcel_id))
    return ParcelsOut(parcels=[_parcel(one) for one in shown], page=part)


@operation(blueprint, "GET", "/parcels/<id:parcel_id>", summary="Conditions of a parcel", gives=ConditionsOut)
def read_parcel(parcel_id: str) -> ConditionsOut:
    """What must be accepted before a parcel is opened."""
    with current_gateway().store.reading() as unit:
        found = opening.parcel_for(unit, current_actor(), parcel_id)
    return ConditionsOut(
        parcel=_parcel(found.summary),
        kid=found.kid,
        undertakings=list(found.undertakings),
        accepted=found.accepted,
        data_as_of=found.data_as_of,
        verified=found.verified,
    )


@operation(
    blueprint,
    "POST",
    "/parcels/<id:parcel_id>/openings",
    summary="Open a parcel",
    takes=OpenIn,
    gives=OpenedOut,
    status=201,
    problems=(409, 410),
)
def open_parcel(parcel_id: str, body: OpenIn) -> OpenedOut:
    """Record an opening; the content is collected with its id once that is confirmed."""
    with current_gateway().store.writing() as unit:
        done = opening.open_parcel(unit, current_actor(), parcel_id, accepts=frozenset(body.accepts))
    if isinstance(done, opening.NotOpened):
        raise Conflict("Decided again, this may not be opened now.", next_step=done.text)
    return OpenedOut(opening_id=done.opening_id)


@operation(
    blueprint,
    "GET",
    "/openings/<id:opening_id>",
    summary="Collect the sealed content",
    gives=CollectedOut,
    query={"seen_size": _SIZE},
    problems=(409, 410),
)
def collect(opening_id: str) -> CollectedOut:
    """The sealed content of a recorded opening, with the log's proofs."""
    with current_gateway().store.reading() as unit:
        got = opening.collect(unit, current_actor(), opening_id, seen_size=_seen_size())
    return CollectedOut(
        parcel_id=got.parcel_id,
        jwe=got.jwe,
        digest=got.digest,
        proofs=list(got.proofs),
        consistency=list(got.consistency),
        log_keys=list(got.log_keys),
        cosigned=got.cosigned,
        cosigned_consistency=list(got.cosigned_consistency),
        begun=list(got.begun),
    )


@operation(
    blueprint,
    "POST",
    "/parcels/<id:parcel_id>/onward",
    summary="Ask to pass on what was received",
    takes=OnwardIn,
    gives=Received,
    status=202,
    idempotent_by_key=True,
    problems=(409,),
)
def ask_onward(parcel_id: str, body: OnwardIn) -> Received:
    """Ask the originator whether something received may go onward; the purpose may only narrow."""
    with current_gateway().store.writing() as unit:
        asked = onward.ask_onward(
            unit, current_actor(), parcel_id, body.asking(), idempotency_key=idempotency_key()
        )
    return Received(request_id=asked.request_id, reference=asked.reference, decided=asked.shown)


@operation(blueprint, "GET", "/keys", summary="Keys of this post", gives=KeysOut)
def list_keys() -> KeysOut:
    """The keys of this post and where each stands."""
    with current_gateway().store.reading() as unit:
        found = keyring.mine(unit, current_actor())
    return KeysOut(keys=[KeyOut(key_id=k.id, kid=k.kid, place=k.place, state=k.state) for k in found])


@operation(
    blueprint,
    "POST",
    "/keys",
    summary="Register two public keys",
    takes=KeysIn,
    gives=ChallengesOut,
    status=201,
)
def enrol_keys(body: KeysIn) -> ChallengesOut:
    """Register the public keys of this post; answer each challenge, then an officer approves."""
    with current_gateway().store.writing() as unit:
        found = keyring.enrol(unit, current_actor(), body.keys)
    challenges = [ChallengeOut(key_id=c.key_id, kid=c.kid, place=c.place, jwe=c.jwe) for c in found]
    return ChallengesOut(challenges=challenges)


@operation(
    blueprint,
    "POST",
    "/keys/<id:key_id>/proof",
    summary="Prove possession of a key",
    takes=AnswerIn,
    status=204,
    problems=(409,),
)
def prove_key(key_id: str, body: AnswerIn) -> None:
    """Send back what the challenge said."""
    with current_gateway().store.writing() as unit:
        keyring.prove(unit, current_actor(), key_id, body.answer)


def _seen_size() -> int | None:
    size = request.args.get("seen_size")
    return None if size is None else int(size)


def _parcel(found: opening.ParcelSummary) -> ParcelOut:
    return ParcelOut(
        parcel_id=found.parcel_id,
        reference=found.reference,
        category=found.category,
        state=found.state,
        sealed_at=found.sealed_at,
        expires_at=found.expires_at,
        opened=found.opened,
    )
