"""How long ago the witnesses confirmed the log, and whether anything may leave on the strength of it."""

from __future__ import annotations

import math
from datetime import datetime

import sqlalchemy as sa
from gateway_verify.checkpoint import AHEAD, check_signature, read_checkpoint
from gateway_verify.errors import Unverified
from gateway_verify.note import Note, parse_signatures
from gateway_verify.policy import Policy, Witness
from sqlmodel import col

from gateway.ledger.alarm import damage
from gateway.ledger.journal import journal_of
from gateway.ledger.models import LedgerCheckpoint, LedgerCosignature, LedgerEpoch
from gateway.store.unit_of_work import Unit


def releases_allowed(unit: Unit) -> str | None:
    """Give None when information may leave, else the reason in words why it may not for now.

    Needs, no longer ago than the lag limit, a cosignature by each witness of a quorum. Signatures are checked again
    here, so a row slipped into the database opens nothing. Without a witness policy there is nothing to wait for:
    production does not start so, the demo says that nobody watches.
    """
    journal = journal_of(unit)
    if journal.stopped:
        return (
            f"The ledger takes no entries: {journal.stopped}. Nothing is released until people have looked."
        )
    if found := damage(unit):
        return f"The ledger does not verify: {found}. Nothing is released until people have looked."
    if journal.watched_by is None:
        return None
    at = _quorum_at(unit, journal.watched_by)
    if at is not None and at >= unit.now - journal.lag:
        return None
    hours = f"{journal.lag.total_seconds() / 3600:g}"
    return (
        f"The ledger's witnesses have not confirmed it for {hours} hours, so nothing is released until they do."
        " Everything else goes on."
    )


def in_words(unit: Unit) -> str:
    """Say for people who outside watches this log and when they last confirmed it."""
    journal = journal_of(unit)
    if journal.watched_by is None:
        return (
            "Nobody outside watches this log: it has no witnesses, who would notice if its end were cut off."
        )
    at = _quorum_at(unit, journal.watched_by)
    if at is None:
        return "The witnesses outside who watch this log have not confirmed it yet, so nothing is released."
    late = (
        "" if at >= unit.now - journal.lag else " They are late, so nothing is released until they do again."
    )
    return f"The witnesses outside who watch this log last confirmed it at {moment(at)}.{late}"


def moment(at: datetime) -> str:
    """Give a time for people."""
    return f"{at:%H:%M} UTC on {at.day} {at:%B %Y}"


def lag_seconds(unit: Unit) -> float:
    """Give how many seconds ago a quorum of witnesses had cosigned the log: infinite when none ever has.

    Not a number when the installation has no witnesses.
    """
    policy = journal_of(unit).watched_by
    if policy is None:
        return math.nan
    at = _quorum_at(unit, policy)
    return math.inf if at is None else (unit.now - at).total_seconds()


def _quorum_at(unit: Unit, policy: Policy) -> datetime | None:
    """Give the latest time since which witnesses enough for the quorum have cosigned."""
    cosigned = _cosigned_at(unit, policy)
    for at in sorted(cosigned.values(), reverse=True):
        if policy.met_by([name for name, when in cosigned.items() if when >= at]):
            return at
    return None


def _cosigned_at(unit: Unit, policy: Policy) -> dict[str, datetime]:
    """Give when each witness last cosigned the log's present life, as its own signature says."""
    found: dict[str, datetime] = {}
    epoch = sa.select(sa.func.max(LedgerEpoch.number)).scalar_subquery()
    for name, witness in policy.witnesses.items():
        row = unit.session.execute(
            sa.select(LedgerCosignature, col(LedgerCheckpoint.note))
            .join(
                LedgerCheckpoint,
                sa.and_(
                    col(LedgerCheckpoint.epoch) == col(LedgerCosignature.epoch),
                    col(LedgerCheckpoint.size) == col(LedgerCosignature.size),
                ),
            )
            .where(col(LedgerCosignature.epoch) == epoch, col(LedgerCosignature.witness) == name)
            .where(col(LedgerCosignature.at) <= unit.now + AHEAD)
            .order_by(col(LedgerCosignature.at).desc())
            .limit(1)
        ).one_or_none()
        at = _signed_at(row.note, row.LedgerCosignature.line, witness) if row else None
        if at is not None and at <= unit.now + AHEAD:
            found[name] = at
    return found


def _signed_at(note: str, line: str, witness: Witness) -> datetime | None:
    try:
        signed = check_signature(Note(read_checkpoint(note)[0].text, parse_signatures(line)), witness.key)
    except Unverified:
        return None
    return signed.at if signed else None
