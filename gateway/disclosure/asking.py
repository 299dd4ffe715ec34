"""What someone asks for or offers, as values, and whether it can be put before the policy at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from gateway.clock import local_day
from gateway.disclosure.models import RequestKind
from gateway.errors import Invalid
from gateway.registry.actors import Actor, post_is_current
from gateway.registry.models import Agency, Partnership, Post
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import Circumstance, Declarer, Origin, vocabulary

WHY_AT_MOST = 500
WORDS_AT_MOST = 2000
RECIPIENTS_AT_MOST = 10
SUBJECTS_AT_MOST = 50


@dataclass(frozen=True)
class Basis:
    """The legal basis in its four parts; a power alone answers only the first of four tests (DESIGN 5)."""

    powers: tuple[str, ...]
    dp_regime: str
    dp_condition: str
    confidence_basis: str


@dataclass(frozen=True)
class NamedRecipient:
    """A post; or someone outside who holds no key, described, with the officer who will deliver in person."""

    post_id: str | None = None
    agency_type: str | None = None
    role: str | None = None
    described: str | None = None
    delivering_post_id: str | None = None


@dataclass(frozen=True)
class Asking:
    """One request or offer as its maker gives it.

    Someone on the case names `case_id` and `subject_ids`; someone who isn't types a `case_reference` and describes
    the `person`, and never learns here whether either exists (DESIGN 3.8). `declarations` maps the circumstances the
    maker declares to words.
    """

    kind: RequestKind
    holder_agency_id: str
    categories: tuple[str, ...]
    purpose: str
    basis: Basis
    why: str
    recipients: tuple[NamedRecipient, ...]
    case_id: str | None = None
    subject_ids: tuple[str, ...] = ()
    case_reference: str | None = None
    person: str | None = None
    needed_by: date | None = None
    declarations: Mapping[str, str] = field(default_factory=dict)
    onward_of_parcel_id: str | None = None
    replaces_request_id: str | None = None


def check(unit: Unit, actor: Actor, asking: Asking) -> None:
    """Refuse what can't be understood, naming every field at once.

    Raises:
        Invalid: `fields` maps each field of `Asking` to its own sentence.
    """
    faults: dict[str, str] = {}
    _check_terms(asking, faults)
    _check_words(asking, faults)
    _check_who(unit, actor, asking, faults)
    _check_declarations(asking, faults)
    partnership = unit.session.get_one(Partnership, actor.partnership_id)
    if asking.needed_by is not None and asking.needed_by < local_day(unit.now, partnership.nation):
        faults["needed_by"] = "The date needed by is in the past. Enter today or a later day."
    if faults:
        raise Invalid("Some answers need changing before this can be sent.", fields=faults)


def _check_terms(asking: Asking, faults: dict[str, str]) -> None:
    words = vocabulary()
    if not asking.categories or not all(words.knows("category", code) for code in asking.categories):
        faults["categories"] = "Choose at least one kind of information from the list."
    if len(set(asking.categories)) != len(asking.categories):
        faults["categories"] = "Each kind of information can be chosen once."
    if not words.knows("purpose", asking.purpose):
        faults["purpose"] = "Choose what the information is for from the list."
    basis = asking.basis
    if not basis.powers or not all(words.knows("power", code) for code in basis.powers):
        faults["powers"] = "Choose the power or duty from the list."
    for name in ("dp_regime", "dp_condition", "confidence_basis"):
        if not words.knows(name, getattr(basis, name)):
            faults[name] = "Choose one from the list."


def _check_words(asking: Asking, faults: dict[str, str]) -> None:
    if not asking.why.strip():
        faults["why"] = "Say why this is necessary and proportionate."
    elif len(asking.why) > WHY_AT_MOST:
        faults["why"] = f"Shorten why this is necessary to {WHY_AT_MOST} characters or fewer."
    if asking.case_id is not None and not asking.subject_ids:
        faults["subject_ids"] = "Choose at least one person the information is about."
    if len(asking.subject_ids) > SUBJECTS_AT_MOST:
        faults["subject_ids"] = f"Ask about {SUBJECTS_AT_MOST} people or fewer at a time."
    if asking.case_id is None and not (asking.case_reference or "").strip():
        faults["case_reference"] = "Give the case's reference, or choose one of your cases."
    if asking.case_id is None and not (asking.person or "").strip():
        faults["person"] = "Say who you are asking about, with two identifiers."
    for name in ("case_reference", "person"):
        if len(getattr(asking, name) or "") > WORDS_AT_MOST:
            faults[name] = f"Shorten this to {WORDS_AT_MOST} characters or fewer."


def _check_who(unit: Unit, actor: Actor, asking: Asking, faults: dict[str, str]) -> None:
    agency = unit.session.get(Agency, asking.holder_agency_id)
    if agency is None or agency.partnership_id != actor.partnership_id or agency.closed_on is not None:
        faults["holder_agency_id"] = "Choose the agency that holds the information from the list."
    if asking.kind is RequestKind.OFFER and asking.holder_agency_id != actor.agency_id:
        faults["holder_agency_id"] = "You can only offer what your own agency holds."
    if not 1 <= len(asking.recipients) <= RECIPIENTS_AT_MOST:
        faults["recipients"] = f"Name between one and {RECIPIENTS_AT_MOST} recipients."
    for recipient in asking.recipients:
        fault = _fault_of(unit, actor, recipient)
        if fault:
            faults["recipients"] = fault


def _fault_of(unit: Unit, actor: Actor, recipient: NamedRecipient) -> str | None:
    if recipient.post_id is not None:
        return (
            None
            if is_current_post(unit, actor, recipient.post_id)
            else "Choose each recipient from the list."
        )
    words = vocabulary()
    if not words.knows("agency_type", recipient.agency_type or "") or not (recipient.role or "").strip():
        return "Say what kind of body the recipient belongs to, and in what role they receive it."
    if not (recipient.described or "").strip():
        return "Name the person who will receive it: an organisation is not a recipient."
    if len(recipient.described or "") > WORDS_AT_MOST or len(recipient.role or "") > WORDS_AT_MOST:
        return f"Shorten the recipient's details to {WORDS_AT_MOST} characters or fewer."
    if not is_current_post(unit, actor, recipient.delivering_post_id or ""):
        return "Choose the officer who will deliver it in person."
    return None


def is_current_post(unit: Unit, actor: Actor, post_id: str) -> bool:
    """Whether the id names a post of the actor's partnership that counts today."""
    post = unit.session.get(Post, post_id)
    if post is None or post.partnership_id != actor.partnership_id:
        return False
    partnership = unit.session.get_one(Partnership, actor.partnership_id)
    return post_is_current(post, local_day(unit.now, partnership.nation))


def may_ask_with(code: str) -> bool:
    """Whether the maker of a request may declare this circumstance; imminent threat is the one that loosens."""
    if not vocabulary().knows("circumstance", code):
        return False
    term = vocabulary().circumstances[Circumstance(code)]
    if term.origin is not Origin.DECLARED or Declarer.REQUESTER not in term.declared_by:
        return False
    return not term.loosens or code == Circumstance.IMMINENT_THREAT_TO_LIFE


def _check_declarations(asking: Asking, faults: dict[str, str]) -> None:
    for code, words in asking.declarations.items():
        if not may_ask_with(code):
            faults["declarations"] = "Someone other than the person asking has to declare that. Leave it out."
        elif not words.strip() or len(words) > WORDS_AT_MOST:
            faults["declarations"] = (
                f"Say in up to {WORDS_AT_MOST} characters what each declared circumstance rests on."
            )
