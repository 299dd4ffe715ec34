"""A concern about an entry: raised by the advocate, answered by an officer of the controller by a due date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlmodel import col, select

from gateway.clock import local_day
from gateway.consent.mandates import missing
from gateway.disclosure import deadlines
from gateway.disclosure.models import Line
from gateway.disclosure.withdraw import freeze_lines
from gateway.errors import Conflict, Erased, Forbidden, Invalid, NotFound
from gateway.ledger import read
from gateway.ledger.append import record
from gateway.ledger.entries import Code, Entry, EntryKind
from gateway.ledger.read import LoggedEntry
from gateway.registry import people, subjects
from gateway.registry.actors import Actor
from gateway.registry.models import Agency, Face, Subject
from gateway.review.clients import Client, client
from gateway.review.log import entry_of, record_view
from gateway.review.models import AnswerKind, Concern, ConcernKind
from gateway.review.telling import ERASED, Teller, Told
from gateway.sealing.models import Parcel
from gateway.store.tables import new_id, new_reference
from gateway.store.unit_of_work import Unit
from gateway.store.vault import Scope

KIND_IN_WORDS = {
    ConcernKind.SHARED_TOO_MUCH: "Too much was shared",
    ConcernKind.WRONG_PERSON: "It is about the wrong person",
    ConcernKind.TOLD_PERPETRATOR_OR_FAMILY: "The perpetrator or the family was told",
    ConcernKind.NOT_AGREED: "It was not agreed to",
    ConcernKind.INACCURATE: "It is not correct",
    ConcernKind.UNSAFE: "It puts someone in danger",
    ConcernKind.OTHER: "Something else",
}
ANSWER_IN_WORDS = {
    AnswerKind.UPHELD: "Upheld",
    AnswerKind.PARTLY_UPHELD: "Partly upheld",
    AnswerKind.NOT_UPHELD: "Not upheld",
}
SHORTEST = 10
LONGEST = 2000


@dataclass(frozen=True)
class Raising:
    """What the advocate says: what worries her client, in words, whether to stop it first, how to reach her safely."""

    kind: ConcernKind
    words: str
    act_before_asking: bool
    safe_contact: str = ""


@dataclass(frozen=True)
class ConcernView:
    """A concern as its raiser and the answering officer see it; `overdue` while no answer came in time.

    `due_on` is the last local day for the answer, `due_at` the instant at which that day is over.
    """

    concern_id: str
    reference: str
    subject_reference: str
    subject_id: str
    about_entry_id: str
    kind: ConcernKind
    controller: str
    raised_at: datetime
    due_at: datetime
    due_on: date
    act_before_asking: bool
    stopped_parcels: int
    overdue: bool
    answered_at: datetime | None
    answer_kind: AnswerKind | None


@dataclass(frozen=True)
class ConcernDetail:
    """One concern whole: with its words, the entry it is about in plain words, and the answer."""

    view: ConcernView
    words: str
    safe_contact: str
    about: Told | None
    answer: str
    answered_by: str
    may_answer: bool


def raise_concern(unit: Unit, actor: Actor, subject_id: str, entry_id: str, said: Raising) -> Concern:
    """Raise a concern about an entry of a client's log; give the row with its reference and due date.

    It is due within the controller's answer time in working days, or on the next working day where something should be
    done before asking: then what that entry shared is frozen at once (promise 9: tightening takes one).
    Raises NotFound as the log does, Invalid when there are too few words.
    """
    found = client(unit, actor, subject_id)
    about = entry_of(unit, found, entry_id)
    _check("words", said.words)
    if said.act_before_asking:
        subjects.lock(unit, found.subject_id)
    concern_id = new_id()
    row = Concern(
        id=concern_id,
        partnership_id=actor.partnership_id,
        reference=new_reference(),
        subject_id=found.subject_id,
        about_entry_id=entry_id,
        controller_agency_id=about.controller_agency_id,
        raised_by_post_id=actor.post_id,
        kind=said.kind.value,
        words=_seal(unit, found.subject_id, concern_id, "words", said.words.strip()),
        safe_contact=_seal(unit, found.subject_id, concern_id, "safe_contact", said.safe_contact.strip())
        if said.safe_contact.strip()
        else None,
        act_before_asking=said.act_before_asking,
        stopped_parcels=_stop(unit, actor, about, found) if said.act_before_asking else 0,
        due_at=due_at(unit, about.controller_agency_id, said.act_before_asking),
    )
    unit.session.add(row)
    codes: dict[str, Code] = {
        "concern": row.reference,
        "kind": row.kind,
        "act_before_asking": row.act_before_asking,
        "due": row.due_at.isoformat(),
    }
    record(unit, _entry(EntryKind.CONCERN_RAISED, row, actor, about, codes, said.words.strip()))
    return row


def due_at(unit: Unit, controller_agency_id: str, soon: bool) -> datetime:
    """Give the instant by which an answer is owed: the end of a working day of the partnership's nation."""
    agency = unit.session.get_one(Agency, controller_agency_id)
    days = 1 if soon else agency.answers_within_days
    return deadlines.within_working_days(unit, agency.partnership_id, days)


