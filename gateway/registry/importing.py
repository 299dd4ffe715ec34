"""Importing a register: all of a file or nothing of it, and the same file twice changes nothing.

What the file doesn't name stays as it is. An import never lifts a wall, never revives a post that was ended and
never rewrites who a subject is: those take two officers, in the pages.
"""

from __future__ import annotations

import hashlib
from datetime import date

from sqlmodel import select

from gateway.clock import local_day
from gateway.ledger.entries import EntryKind
from gateway.registry import models
from gateway.registry.actors import Actor
from gateway.registry.import_cases import take_cases, take_facts
from gateway.registry.import_subjects import take_subjects
from gateway.registry.reconcile import Change, Reconciler, Report
from gateway.registry.register_file import (
    AgencyEntry,
    ArrangementEntry,
    AuthorityEntry,
    PersonEntry,
    PostEntry,
    RegisterRefused,
    parse,
)
from gateway.registry.toml_lines import Path
from gateway.store.tables import new_id
from gateway.store.unit_of_work import Unit
from gateway.store.vault import Scope
from gateway.vocabulary import vocabulary

__all__ = ["Change", "RegisterRefused", "Report", "digest_of", "import_register"]


def digest_of(text: str) -> str:
    """Give the SHA-256 of a register file, as `sha256sum` prints it."""
    return hashlib.sha256(text.encode()).hexdigest()


def import_register(unit: Unit, text: str, *, day: date | None = None, by: Actor | None = None) -> Report:
    """Take a register file into the store, with an entry for each row it changed, and say what changed.

    Whether it may act is settled before (`proposals`): `by` is the officer who approved it, `day` what its "today" is.
    Raises RegisterRefused with every problem and its line; then the unit must not be committed.
    """
    parsed = parse(text, day or local_day(unit.now))
    run = Reconciler(unit, parsed, digest_of(text), by)
    _take_partnership(run)
    for number, agency in enumerate(parsed.register.agencies):
        _take_agency(run, ("agencies", number), agency)
    if not run.controller:
        run.object(("partnership",), "The partnership has no agency.", "Add at least one agency.")
        raise RegisterRefused(run.problems)
    _take_people(run)
    for number, arrangement in enumerate(parsed.register.arrangements):
        _take_arrangement(run, ("arrangements", number), arrangement)
    _take_authorities(run)
    take_subjects(run)
    take_cases(run)
    take_facts(run)
    if run.problems:
        raise RegisterRefused(run.problems)
    return run.report


def _take_partnership(run: Reconciler) -> None:
    entry = run.parsed.register.partnership
    session = run.unit.session
    row = session.exec(select(models.Partnership).where(models.Partnership.code == entry.code)).first()
    if row is None:
        own_id = new_id()
        row = models.Partnership(
            id=own_id, partnership_id=own_id, code=entry.code, name=entry.name, nation=entry.nation
        )
        session.add(row)
        session.flush()
        run.report.changes.append(Change("partnership", entry.code, new=True, row=row))
    elif (row.name, row.nation) != (entry.name, entry.nation):
        was = {"name": row.name, "nation": row.nation}
        row.name, row.nation = entry.name, entry.nation
        session.add(row)
        change = Change("partnership", entry.code, new=False, fields=("name", "nation"), row=row, was=was)
        run.report.changes.append(change)
    run.report.partnership_id, run.report.code = row.id, entry.code
    known = run.find(models.Agency)
    run.controller = known.id if known else ""


