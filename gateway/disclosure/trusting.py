"""A person trusts the log although it isn't the one her browser knew: she asked somebody outside, and it is an entry.

After a restore the log has another name and key, and somebody who shows a made-up log would have them too. Her browser
opens nothing until she has looked at what changed and asked her officer or a witness.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from gateway.errors import Conflict, Invalid
from gateway.ledger import publish
from gateway.ledger.append import record
from gateway.ledger.entries import Entry, EntryKind
from gateway.ledger.journal import journal_of
from gateway.registry.actors import Actor
from gateway.store.unit_of_work import Unit

_DIGEST = re.compile(r"[0-9a-f]{64}")


class Because(StrEnum):
    """What was not as her browser knew it."""

    ORIGIN = "origin"
    KEY = "key"
    POLICY = "policy"
    LAG = "lag"
    UNWATCHED = "unwatched"


class Asked(StrEnum):
    """Whom she asked."""

    OFFICER = "officer"
    WITNESS = "witness"


@dataclass(frozen=True)
class Change:
    """What a browser had kept of the log and what it was shown: digests of the vkeys it knew and was shown.

    `declared` says whether the shown log's first entry names the kept one as the log before it.
    """

    former_key: str
    shown_key: str
    because: tuple[Because, ...]
    declared: bool
    asked: Asked


def read_change(sent: object) -> Change:
    """Read what the script sends. Raises Invalid when it is anything else."""
    said = sent if isinstance(sent, dict) else {}
    keys = [said.get("former_key"), said.get("shown_key")]
    because, declared = said.get("because"), said.get("declared")
    try:
        if not all(isinstance(key, str) and _DIGEST.fullmatch(key) for key in keys):
            raise ValueError
        if not isinstance(because, list) or not because or not isinstance(declared, bool):
            raise ValueError
        found = tuple(sorted({Because(str(one)) for one in because}))
        return Change(str(keys[0]), str(keys[1]), found, declared, Asked(str(said.get("asked"))))
    except ValueError as error:
        raise Invalid(
            "What changed and whom you asked weren't named.", next_step="Reload the page and try again."
        ) from error


def confirm_log(unit: Unit, actor: Actor, change: Change) -> None:
    """Record that a person trusts the log from now on, or this once where only its witnesses are late.

    Raises:
        Conflict: what her browser was shown isn't this gateway's log.
        NotConfirmed: the ledger takes no entries.
    """
    ours = journal_of(unit).keys.public(publish.present_origin(unit))[0]
    if change.shown_key != ours.digest.hex():
        raise Conflict(
            "What your browser was shown isn't the ledger of this gateway.",
            next_step="Open nothing. Tell your information-governance officer.",
        )
    entry = Entry(
        EntryKind.LOG_CONFIRMED,
        actor.partnership_id,
        actor.agency_id,
        actor.post_id,
        actor.agency_id,
        codes={
            "former_key": change.former_key,
            "shown_key": change.shown_key,
            "because": tuple(str(one) for one in change.because),
            "declared": change.declared,
            "asked": str(change.asked),
        },
    )
    record(unit, entry)