def answer(unit: Unit, actor: Actor, concern_id: str, kind: AnswerKind, words: str) -> Concern:
    """Answer a concern for the controller, and record it.

    Raises NotFound for a concern that isn't this officer's, Forbidden when she did what the concern is about herself,
    Conflict when it was answered, Invalid when there are too few words.
    """
    row = _for_officer(unit, actor, concern_id, lock=True)
    if row.answered_at is not None:
        raise Conflict("This concern was answered already.", next_step="Read the answer that was given.")
    about = _about(unit, row)
    if about is not None and _did_it(unit, actor, about):
        raise Forbidden(
            "Whoever did what a concern is about doesn't answer it.",
            next_step="Pass it to another officer of your agency or of the partnership.",
        )
    _check("words", words)
    row.answered_at = unit.now
    row.answered_by_post_id = actor.post_id
    row.answer_kind = kind.value
    row.answer = _seal(unit, row.subject_id, row.id, "answer", words.strip())
    unit.session.add(row)
    codes: dict[str, Code] = {
        "concern": row.reference,
        "answer": kind.value,
        "late": unit.now >= row.due_at,
    }
    record(unit, _entry(EntryKind.CONCERN_ANSWERED, row, actor, about, codes, words.strip()))
    return row


def mine(unit: Unit, actor: Actor) -> list[ConcernView]:
    """Give the concerns this advocate raised for people who are still her clients, unanswered and due first."""
    rows = select(Concern).where(Concern.raised_by_post_id == actor.post_id)
    return [
        view
        for view in _views(unit, unit.session.exec(rows).all())
        if _is_client(unit, actor, view.subject_id)
    ]


def of_client(unit: Unit, actor: Actor, subject_id: str) -> list[ConcernView]:
    """Give every concern raised about a client's log; raise NotFound as the log does."""
    found = client(unit, actor, subject_id)
    rows = select(Concern).where(col(Concern.subject_id).in_(found.known_as))
    return _views(unit, unit.session.exec(rows).all())


def concern_of_client(unit: Unit, actor: Actor, concern_id: str) -> ConcernDetail:
    """Give a concern about one of the advocate's clients with its answer; raise NotFound otherwise."""
    row = unit.session.get(Concern, concern_id)
    if row is None:
        raise missing()
    found = client(unit, actor, row.subject_id)
    about = _about(unit, row)
    told = Teller(unit).whole(about) if about is not None and _in_log(about, found) else None
    return _detail(unit, row, told, may_answer=False)


def to_answer(unit: Unit, actor: Actor) -> list[ConcernView]:
    """Give the concerns an officer answers for: of her agency, or of the partnership she governs; unanswered first."""
    rows = select(Concern).where(Concern.partnership_id == actor.partnership_id)
    if actor.face is not Face.GOVERNANCE:
        return []
    if not actor.governs:
        rows = rows.where(Concern.controller_agency_id == actor.agency_id)
    return _views(unit, unit.session.exec(rows).all())


def concern_for_officer(unit: Unit, actor: Actor, concern_id: str) -> ConcernDetail:
    """Give a concern to the officer who answers for its controller, and record that it was read.

    Raises NotFound for one that isn't hers.
    """
    row = _for_officer(unit, actor, concern_id)
    about = _about(unit, row)
    told = Teller(unit).whole(about) if about is not None else None
    record_view(unit, actor, subjects.known_as(unit, row.subject_id), "concern", row.about_entry_id)
    mine_to_answer = row.answered_at is None and not (about is not None and _did_it(unit, actor, about))
    return _detail(unit, row, told, may_answer=mine_to_answer)


def _for_officer(unit: Unit, actor: Actor, concern_id: str, *, lock: bool = False) -> Concern:
    row = unit.session.get(Concern, concern_id, with_for_update=lock or None, populate_existing=lock)
    if row is None or not actor.answers_for(row.partnership_id, row.controller_agency_id):
        raise missing()
    return row


