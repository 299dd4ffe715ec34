"""The part of an import that holds people: subjects, the walls around them and how to reach them safely."""

from __future__ import annotations

from sqlmodel import col, select

from gateway.clock import add_working_days, local_day
from gateway.errors import Invalid
from gateway.ledger.entries import EntryKind
from gateway.registry import models
from gateway.registry.contacts import Details, contact_of, keep_contact
from gateway.registry.reconcile import Change, Reconciler
from gateway.registry.register_file import ContactEntry, SubjectEntry, WallEntry
from gateway.registry.subjects import Identity, add, identity_of
from gateway.registry.toml_lines import Path
from gateway.registry.walls import REVIEW_WORKING_DAYS
from gateway.store.vault import Scope


def take_subjects(run: Reconciler) -> None:
    """Take the file's subjects with their walls and safe contacts; problems are noted in `run`."""
    for number, entry in enumerate(run.parsed.register.subjects):
        path: Path = ("subjects", number)
        controller = run.named(models.Agency, (*path, "controller"), entry.controller, "agency")
        if controller is None:
            continue
        row = _take_subject(run, path, entry, controller)
        if row is None or row.state == models.SubjectState.ERASED:
            continue
        for place, wall in enumerate(entry.walls):
            _take_wall(run, (*path, "walls", place), row, wall)
        if entry.safe_contact is not None:
            _take_contact(run, (*path, "safe_contact"), row, entry.safe_contact)


def _take_subject(
    run: Reconciler, path: Path, entry: SubjectEntry, controller: models.Agency
) -> models.Subject | None:
    held = run.find(models.Subject, code=entry.key)
    if held is None:
        return _new_subject(run, path, entry, controller)
    if held.state == models.SubjectState.ERASED:
        return held
    if entry.name is not None and identity_of(run.unit, held.id) != _identity(entry):
        run.object(
            path,
            "Who this is differs from the register.",
            "Two officers correct it in the pages; remove the identity from the file or make it equal.",
        )
    _, change = run.put(
        models.Subject,
        {"code": entry.key},
        {
            "controller_agency_id": controller.id,
            "capacity": entry.capacity.value,
            "deceased_on": entry.deceased_on,
        },
    )
    run.note(change, EntryKind.SUBJECT_CORRECTED, controller=controller.id, subject_id=held.id)
    return held


def _new_subject(
    run: Reconciler, path: Path, entry: SubjectEntry, controller: models.Agency
) -> models.Subject | None:
    if entry.name is None:
        run.object(
            path, "A new subject needs a name.", "Add the name; it is sealed under the subject's own key."
        )
        return None
    try:
        row = add(
            run.unit,
            run.partnership_id,
            identity=_identity(entry),
            controller_agency_id=controller.id,
            capacity=entry.capacity.value,
            deceased_on=entry.deceased_on,
            code=entry.key,
        )
    except Invalid as error:
        run.object(path, error.message, "; ".join(error.fields.values()))
        return None
    run.unit.session.flush()
    change = Change("subject", entry.key, new=True, row=row)
    run.note(change, EntryKind.SUBJECT_ADDED, controller=controller.id, subject_id=row.id)
    return row


def _identity(entry: SubjectEntry) -> Identity:
    return Identity(
        name=entry.name or "",
        other_names=entry.other_names,
        born_on=entry.born_on,
        postcode=entry.postcode,
        phones=entry.phones,
        emails=entry.emails,
        numbers={str(kind): value for kind, value in entry.numbers.items()},
    )


