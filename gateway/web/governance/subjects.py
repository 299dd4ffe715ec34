"""People whose records an agency keeps: in which cases, behind which walls, and mending a record with two officers.

A name is shown only to an officer of the controller, on a page whose title and address don't hold it, and that she
read it is an entry.
"""

from __future__ import annotations

from typing import Any

from flask import url_for
from flask.typing import ResponseReturnValue

from gateway.disclosure import erase, stop
from gateway.registry import agencies, people, subject_changes, subject_records, wall_records
from gateway.registry.models import ChangeKind, SubjectState, WallKind
from gateway.registry.subject_changes import ChangeView
from gateway.registry.subject_records import SubjectRecord
from gateway.registry.subjects import NATIONAL_NUMBERS, Identity
from gateway.registry.wall_records import WallView
from gateway.web.access import Face, allow, current_actor, current_gateway
from gateway.web.formats import count, day, label, when
from gateway.web.governance.blueprint import blueprint
from gateway.web.governance.forms import IdentityForm, MergeForm, PlainForm, ReasonForm, SplitForm, pick
from gateway.web.governance.parts import Act, Cell, Listing, confirm, link, record, section

_STATES = {
    SubjectState.ACTIVE: "In use",
    SubjectState.MERGED: "Merged into another record",
    SubjectState.ERASED: "Erased",
}
_CHANGES = {
    ChangeKind.MERGE: "Two records are one person",
    ChangeKind.SPLIT: "One record holds two people",
    ChangeKind.CORRECT: "Who this is was written wrongly",
}


@blueprint.get("/subjects")
@allow(Face.GOVERNANCE)
def subject_list() -> ResponseReturnValue:
    """The records an officer keeps, by reference."""
    actor = current_actor()
    with current_gateway().store.reading() as unit:
        found = subject_records.kept_subjects(unit, actor)
        waiting = subject_changes.changes(unit, actor)
    rows: list[list[Cell]] = [
        [
            link(one.reference, url_for(".subject_page", subject_id=one.subject_id)),
            count(len({case_id for case_id, _, _ in one.roles}), "case"),
            _STATES[SubjectState(one.state)],
        ]
        for one in found
    ]
    return section(
        "People we hold records of",
        Listing(
            "Waiting for a second officer",
            _CHANGE_HEAD,
            [_change_row(one) for one in waiting],
            empty="None waits.",
        ),
        Listing("Records", ("Reference", "Cases", "State"), rows),
    )


@blueprint.get("/subjects/<id:subject_id>")
@allow(Face.GOVERNANCE)
def subject_page(subject_id: str) -> ResponseReturnValue:
    """One record, without the name."""
    actor = current_actor()
    with current_gateway().store.reading() as unit:
        found = subject_records.record_of(unit, actor, subject_id)
        controller = agencies.agency(unit, actor.partnership_id, found.controller_agency_id)
        walls = wall_records.walls(unit, actor, subject_id)
        waiting = [one for one in subject_changes.changes(unit, actor) if one.from_subject_id == subject_id]
    roles: list[list[Cell]] = [
        [link(reference, url_for(".case_page", case_id=case_id)), label(role, "subject_role")]
        for case_id, reference, role in found.roles
    ]
    return record(
        "Record of a person",
        back=url_for(".subject_list"),
        reference=found.reference,
        facts=[
            ("Reference", found.reference),
            ("Controller", controller.name),
            ("Capacity", label(found.capacity, "capacity")),
            ("Died", day(found.deceased_on) or "Not recorded"),
            ("State", _STATES[SubjectState(found.state)]),
        ],
        listings=[
            Listing("Cases", ("Case", "Role"), roles, empty="This person is in no case."),
            Listing(
                "Walls",
                ("Whom", "What", "Review"),
                [_wall_row(one) for one in walls],
                empty="No wall stands.",
            ),
            Listing(
                "Waiting for a second officer",
                _CHANGE_HEAD,
                [_change_row(one) for one in waiting],
                empty="None.",
            ),
        ],
        acts=_acts(found, may_read=subject_records.may_read_name(actor, found)),
    )


@blueprint.get("/subjects/<id:subject_id>/who")
@allow(Face.GOVERNANCE)
def subject_identity(subject_id: str) -> ResponseReturnValue:
    """Who this is: read by the controller's officer, and recorded that she read it."""
    with current_gateway().store.writing() as unit:
        found, identity = subject_records.read_identity(unit, current_actor(), subject_id)
    return record(
        "Who this is",
        back=url_for(".subject_page", subject_id=subject_id),
        reference=found.reference,
        facts=_identity_facts(identity),
        warnings=["That you read this is recorded in the log."],
    )