def _take_agency(run: Reconciler, path: Path, entry: AgencyEntry) -> None:
    row, change = run.put(
        models.Agency,
        {"code": entry.code},
        {
            "name": entry.name,
            "agency_type": entry.type.value,
            "answers_within_days": entry.answers_within_days,
            "closed_on": entry.closed_on,
        },
    )
    run.controller = run.controller or row.id
    run.note(change, EntryKind.AGENCY_CHANGED, controller=row.id, refs={"agency": row.id})
    if entry.sign_in is None:
        return
    wanted = entry.sign_in
    same = select(models.IdentityProvider).where(models.IdentityProvider.issuer == wanted.issuer)
    other = run.unit.session.exec(same).first()
    if other is not None and other.agency_id != row.id:
        run.object(
            (*path, "sign_in"), "This provider belongs to another agency.", "Give each agency its own issuer."
        )
        return
    _, change = run.put(
        models.IdentityProvider,
        {"agency_id": row.id},
        {
            "issuer": wanted.issuer,
            "client_id": wanted.client_id,
            "client_key_name": wanted.client_key,
            "required_acr": wanted.required_acr,
        },
    )
    run.note(change, EntryKind.AGENCY_CHANGED, key=entry.code, controller=row.id, refs={"agency": row.id})


def _take_people(run: Reconciler) -> None:
    for number, person in enumerate(run.parsed.register.people):
        path: Path = ("people", number)
        row, change = run.put(
            models.Person,
            {"code": person.key},
            {"name": person.name, "trained_until": person.trained_until, "vetted_until": person.vetted_until},
        )
        run.note(change, EntryKind.POST_CHANGED, refs={"person": row.id}, words={"name": person.name})
        moved = _take_email(run, row, person)
        if change is None or not change.new:
            run.note(moved, EntryKind.POST_CHANGED, refs={"person": row.id}, words={"name": person.name})
        _take_identities(run, path, row, person)
        for place, post in enumerate(person.posts):
            _take_post(run, (*path, "posts", place), row, post)


def _take_email(run: Reconciler, row: models.Person, person: PersonEntry) -> Change | None:
    if person.email is None:
        return None
    vault, session = run.unit.vault, run.unit.session
    place = f"person|contact|{row.id}"
    held = row.contact and vault.open(
        session, Scope.PARTNERSHIP, row.partnership_id, row.contact, where=place
    )
    if held == person.email:
        return None
    row.contact = vault.seal(session, Scope.PARTNERSHIP, row.partnership_id, person.email, where=place)
    session.add(row)
    return Change("person", person.key, new=False, fields=("contact",), row=row, was={"contact": held})


def _take_identities(run: Reconciler, path: Path, row: models.Person, person: PersonEntry) -> None:
    for number, identity in enumerate(person.identities):
        same = select(models.SignInIdentity).where(
            models.SignInIdentity.issuer == identity.issuer, models.SignInIdentity.sub == identity.sub
        )
        taken = run.unit.session.exec(same).first()
        if taken is not None and taken.person_id != row.id:
            where = (*path, "identities", number)
            run.object(where, "This sign-in belongs to another person.", "Correct the issuer or the sub.")
        elif taken is None:
            _, change = run.put(
                models.SignInIdentity, {"sub": identity.sub, "issuer": identity.issuer}, {"person_id": row.id}
            )
            run.note(change, EntryKind.POST_CHANGED, key=person.key, refs={"person": row.id})


def _take_post(run: Reconciler, path: Path, person: models.Person, entry: PostEntry) -> None:
    agency = run.named(models.Agency, (*path, "agency"), entry.agency, "agency")
    if entry.governs and entry.face is not models.Face.GOVERNANCE:
        run.object((*path, "governs"), "Only a governance post governs.", 'Set face to "governance".')
    if entry.ends_on and entry.ends_on < entry.starts_on:
        run.object((*path, "ends_on"), "The post ends before it begins.", "Correct the dates.")
    held = run.find(models.Post, code=entry.key)
    if held is not None and held.person_id != person.id:
        run.object(
            (*path, "key"), "This post belongs to another person.", "Give the new holder a post of her own."
        )
        return
    if agency is None:
        return
    row, change = run.put(
        models.Post,
        {"code": entry.key},
        {
            "person_id": person.id,
            "agency_id": agency.id,
            "role": entry.role.value,
            "face": entry.face.value,
            "orientation": entry.orientation.value,
            "governs": entry.governs,
            "starts_on": entry.starts_on,
            "ends_on": entry.ends_on,
        },
    )
    kind = EntryKind.POST_GIVEN if change and change.new else EntryKind.POST_CHANGED
    words = {"post": f"{person.name}, {entry.role} at {agency.name}"}
    run.note(change, kind, controller=agency.id, refs={"post": row.id}, words=words)


