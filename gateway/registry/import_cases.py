"""The part of an import that holds cases: who is in them, who works them, what was assessed and what is known."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import select

from gateway.clock import end_of_local_day, start_of_local_day
from gateway.ledger.entries import EntryKind
from gateway.registry import models
from gateway.registry.facts import RECORDABLE, loosens, seal_reason
from gateway.registry.reconcile import Reconciler
from gateway.registry.register_file import CaseEntry, FactEntry
from gateway.registry.toml_lines import Path


def take_cases(run: Reconciler) -> None:
    """Take the file's cases with their subjects, workers and ratings; problems are noted in `run`."""
    for number, entry in enumerate(run.parsed.register.cases):
        path: Path = ("cases", number)
        row = _take_case(run, path, entry)
        if row is None:
            continue
        _take_roles(run, path, row, entry)
        _take_workers(run, path, row, entry)
        _take_risks(run, path, row, entry)


def _take_case(run: Reconciler, path: Path, entry: CaseEntry) -> models.Case | None:
    arrangement = run.named(models.Arrangement, (*path, "arrangement"), entry.arrangement, "arrangement")
    lead = run.named(models.Agency, (*path, "lead_agency"), entry.lead_agency, "agency")
    if arrangement is None or (entry.lead_agency and lead is None):
        return None
    row, change = run.put(
        models.Case,
        {"reference": entry.reference},
        {
            "arrangement_id": arrangement.id,
            "lead_agency_id": lead.id if lead else None,
            "level": entry.level,
            "category": entry.category,
            "jurisdiction": entry.jurisdiction.value,
            "opened_on": entry.opened_on,
            "closed_on": entry.closed_on,
            "review_on": entry.review_on,
        },
    )
    kind = EntryKind.CASE_OPENED if change and change.new else EntryKind.CASE_CHANGED
    run.note(change, kind, controller=lead.id if lead else None, case_id=row.id)
    return row


def _take_roles(run: Reconciler, path: Path, case: models.Case, entry: CaseEntry) -> None:
    for number, held in enumerate(entry.subjects):
        subject = run.named(models.Subject, (*path, "subjects", number, "subject"), held.subject, "subject")
        if subject is None:
            continue
        _, change = run.put(
            models.CaseSubject,
            {"case_id": case.id, "subject_id": subject.id},
            {
                "role": held.role.value,
                "role_disputed": held.disputed,
                "starts_on": held.starts_on,
                "ends_on": held.ends_on,
            },
        )
        run.note(
            change,
            EntryKind.CASE_CHANGED,
            key=f"{entry.reference}/{held.subject}",
            controller=case.lead_agency_id,
            subject_id=subject.id,
            case_id=case.id,
        )


def _take_workers(run: Reconciler, path: Path, case: models.Case, entry: CaseEntry) -> None:
    for number, held in enumerate(entry.assignments):
        post = run.named(models.Post, (*path, "assignments", number, "post"), held.post, "post")
        if post is None:
            continue
        row, change = run.put(
            models.CaseAssignment,
            {"case_id": case.id, "post_id": post.id, "starts_on": held.starts_on},
            {"orientation": held.orientation.value if held.orientation else None, "ends_on": held.ends_on},
        )
        run.note(
            change,
            EntryKind.CASE_CHANGED,
            key=f"{entry.reference}/{held.post}",
            controller=post.agency_id,
            case_id=case.id,
            refs={"assignment": row.id, "post": post.id},
        )


def _take_risks(run: Reconciler, path: Path, case: models.Case, entry: CaseEntry) -> None:
    for number, held in enumerate(entry.risks):
        where = (*path, "risks", number)
        subject = run.named(models.Subject, (*where, "subject"), held.subject, "subject")
        assessor = run.named(models.Post, (*where, "assessed_by"), held.assessed_by, "post")
        if subject is None or assessor is None:
            continue
        row, change = run.put(
            models.RiskRating,
            {
                "case_id": case.id,
                "subject_id": subject.id,
                "assessed_on": held.assessed_on,
                "tool": held.tool,
            },
            {
                "controller_agency_id": assessor.agency_id,
                "level": held.level.value,
                "dash_ticks": held.dash_ticks,
                "basis": held.basis,
                "assessed_by_post_id": assessor.id,
            },
        )
        run.note(
            change,
            EntryKind.CASE_CHANGED,
            key=f"{entry.reference}/{held.subject}/{held.assessed_on}",
            controller=assessor.agency_id,
            subject_id=subject.id,
            case_id=case.id,
            refs={"rating": row.id},
        )


