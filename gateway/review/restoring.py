"""A restore is declared by one officer and agreed to by a second; only then may the operator begin the log anew.

The log is stopped meanwhile, so their acts are signed rows until the first entries of its new life tell them.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from gateway_verify.errors import Unverified
from gateway_verify.restore import Agreed, Declared, Signature
from sqlmodel import col, select

from gateway.errors import Conflict, Forbidden, NotFound, Unauthenticated
from gateway.ledger import epoch
from gateway.ledger.append import record
from gateway.ledger.entries import Entry, EntryKind, rfc3339
from gateway.ledger.epoch import Gap
from gateway.ledger.journal import journal_of
from gateway.ledger.log_keys import LogKeys
from gateway.ledger.witness import disputed
from gateway.policy import signing
from gateway.registry import people
from gateway.registry.actors import Actor, actor_for_post
from gateway.registry.acts import a_reason, must_differ, person_of
from gateway.registry.models import Face, Post
from gateway.review.models import RestoreDeclaration, RestoreState
from gateway.review.restores import (
    OPEN,
    SALT,
    declared,
    has_lapsed,
    missing,
    must_be_officer,
    place_of,
    reasons_of,
    seconds_of,
)
from gateway.store.tables import new_id, new_reference
from gateway.store.unit_of_work import Unit
from gateway.store.vault import Scope

_LOOK = "Look at the page about the restore again."
_ON_ITS_PAGE = "Have two officers declare it: on their first page, “Restores to declare or answer”."


@dataclass(frozen=True)
class Present:
    """An officer at the page: who she is, when she signed in, and what the witnesses serve at this moment."""

    actor: Actor
    signed_in_at: datetime
    witnessed: Sequence[str]


def declare(unit: Unit, present: Present, reasons: str) -> str:
    """Declare, as the first officer, that a backup was restored and what was lost; give the declaration's id.

    Raises Conflict where the log isn't stopped, nothing was lost or one waits already; Forbidden unless she signed in
    since; Invalid for too few words, or too few witnesses that answer.
    """
    actor = present.actor
    found = _must_be_stopped(unit, present)
    said = a_reason(reasons, "reasons")
    if any(not one.lapsed and one.state in OPEN for one in declared(unit, actor)):
        raise Conflict("A restore was declared already and waits.", next_step=_LOOK)
    row = _declaration(unit, actor, found, said)
    message = _declared(row).signed_bytes()
    row.first_key, row.first_signature = signing.sign_restore(
        unit, row.partnership_id, actor.person_id, message
    )
    unit.session.add(row)
    return row.id


def _declaration(unit: Unit, actor: Actor, found: Gap, said: str) -> RestoreDeclaration:
    """Give the row of what is declared, its reasons sealed, which nobody has signed yet."""
    salt, row_id = secrets.token_bytes(SALT), new_id()
    place = (Scope.PARTNERSHIP, actor.partnership_id)
    return RestoreDeclaration(
        id=row_id,
        partnership_id=actor.partnership_id,
        reference=new_reference(),
        state=RestoreState.WAITING,
        former_origin=found.former_origin,
        former_key=found.former_key,
        witnessed_size=found.checkpoint.size,
        witnessed_root=found.root,
        held=found.held,
        number=found.number,
        reasons=unit.vault.seal(unit.session, *place, salt + said.encode(), where=place_of(row_id)),
        reasons_digest=_digest(salt, said),
        declared_by_post_id=actor.post_id,
        declared_at=unit.now,
        first_key="",
        first_signature="",
    )


def agree(unit: Unit, present: Present, declaration_id: str) -> None:
    """Agree as the second officer.

    Raises Conflict where it doesn't wait or isn't of the present state; Forbidden for the first officer, for her
    agency while another has an officer, and for whoever hasn't signed in since the log stopped.
    """
    actor = present.actor
    row = _open(unit, actor, declaration_id)
    found = _must_be_stopped(unit, present)
    if row.state != RestoreState.WAITING:
        raise Conflict("This was agreed to already.", next_step=_LOOK)
    must_differ(actor, person_of(unit, row.declared_by_post_id))
    if actor.post_id not in {post.id for post in seconds_of(unit, row)}:
        raise Forbidden(
            "An officer of another agency has to agree to this.",
            next_step="Ask one of those whom the page names.",
        )
    _must_fit(row, found)
    _must_be_hers(
        unit,
        row,
        row.declared_by_post_id,
        Signature(row.first_key, row.first_signature),
        _declared(row).signed_bytes(),
    )
    row.agreed_by_post_id, row.agreed_at, row.state = actor.post_id, unit.now, RestoreState.AGREED
    row.second_key, row.second_signature = signing.sign_restore(
        unit, row.partnership_id, actor.person_id, _agreed(row).signed_bytes()
    )
    unit.session.add(row)


def refuse(unit: Unit, present: Present, declaration_id: str) -> None:
    """Refuse it, or take back what one declared or agreed to, until it was carried out.

    Raises Conflict where it is over, Forbidden unless she signed in since the log stopped.
    """
    row = _open(unit, present.actor, declaration_id)
    _must_have_signed_in(unit, present)
    row.state, row.refused_by_post_id, row.refused_at = RestoreState.REFUSED, present.actor.post_id, unit.now
    unit.session.add(row)


def life_of(unit: Unit, reference: str) -> int:
    """Give the number of the log's life that a declaration begins; raises as `begin` does where it can't be."""
    return _to_carry_out(unit, reference).number


def begin(unit: Unit, keys: LogKeys, reference: str, witnessed: Sequence[str]) -> str:
    """Begin the log anew with these keys, as two officers declared it; give the id of its first entry.

    Raises NotFound for an unknown reference, Conflict where the declaration isn't agreed to, was carried out, lapsed or
    is of another state, Forbidden where it isn't signed by two who are officers now.
    """
    row = _to_carry_out(unit, reference, lock=True)
    found = epoch.gap(unit, witnessed)
    agreed, second = _agreed(row), Signature(row.second_key or "", row.second_signature or "")
    first_person = _must_be_hers(
        unit, row, agreed.declared.first_officer, agreed.first, agreed.declared.signed_bytes()
    )
    second_person = _must_be_hers(unit, row, agreed.second_officer, second, agreed.signed_bytes())
    if first_person == second_person:
        raise _not_signed()
    agency_id = unit.session.get_one(Post, row.declared_by_post_id).agency_id
    entry_id = epoch.begin_epoch(unit, keys, found, agreed, second, controller_agency_id=agency_id)
    row.state = RestoreState.CARRIED_OUT
    unit.session.add(row)
    _record_acts(unit, found)
    return entry_id


def _must_be_stopped(unit: Unit, present: Present) -> Gap:
    """Let an officer act who signed in since the log stopped; give what its witnesses hold against it."""
    must_be_officer(present.actor)
    _must_have_signed_in(unit, present)
    return epoch.gap(unit, present.witnessed)


def _must_have_signed_in(unit: Unit, present: Present) -> None:
    journal = journal_of(unit)
    if disputed(journal) is None or journal.stopped_at is None:
        raise Conflict("The log isn't stopped, so no restore can be declared.", next_step=_LOOK)
    # Who signed in earlier may have come back with the backup: a session, or a post that was ended since.
    if present.signed_in_at <= journal.stopped_at:
        raise Forbidden(
            "You signed in before the log was stopped.", next_step="Sign out, sign in again, and come back."
        )


def _open(unit: Unit, actor: Actor, declaration_id: str) -> RestoreDeclaration:
    must_be_officer(actor)
    chosen = select(RestoreDeclaration).where(RestoreDeclaration.id == declaration_id).with_for_update()
    row = unit.session.exec(chosen).first()
    if row is None or row.partnership_id != actor.partnership_id:
        raise missing()
    if row.state not in OPEN or has_lapsed(unit, row):
        raise Conflict("This is over: it was answered, carried out, or lapsed.", next_step=_LOOK)
    return row


def _to_carry_out(unit: Unit, reference: str, *, lock: bool = False) -> RestoreDeclaration:
    """Give the declaration to begin with; raise with what has to be done where it can't be."""
    chosen = select(RestoreDeclaration).where(RestoreDeclaration.reference == reference)
    row = unit.session.exec(chosen.with_for_update() if lock else chosen).first()
    if row is None:
        raise NotFound(f"No restore was declared as {reference}.", next_step=_ON_ITS_PAGE)
    if has_lapsed(unit, row):
        raise Conflict(
            f"The restore {reference} has lapsed: each of its steps has a day.", next_step=_ON_ITS_PAGE
        )
    if row.state == RestoreState.WAITING:
        raise Conflict(
            f"The restore {reference} waits for the second officer.",
            next_step="Ask her to sign in: her first page leads to it.",
        )
    if row.state == RestoreState.REFUSED:
        raise Conflict(f"The restore {reference} was refused or taken back.", next_step=_ON_ITS_PAGE)
    if row.state == RestoreState.CARRIED_OUT:
        raise Conflict(
            f"The restore {reference} was carried out already.",
            next_step="Restart the workers. For another restore have another declared.",
        )
    return row


