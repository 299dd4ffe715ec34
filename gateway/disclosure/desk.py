"""The holder's desk: finding a request or a line that is this agency's to act on, and the acts that release nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from gateway.clock import local_day
from gateway.disclosure import ask, judge, papers, record
from gateway.disclosure.gaining import person_of, those_who_gain
from gateway.disclosure.models import Line, LineState, Request, RequestState
from gateway.errors import Conflict, Forbidden, Invalid, NotFound
from gateway.ledger.entries import EntryKind
from gateway.registry import cases, subjects, walls
from gateway.registry.actors import Actor, authorities_of
from gateway.registry.models import Face, Partnership, Subject
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import Declarer, Origin, Role, vocabulary

DECLINE_REASONS = {
    "not_proportionate": "Sharing it would not be proportionate",
    "harm_to_person": "Sharing it would put someone at risk",
    "confidence": "It is held in confidence that should not be overridden",
    "not_relevant": "It is not relevant to the purpose",
    "law_forbids": "The law forbids it",
    "wrong_person": "It is not the person we hold information about",
}
_OPEN = {LineState.REFERRED, LineState.TO_RELEASE}
# Beside any officer of the holder: whoever of them chairs the arrangement, supervises, or leads on safeguarding.
_IN_ROLE = {
    Declarer.CHAIR: {Role.MAPPA_CHAIR, Role.MARAC_CHAIR, Role.PANEL_CHAIR},
    Declarer.SUPERVISOR: {Role.LEAD_AGENCY_MANAGER, Role.RESPONSIBLE_AUTHORITY_LEAD, Role.TEAM_MANAGER},
    Declarer.SAFEGUARDING_LEAD: {Role.SAFEGUARDING_LEAD},
}


def held_request(unit: Unit, actor: Actor, request_id: str) -> Request:
    """A request put to the actor's agency.

    Raises:
        NotFound: missing and foreign alike.
    """
    request = unit.session.get(Request, request_id)
    put_here = request is not None and request.holder_agency_id == actor.agency_id
    if request is None or not put_here or actor.face is Face.ADVOCACY or is_hidden_from(unit, actor, request):
        raise NotFound("There is no such request.", next_step="Go back to your agency's inbox.")
    return request


def is_hidden_from(unit: Unit, actor: Actor, request: Request) -> bool:
    """Whether a desk doesn't show a request to someone of it.

    Their own, made from outside the case, is one (DESIGN 3.8); one about somebody whose wall excludes them is another.
    """
    if request.from_outside and person_of(unit, request.requester_post_id) == actor.person_id:
        return True
    about = {line.subject_id for line in judge.lines_of(unit, request.id)}
    return any(walls.excluded(unit, one, actor.person_id, actor.agency_id) for one in about)


def held_line(unit: Unit, actor: Actor, line_id: str) -> tuple[Request, Line]:
    """A line of a request put to the actor's agency.

    Raises:
        NotFound: missing and foreign alike.
    """
    line = unit.session.get(Line, line_id)
    if line is None:
        raise NotFound("There is no such request.", next_step="Go back to your agency's inbox.")
    return held_request(unit, actor, line.request_id), line


def decline(unit: Unit, actor: Actor, line_id: str, reason_code: str, words: str) -> None:
    """Decline to release a line although it may be released: the holder stays the controller of its information.

    Raises:
        NotFound: not a line of this agency's desk.
        Conflict: it is no longer open.
        Invalid: no reason from the list, or no words.
    """
    request, line = held_line(unit, actor, line_id)
    subjects.lock(unit, line.subject_id)
    must_be_open(line)
    faults = {}
    if reason_code not in DECLINE_REASONS:
        faults["reason_code"] = "Choose a reason from the list."
    if not words.strip() or len(words) > 2000:
        faults["words"] = "Explain the reason in up to 2,000 characters."
    if faults:
        raise Invalid("A reason is needed to decline.", fields=faults)
    line.state = LineState.DECLINED
    unit.session.add(line)
    codes = {"reason": reason_code}
    record.act(
        unit,
        request,
        EntryKind.RELEASE_DECLINED,
        actor.post_id,
        lines=[line],
        refs={"line": line.id},
        codes=codes,
        words={"reason": words},
    )
    judge.settle(unit, request)


def need_more(unit: Unit, actor: Actor, request_id: str, words: str) -> None:
    """Ask the requester for what is still missing.

    Raises:
        NotFound: not a request of this agency's desk.
        Conflict: it is no longer open.
        Invalid: no words.
    """
    request = held_request(unit, actor, request_id)
    if request.state not in {RequestState.OPEN, RequestState.RECEIVED, RequestState.NEEDS_MORE}:
        raise Conflict("This request is closed.", next_step="Go back to the inbox.")
    ask.say(unit, actor, request, words)
    if not request.from_outside:
        request.state = RequestState.NEEDS_MORE
        unit.session.add(request)
    lines = judge.lines_of(unit, request.id)
    record.act(
        unit, request, EntryKind.REQUEST_NEEDS_MORE, actor.post_id, lines=lines, words={"question": words}
    )


def identify(unit: Unit, actor: Actor, request_id: str, case_id: str, subject_ids: tuple[str, ...]) -> None:
    """Match a request from someone not on the case to a case and its subjects, and decide it.

    The one who asked still learns only that it was received (DESIGN 3.8); the decision is the holder's to read.

    Raises:
        NotFound: not a request of this desk, or not a case of this actor.
        Conflict: it was matched already.
        Invalid: a subject isn't in the case.
    """
    request = held_request(unit, actor, request_id)
    # Two officers may match it in the same moment: the second waits and finds it matched.
    unit.session.get_one(Request, request_id, with_for_update=True, populate_existing=True)
    if request.state != RequestState.RECEIVED or judge.lines_of(unit, request.id):
        raise Conflict("This request was matched already.", next_step="Open the request to see its lines.")
    view = cases.case_for(unit, actor, case_id)
    known = {found.subject_id for found in subjects.subjects_of(unit, case_id)}
    if not subject_ids or not known.issuperset(subject_ids):
        raise Invalid(
            "Say whom this is about.", fields={"subject_ids": "Choose at least one person of the case."}
        )
    _move_words_to_case(unit, request, view.case_id)
    request.arrangement_id = view.arrangement_id
    unit.session.add(request)
    lines = papers.make_lines(unit, request, subject_ids, papers.recipients_of(unit, request.id))
    record.act(unit, request, EntryKind.REQUEST_RECEIVED, actor.post_id, lines=lines)
    ask.decide(unit, request, lines, judge.Step.ASKED, actor.post_id)


@dataclass(frozen=True)
class WhoItIs:
    """Enough to find the right record, by two identifiers and never by name alone; no way to reach the person."""

    reference: str
    name: str
    other_names: tuple[str, ...]
    born_on: date | None
    numbers: tuple[tuple[str, str], ...]


def who_it_is(unit: Unit, actor: Actor, request_id: str) -> list[WhoItIs]:
    """Tell the holder's officer whom a request is about, and record that it was read.

    Raises:
        NotFound: not a request of this desk, not matched to anyone, or a wall stands between officer and person.
        Erased: the person was erased.
    """
    request = held_request(unit, actor, request_id)
    lines = judge.lines_of(unit, request.id)
    subject_ids = list(dict.fromkeys(line.subject_id for line in lines))
    if not subject_ids or any(
        walls.walled(unit, one, actor.person_id, actor.agency_id) for one in subject_ids
    ):
        raise NotFound("There is no such request.", next_step="Go back to your agency's inbox.")
    record.act(unit, request, EntryKind.SUBJECT_SHOWN, actor.post_id, lines=lines)
    return [_who(unit, subject_id) for subject_id in subject_ids]


def _who(unit: Unit, subject_id: str) -> WhoItIs:
    identity = subjects.identity_of(unit, subject_id)
    return WhoItIs(
        reference=unit.session.get_one(Subject, subject_id).reference,
        name=identity.name,
        other_names=identity.other_names,
        born_on=identity.born_on,
        numbers=tuple(sorted(identity.numbers.items())),
    )


def declare(unit: Unit, actor: Actor, request_id: str, code: str, words: str) -> None:
    """Declare a circumstance as the holder, in words, and decide the open lines again (DESIGN 3.3).

    Raises:
        NotFound: not a request of this desk.
        Forbidden: nobody who asked or would receive declares in their own favour.
        Invalid: not a circumstance this officer may declare, or no words.
    """
    request = held_request(unit, actor, request_id)
    judge.lock_subjects(unit, judge.lines_of(unit, request.id))
    if actor.person_id in those_who_gain(unit, request):
        raise Forbidden(
            "Someone other than the person asking or receiving has to declare this.",
            next_step="Ask a colleague to declare it.",
        )
    if code not in declarable(unit, actor, request_id) or not words.strip() or len(words) > 2000:
        raise Invalid(
            "The circumstance can't be declared.",
            fields={
                "words": "Choose a circumstance from the list and say in up to 2,000 characters what it rests on."
            },
        )
    papers.keep_declaration(unit, actor, request, code, words)
    unit.session.flush()
    lines = [line for line in judge.lines_of(unit, request.id) if line.state in _OPEN | {LineState.REFUSED}]
    codes = {"declared": code}
    record.act(
        unit,
        request,
        EntryKind.CIRCUMSTANCE_DECLARED,
        actor.post_id,
        lines=lines,
        codes=codes,
        words={"words": words},
    )
    if lines:
        ask.decide(unit, request, lines, judge.Step.DECLARED, actor.post_id)


def declarable(unit: Unit, actor: Actor, request_id: str) -> frozenset[str]:
    """The circumstances this officer of the holder may declare, some because of a role they hold in the arrangement.

    Raises:
        NotFound: not a request of this desk.
    """
    request = held_request(unit, actor, request_id)
    nation = unit.session.get_one(Partnership, request.partnership_id).nation
    held = authorities_of(unit, actor.post_id, local_day(unit.now, nation), request.arrangement_id)
    by = {Declarer.HOLDER, *(who for who, roles in _IN_ROLE.items() if held & roles)}
    declared = vocabulary().circumstances.items()
    return frozenset(
        str(code) for code, term in declared if term.origin is Origin.DECLARED and by & term.declared_by
    )


def chase(unit: Unit, actor: Actor, request_id: str) -> None:
    """Chase an answer that is due.

    Raises:
        NotFound: not this actor's request.
        Conflict: it isn't due yet, or nothing is waiting.
    """
    request = _waiting(unit, actor, request_id)
    request.chased_at = unit.now
    unit.session.add(request)
    record.act(unit, request, EntryKind.REQUEST_CHASED, actor.post_id, lines=judge.lines_of(unit, request.id))


def escalate(unit: Unit, actor: Actor, request_id: str) -> None:
    """Take an answer that stayed out after chasing to the holder's information-governance officer.

    Raises:
        NotFound: not this actor's request.
        Conflict: it hasn't been chased, or nothing is waiting.
    """
    request = _waiting(unit, actor, request_id)
    if request.chased_at is None:
        raise Conflict("Chase the holder before you escalate.", next_step="Choose 'Chase' first.")
    request.escalated_at = unit.now
    unit.session.add(request)
    record.act(
        unit, request, EntryKind.REQUEST_ESCALATED, actor.post_id, lines=judge.lines_of(unit, request.id)
    )


def must_be_open(line: Line) -> None:
    """Refuse a line that was already answered.

    Raises:
        Conflict: it was released, declined, refused or cancelled.
    """
    if line.state not in _OPEN:
        raise Conflict("This was already answered.", next_step="Go back to the request to see what happened.")


def _waiting(unit: Unit, actor: Actor, request_id: str) -> Request:
    request = ask.own_request(unit, actor, request_id)
    waits = {RequestState.OPEN, RequestState.RECEIVED}
    if request.from_outside:
        # Whether a holder answered it doesn't show: it waits for as long as its maker lets it (DESIGN 3.8).
        waits |= {RequestState.CLOSED}
    if request.state not in waits or request.due_at > unit.now:
        raise Conflict(
            "This answer isn't overdue.", next_step="You can chase it once its due date has passed."
        )
    return request


def _move_words_to_case(unit: Unit, request: Request, case_id: str) -> None:
    """Re-seal what was kept under the partnership's key under the case's, so that it is erased with the case."""
    why = record.sealed_words(unit, request, request.why, f"request.why|{request.id}")
    person = record.sealed_words(unit, request, request.person, f"request.person|{request.id}")
    recipients = papers.recipients_of(unit, request.id)
    described = {
        row.id: record.sealed_words(unit, request, row.described, _described(row.id)) for row in recipients
    }
    declarations = record.declarations_of(unit, request)
    request.case_id = case_id
    request.why = record.seal_words(unit, request, why, f"request.why|{request.id}")
    request.person = record.seal_words(unit, request, person, f"request.person|{request.id}")
    for row in recipients:
        if row.described is not None:
            row.described = record.seal_words(unit, request, described[row.id], _described(row.id))
            unit.session.add(row)
    for declaration, words in declarations:
        declaration.words = record.seal_words(unit, request, words, f"declaration.words|{declaration.id}")
        unit.session.add(declaration)


def _described(recipient_id: str) -> str:
    return f"request_recipient.described|{recipient_id}"
