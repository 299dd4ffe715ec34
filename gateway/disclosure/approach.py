"""Recording what went round the gateway: someone who came asking, or something said aloud.

Recording must be easier than keeping quiet, so it asks for little and accepts what is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlmodel import col, select

from gateway.disclosure.models import Approach
from gateway.errors import Invalid, NotFound
from gateway.ledger import append
from gateway.ledger.entries import Entry, EntryKind
from gateway.registry import cases, people, subjects
from gateway.registry.actors import Actor
from gateway.store.tables import new_id
from gateway.store.unit_of_work import Unit
from gateway.store.vault import Scope
from gateway.vocabulary import vocabulary

WORDS_AT_MOST = 2000


class ApproachKind(StrEnum):
    """Someone came asking, or something was said aloud."""

    APPROACH = "approach"
    SPOKEN = "spoken"


@dataclass(frozen=True)
class Happened:
    """What happened: someone approached, or information was spoken; whether anything was told; in words."""

    kind: ApproachKind
    case_id: str
    subject_id: str
    categories: tuple[str, ...]
    happened_at: datetime
    told: bool
    words: str


def record_approach(unit: Unit, actor: Actor, happened: Happened) -> str:
    """Keep what happened and log it; gives its id.

    Raises:
        NotFound: not a case of this actor, or not a subject in it.
        Invalid: words are missing, or something lies in the future.
    """
    view = cases.case_for(unit, actor, happened.case_id)
    if happened.subject_id not in {found.subject_id for found in subjects.subjects_of(unit, view.case_id)}:
        raise NotFound("There is no such person in this case.", next_step="Choose from the list.")
    _check(unit, happened)
    row = Approach(
        id=new_id(),
        partnership_id=actor.partnership_id,
        kind=happened.kind,
        case_id=view.case_id,
        subject_id=happened.subject_id,
        categories=list(happened.categories),
        recorded_by_post_id=actor.post_id,
        happened_at=happened.happened_at,
        words=b"",
        told=happened.told,
    )
    row.words = unit.vault.seal(
        unit.session, Scope.SUBJECT, happened.subject_id, happened.words, where=f"approach.words|{row.id}"
    )
    unit.session.add(row)
    append.record(unit, _entry(unit, actor, row, happened))
    return row.id


def mine(unit: Unit, actor: Actor) -> list[Approach]:
    """What this post recorded, newest first."""
    rows = select(Approach).where(Approach.recorded_by_post_id == actor.post_id)
    return list(unit.session.exec(rows.order_by(col(Approach.created_at).desc())))


def _check(unit: Unit, happened: Happened) -> None:
    faults = {}
    words = vocabulary()
    if not happened.words.strip() or len(happened.words) > WORDS_AT_MOST:
        faults["words"] = f"Say what happened in up to {WORDS_AT_MOST} characters."
    if happened.happened_at > unit.now:
        faults["happened_at"] = "When it happened can't be in the future."
    if not all(words.knows("category", code) for code in happened.categories):
        faults["categories"] = "Choose kinds of information from the list."
    if happened.told and not happened.categories:
        faults["categories"] = "Choose what kinds of information were told."
    if faults:
        raise Invalid("Some answers need changing before this can be recorded.", fields=faults)


def _entry(unit: Unit, actor: Actor, row: Approach, happened: Happened) -> Entry:
    spoken = happened.kind is ApproachKind.SPOKEN
    return Entry(
        kind=EntryKind.SPOKEN_RECORDED if spoken else EntryKind.APPROACH_RECORDED,
        partnership_id=actor.partnership_id,
        controller_agency_id=actor.agency_id,
        actor_post_id=actor.post_id,
        actor_agency_id=actor.agency_id,
        subject_ids=(happened.subject_id,),
        case_id=happened.case_id,
        refs={"approach": row.id},
        codes={"told": happened.told, "categories": happened.categories},
        words={
            "who": people.post_in_words(unit, actor.partnership_id, actor.post_id),
            "what": happened.words,
        },
    )