def _did_it(unit: Unit, actor: Actor, about: LoggedEntry) -> bool:
    if about.actor_post_id is None:
        return False
    return people.post_view(unit, actor.partnership_id, about.actor_post_id).person_id == actor.person_id


def _stop(unit: Unit, actor: Actor, about: LoggedEntry, found: Client) -> int:
    """Freeze what the entry shared: its own line, or every line about the person in its request."""
    lines = select(Line).where(col(Line.subject_id).in_(found.known_as))
    parcel = unit.session.get(Parcel, about.refs["parcel"]) if "parcel" in about.refs else None
    line_id = about.refs.get("line") or (parcel.line_id if parcel else None)
    if line_id:
        lines = lines.where(Line.id == line_id)
    elif about.request_id:
        lines = lines.where(Line.request_id == about.request_id)
    else:
        return 0
    return freeze_lines(unit, actor, unit.session.exec(lines).all(), because="concern")


def _about(unit: Unit, row: Concern) -> LoggedEntry | None:
    try:
        return read.entry(unit, row.about_entry_id)
    except (Erased, NotFound):
        return None


def _in_log(about: LoggedEntry, found: Client) -> bool:
    return found.case_ids is None or about.case_id is None or about.case_id in found.case_ids


def _is_client(unit: Unit, actor: Actor, subject_id: str) -> bool:
    try:
        client(unit, actor, subject_id)
    except NotFound:
        return False
    return True


def _views(unit: Unit, rows: Sequence[Concern]) -> list[ConcernView]:
    ordered = sorted(rows, key=lambda row: (row.answered_at is not None, row.due_at))
    return [_view(unit, row) for row in ordered]


def _view(unit: Unit, row: Concern) -> ConcernView:
    return ConcernView(
        concern_id=row.id,
        reference=row.reference,
        subject_reference=unit.session.get_one(Subject, row.subject_id).reference,
        subject_id=row.subject_id,
        about_entry_id=row.about_entry_id,
        kind=ConcernKind(row.kind),
        controller=unit.session.get_one(Agency, row.controller_agency_id).name,
        raised_at=row.created_at,
        due_at=row.due_at,
        due_on=local_day(row.due_at - timedelta(microseconds=1)),
        act_before_asking=row.act_before_asking,
        stopped_parcels=row.stopped_parcels,
        overdue=row.answered_at is None and unit.now >= row.due_at,
        answered_at=row.answered_at,
        answer_kind=AnswerKind(row.answer_kind) if row.answer_kind else None,
    )


def _detail(unit: Unit, row: Concern, told: Told | None, *, may_answer: bool) -> ConcernDetail:
    return ConcernDetail(
        view=_view(unit, row),
        words=_open(unit, row, "words", row.words),
        safe_contact=_open(unit, row, "safe_contact", row.safe_contact),
        about=told,
        answer=_open(unit, row, "answer", row.answer),
        answered_by=Teller(unit).post_in_words(row.answered_by_post_id) if row.answered_by_post_id else "",
        may_answer=may_answer,
    )


def _entry(
    kind: EntryKind, row: Concern, actor: Actor, about: LoggedEntry | None, codes: dict[str, Code], words: str
) -> Entry:
    return Entry(
        kind=kind,
        partnership_id=row.partnership_id,
        controller_agency_id=row.controller_agency_id,
        actor_post_id=actor.post_id,
        actor_agency_id=actor.agency_id,
        subject_ids=(row.subject_id,),
        case_id=about.case_id if about else None,
        request_id=about.request_id if about else None,
        refs={"concern": row.id, "entry": row.about_entry_id},
        codes=codes,
        words={"actor": actor.in_words, "words": words},
    )


def _check(name: str, words: str) -> None:
    if len(words.strip()) < SHORTEST:
        raise Invalid("More words are needed.", fields={name: "Say in a sentence or two what this is about."})
    if len(words.strip()) > LONGEST:
        raise Invalid("The words are too long.", fields={name: f"Use {LONGEST:,} characters or fewer."})


def _seal(unit: Unit, subject_id: str, row_id: str, column: str, text: str) -> bytes:
    return unit.vault.seal(unit.session, Scope.SUBJECT, subject_id, text, where=f"concern|{column}|{row_id}")


def _open(unit: Unit, row: Concern, column: str, sealed: bytes | None) -> str:
    if sealed is None:
        return ""
    try:
        return unit.vault.open(
            unit.session, Scope.SUBJECT, row.subject_id, sealed, where=f"concern|{column}|{row.id}"
        )
    except Erased:
        return ERASED