def _must_fit(row: RestoreDeclaration, found: Gap) -> None:
    said = (row.former_origin, row.former_key, row.witnessed_size, row.witnessed_root, row.held, row.number)
    stands = (found.former_origin, found.former_key, found.checkpoint.size, found.root)
    if said != (*stands, found.held, found.number):
        raise Conflict(
            "This was declared of another state: a witness has seen more since, or the database is another.",
            next_step="Refuse it, and have the restore declared again as it is now.",
        )


def _must_be_hers(
    unit: Unit, row: RestoreDeclaration, post_id: str, signature: Signature, message: bytes
) -> str:
    """Give the person in a post whose signature this is; raise Forbidden unless she is an officer today."""
    person_id = _signed_by(unit, row, post_id, signature, message)
    try:
        officer = actor_for_post(unit, post_id)
    except Unauthenticated as error:
        raise _not_signed() from error
    if (
        person_id is None
        or officer.face is not Face.GOVERNANCE
        or officer.partnership_id != row.partnership_id
    ):
        raise _not_signed()
    return person_id


def _signed_by(
    unit: Unit, row: RestoreDeclaration, post_id: str, signature: Signature, message: bytes
) -> str | None:
    """Give the person in a post when this is her signature, with the key that the gateway made for her."""
    try:
        signature.check(message)
    except Unverified:
        return None
    signer = signing.signer_with(unit, row.partnership_id, signature.key)
    return signer.person_id if signer is not None and signer.person_id == person_of(unit, post_id) else None


