"""An entry told in plain words to the person's side: who, what kind, to whom, why, by what right, what was kept back.

Staff are named by role and agency. What concerns another person in the case is told by kind, never in its words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from gateway_verify.words import title
from sqlmodel import col, select

from gateway.disclosure.models import Line, LineDecision, RequestRecipient
from gateway.errors import Erased
from gateway.ledger import read
from gateway.ledger.entries import ACCOUNTS_FOR_OTHERS, EntryKind
from gateway.ledger.read import LoggedEntry
from gateway.registry.models import Agency, Post
from gateway.review.grounds import TO_ERASE
from gateway.review.matters import Matter, matter_of
from gateway.review.models import ErasureGround
from gateway.sealing.marks import locating_data
from gateway.sealing.models import Parcel
from gateway.store.unit_of_work import Unit
from gateway.vocabulary import AgencyType, Category, ConsentStatus, Orientation, Outcome, vocabulary

ERASED = "The words were erased. That they were there is still proved."
ALSO_ANOTHERS = "The words concern another person in the case as well, so they are not shown here."
WAS_HELD = "The entry was held back, so more is not said about it."

_FINDS_SOMEONE = "S4"
_AGREED = {
    ConsentStatus.GIVEN: "The person had agreed.",
    ConsentStatus.REFUSED: "The person had said no.",
    ConsentStatus.WITHDRAWN: "The person had taken back their agreement.",
    ConsentStatus.EXPIRED: "The person's agreement was past its last day.",
    ConsentStatus.OUT_OF_SCOPE: "The person had agreed to something else.",
    ConsentStatus.INVALID_DURESS: "The person had not been free to answer.",
    ConsentStatus.UNABLE: "The person could not be asked to decide.",
    ConsentStatus.NOT_SOUGHT: "The person had not been asked.",
    ConsentStatus.UNKNOWN: "What the person wants was not known.",
    ConsentStatus.NOT_REQUIRED: "The person's agreement is not the ground for this; their wishes are weighed.",
}
_OUTCOME_IN_WORDS = {
    Outcome.PERMIT: "allowed",
    Outcome.REFER: "a person must decide",
    Outcome.DENY: "refused",
}
_OVERRIDDEN = " A person decided otherwise and said why: see the reasons of that entry."

# Which words of an entry are told. Messages between agencies and how something was handed over are not: they may
# name a place, a source or a relative.
_TOLD_WORDS: Mapping[EntryKind, tuple[str, ...]] = {
    EntryKind.REQUEST_MADE: ("why",),
    EntryKind.REQUEST_OFFERED: ("why",),
    EntryKind.CIRCUMSTANCE_DECLARED: ("words",),
    EntryKind.DECISION_MADE: ("reasons",),
    EntryKind.DECISION_REPEATED: ("reasons",),
    EntryKind.AUTHORISATION_GIVEN: ("reasons",),
    EntryKind.AUTHORISATION_SECONDED: ("reasons",),
    EntryKind.AUTHORISATION_REFUSED: ("reasons",),
    EntryKind.RELEASE_MADE: ("action",),
    EntryKind.RELEASE_DECLINED: ("reason",),
    EntryKind.EMERGENCY_REVIEWED: ("words",),
    EntryKind.TASK_DONE: ("words",),
    EntryKind.APPROACH_RECORDED: ("what",),
    EntryKind.SPOKEN_RECORDED: ("what",),
    EntryKind.ENTRY_REVEALED: ("reasons",),
    EntryKind.ENTRY_ERASED: ("reasons",),
}
# These carry one text for every person the request is about.
_ONE_TEXT_FOR_ALL = frozenset(
    {
        EntryKind.REQUEST_MADE,
        EntryKind.REQUEST_OFFERED,
        EntryKind.CIRCUMSTANCE_DECLARED,
        EntryKind.EMERGENCY_REVIEWED,
        EntryKind.TASK_DONE,
    }
)
# The rules' own reasons hold references to law that look like places, and nothing that anybody typed.
_BY_RULE = frozenset({EntryKind.DECISION_MADE, EntryKind.DECISION_REPEATED})
_ALARMING = {
    EntryKind.EMERGENCY_USED: "Emergency access was used.",
    EntryKind.PARCEL_OPENING_FAILED: "Someone tried to open what was shared and could not.",
    EntryKind.APPROACH_RECORDED: "Someone outside came asking.",
    EntryKind.SPOKEN_RECORDED: "Something was said aloud outside the gateway.",
    EntryKind.ENTRY_ERASED: "Something in this log was erased.",
    EntryKind.CONTACT_WITHDRAWN: "No way to reach the person counts as safe any more.",
}


@dataclass(frozen=True)
class Piece:
    """One kind of information and who it was for, as labels in words."""

    category: str
    to_whom: str


@dataclass(frozen=True)
class Told:
    """An entry in plain words. Codes are kept beside their labels so that a list can be filtered by them."""

    entry_id: str
    number: int | None
    kind: EntryKind
    matter: Matter
    title: str
    at: datetime
    who: str
    agency_ids: frozenset[str]
    case_id: str | None
    request_reference: str = ""
    category_codes: frozenset[str] = frozenset()
    categories: tuple[str, ...] = ()
    to_whom: tuple[str, ...] = ()
    purpose: str = ""
    right: tuple[str, ...] = ()
    outcomes: frozenset[str] = frozenset()
    allowed: tuple[Piece, ...] = ()
    referred: tuple[Piece, ...] = ()
    kept_back: tuple[Piece, ...] = ()
    agreed: str = ""
    why: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    policy_version: str = ""
    rules: tuple[str, ...] = ()
    alert: str = ""

    @property
    def sentence(self) -> str:
        """The entry in one sentence for a list: what kind of information, to whom, and what was kept back."""
        parts = []
        if self.categories:
            parts.append(", ".join(self.categories))
        if self.to_whom:
            parts.append("for " + "; ".join(self.to_whom))
        if self.kept_back:
            parts.append("kept back: " + ", ".join(sorted({piece.category for piece in self.kept_back})))
        return ". ".join(part[:1].upper() + part[1:] for part in parts)


@dataclass
class Teller:
    """Tells entries, looking each post, agency and recipient up once."""

    unit: Unit
    _posts: dict[str, Post | None] = field(default_factory=dict)
    _agencies: dict[str, Agency | None] = field(default_factory=dict)
    _recipients: dict[str, RequestRecipient | None] = field(default_factory=dict)
    _shared_requests: dict[str, bool] = field(default_factory=dict)

    def brief(self, entry: LoggedEntry) -> Told:
        """Tell an entry from its codes alone, for a list."""
        codes = entry.codes
        recipients = self._recipient_ids(entry)
        pieces = {outcome: self._pieces(codes.get(outcome.value, ())) for outcome in Outcome}
        category_codes = frozenset(_listed(codes.get("categories")))
        return Told(
            entry_id=entry.entry_id,
            number=entry.number,
            kind=entry.kind,
            matter=matter_of(entry.kind),
            title=_title(entry),
            at=entry.at,
            who=self.post_in_words(entry.actor_post_id),
            agency_ids=frozenset(_present(entry.actor_agency_id, entry.controller_agency_id)),
            case_id=entry.case_id,
            request_reference=_text(codes.get("request")),
            category_codes=category_codes,
            categories=tuple(label("category", code) for code in sorted(category_codes)),
            to_whom=tuple(dict.fromkeys(self.recipient_in_words(one) for one in recipients)),
            purpose=label("purpose", _text(codes.get("purpose"))),
            right=_right(codes),
            outcomes=frozenset(outcome.value for outcome in Outcome if codes.get(outcome.value)),
            allowed=pieces[Outcome.PERMIT],
            referred=pieces[Outcome.REFER],
            kept_back=pieces[Outcome.DENY],
            conditions=tuple(label("obligation", code) for code in _listed(codes.get("obligations"))),
            policy_version=_text(codes.get("policy_version")),
            rules=tuple(_listed(codes.get("rules"))),
            alert=self._alert(entry, category_codes, recipients),
        )

    def whole(self, entry: LoggedEntry) -> Told:
        """Tell an entry with its reasons and whether the person agreed."""
        told = self.brief(entry)
        return Told(**{**vars(told), "why": self._why(entry), "agreed": self._agreed(entry)})

    def post_in_words(self, post_id: str | None) -> str:
        """A post by role and agency, without the name of who holds it."""
        if post_id is None:
            return "The gateway itself"
        post = self._post(post_id)
        if post is None:
            return "A post that is no longer on record"
        agency = self.agency_in_words(post.agency_id)
        facing = " (works with the perpetrator)" if post.orientation == Orientation.PERPETRATOR_FACING else ""
        return f"{label('role', post.role)}, {agency}{facing}"

    def agency_in_words(self, agency_id: str) -> str:
        """An agency by its name."""
        agency = self._agency(agency_id)
        return agency.name if agency else "an agency that is no longer on record"

    def recipient_in_words(self, recipient_id: str) -> str:
        """A named recipient by role and agency, or as the kind of person outside that it is."""
        row = self._recipient(recipient_id)
        if row is None:
            return "A recipient that is no longer on record"
        if row.post_id is not None:
            return self.post_in_words(row.post_id)
        outside = label("agency_type", row.agency_type)
        if row.delivering_post_id is None:
            return outside
        return f"{outside}, by hand of {self.post_in_words(row.delivering_post_id)}"

    def _why(self, entry: LoggedEntry) -> tuple[str, ...]:
        return (*self._what_was_erased(entry), *self._said(entry))

    def _what_was_erased(self, entry: LoggedEntry) -> tuple[str, ...]:
        if entry.kind is not EntryKind.ENTRY_ERASED:
            return ()
        numbers = ", ".join(map(str, read.numbers_of(self.unit, entry.codes["entries"])))
        ground = _text(entry.codes.get("ground"))
        because = f"{TO_ERASE[ErasureGround(ground)]}." if ground else ""
        return (f"What was recorded at place {numbers} of the log was erased. {because}".rstrip(),)

    def _said(self, entry: LoggedEntry) -> tuple[str, ...]:
        wanted = _TOLD_WORDS.get(entry.kind, ())
        if not wanted or not entry.has_words:
            return ()
        if entry.codes.get("held"):
            return (WAS_HELD,)
        if entry.kind in ACCOUNTS_FOR_OTHERS:
            several = len(entry.subject_ids) > 1
        else:
            several = entry.kind in _ONE_TEXT_FOR_ALL and self._is_about_several(entry.request_id)
        if several:
            return (ALSO_ANOTHERS,)
        try:
            words = read.words_of(self.unit, entry.entry_id)
        except Erased:
            return (ERASED,)
        said = [words[name] for name in wanted if words.get(name)]
        declared = [value for name, value in sorted(words.items()) if name.startswith("declared_")]
        texts = [text for value in (*said, *declared) for text in _listed(value) if text]
        return tuple(texts if entry.kind in _BY_RULE else map(without_places, texts))

    def _agreed(self, entry: LoggedEntry) -> str:
        if entry.kind not in {EntryKind.DECISION_MADE, EntryKind.DECISION_REPEATED} or not entry.request_id:
            return ""
        rows = self.unit.session.exec(
            select(LineDecision)
            .join(Line, col(Line.id) == col(LineDecision.line_id))
            .where(
                LineDecision.request_id == entry.request_id,
                LineDecision.created_at == entry.at,
                col(Line.subject_id).in_(entry.subject_ids),
            )
        ).all()
        texts = dict.fromkeys(_agreement(row) for row in rows)
        return " ".join(text for text in texts if text)

    def _alert(self, entry: LoggedEntry, categories: Iterable[str], recipients: Sequence[str]) -> str:
        if entry.kind in _ALARMING:
            return _ALARMING[entry.kind]
        if entry.kind is not EntryKind.RELEASE_MADE:
            return ""
        if any(self._faces_perpetrator(one) for one in recipients):
            return "This went to someone who works with the perpetrator."
        terms = vocabulary().categories
        if any(terms[Category(code)].sensitivity == _FINDS_SOMEONE for code in categories):
            return "This kind of information can let someone be found."
        return ""

    def _faces_perpetrator(self, recipient_id: str) -> bool:
        row = self._recipient(recipient_id)
        if row is None:
            return False
        if row.post_id is None:
            return row.agency_type in {AgencyType.PERPETRATOR, AgencyType.PERPETRATOR_PROGRAMME}
        post = self._post(row.post_id)
        return post is not None and post.orientation in {Orientation.PERPETRATOR_FACING, Orientation.BOTH}

    def _recipient_ids(self, entry: LoggedEntry) -> list[str]:
        """The recipients an entry speaks of: named in its codes, by its line or parcel, or all of its request."""
        if entry.codes.get("recipient"):
            return [_text(entry.codes["recipient"])]
        named = [one.split(":")[-1] for outcome in Outcome for one in _listed(entry.codes.get(outcome.value))]
        if named:
            return list(dict.fromkeys(named))
        line_id = entry.refs.get("line") or self._line_of_parcel(entry.refs.get("parcel"))
        if line_id:
            line = self.unit.session.get(Line, line_id)
            return [line.recipient_id] if line else []
        if entry.request_id is None or matter_of(entry.kind) is Matter.CONCERN:
            return []
        rows = select(Line.recipient_id).where(
            Line.request_id == entry.request_id, col(Line.subject_id).in_(entry.subject_ids)
        )
        return list(dict.fromkeys(self.unit.session.exec(rows)))

    def _line_of_parcel(self, parcel_id: str | None) -> str | None:
        parcel = self.unit.session.get(Parcel, parcel_id) if parcel_id else None
        return parcel.line_id if parcel else None

    def _pieces(self, listed: Iterable[str]) -> tuple[Piece, ...]:
        pairs = [one.partition(":") for one in listed]
        return tuple(
            Piece(label("category", code), self.recipient_in_words(recipient_id))
            for code, _, recipient_id in pairs
        )

    def _is_about_several(self, request_id: str | None) -> bool:
        if request_id is None:
            return False
        if request_id not in self._shared_requests:
            rows = select(Line.subject_id).where(Line.request_id == request_id).distinct()
            self._shared_requests[request_id] = len(self.unit.session.exec(rows).all()) > 1
        return self._shared_requests[request_id]

    def _post(self, post_id: str) -> Post | None:
        if post_id not in self._posts:
            self._posts[post_id] = self.unit.session.get(Post, post_id)
        return self._posts[post_id]

    def _agency(self, agency_id: str) -> Agency | None:
        if agency_id not in self._agencies:
            self._agencies[agency_id] = self.unit.session.get(Agency, agency_id)
        return self._agencies[agency_id]

    def _recipient(self, recipient_id: str) -> RequestRecipient | None:
        if recipient_id not in self._recipients:
            self._recipients[recipient_id] = self.unit.session.get(RequestRecipient, recipient_id)
        return self._recipients[recipient_id]


def label(attribute: str, code: str) -> str:
    """Give the words for a code; the code itself, readable, when it has none; nothing for nothing."""
    if not code:
        return ""
    words = vocabulary()
    return words.label(attribute, code) if words.knows(attribute, code) else code.replace("_", " ")


def without_places(text: str) -> str:
    """Give words with everything that could lead someone to a door left out, and what was left out said."""
    for finding in sorted(locating_data(text), key=lambda one: one.start, reverse=True):
        text = f"{text[: finding.start]}[{finding.kind} left out]{text[finding.end :]}"
    return text


def _title(entry: LoggedEntry) -> str:
    """The kind of act in words; a decision says what it came to."""
    again = entry.kind is EntryKind.DECISION_REPEATED
    outcomes = [outcome for outcome in Outcome if entry.codes.get(outcome.value)]
    if not outcomes or entry.kind not in {EntryKind.DECISION_MADE, EntryKind.DECISION_REPEATED}:
        return title(entry.kind)
    came_to = _OUTCOME_IN_WORDS[outcomes[0]] if len(outcomes) == 1 else "partly allowed"
    return f"Decided again: {came_to}" if again else f"Decided: {came_to}"


def _agreement(row: LineDecision) -> str:
    status = str(row.facts.get("consent", ""))
    text = _AGREED.get(ConsentStatus(status), "") if status in set(ConsentStatus) else ""
    return text + _OVERRIDDEN if text and row.facts.get("lifted") else text


def _right(codes: Mapping[str, object]) -> tuple[str, ...]:
    powers = [label("power", code) for code in _listed(codes.get("powers"))]
    rest = [
        label(name, _text(codes.get(code)))
        for name, code in (("dp_condition", "dp_condition"), ("confidence_basis", "confidence_basis"))
    ]
    return tuple(text for text in (*powers, *rest) if text)


def _listed(value: object) -> list[str]:
    if value is None:
        return []
    return [str(one) for one in value] if isinstance(value, list | tuple) else [str(value)]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _present(*values: str | None) -> list[str]:
    return [value for value in values if value]