def _take_wall(run: Reconciler, path: Path, subject: models.Subject, entry: WallEntry) -> None:
    person = run.named(models.Person, (*path, "person"), entry.person, "person")
    agency = run.named(models.Agency, (*path, "agency"), entry.agency, "agency")
    placer = run.named(models.Post, (*path, "placed_by"), entry.placed_by, "post")
    named = [one for one in (entry.person, entry.agency, entry.described) if one is not None]
    if len(named) != 1 or (entry.described and entry.kind is models.WallKind.ALLOW_ONLY):
        run.object(
            path, "A wall names one person, one agency or (to exclude) one description.", "Keep one of them."
        )
        return
    missing = (entry.person and person is None) or (entry.agency and agency is None)
    if placer is None or missing or _stands(run, subject, entry, person, agency):
        return
    if entry.reason is None:
        run.object(path, "A new wall needs a reason.", "Add a reason of a sentence.")
        return
    nation = run.parsed.register.partnership.nation
    row = models.Wall(
        partnership_id=run.partnership_id,
        subject_id=subject.id,
        kind=entry.kind.value,
        person_id=person.id if person else None,
        agency_id=agency.id if agency else None,
        placed_by_post_id=placer.id,
        counts_from=run.unit.now,
        review_by=add_working_days(local_day(run.unit.now), REVIEW_WORKING_DAYS, nation),
    )
    row.reason = _seal(run, row, "reason", entry.reason)
    row.described = _seal(run, row, "described", entry.described) if entry.described else None
    grows = entry.kind is models.WallKind.ALLOW_ONLY and _is_listed(run, subject)
    run.unit.session.add(row)
    run.unit.session.flush()
    run.raised.add(row.id)
    entry_key = str(run.parsed.values["subjects"][path[1]]["key"])
    whom = person.name if person else agency.name if agency else entry.described or ""
    run.note(
        Change("wall", entry_key, new=True, row=row, loosens=grows),
        EntryKind.WALL_RAISED,
        controller=subject.controller_agency_id,
        subject_id=subject.id,
        refs={"wall": row.id},
        words={"whom": whom, "reason": entry.reason},
    )


def _is_listed(run: Reconciler, subject: models.Subject) -> bool:
    """Tell whether an allow-only list stood before this import: then a name more lets somebody in."""
    rows = select(models.Wall).where(
        models.Wall.subject_id == subject.id,
        models.Wall.kind == models.WallKind.ALLOW_ONLY,
        col(models.Wall.lifted_at).is_(None),
        col(models.Wall.counts_from).is_not(None),
    )
    return any(row.id not in run.raised for row in run.unit.session.exec(rows))


def _stands(
    run: Reconciler,
    subject: models.Subject,
    entry: WallEntry,
    person: models.Person | None,
    agency: models.Agency | None,
) -> bool:
    """Tell whether this wall was ever raised: one that two officers lifted isn't raised again by a file."""
    rows = run.unit.session.exec(select(models.Wall).where(models.Wall.subject_id == subject.id)).all()
    for row in rows:
        if row.kind != entry.kind:
            continue
        if entry.described is not None:
            if row.described is not None and _open(run, row) == entry.described:
                return True
        elif row.described is None and (row.person_id, row.agency_id) == (
            person.id if person else None,
            agency.id if agency else None,
        ):
            return True
    return False


def _take_contact(run: Reconciler, path: Path, subject: models.Subject, entry: ContactEntry) -> None:
    controller = run.named(models.Agency, (*path, "controller"), entry.controller, "agency")
    given = entry.model_dump(exclude={"confirmed_on", "controller"}, exclude_none=True)
    details = Details(**given)
    held = run.find(models.SafeContact, subject_id=subject.id, confirmed_on=entry.confirmed_on)
    # A file never revives what was withdrawn.
    if held is not None and (held.withdrawn_at or contact_of(run.unit, subject.id) == details):
        return
    agency_id = controller.id if controller else subject.controller_agency_id
    row = keep_contact(run.unit, run.partnership_id, subject.id, agency_id, details, entry.confirmed_on)
    run.unit.session.flush()
    run.note(
        Change("safe_contact", subject.code or subject.reference, new=True, row=row),
        EntryKind.SUBJECT_CORRECTED,
        controller=agency_id,
        subject_id=subject.id,
        refs={"contact": row.id},
    )


def _seal(run: Reconciler, row: models.Wall, column: str, text: str) -> bytes:
    place = f"wall|{column}|{row.id}"
    return run.unit.vault.seal(run.unit.session, Scope.SUBJECT, row.subject_id, text, where=place)


def _open(run: Reconciler, row: models.Wall) -> str:
    place = f"wall|described|{row.id}"
    sealed = row.described or b""
    return run.unit.vault.open(run.unit.session, Scope.SUBJECT, row.subject_id, sealed, where=place)