def _take_arrangement(run: Reconciler, path: Path, entry: ArrangementEntry) -> None:
    chair = run.named(models.Post, (*path, "chair"), entry.chair, "post")
    row, change = run.put(
        models.Arrangement,
        {"code": entry.key},
        {
            "kind": entry.kind.value,
            "name": entry.name,
            "area": entry.area,
            "jurisdiction": entry.jurisdiction.value,
            "protocol_reference": entry.protocol_reference,
            "chair_post_id": chair.id if chair else None,
            "retention_days": entry.retention_days,
            "dpia_reference": entry.dpia_reference,
            "review_on": entry.review_on,
            "ends_on": entry.ends_on,
        },
    )
    run.note(change, EntryKind.MEMBERSHIP_CHANGED, refs={"arrangement": row.id})
    for number, member in enumerate(entry.members):
        where = (*path, "members", number)
        agency = run.named(models.Agency, (*where, "agency"), member.agency, "agency")
        if member.ends_on and member.ends_on < member.starts_on:
            run.object((*where, "ends_on"), "The membership ends before it begins.", "Correct the dates.")
        if agency is None:
            continue
        held, change = run.put(
            models.Membership,
            {"arrangement_id": row.id, "agency_id": agency.id, "starts_on": member.starts_on},
            {
                "standing": member.standing.value,
                "authority": member.authority,
                "area": member.area,
                "signatory": member.signatory,
                "ends_on": member.ends_on,
            },
        )
        refs = {"membership": held.id, "arrangement": row.id, "agency": agency.id}
        words = {"authority": member.authority}
        key = f"{entry.key}/{member.agency}"
        run.note(change, EntryKind.MEMBERSHIP_CHANGED, key=key, controller=agency.id, refs=refs, words=words)


def _take_authorities(run: Reconciler) -> None:
    for number, person in enumerate(run.parsed.register.people):
        for place, post in enumerate(person.posts):
            for rank, authority in enumerate(post.authorities):
                _take_authority(run, ("people", number, "posts", place, "authorities", rank), post, authority)


def _take_authority(run: Reconciler, path: Path, post: PostEntry, entry: AuthorityEntry) -> None:
    holder = run.find(models.Post, code=post.key)
    granted = run.named(models.Post, (*path, "granted_by"), entry.granted_by, "post")
    approved = run.named(models.Post, (*path, "approved_by"), entry.approved_by, "post")
    arrangement = run.named(models.Arrangement, (*path, "arrangement"), entry.arrangement, "arrangement")
    if not vocabulary().roles[entry.role].authorises:
        run.object((*path, "role"), f"The role {entry.role} decides nothing.", "Use a role that authorises.")
    if holder is None or granted is None or approved is None or (entry.arrangement and arrangement is None):
        return
    # Author, approver and beneficiary are three people (promise 9).
    if len({holder.person_id, granted.person_id, approved.person_id}) < 3:
        run.object(
            path,
            "Who grants, who approves and who holds an authority must be three people.",
            "Correct granted_by or approved_by.",
        )
        return
    row, change = run.put(
        models.PostAuthority,
        {
            "role_code": entry.role.value,
            "post_id": holder.id,
            "arrangement_id": arrangement.id if arrangement else None,
            "starts_on": entry.starts_on,
        },
        {"ends_on": entry.ends_on, "granted_by_post_id": granted.id, "approved_by_post_id": approved.id},
    )
    refs = {"post": holder.id, "authority": row.id}
    key = f"{post.key}/{entry.role}"
    run.note(change, EntryKind.POST_CHANGED, key=key, controller=holder.agency_id, refs=refs)
