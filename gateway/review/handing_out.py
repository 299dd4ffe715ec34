"""What an advocate may take away: a proof for one entry, the log as a table or to print. Each is itself an entry."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import replace

from gateway_verify.opening import Opening

from gateway.ledger.entries import EntryKind
from gateway.ledger.publish import opening_of
from gateway.registry.actors import Actor
from gateway.review.clients import Client, client
from gateway.review.log import Chosen, entry_of, everything, matches, note
from gateway.review.matters import IN_WORDS, Matter
from gateway.review.telling import Piece, Teller, Told, label
from gateway.store.unit_of_work import Unit

_HEAD = (
    "Entry",
    "Date and time (UTC)",
    "What happened",
    "Group",
    "Who",
    "Kinds of information",
    "For whom",
    "Purpose",
    "By what right",
    "Outcome",
    "Kept back",
    "Did the person agree",
    "Reasons",
    "Conditions",
    "Rules",
    "Policy version",
    "Entry id",
)
# A cell that begins like this is run as a formula by spreadsheet programs.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def proof(unit: Unit, actor: Actor, subject_id: str, entry_id: str) -> str:
    """Give the proof file of one entry: its record and place under a signed checkpoint, in the C2SP tlog-proof format.

    The reasons document is left out, because it names staff; its digest in the record still binds it. Raises NotFound
    as the log does, Erased when the record was destroyed.
    """
    found = client(unit, actor, subject_id)
    entry_of(unit, found, entry_id)
    opened = _without_words(unit, entry_id)
    note(unit, actor, found.known_as, EntryKind.LOG_EXPORTED, "proof", entry_id)
    return opened


def openings(unit: Unit, actor: Actor, subject_id: str) -> str:
    """Give the proofs of all of a client's entries as one file that `gateway-verify` reads; held ones are counted."""
    found = client(unit, actor, subject_id)
    entries, held = everything(unit, found, Chosen())
    bundle = {
        "format": "gateway-openings/v1",
        "openings": [
            _without_words(unit, one.entry_id) for one in reversed(entries) if one.number is not None
        ],
        "held": len(held),
    }
    note(unit, actor, found.known_as, EntryKind.LOG_EXPORTED, "openings")
    return json.dumps(bundle, ensure_ascii=False, indent=1)


def as_csv(unit: Unit, actor: Actor, subject_id: str, chosen: Chosen) -> str:
    """Give a client's log as CSV (RFC 4180) with every formula made harmless, and record that it left."""
    found, told = _all(unit, actor, subject_id, chosen)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(_HEAD)
    writer.writerows([harmless(cell) for cell in _cells(one)] for one in told)
    note(unit, actor, found.known_as, EntryKind.LOG_EXPORTED, "csv")
    return out.getvalue()


def to_print(unit: Unit, actor: Actor, subject_id: str, chosen: Chosen) -> tuple[Client, Sequence[Told]]:
    """Give a client's whole log for a page to print, and record that it was printed."""
    found, told = _all(unit, actor, subject_id, chosen)
    note(unit, actor, found.known_as, EntryKind.LOG_PRINTED, "print")
    return found, told


def harmless(cell: str) -> str:
    """Give a cell that no spreadsheet runs: one that begins like a formula gets an apostrophe in front."""
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell


def _without_words(unit: Unit, entry_id: str) -> str:
    opened = opening_of(unit, entry_id)
    if opened.extra is None:
        return str(opened)
    return str(replace(opened, extra=replace(Opening.from_bytes(opened.extra), words=None).to_bytes()))


def _all(unit: Unit, actor: Actor, subject_id: str, chosen: Chosen) -> tuple[Client, list[Told]]:
    found = client(unit, actor, subject_id)
    entries, _held = everything(unit, found, chosen)
    teller = Teller(unit)
    told = [teller.whole(one) for one in entries]
    kept = [one for one in told if matches(one, chosen)]
    return found, [one for one in kept if chosen.matter is not None or one.matter is not Matter.READ]


def _cells(told: Told) -> list[str]:
    return [
        str(told.number or ""),
        told.at.isoformat(timespec="seconds"),
        told.title,
        IN_WORDS[told.matter],
        told.who,
        "; ".join(told.categories),
        "; ".join(told.to_whom),
        told.purpose,
        "; ".join(told.right),
        "; ".join(label("outcome", code) for code in sorted(told.outcomes)),
        "; ".join(_piece(piece) for piece in told.kept_back),
        told.agreed,
        " / ".join(told.why),
        "; ".join(told.conditions),
        "; ".join(told.rules),
        told.policy_version,
        told.entry_id,
    ]


def _piece(piece: Piece) -> str:
    return f"{piece.category} for {piece.to_whom}"
