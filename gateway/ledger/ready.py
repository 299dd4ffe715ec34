"""How the log is, in one word, and whether its newest checkpoint is ours: asked before requests are sent here."""

from __future__ import annotations

from gateway_verify.checkpoint import Checkpoint, check_signature
from gateway_verify.errors import Unverified

from gateway.errors import NotConfirmed, NotFound
from gateway.ledger.alarm import damage
from gateway.ledger.journal import journal_of
from gateway.ledger.publish import newest_checkpoint
from gateway.store.unit_of_work import Unit


def state(unit: Unit) -> str:
    """Give `ok`; `stopped` when this worker's log takes no entries; `damaged` when one found it so.

    In both nothing is released and everything can be read. Raises as `check_newest_checkpoint` does.
    """
    check_newest_checkpoint(unit)
    if journal_of(unit).stopped:
        return "stopped"
    return "damaged" if damage(unit) else "ok"


def check_newest_checkpoint(unit: Unit) -> None:
    """Return when the newest checkpoint verifies under this journal's key, or nothing has been recorded yet.

    Raises NotConfirmed otherwise.
    """
    try:
        note = newest_checkpoint(unit)
        origin = Checkpoint.parse(note.text).origin
        signed = check_signature(note, journal_of(unit).keys.public(origin)[0])
    except NotFound:
        return
    except Unverified as error:
        raise NotConfirmed("The ledger's newest checkpoint can't be read.") from error
    if signed is None:
        raise NotConfirmed("The ledger's newest checkpoint isn't signed by this gateway.")