def take_facts(run: Reconciler) -> None:
    """Take the file's registered circumstances; problems are noted in `run`."""
    for number, entry in enumerate(run.parsed.register.facts):
        path: Path = ("facts", number)
        where = _scope_of(run, path, entry)
        recorder = run.named(models.Post, (*path, "recorded_by"), entry.recorded_by, "post")
        approver = run.named(models.Post, (*path, "approved_by"), entry.approved_by, "post")
        if entry.circumstance not in RECORDABLE:
            run.object(
                (*path, "circumstance"),
                "This circumstance is worked out by the gateway.",
                "Remove it; docs/registry.md lists those that can be recorded.",
            )
            continue
        if where is None or recorder is None or (entry.approved_by and approver is None):
            continue
        if not _two_people(run, path, entry, recorder, approver, where):
            continue
        _put_fact(run, path, entry, where, recorder, approver)


def _scope_of(run: Reconciler, path: Path, entry: FactEntry) -> dict[str, Any] | None:
    named = {
        "case_id": run.named(models.Case, (*path, "case"), entry.case, "case", by="reference"),
        "subject_id": run.named(models.Subject, (*path, "subject"), entry.subject, "subject"),
        "agency_id": run.named(models.Agency, (*path, "agency"), entry.agency, "agency"),
        "post_id": run.named(models.Post, (*path, "post"), entry.post, "post"),
    }
    given = (entry.case, entry.subject, entry.agency, entry.post)
    if not any(given):
        run.object(path, "It is about nothing.", "Name a case, a subject, an agency or a post.")
    found = [row for row in named.values() if row is not None]
    if not any(given) or len(found) < len([one for one in given if one]):
        return None
    return {name: row.id if row else None for name, row in named.items()}


def _two_people(
    run: Reconciler,
    path: Path,
    entry: FactEntry,
    recorder: models.Post,
    approver: models.Post | None,
    where: dict[str, Any],
) -> bool:
    """Tell whether a fact that loosens has an author and an approver neither of whom it favours (promise 9)."""
    if not loosens(entry.circumstance):
        return True
    if approver is None:
        run.object(path, "This loosens, so another person must have approved it.", "Add approved_by.")
        return False
    favoured = run.unit.session.get(models.Post, where["post_id"]) if where["post_id"] else None
    people = {recorder.person_id, approver.person_id} | ({favoured.person_id} if favoured else set())
    apart = len(people) == (3 if favoured else 2)
    if not apart or where["agency_id"] in {recorder.agency_id, approver.agency_id}:
        run.object(
            path,
            "Who records, who approves and who gains must be different people and agencies.",
            "Correct recorded_by or approved_by.",
        )
        return False
    return True


def _when_it_began(run: Reconciler, entry: FactEntry, where: dict[str, Any]) -> datetime:
    """Give the hour of the fact as it was recorded in the pages on the file's day, or the beginning of that day."""
    first, last = start_of_local_day(entry.starts_on), end_of_local_day(entry.starts_on)
    rows = select(models.RegisteredFact.starts_at).where(
        models.RegisteredFact.circumstance == entry.circumstance.value,
        *(getattr(models.RegisteredFact, name) == value for name, value in where.items()),
        models.RegisteredFact.starts_at >= first,
        models.RegisteredFact.starts_at < last,
    )
    return run.unit.session.exec(rows).first() or first


def _put_fact(
    run: Reconciler,
    path: Path,
    entry: FactEntry,
    where: dict[str, Any],
    recorder: models.Post,
    approver: models.Post | None,
) -> None:
    starts_at = _when_it_began(run, entry, where)
    row, change = run.put(
        models.RegisteredFact,
        {"circumstance": entry.circumstance.value, **where, "starts_at": starts_at},
        {
            "categories": sorted(category.value for category in entry.categories),
            "recorded_by_post_id": recorder.id,
            "approved_by_post_id": approver.id if approver else None,
            **({"ends_at": end_of_local_day(entry.ends_on)} if entry.ends_on else {}),
        },
    )
    if change is None:
        return
    if entry.reason is None:
        run.object(path, "A fact that is new or changed needs a reason.", "Add a reason of a sentence.")
        return
    row.reason = seal_reason(run.unit, row, entry.reason)
    run.unit.session.add(row)
    refs = {"fact": row.id, "agency": where["agency_id"], "post": where["post_id"]}
    run.note(
        change,
        EntryKind.CIRCUMSTANCE_DECLARED,
        controller=recorder.agency_id,
        subject_id=where["subject_id"],
        case_id=where["case_id"],
        refs={name: value for name, value in refs.items() if value},
        words={"reason": entry.reason},
    )
