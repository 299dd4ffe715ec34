"""Entries in plain words: what kind of act it was, and its record laid out for reading."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gateway_verify.opening import Opening

KINDS: Mapping[str, str] = {
    "request.made": "Information was asked for",
    "request.offered": "Information was offered",
    "request.cancelled": "A request was cancelled",
    "request.received": "A question was received from someone who is not on the case",
    "request.needs_more": "The holder asked the requester for more",
    "request.answered": "The requester gave the holder more",
    "request.chased": "The holder was reminded that an answer is due",
    "request.escalated": "A request that was not answered in time was passed up",
    "request.reassigned": "A request was passed to a colleague on duty",
    "circumstance.declared": "A person declared, with reasons, something that bears on the decision",
    "decision.made": "A decision was made",
    "decision.repeated": "The decision was made again before the next step",
    "authorisation.given": "A person authorised what no rule may decide",
    "authorisation.seconded": "A second person agreed to an authorisation",
    "authorisation.refused": "A person declined to authorise",
    "release.made": "Information was released, sealed to its recipient",
    "release.declined": "The holder declined to release, with a reason",
    "parcel.opened": "The recipient opened what was released",
    "parcel.opening_failed": "Someone tried to open what was released and could not",
    "parcel.delivered": "A named officer delivered what was released",
    "parcel.frozen": "What was released was frozen",
    "parcel.thawed": "What was frozen may be opened again",
    "parcel.resealed": "What was released was sealed again to another key or person",
    "parcel.destroyed": "What was released and not yet opened was destroyed",
    "onward.asked": "A recipient asked to pass information on",
    "recall.sent": "Recipients were told to stop using what they hold",
    "recall.confirmed": "A recipient confirmed that a recall was carried out",
    "approach.recorded": "An approach by someone outside was recorded",
    "spoken.recorded": "Something disclosed by word of mouth was recorded",
    "views.recorded": "The person's views were recorded",
    "consent.answered": "The person was asked for consent and did not give it",
    "consent.given": "Consent was given",
    "consent.withdrawn": "Consent or views were withdrawn",
    "mandate.given": "The person named an advocate to see this log",
    "mandate.confirmed": "A second agency confirmed the advocate's mandate",
    "mandate.ended": "An advocate's mandate ended",
    "wall.raised": "Someone was shut out from information about the person",
    "wall.lifted": "A bar on someone's access was lifted",
    "wall.reviewed": "A bar on someone's access was reviewed",
    "concern.raised": "A concern about an entry was raised",
    "concern.answered": "A concern was answered",
    "emergency.used": "Emergency access was used",
    "emergency.reviewed": "A use of emergency access was reviewed by someone else",
    "task.done": "Something owed with a disclosure was done",
    "policy.drafted": "A change of policy was drafted",
    "policy.signed": "A change of policy was signed by its author",
    "policy.approved": "A change of policy was approved by a second officer",
    "policy.activated": "A policy came into force",
    "policy.rolled_back": "An earlier policy was put back into force",
    "key.enrolled": "A recipient's key was enrolled",
    "key.activated": "A recipient's key became active",
    "key.retired": "A recipient's key was retired",
    "key.revoked": "A recipient's key was revoked",
    "key.expired": "A recipient's key reached the end of its time",
    "post.given": "A person was given a post",
    "post.changed": "What a post may do was changed",
    "post.ended": "A post was ended and its access cut",
    "agency.changed": "An agency's place in the register was changed",
    "register.proposed": "A change of the register was proposed and waits for a second person",
    "register.approved": "A second person approved a change of the register",
    "register.refused": "A proposed change of the register was refused",
    "register.reviewed": "A change of the register that had acted at once was looked at afterwards",
    "membership.changed": "An agency's standing in an arrangement was changed",
    "case.opened": "A case was opened",
    "case.changed": "A case was changed",
    "case.closed": "A case was closed",
    "subject.added": "A person was added to a case",
    "subject.corrected": "A person's record was corrected",
    "subject.merged": "Two records were found to be the same person",
    "subject.split": "A record was found to be of two people",
    "subject.erased": "A person's record was erased",
    "subject.shown": "The holder read who a request is about, to find the right record",
    "contact.recorded": "A safe way to reach the person was recorded or confirmed",
    "contact.shown": "Somebody read how the person may safely be reached",
    "contact.withdrawn": "The safe ways to reach the person were ended",
    "log.viewed": "This log was looked at",
    "log.exported": "This log was exported",
    "log.printed": "This log was printed",
    "log.confirmed": "Someone was shown another log than her browser knew, asked outside, and trusts it",
    "data.exported": "Data was exported",
    "entry.erased": "Entries of this log were erased, their places kept",
    "entry.erasure_asked": "An officer asked for an entry to be erased",
    "entry.erasure_refused": "The erasure of an entry was refused",
    "entry.held": "An entry was sealed until a review, because revealing it now would be unlawful",
    "entry.reviewed": "A sealed entry was reviewed and stays sealed",
    "entry.revealed": "A sealed entry was revealed",
    "retention.run": "Information past its time was destroyed",
    "epoch.begun": "The log was begun again after a restore from backup",
    "epoch.declared": "An officer declared that a backup was restored",
    "epoch.agreed": "A second officer agreed that the log begins again after a restore",
    "epoch.refused": "An officer refused a restore that was declared",
    "epoch.reconfirmed": "What was frozen after a restore was confirmed",
}

_FIELDS = (
    ("at", "When"),
    ("controller", "Agency answerable"),
    ("actor_post", "Post that acted"),
    ("actor_agency", "Agency that acted"),
    ("subjects", "Persons concerned"),
    ("case", "Case"),
    ("request", "Request"),
)


def title(kind: str) -> str:
    """Give what kind of act this was, in words."""
    return KINDS.get(kind, f"An act of the kind {plain(kind)}")


def lines(opening: Opening) -> Iterator[str]:
    """Give an opening laid out line by line."""
    fields = opening.fields()
    yield f"{title(str(fields.get('kind')))}."
    for name, label in _FIELDS:
        if fields.get(name):
            yield f"  {label}: {_value(fields[name])}"
    for group in ("refs", "codes"):
        yield from _group(fields.get(group))
    yield from _group(opening.said())


def _group(members: Any) -> Iterator[str]:
    if not isinstance(members, Mapping):
        return
    for name, value in sorted(members.items()):
        yield f"  {plain(name.replace('_', ' ').capitalize())}: {_value(value)}"


def _value(value: Any) -> str:
    return plain(", ".join(map(str, value)) if isinstance(value, list) else value)


def plain(value: object) -> str:
    """Give text to be shown on one line: what somebody else wrote moves no cursor and adds no line of its own."""
    return "".join(one if one.isprintable() else " " for one in str(value))
