"""A decision in words for the person it was made for: one row for each kind of information and recipient."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway_verify.words import title

from gateway.disclosure.covering import RESEAL_FOR_COVER
from gateway.disclosure.models import LineState
from gateway.disclosure.reading import LineDetail, RequestDetail
from gateway.disclosure.stop import FOLLOW_UP
from gateway.disclosure.tasks import EMERGENCY_REVIEW
from gateway.disclosure.withdraw import RECONSIDER
from gateway.vocabulary import Obligation, Outcome, vocabulary
from gateway.web.formats import clock_time, count, day, label, when
from gateway.web.staff.blueprint import blueprint

_ANSWER = {
    Outcome.PERMIT: ("Can be shared", "green"),
    Outcome.REFER: ("Needs a person", "yellow"),
    Outcome.DENY: ("Not shared", "red"),
}
_SHARED = ("Shared", "turquoise")
_STANDS = {
    LineState.REFERRED: "Waits for a person to decide",
    LineState.TO_RELEASE: "Waits for the holder to send it",
    LineState.RELEASED: "Sent, sealed to the recipient",
    LineState.DECLINED: "The holder declined to share it",
    LineState.REFUSED: "Refused",
    LineState.CANCELLED: "Cancelled",
}
# Obligations that a holder reads again before content leaves: what they guard can't be called back.
_WARNS = {
    Obligation.NEVER_INFORM_PERPETRATOR,
    Obligation.SAFE_CONTACT_ONLY,
    Obligation.HIDE_FROM_ONLINE_RECORD,
    Obligation.RESTRICTED_FILE_SECTION,
    Obligation.REDACT_THIRD_PARTIES,
    Obligation.REFERENCE_NUMBER_ONLY,
    Obligation.DEPERSONALISE,
}
_NOT_SHARED = {LineState.DECLINED, LineState.REFUSED, LineState.CANCELLED}


@dataclass(frozen=True)
class Explained:
    """One line as its row shows it."""

    line: LineDetail
    kind: str
    about: str
    answer: str
    colour: str
    stands: str
    rule: str
    instead: str
    decided_by: list[str]
    obligations: list[str]
    warnings: list[str]


def explained(detail: RequestDetail) -> list[Explained]:
    """The rows of a decision, in the order of the lines."""
    return [explain(line) for line in detail.lines]


def explain(line: LineDetail) -> Explained:
    """One row."""
    outcome = Outcome.DENY if line.state in _NOT_SHARED or not line.outcome else Outcome(line.outcome)
    answer, colour = _SHARED if line.state == LineState.RELEASED else _ANSWER[outcome]
    always = vocabulary().default_obligations
    return Explained(
        line=line,
        kind=label(line.category, "category"),
        about=about(line),
        answer=answer,
        colour=colour,
        stands=_STANDS[LineState(line.state)],
        rule=rule_of(line),
        instead="" if line.alternative in line.text else line.alternative,
        decided_by=[label(role, "role") for role in line.refer_to],
        obligations=[label(due.code, "obligation") for due in line.obligations if due.code not in always],
        warnings=[label(due.code, "obligation") for due in line.obligations if due.code in _WARNS],
    )


def about(line: LineDetail) -> str:
    """Whom a line is about: a reference and the part the person has in the case, never a name."""
    role = label(line.subject_role, "subject_role").lower() if line.subject_role else ""
    return f"{line.subject_reference} ({role})" if role else line.subject_reference


def in_one_sentence(lines: list[Explained]) -> str:
    """The banner of a decision."""
    shared = sum(row.answer in {"Shared", "Can be shared"} for row in lines)
    waiting = sum(row.answer == "Needs a person" for row in lines)
    if not lines:
        return "Nothing was decided."
    if shared == len(lines):
        return (
            "All of what was asked for may be shared."
            if len(lines) > 1
            else "What was asked for may be shared."
        )
    if waiting:
        rest = f" {count(shared, 'other')} may be shared." if shared else ""
        return f"{count(waiting, 'answer needs', 'answers need')} a person to decide.{rest}"
    if shared:
        return f"{shared} of {count(len(lines), 'answer')} may be shared. The rest may not."
    return "This was not shared."


def rule_of(line: LineDetail) -> str:
    """The rule that decided, where this reader may see it, and the policy it stands in."""
    if not line.policy_version:
        return "No policy is in force"
    policy = f"policy {line.policy_version[:_VERSION_SHOWN]}"
    rules = line.deciding_rule_id or ", ".join(line.rule_ids)
    return f"{rules}, {policy}" if rules else policy.replace("p", "P", 1)


@blueprint.app_template_filter()
def task_label(kind: str) -> str:
    """What a task asks of a person, in words."""
    return _TASKS.get(kind) or label(kind, "obligation")


@blueprint.app_template_filter()
def deadline(at: datetime) -> str:
    """By when, as people say it: a day that counts to its end is named, not the midnight after it."""
    last = at - timedelta(seconds=1)
    return f"the end of {day(last)}" if clock_time(at) == "midnight" else when(at)


@blueprint.app_template_filter()
def act_title(kind: str) -> str:
    """What kind of act an entry of the ledger is, in words."""
    return title(kind)


_VERSION_SHOWN = 12
_TASKS = {
    RESEAL_FOR_COVER: "Seal an answer again to somebody who stands in",
    EMERGENCY_REVIEW: "Review an emergency disclosure",
    RECONSIDER: "Decide afresh what was frozen",
    **FOLLOW_UP,
}
