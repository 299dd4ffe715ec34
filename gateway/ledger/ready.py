"""Whether the log's newest checkpoint is one that this gateway signed: asked before requests are sent here."""

from __future__ import annotations

import sqlalchemy as sa
from gateway_verify.checkpoint import check_signature, read_checkpoint
from gateway_verify.errors import Unverified
from sqlmodel import col

from gateway.errors import NotConfirmed
from gateway.ledger.grow import newest_note
from gateway.ledger.journal import journal_of
from gateway.ledger.models import LedgerEpoch
from gateway.store.unit_of_work import Unit


def check_newest_checkpoint(unit: Unit) -> None:
    """Return when the newest checkpoint verifies under this journal's key, or nothing has been recorded yet.

    Raises NotConfirmed otherwise.
    """
    newest = sa.select(LedgerEpoch).order_by(col(LedgerEpoch.number).desc()).limit(1)
    epoch = unit.session.execute(newest).scalar_one_or_none()
    text = newest_note(unit.session, epoch.number) if epoch is not None else None
    if epoch is None or text is None:
        return
    try:
        note, _ = read_checkpoint(text)
        signed = check_signature(note, journal_of(unit).keys.public(epoch.origin)[0])
    except Unverified as error:
        raise NotConfirmed("The ledger's newest checkpoint can't be read.") from error
    if signed is None:
        raise NotConfirmed("The ledger's newest checkpoint isn't signed by this gateway.")