def _not_signed() -> Forbidden:
    return Forbidden(
        "This declaration isn't signed by two persons who are officers of the partnership now.",
        next_step=_ON_ITS_PAGE,
    )


def _declared(row: RestoreDeclaration) -> Declared:
    return Declared(
        partnership=row.partnership_id,
        former_origin=row.former_origin,
        former_key=row.former_key,
        witnessed_size=row.witnessed_size,
        witnessed_root=row.witnessed_root,
        held=row.held,
        number=row.number,
        reasons=row.reasons_digest,
        first_officer=row.declared_by_post_id,
        declared_at=rfc3339(row.declared_at),
    )


def _agreed(row: RestoreDeclaration) -> Agreed:
    if row.agreed_by_post_id is None or row.agreed_at is None:
        raise _not_signed()
    first = Signature(row.first_key, row.first_signature)
    return Agreed(_declared(row), first, row.agreed_by_post_id, rfc3339(row.agreed_at))


def _record_acts(unit: Unit, found: Gap) -> None:
    """Record what officers did while nothing could be recorded: who declared, agreed and refused, when and why."""
    chosen = select(RestoreDeclaration).where(
        RestoreDeclaration.former_origin == found.former_origin, col(RestoreDeclaration.recorded_at).is_(None)
    )
    for row in unit.session.exec(chosen.order_by(col(RestoreDeclaration.declared_at))).all():
        first = Signature(row.first_key, row.first_signature)
        if _signed_by(unit, row, row.declared_by_post_id, first, _declared(row).signed_bytes()) is None:
            continue  # nobody declared it: a row written past the gateway
        salt, said = reasons_of(unit, row)
        words = {"reasons": said, "reasons_salt": base64.b64encode(salt).decode()}
        _record(unit, row, EntryKind.EPOCH_DECLARED, row.declared_by_post_id, row.declared_at, words)
        _record(unit, row, EntryKind.EPOCH_AGREED, row.agreed_by_post_id, row.agreed_at)
        _record(unit, row, EntryKind.EPOCH_REFUSED, row.refused_by_post_id, row.refused_at)
        for post_id, key in (
            (row.declared_by_post_id, row.first_key),
            (row.agreed_by_post_id, row.second_key),
        ):
            signer = signing.signer_with(unit, row.partnership_id, key) if key else None
            if signer is not None and post_id is not None:
                signing.announce(unit, signer, unit.session.get_one(Post, post_id).agency_id)
        row.recorded_at = unit.now
        unit.session.add(row)


def _record(
    unit: Unit,
    row: RestoreDeclaration,
    kind: EntryKind,
    post_id: str | None,
    at: datetime | None,
    words: Mapping[str, str] | None = None,
) -> None:
    if post_id is None or at is None:
        return
    post = unit.session.get_one(Post, post_id)
    act = Entry(
        kind,
        row.partnership_id,
        unit.session.get_one(Post, row.declared_by_post_id).agency_id,
        post_id,
        post.agency_id,
        refs={"declaration": row.id},
        codes={
            "acted_at": rfc3339(at),
            "witnessed_size": row.witnessed_size,
            "witnessed_root": row.witnessed_root,
            "held": row.held,
        },
        words={**(words or {}), "actor": people.post_in_words(unit, row.partnership_id, post_id)},
    )
    record(unit, act)


def _digest(salt: bytes, said: str) -> str:
    return "sha256:" + sha256(salt + said.encode()).hexdigest()