@blueprint.route("/subjects/<id:subject_id>/merge", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def merge_subject(subject_id: str) -> ResponseReturnValue:
    """Propose that two records are one person."""
    actor, found = current_actor(), _record(subject_id)
    with current_gateway().store.reading() as unit:
        offered = subject_records.kept_subjects(unit, actor)
    form = MergeForm()
    form.into_id.choices = pick(
        [
            (one.subject_id, one.reference)
            for one in offered
            if subject_id not in one.known_as and one.state == "active"
        ]
    )
    return confirm(
        form,
        lambda unit: subject_changes.ask_merge(
            unit, actor, subject_id, form.into_id.data, form.reason.data or ""
        ),
        heading="Two records are one person",
        done=_WAITS,
        back=url_for(".subject_page", subject_id=subject_id),
        reference=found.reference,
        says=[
            "This record will point at the one you choose. The walls of both stand, and it can be parted again.",
        ],
        button="Ask for approval",
    )


@blueprint.route("/subjects/<id:subject_id>/part", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def part_subject(subject_id: str) -> ResponseReturnValue:
    """Propose to part a merged record again."""
    actor, found, form = current_actor(), _record(subject_id), ReasonForm()
    return confirm(
        form,
        lambda unit: subject_changes.ask_unmerge(unit, actor, subject_id, form.reason.data or ""),
        heading="Part this record again",
        done=_WAITS,
        back=url_for(".subject_page", subject_id=subject_id),
        reference=found.reference,
        button="Ask for approval",
    )


@blueprint.route("/subjects/<id:subject_id>/split", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def split_subject(subject_id: str) -> ResponseReturnValue:
    """Propose that a record holds two people."""
    actor, found, form = current_actor(), _record(subject_id), SplitForm()
    form.case_ids.choices = [(case_id, reference) for case_id, reference, _ in found.roles]
    return confirm(
        form,
        lambda unit: subject_changes.ask_split(
            unit,
            actor,
            subject_id,
            identity_in(form),
            tuple(form.case_ids.data or ()),
            form.reason.data or "",
        ),
        heading="One record holds two people",
        done=_WAITS,
        back=url_for(".subject_page", subject_id=subject_id),
        reference=found.reference,
        says=["Describe the second person. She gets a record of her own, and every wall stands around both."],
        button="Ask for approval",
    )


@blueprint.route("/subjects/<id:subject_id>/correct", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def correct_subject(subject_id: str) -> ResponseReturnValue:
    """Propose to correct who a person is."""
    actor, found, form = current_actor(), _record(subject_id), IdentityForm()
    return confirm(
        form,
        lambda unit: subject_changes.ask_correct(
            unit, actor, subject_id, identity_in(form), form.reason.data or ""
        ),
        heading="Correct who this is",
        done=_WAITS,
        back=url_for(".subject_page", subject_id=subject_id),
        reference=found.reference,
        says=["Enter everything that is right: it replaces what is there."],
        button="Ask for approval",
    )


@blueprint.route("/subjects/<id:subject_id>/erase", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def erase_subject(subject_id: str) -> ResponseReturnValue:
    """Erase a person."""
    actor, found, form = current_actor(), _record(subject_id), ReasonForm()
    return confirm(
        form,
        lambda unit: erase.erase_subject(unit, actor, subject_id, form.reason.data or ""),
        heading="Erase this person?",
        done="The person is erased.",
        back=url_for(".subject_list"),
        reference=found.reference,
        says=[
            "The key of everything sealed about this person is destroyed and can't be brought back.",
            "What was sent about this person is destroyed.",
            "What was decided stays in the log, without words. Copies in backups die with the keys of that time.",
        ],
        button="Erase",
        warning=True,
    )


@blueprint.get("/changes/<id:change_id>")
@allow(Face.GOVERNANCE)
def change_page(change_id: str) -> ResponseReturnValue:
    """A proposed change, for the second officer."""
    actor, found = current_actor(), _change(change_id)
    with current_gateway().store.reading() as unit:
        asker = people.post_view(unit, actor.partnership_id, found.made_by_post_id)
    facts: list[tuple[str, Cell]] = [
        ("Record", link(found.from_reference, url_for(".subject_page", subject_id=found.from_subject_id))),
        ("Asked by", f"{asker.name}, {asker.agency_name}"),
        ("Asked", when(found.asked_at)),
    ]
    if found.to_reference:
        facts.insert(1, ("The record that stays", found.to_reference))
    if found.proposal is not None:
        facts += _identity_facts(found.proposal)
    place: dict[str, Any] = {"change_id": change_id}
    acts = [
        Act("Approve it", url_for(".approve_change", **place)),
        Act("Turn it down", url_for(".refuse_change", **place)),
    ]
    return record(
        _CHANGES[found.kind],
        back=url_for(".subject_list"),
        reference=found.from_reference,
        facts=facts,
        texts=[("Why", found.reason)],
        acts=[] if found.done_at else acts,
    )


@blueprint.route("/changes/<id:change_id>/approve", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def approve_change(change_id: str) -> ResponseReturnValue:
    """Do a proposed change, as the second officer."""
    found = _change(change_id)
    return confirm(
        PlainForm(),
        lambda unit: stop.approve_change(unit, current_actor(), change_id),
        heading="Approve this change?",
        done="The record is changed.",
        back=url_for(".subject_list"),
        reference=found.from_reference,
        facts=[("What", _CHANGES[found.kind]), ("Record", found.from_reference)],
        says=[
            "What was sent about the wrong person is frozen at once.",
            "Its holder gets a task for each recipient: recall it, or tell them what was corrected.",
        ],
        button="Approve",
        warning=True,
    )


@blueprint.route("/changes/<id:change_id>/refuse", methods=["GET", "POST"])
@allow(Face.GOVERNANCE)
def refuse_change(change_id: str) -> ResponseReturnValue:
    """Turn a proposed change down."""
    found = _change(change_id)
    return confirm(
        PlainForm(),
        lambda unit: subject_changes.refuse_change(unit, current_actor(), change_id),
        heading="Turn this change down?",
        done="The record stays as it is.",
        back=url_for(".subject_list"),
        reference=found.from_reference,
        button="Turn down",
    )


def identity_in(form: IdentityForm) -> Identity:
    """Give the identity that a form holds."""
    numbers = {kind: form[kind].data for kind in sorted(NATIONAL_NUMBERS) if form[kind].data}
    return Identity(
        name=form.name.data or "",
        other_names=_several(form.other_names.data),
        born_on=form.born_on.data,
        postcode=form.postcode.data or None,
        phones=_several(form.phones.data),
        emails=_several(form.emails.data),
        numbers=numbers,
    )


_WAITS = "It waits for a second officer."
_CHANGE_HEAD = ("Record", "What", "Asked")


def _several(text: str | None) -> tuple[str, ...]:
    return tuple(one.strip() for one in (text or "").split(";") if one.strip())


def _record(subject_id: str) -> SubjectRecord:
    with current_gateway().store.reading() as unit:
        return subject_records.record_of(unit, current_actor(), subject_id)


def _change(change_id: str) -> ChangeView:
    with current_gateway().store.reading() as unit:
        return subject_changes.change(unit, current_actor(), change_id)


def _wall_row(one: WallView) -> list[Cell]:
    return [
        link(one.whom, url_for(".wall_page", wall_id=one.wall_id), "behind this wall"),
        "Kept out" if one.kind == WallKind.EXCLUDE else "Allowed alone",
        "Reviewed" if one.reviewed else f"Review by {day(one.review_by)}",
    ]


def _change_row(one: ChangeView) -> list[Cell]:
    return [
        link(one.from_reference, url_for(".change_page", change_id=one.change_id), _CHANGES[one.kind]),
        _CHANGES[one.kind],
        when(one.asked_at),
    ]


def _identity_facts(identity: Identity) -> list[tuple[str, Cell]]:
    facts: list[tuple[str, Cell]] = [
        ("Name", identity.name),
        ("Other names", "; ".join(identity.other_names) or "None"),
        ("Date of birth", day(identity.born_on) or "Not recorded"),
        ("Postcode", identity.postcode or "Not recorded"),
        ("Telephone", "; ".join(identity.phones) or "Not recorded"),
        ("E-mail", "; ".join(identity.emails) or "Not recorded"),
    ]
    return facts + [
        (kind.replace("_", " ").capitalize(), number) for kind, number in identity.numbers.items()
    ]


def _acts(found: SubjectRecord, *, may_read: bool) -> list[Act]:
    place: dict[str, Any] = {"subject_id": found.subject_id}
    if found.state == SubjectState.ERASED:
        return []
    if found.state == SubjectState.MERGED:
        return [Act("Part it again", url_for(".part_subject", **place))]
    acts = (
        [Act("Show who this is", url_for(".subject_identity", **place), "recorded in the log")]
        if may_read
        else []
    )
    return [
        *acts,
        Act("Raise a wall", url_for(".raise_wall", **place)),
        Act("Add somebody to an allow-only list", url_for(".ask_allow", **place)),
        Act("Correct who this is", url_for(".correct_subject", **place)),
        Act("This is the same person as another record", url_for(".merge_subject", **place)),
        Act("This record holds two people", url_for(".split_subject", **place)),
        Act("Erase this person", url_for(".erase_subject", **place)),
    ]
