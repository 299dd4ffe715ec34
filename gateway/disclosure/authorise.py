"""A person decides what no rule may: referred lines, the second opinion, emergency reviews and tasks."""

from __future__ import annotations

from gateway.clock import local_day
from gateway.disclosure import ask, deciders, judge, record
from gateway.disclosure.gaining import person_of, those_who_gain
from gateway.disclosure.models import Authorisation, Line, LineDecision, LineState, Request
from gateway.errors import Forbidden, Invalid, NotFound
from gateway.ledger.entries import EntryKind
from gateway.registry import people, subjects, walls
from gateway.registry.actors import Actor, authorities_of
from gateway.registry.models import Face, Partnership
from gateway.store.tables import new_id
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import Category, Obligation, Sensitivity, Stage, vocabulary

REASONS_AT_MOST = 2000
# Going against what a person wants, into what a person must always own, or near what can get someone killed takes two.
_TAKES_TWO_STAGES = {Stage.B, Stage.G}


def authorise(unit: Unit, actor: Actor, line_id: str, *, grants: bool, reasons: str) -> Authorisation:
    """Grant or refuse a referred line, with reasons; a grant lifts the rule that referred it and is judged again.

    Where two are needed nothing is lifted until someone else seconds it.

    Raises:
        NotFound: no such line is this actor's to decide.
        Forbidden: the actor asked for it, or would receive it.
        Conflict: it isn't referred any more.
        Invalid: no reasons.
    """
    request, line, role = _decidable(unit, actor, line_id)
    _must_be_disinterested(unit, actor, request)
    _must_say_why(reasons)
    decided = judge.decision_of(unit, line)
    row = Authorisation(
        id=new_id(),
        partnership_id=request.partnership_id,
        request_id=request.id,
        line_id=line.id,
        role_code=role,
        given_by_post_id=actor.post_id,
        needs_second=grants and takes_two(line, decided),
        grants=grants,
        lifts=_lifts(decided),
        reasons=b"",
    )
    row.reasons = record.seal_words(unit, request, reasons, f"authorisation.reasons|{row.id}")
    unit.session.add(row)
    unit.session.flush()
    kind = EntryKind.AUTHORISATION_GIVEN if row.grants else EntryKind.AUTHORISATION_REFUSED
    codes: record.Codes = {"role": row.role_code, "lifts": tuple(row.lifts), "needs_second": row.needs_second}
    _record(unit, request, line, row, actor, kind, reasons, codes)
    _follow(unit, request, line, row, actor)
    return row


def second(unit: Unit, actor: Actor, authorisation_id: str, *, agrees: bool, reasons: str) -> None:
    """Agree or disagree with a colleague's grant that takes two.

    Raises:
        NotFound: no such grant waits for this actor.
        Forbidden: the actor gave it, asked for it or would receive it.
        Invalid: no reasons.
    """
    row = unit.session.get(Authorisation, authorisation_id)
    if row is None:
        raise _missing()
    request, line, _role = _decidable(unit, actor, row.line_id)
    if not row.grants or not row.needs_second or row.seconded_at is not None:
        raise _missing()
    _must_be_disinterested(unit, actor, request)
    if person_of(unit, row.given_by_post_id) == actor.person_id:
        raise Forbidden(
            "Someone else has to second this.", next_step="Leave it for a colleague with the same role."
        )
    _must_say_why(reasons)
    row.seconded_by_post_id = actor.post_id
    row.seconded_at = unit.now
    row.grants = agrees
    unit.session.add(row)
    unit.session.flush()
    kind = EntryKind.AUTHORISATION_SECONDED if agrees else EntryKind.AUTHORISATION_REFUSED
    _record(unit, request, line, row, actor, kind, reasons)
    _follow(unit, request, line, row, actor)


def takes_two(line: Line, decided: LineDecision) -> bool:
    """Whether a grant of this line needs a second person (DESIGN 3.9)."""
    if decided.stage in _TAKES_TWO_STAGES:
        return True
    if any(due["code"] == Obligation.SECOND_PERSON_CHECK for due in decided.obligations):
        return True
    return vocabulary().categories[Category(line.category)].sensitivity is Sensitivity.S4


def decidable_by(unit: Unit, actor: Actor, request: Request, line: Line) -> str | None:
    """The role code by which this actor may decide a referred line, or None: also where a wall excludes them.

    A role decides for the arrangement it was given for and the agency it speaks for (`deciders`); someone covering for
    a colleague off duty holds those of theirs that a second person agreed to lend (promise 9).
    """
    if line.state != LineState.REFERRED or request.partnership_id != actor.partnership_id:
        return None
    nation = unit.session.get_one(Partnership, request.partnership_id).nation
    today = local_day(unit.now, nation)
    held = set(authorities_of(unit, actor.post_id, today, request.arrangement_id))
    for post_id in people.covers(unit, actor.post_id):
        # Whoever gains by a request doesn't choose who decides it by naming a stand-in.
        if person_of(unit, post_id) not in those_who_gain(unit, request):
            held |= authorities_of(
                unit, post_id, today, request.arrangement_id, lent_to_post_id=actor.post_id
            )
    may = (role for role in line.refer_to if role in held)
    role = next((one for one in may if deciders.may_speak(unit, request, line, one, actor.agency_id)), None)
    if role is None or walls.excluded(unit, line.subject_id, actor.person_id, actor.agency_id):
        return None
    return role


def _decidable(unit: Unit, actor: Actor, line_id: str) -> tuple[Request, Line, str]:
    line = unit.session.get(Line, line_id)
    if line is None or actor.face is Face.ADVOCACY:
        raise _missing()
    subjects.lock(unit, line.subject_id)
    request = unit.session.get_one(Request, line.request_id)
    role = decidable_by(unit, actor, request, line)
    if role is None:
        raise _missing()
    return request, line, role


def _must_be_disinterested(unit: Unit, actor: Actor, request: Request) -> None:
    if actor.person_id in those_who_gain(unit, request):
        raise Forbidden(
            "You asked for this or would receive it, so you can't authorise it.",
            next_step="Leave it for a colleague with the same role.",
        )


def _must_say_why(reasons: str) -> None:
    if not reasons.strip() or len(reasons) > REASONS_AT_MOST:
        raise Invalid(
            "Your reasons are needed.",
            fields={"reasons": f"Give your reasons in up to {REASONS_AT_MOST} characters."},
        )


def _lifts(decided: LineDecision) -> list[str]:
    own = [decided.deciding_rule_id] if decided.deciding_rule_id else []
    return sorted({*own, *decided.may_lift})


def _record(
    unit: Unit,
    request: Request,
    line: Line,
    row: Authorisation,
    actor: Actor,
    kind: EntryKind,
    reasons: str,
    codes: record.Codes | None = None,
) -> None:
    record.act(
        unit,
        request,
        kind,
        actor.post_id,
        lines=[line],
        refs={"line": line.id, "authorisation": row.id},
        codes=codes,
        words={"reasons": reasons},
    )


def _follow(unit: Unit, request: Request, line: Line, row: Authorisation, actor: Actor) -> None:
    if not row.grants:
        line.state = LineState.REFUSED
        unit.session.add(line)
        judge.settle(unit, request)
        return
    if row.needs_second and row.seconded_at is None:
        return
    ask.decide(unit, request, [line], judge.Step.AUTHORISED, actor.post_id)


def _missing() -> NotFound:
    return NotFound("There is nothing like that for you to decide.", next_step="Go back to your list.")
