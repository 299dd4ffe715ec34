"""What the flow writes in the ledger: codes and references in the record, names and reasons in its words.

One entry never speaks of two subjects, so that each person's advocate can be shown it whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlmodel import select

from gateway.disclosure.models import Declaration, Line, LineDecision, Request, RequestRecipient
from gateway.errors import Erased
from gateway.ledger import append
from gateway.ledger.entries import Entry, EntryKind
from gateway.registry import people
from gateway.registry.models import Post
from gateway.store.unit_of_work import Unit
from gateway.store.vault import Scope
from gateway.vocabulary import Outcome

Codes = Mapping[str, str | int | bool | tuple[str, ...]]
Words = Mapping[str, str | tuple[str, ...]]
FIRST_STEP = "asked"
ERASED = "(erased)"
ON_TRIAL = "on_trial"


def act(
    unit: Unit,
    request: Request,
    kind: EntryKind,
    actor_post_id: str | None,
    *,
    lines: Sequence[Line] = (),
    refs: Mapping[str, str] | None = None,
    codes: Codes | None = None,
    words: Words | None = None,
) -> list[str]:
    """Record one act on a request, once per subject it concerns; gives the entries' ids in the order of subjects.

    Without lines (someone not on the case asked) there is one entry that names no subject.
    """
    by_subject: dict[str | None, list[Line]] = {}
    for line in lines:
        by_subject.setdefault(line.subject_id, []).append(line)
    return [
        append.record(unit, _entry(unit, request, kind, actor_post_id, subject_id, group, refs, codes, words))
        for subject_id, group in (by_subject or {None: []}).items()
    ]


def decisions(
    unit: Unit,
    request: Request,
    lines: Sequence[Line],
    kept: Mapping[str, LineDecision],
    step: str,
    acting_post_id: str | None,
) -> list[str]:
    """Record what was decided, line by line: permits, referrals and refusals alike (DESIGN 3.1)."""
    by_subject: dict[str, list[Line]] = {}
    for line in lines:
        by_subject.setdefault(line.subject_id, []).append(line)
    entries = []
    for group in by_subject.values():
        decided = [kept[line.id] for line in group]
        codes: Codes = {
            "step": step,
            "policy_version": decided[0].policy_version,
            **{outcome.value: _lines_with(group, kept, outcome) for outcome in Outcome},
            "rules": tuple(sorted({rule for row in decided for rule in row.rule_ids})),
            "refer_to": tuple(sorted({role for row in decided for role in row.refer_to})),
            "obligations": tuple(sorted({str(due["code"]) for row in decided for due in row.obligations})),
            **_on_trial(decided),
        }
        words: Words = {"reasons": tuple(sorted({row.officer_text for row in decided}))}
        kind = EntryKind.DECISION_MADE if step == FIRST_STEP else EntryKind.DECISION_REPEATED
        entries += act(unit, request, kind, acting_post_id, lines=group, codes=codes, words=words)
    return entries


def tried(row: LineDecision) -> dict[str, str]:
    """The rules on trial that matched, by id, with what the line would have come to if that rule decided."""
    found = row.facts.get(ON_TRIAL, {})
    return {str(rule): str(outcome) for rule, outcome in found.items()} if isinstance(found, dict) else {}


def _on_trial(decided: Sequence[LineDecision]) -> Codes:
    found = {f"{rule}:{would_be}" for row in decided for rule, would_be in tried(row).items()}
    return {ON_TRIAL: tuple(sorted(found))} if found else {}


def who(unit: Unit, post_id: str | None) -> str:
    """A person, post and agency in words as they are at this moment; for the words of an entry only."""
    if post_id is None:
        return "the gateway"
    post = unit.session.get_one(Post, post_id)
    return people.in_words(people.view_of(unit, post))


def _entry(
    unit: Unit,
    request: Request,
    kind: EntryKind,
    actor_post_id: str | None,
    subject_id: str | None,
    lines: Sequence[Line],
    refs: Mapping[str, str] | None,
    codes: Codes | None,
    words: Words | None,
) -> Entry:
    post = unit.session.get_one(Post, actor_post_id) if actor_post_id else None
    return Entry(
        kind=kind,
        partnership_id=request.partnership_id,
        controller_agency_id=request.holder_agency_id,
        actor_post_id=actor_post_id,
        actor_agency_id=post.agency_id if post else None,
        subject_ids=(subject_id,) if subject_id else (),
        case_id=request.case_id,
        request_id=request.id,
        refs=dict(refs or {}),
        codes={**_of_request(request, lines), **(codes or {})},
        words={"who": who(unit, actor_post_id), **_recipients_in_words(unit, lines), **(words or {})},
    )


def _of_request(request: Request, lines: Sequence[Line]) -> dict[str, str | int | bool | tuple[str, ...]]:
    found: dict[str, str | int | bool | tuple[str, ...]] = {
        "request": request.reference,
        "kind_of_request": request.kind,
        "purpose": request.purpose,
        "powers": tuple(request.powers),
        "dp_regime": request.dp_regime,
        "dp_condition": request.dp_condition,
        "confidence_basis": request.confidence_basis,
        "requester_agency": request.requester_agency_id,
    }
    if lines:
        found["categories"] = tuple(sorted({line.category for line in lines}))
    return found


def _lines_with(lines: Sequence[Line], kept: Mapping[str, LineDecision], outcome: Outcome) -> tuple[str, ...]:
    return tuple(f"{line.category}:{line.recipient_id}" for line in lines if kept[line.id].outcome == outcome)


def _recipients_in_words(unit: Unit, lines: Sequence[Line]) -> dict[str, tuple[str, ...]]:
    ids = dict.fromkeys(line.recipient_id for line in lines)
    return (
        {"recipients": tuple(recipient_in_words(unit, recipient_id) for recipient_id in ids)} if ids else {}
    )


def recipient_in_words(unit: Unit, recipient_id: str) -> str:
    """A named recipient in words: a post, or someone outside as the requester described them."""
    row = unit.session.get_one(RequestRecipient, recipient_id)
    if row.post_id is not None:
        return who(unit, row.post_id)
    request = unit.session.get_one(Request, row.request_id)
    return sealed_words(unit, request, row.described, f"request_recipient.described|{row.id}")


def sealed_words(unit: Unit, request: Request, sealed: bytes | None, where: str) -> str:
    """Open words sealed with a request: under its case's key, or the partnership's where no case is known.

    What was erased reads so: codes and dates of a request outlive its words (DESIGN 3.10).
    """
    if sealed is None:
        return ""
    if not sealed:
        return ERASED
    scope, owner = key_of(request)
    try:
        return unit.vault.open(unit.session, scope, owner, sealed, where=where)
    except Erased:
        return ERASED


def seal_words(unit: Unit, request: Request, words: str, where: str) -> bytes:
    """Seal words that belong to a request, under the same key that `sealed_words` opens."""
    scope, owner = key_of(request)
    return unit.vault.seal(unit.session, scope, owner, words, where=where)


def key_of(request: Request) -> tuple[Scope, str]:
    """Whose at-rest key a request's words are under."""
    if request.case_id is None:
        return Scope.PARTNERSHIP, request.partnership_id
    return Scope.CASE, request.case_id


def declarations_of(unit: Unit, request: Request) -> list[tuple[Declaration, str]]:
    """What was declared about a request, with its words opened."""
    rows = unit.session.exec(select(Declaration).where(Declaration.request_id == request.id))
    return [(row, sealed_words(unit, request, row.words, f"declaration.words|{row.id}")) for row in rows]
